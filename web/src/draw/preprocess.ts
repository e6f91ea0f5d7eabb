/**
 * A drawing made like the digits of MNIST: the ink's bounding box is fitted into 20 × 20
 * by averaging areas, and laid into 28 × 28 so that its centre of mass falls on pixel 14 of
 * each side (counted from 0), where it lies in every digit of MNIST.
 */

import type { ImageShape } from "../data";

const FIT = 20 / 28;

/**
 * `ink` holds width * height numbers, 0 (paper) to 1 (ink), line by line. The answer has
 * the size of the data's images, numbers in [0, 1]; an empty drawing stays empty.
 */
export function toDigit(
  ink: ArrayLike<number>,
  width: number,
  height: number,
  toHeight = 28,
  toWidth = 28,
): Float32Array {
  const out = new Float32Array(toHeight * toWidth);
  let left = width, right = -1, top = height, bottom = -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((ink[y * width + x] as number) < 0.02) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  if (right < 0) return out;
  const spanX = right - left + 1, spanY = bottom - top + 1;
  const scale = Math.min((FIT * toWidth) / spanX, (FIT * toHeight) / spanY);
  const columns = Math.max(1, Math.round(spanX * scale)), lines = Math.max(1, Math.round(spanY * scale));
  const small = resample(ink, width, left, top, spanX, spanY, columns, lines);
  let mass = 0, sumX = 0, sumY = 0;
  for (let y = 0; y < lines; y++) {
    for (let x = 0; x < columns; x++) {
      const value = small[y * columns + x] as number;
      mass += value;
      sumX += value * (x + 0.5);
      sumY += value * (y + 0.5);
    }
  }
  // Whole pixels, as there: the strokes are not blurred a second time.
  const shiftX = clamp(Math.round(toWidth / 2 + 0.5 - sumX / mass), 0, toWidth - columns);
  const shiftY = clamp(Math.round(toHeight / 2 + 0.5 - sumY / mass), 0, toHeight - lines);
  for (let y = 0; y < lines; y++) {
    for (let x = 0; x < columns; x++) {
      out[(y + shiftY) * toWidth + x + shiftX] = small[y * columns + x] as number;
    }
  }
  return out;
}

/**
 * A picture from a file (RGBA bytes) as an image like the data. A picture of the very size
 * of the data is taken as it is, any other as a drawing; dark ink on light paper is inverted.
 */
export function fromPicture(
  rgba: ArrayLike<number>,
  width: number,
  height: number,
  toHeight = 28,
  toWidth = 28,
): Float32Array {
  const grey = new Float32Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    const [r, g, b, a] = [0, 1, 2, 3].map((c) => (rgba[4 * i + c] as number) / 255) as [number, number, number, number];
    grey[i] = (0.299 * r + 0.587 * g + 0.114 * b) * a + (1 - a); // on white where transparent
  }
  const border: number[] = [];
  for (let x = 0; x < width; x++) border.push(grey[x] as number, grey[(height - 1) * width + x] as number);
  for (let y = 0; y < height; y++) border.push(grey[y * width] as number, grey[y * width + width - 1] as number);
  border.sort((a, b) => a - b);
  const paper = border[border.length >> 1] ?? 0;
  const isSize = width === toWidth && height === toHeight;
  if (isSize) return paper > 0.5 ? grey.map((value) => 1 - value) : grey;
  const ink = grey.map((value) => Math.abs(value - paper));
  let most = 0;
  for (const value of ink) most = Math.max(most, value);
  if (most < 0.1) return new Float32Array(toHeight * toWidth); // nothing on it
  // Paper is never quite even: what differs from it by little is no ink.
  for (let i = 0; i < ink.length; i++) ink[i] = clamp(((ink[i] as number) / most - 0.2) / 0.6, 0, 1);
  return toDigit(ink, width, height, toHeight, toWidth);
}

/**
 * A picture (RGBA bytes, opaque) as an image of the data's size: areas averaged, grey where
 * the data are, numbers in [0, 1].
 */
export function toImage(rgba: ArrayLike<number>, width: number, height: number, shape: ImageShape): Float32Array {
  const { channels } = shape;
  const out = new Float32Array(shape.height * shape.width * channels);
  const plane = new Float32Array(width * height);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < plane.length; i++) {
      const [r, g, b] = [0, 1, 2].map((k) => (rgba[4 * i + k] as number) / 255) as [number, number, number];
      plane[i] = channels < 3 ? 0.299 * r + 0.587 * g + 0.114 * b : ([r, g, b, 1][c] as number);
    }
    resample(plane, width, 0, 0, width, height, shape.width, shape.height).forEach((value, i) => (out[i * channels + c] = value));
  }
  return out;
}

/** Average over areas: each new pixel is the mean of what it covers. */
function resample(
  ink: ArrayLike<number>,
  stride: number,
  left: number,
  top: number,
  spanX: number,
  spanY: number,
  columns: number,
  lines: number,
): Float32Array {
  const out = new Float32Array(columns * lines);
  const across = spans(spanX, columns), down = spans(spanY, lines);
  for (let y = 0; y < lines; y++) {
    for (let x = 0; x < columns; x++) {
      let sum = 0, area = 0;
      for (const [sy, partY] of down[y] ?? []) {
        for (const [sx, partX] of across[x] ?? []) {
          sum += (ink[(top + sy) * stride + left + sx] as number) * partX * partY;
          area += partX * partY;
        }
      }
      out[y * columns + x] = clamp(sum / area, 0, 1);
    }
  }
  return out;
}

/** For each of `to` pixels, the old pixels that it covers, and how much of each. */
function spans(from: number, to: number): [number, number][][] {
  const step = from / to;
  return Array.from({ length: to }, (_, i) => {
    const begin = i * step, end = (i + 1) * step;
    const parts: [number, number][] = [];
    for (let s = Math.floor(begin); s < Math.min(from, Math.ceil(end - 1e-9)); s++) {
      parts.push([s, Math.min(end, s + 1) - Math.max(begin, s)]);
    }
    return parts;
  });
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
