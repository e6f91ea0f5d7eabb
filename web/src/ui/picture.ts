/** Small images: ink on paper where the data are grey on a dark ground, else as they are. */

import type { AtlasData } from "../data";
import { h } from "./dom";

export interface PictureStyle {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Whether grey values are shown as ink on the page. */
  readonly ink: boolean;
}

/** How the images of an atlas are shown, as figures/pixels.py does; null where there are none. */
export function pictureStyle({ images }: AtlasData): PictureStyle | null {
  return images && { width: images.width, height: images.height, channels: images.channels, ink: images.ink };
}

/** The same for decoded images, which may be larger than the small images of the page. */
export function decodedStyle({ images, decoded }: AtlasData): PictureStyle | null {
  return decoded && { width: decoded.width, height: decoded.height, channels: decoded.channels, ink: images?.ink ?? decoded.channels === 1 };
}

/** Write an image, 0 to 255 or 0 to 1, as RGBA. */
export function toRgba(
  image: ArrayLike<number>,
  unit: 1 | 255,
  style: PictureStyle,
  ink: readonly [number, number, number],
  into: Uint8ClampedArray,
): void {
  const factor = unit === 1 ? 255 : 1;
  const { channels } = style;
  for (let i = 0; i < style.width * style.height; i++) {
    if (style.ink) {
      into[4 * i] = ink[0];
      into[4 * i + 1] = ink[1];
      into[4 * i + 2] = ink[2];
      into[4 * i + 3] = (image[i] ?? 0) * factor;
    } else {
      for (let c = 0; c < 3; c++) into[4 * i + c] = (image[i * channels + (channels >= 3 ? c : 0)] ?? 0) * factor;
      into[4 * i + 3] = channels === 4 ? (image[4 * i + 3] ?? 0) * factor : 255;
    }
  }
}

/** A picture in the page that can be given another image. */
export class Picture {
  readonly element: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D | null;
  private data: ImageData | null = null;

  constructor(
    private style: PictureStyle,
    name: string,
    size: "large" | "medium" | "small" = "small",
  ) {
    this.element = h("canvas", {
      class: `picture picture-${size}${style.ink ? " ink" : ""}`,
      width: style.width,
      height: style.height,
      role: "img",
      "aria-label": name,
    });
    this.context = this.element.getContext("2d");
  }

  name(text: string): void {
    this.element.setAttribute("aria-label", text);
  }

  show(image: ArrayLike<number> | null, unit: 1 | 255, opacity = 1): void {
    const { context, style } = this;
    if (context === null) return;
    if (image === null) {
      context.clearRect(0, 0, style.width, style.height);
      return;
    }
    this.data ??= context.createImageData(style.width, style.height);
    // Black ink; a dark page inverts it by style sheet.
    toRgba(image, unit, style, [0, 0, 0], this.data.data);
    context.putImageData(this.data, 0, 0);
    this.element.style.opacity = String(opacity);
  }

  /** Where two images of [0, 1] differ: the strength of the difference as ink. */
  showDifference(a: ArrayLike<number>, b: ArrayLike<number>): void {
    const difference = Float32Array.from({ length: a.length }, (_, i) => Math.abs((a[i] ?? 0) - (b[i] ?? 0)));
    this.show(difference, 1);
  }
}

/** Bytes as numbers in [0, 1]. */
export function unitImage(bytes: Uint8Array): Float32Array {
  return Float32Array.from(bytes, (value) => value / 255);
}

/** Mean squared difference of two images in [0, 1]. */
export function meanSquared(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return sum / Math.max(1, a.length);
}
