import { describe, expect, test } from "vitest";
import { fromPicture, toDigit, toImage } from "../src/draw/preprocess";

/** A stroke that is heavier below, so that middle and centre of mass differ. */
function drawing(width: number, height: number, left: number, top: number, w: number, h: number): Float32Array {
  const ink = new Float32Array(width * height);
  for (let y = top; y < top + h; y++) {
    for (let x = left; x < left + w; x++) ink[y * width + x] = y > top + 0.7 * h || x < left + 0.2 * w ? 1 : 0;
  }
  return ink;
}

function box(image: Float32Array): { width: number; height: number; x: number; y: number } {
  let x0 = 28, x1 = -1, y0 = 28, y1 = -1, mass = 0, sx = 0, sy = 0;
  image.forEach((value, i) => {
    if (value === 0) return;
    const x = i % 28, y = Math.floor(i / 28);
    x0 = Math.min(x0, x);
    x1 = Math.max(x1, x);
    y0 = Math.min(y0, y);
    y1 = Math.max(y1, y);
    mass += value;
    sx += value * x;
    sy += value * y;
  });
  return { width: x1 - x0 + 1, height: y1 - y0 + 1, x: sx / mass, y: sy / mass };
}

describe("a drawing as a digit of MNIST", () => {
  test.each([[280, 280, 20, 30, 100, 200], [300, 150, 180, 10, 110, 60], [20, 20, 3, 3, 8, 12]] as const)(
    "fits into 20 and has its mass on pixel 14 (%d × %d)",
    (wide, tall, left, top, w, h) => {
      const image = toDigit(drawing(wide, tall, left, top, w, h), wide, tall);
      const { width, height, x, y } = box(image);
      expect(Math.max(width, height)).toBe(20);
      for (const place of [x, y]) expect(Math.abs(place - 14)).toBeLessThanOrEqual(0.5 + 1e-6);
      expect(Math.max(...image)).toBeLessThanOrEqual(1);
    },
  );

  test("the place and the size of the drawing do not matter", () => {
    const small = drawing(280, 280, 20, 30, 100, 200);
    const large = new Float32Array(700 * 700); // twice as large, elsewhere
    small.forEach((value, i) => {
      for (const k of [0, 1, 700, 701]) large[(2 * Math.floor(i / 280) + 100) * 700 + 2 * (i % 280) + 60 + k] = value;
    });
    const one = toDigit(small, 280, 280);
    const other = toDigit(large, 700, 700);
    one.forEach((value, i) => expect(other[i]).toBeCloseTo(value, 5));
  });

  test("nothing drawn stays nothing; a dot stays finite", () => {
    expect(Math.max(...toDigit(new Float32Array(100), 10, 10))).toBe(0);
    const dot = new Float32Array(100);
    dot[55] = 1;
    expect(toDigit(dot, 10, 10).every(Number.isFinite)).toBe(true);
  });
});

test("dark ink on light paper is read as light on dark is; a picture of the data's size is kept", () => {
  const ink = drawing(28, 28, 6, 5, 10, 18);
  const rgba = (light: boolean): Uint8Array =>
    Uint8Array.from({ length: 4 * 28 * 28 }, (_, i) => (i % 4 === 3 ? 255 : 255 * (light ? ink[i >> 2]! : 1 - ink[i >> 2]!)));
  for (const light of [true, false]) {
    fromPicture(rgba(light), 28, 28).forEach((value, i) => expect(value).toBeCloseTo(ink[i]!, 5));
  }
});

describe("a picture for data that are not centred", () => {
  /** Left half red, right half blue, 8 × 4. */
  const rgba = Array.from({ length: 32 }, (_, i) => (i % 8 < 4 ? [255, 0, 0, 255] : [0, 0, 255, 255])).flat();

  test("keeps its colours and has the data's size", () => {
    const image = toImage(rgba, 8, 4, { height: 2, width: 4, channels: 3 });
    expect([...image]).toEqual([1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1]);
    const opaque = toImage(rgba, 8, 4, { height: 1, width: 1, channels: 4 });
    expect([...opaque]).toEqual([0.5, 0, 0.5, 1]);
  });

  test("is grey where the data are", () => {
    const [left, right] = toImage(rgba, 8, 4, { height: 1, width: 2, channels: 1 });
    expect(left).toBeCloseTo(0.299, 5);
    expect(right).toBeCloseTo(0.114, 5);
  });
});
