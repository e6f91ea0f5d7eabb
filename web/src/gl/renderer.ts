/** What a drawer of points must offer, on the graphics card or without one. */

import type { Palette } from "./colour";
import type { Camera, Extent, Rect } from "./camera";

/** Bits of a point's state. */
export const HIDDEN = 1;
export const DIMMED = 2;
export const SELECTED = 4;

/** One panel: two maps mixed, seen by a camera. */
export interface PanelView {
  readonly rect: Rect;
  readonly camera: Camera;
  readonly extent: Extent;
  readonly from: string;
  readonly to: string;
  /** 0 is `from`, 1 is `to`. */
  readonly mix: number;
  /** Which colours, as given to `setColours`. */
  readonly colours: string;
  /** Diameter of a point, in CSS pixels. */
  readonly size: number;
}

export interface Look {
  readonly opacity: number;
  /** Whether some points are selected, so that the others recede. */
  readonly someSelected: boolean;
  /** Whether any point recedes at all; saves a second pass where none does. */
  readonly someDimmed: boolean;
  /** How many points are drawn at most: the first of the mixed order, a fair sample. */
  readonly most: number;
}

export interface Renderer {
  readonly kind: "webgl2" | "canvas2d";
  setPositions(name: string, positions: Float32Array): void;
  setColours(name: string, indices: Uint8Array): void;
  setPalette(palette: Palette): void;
  setState(state: Uint8Array): void;
  resize(width: number, height: number, pixelRatio: number): void;
  draw(panels: readonly PanelView[], look: Look): void;
  dispose(): void;
}

/** A fixed order that mixes the classes, so that none covers another. */
export function mixedOrder(n: number): Uint32Array {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  let seed = 0x9e3779b9;
  for (let i = n - 1; i > 0; i--) {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    const j = (seed >>> 0) % (i + 1);
    const keep = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = keep;
  }
  return order;
}

/** Diameter and opacity of `n` points on `pixels` CSS pixels of panel. */
export function pointLook(n: number, pixels: number, zoom: number): { size: number; opacity: number } {
  const room = Math.sqrt((0.3 * pixels) / Math.max(1, n));
  const size = Math.min(11, Math.max(2.1, room)) * Math.min(3.2, Math.max(1, zoom) ** 0.35);
  const opacity = Math.min(0.95, Math.max(0.35, 1.2 - 0.125 * Math.log10(Math.max(1, n))));
  return { size: Math.min(18, size), opacity };
}
