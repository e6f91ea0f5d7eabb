/** The decoded plane under the points: what the model makes of every place in view. */

import { toMap } from "../gl/camera";
import { Overlay } from "../gl/overlay";
import type { Box, Mosaic } from "../data";
import type { Context } from "./context";
import { inksOf, type PaintedPanel } from "./paint";
import { decodedStyle, toRgba } from "./picture";

const CELL = 34; // CSS pixels to an image
const MOST = 1200; // images in one mosaic
const REST = 140; // milliseconds without movement before a new mosaic is asked for

interface Held {
  readonly box: Box;
  readonly sheet: HTMLCanvasElement;
}

export class MosaicLayer {
  private readonly held = new Map<string, Held>();
  private readonly wanted = new Map<string, Box>();
  private timer = 0;
  private busy = false;
  private dark: boolean;

  constructor(
    private readonly context: Context,
    private readonly arrived: () => void,
  ) {
    this.dark = context.dark();
  }

  close(): void {
    window.clearTimeout(this.timer);
  }

  /** Draw what is there, moved with the camera, and ask for what is missing. */
  paint(layer: CanvasRenderingContext2D, panels: readonly PaintedPanel[]): void {
    if (this.dark !== this.context.dark()) {
      this.dark = this.context.dark();
      this.held.clear();
    }
    for (const panel of panels) {
      const { camera, extent, rect } = panel;
      const [x0, y0] = toMap(camera, extent, rect, 0, rect.height);
      const [x1, y1] = toMap(camera, extent, rect, rect.width, 0);
      const box: Box = { x0, y0, x1, y1 };
      const held = this.held.get(panel.map);
      if (held !== undefined) {
        const overlay = new Overlay(layer, panel, inksOf(this.dark));
        overlay.clipped(() => {
          const [left, top] = overlay.place(held.box.x0, held.box.y1);
          const [right, bottom] = overlay.place(held.box.x1, held.box.y0);
          layer.imageSmoothingEnabled = true;
          layer.drawImage(held.sheet, left, top, right - left, bottom - top);
        });
      }
      if (held === undefined || !same(held.box, box)) this.ask(panel, box);
    }
  }

  private ask(panel: PaintedPanel, box: Box): void {
    this.wanted.set(panel.map, box);
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.make(panel), this.held.has(panel.map) ? REST : 0);
  }

  private async make(panel: PaintedPanel): Promise<void> {
    const compute = this.context.compute();
    if (this.busy || compute === null) return;
    this.busy = true;
    for (const [map, box] of [...this.wanted]) {
      this.wanted.delete(map);
      const { width, height } = panel.rect;
      const cell = Math.max(CELL, Math.sqrt((width * height) / MOST));
      const columns = Math.max(2, Math.round(width / cell));
      const rows = Math.max(2, Math.round(height / cell));
      const mosaic = await compute.mosaic(map, box, columns, rows).catch(() => null);
      const sheet = mosaic === null ? null : this.draw(mosaic);
      if (sheet !== null) this.held.set(map, { box, sheet });
    }
    this.busy = false;
    this.arrived();
  }

  private draw(mosaic: Mosaic): HTMLCanvasElement | null {
    const known = decodedStyle(this.context.atlas);
    if (known === null) return null;
    const { width, height, channels } = mosaic;
    const style = { ...known, width, height, channels };
    const sheet = document.createElement("canvas");
    sheet.width = mosaic.columns * mosaic.width;
    sheet.height = mosaic.rows * mosaic.height;
    const paper = sheet.getContext("2d");
    if (paper === null) return null;
    const data = paper.createImageData(mosaic.width, mosaic.height);
    const size = mosaic.width * mosaic.height * style.channels;
    const ink = this.dark ? ([225, 230, 238] as const) : ([38, 42, 50] as const);
    for (let k = 0; k < mosaic.columns * mosaic.rows; k++) {
      toRgba(mosaic.images.subarray(k * size, (k + 1) * size), 255, style, ink, data.data);
      const strength = fade(mosaic.distances[k] ?? 0);
      for (let i = 3; i < data.data.length; i += 4) data.data[i] = (data.data[i] ?? 0) * strength;
      paper.putImageData(data, (k % mosaic.columns) * mosaic.width, Math.floor(k / mosaic.columns) * mosaic.height);
    }
    return sheet;
  }
}

/** How strongly an image is shown whose place is so far from the data, in units of their distance. */
export function fade(distance: number): number {
  return Math.max(0.1, Math.min(1, 1 - (distance - 3) / 12));
}

function same(a: Box, b: Box): boolean {
  const near = (p: number, q: number): boolean => Math.abs(p - q) < 1e-6 * (1 + Math.abs(p));
  return near(a.x0, b.x0) && near(a.y0, b.y0) && near(a.x1, b.x1) && near(a.y1, b.y1);
}
