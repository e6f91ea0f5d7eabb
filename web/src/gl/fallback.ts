/** Points by Canvas2D, where there is no WebGL2: slower, but never a blank page. */

import { toScreen } from "./camera";
import { DIMMED, HIDDEN, SELECTED, mixedOrder, type Look, type PanelView, type Renderer } from "./renderer";

/** More points than these are thinned out while drawing without a graphics card. */
export const FALLBACK_POINTS = 10_000;

export function createFallback(canvas: HTMLCanvasElement, n: number): Renderer | null {
  const context = canvas.getContext("2d");
  if (context === null) return null;
  const positions = new Map<string, Float32Array>();
  const colours = new Map<string, Uint8Array>();
  const order = mixedOrder(n);
  let palette: string[] = [];
  let state: Uint8Array = new Uint8Array(n);
  let ratio = 1;

  const drawPanel = (panel: PanelView, look: Look): void => {
    const from = positions.get(panel.from);
    const to = positions.get(panel.to);
    const colour = colours.get(panel.colours);
    if (from === undefined || to === undefined || colour === undefined) return;
    const { rect, mix } = panel;
    context.save();
    context.beginPath();
    context.rect(rect.left, rect.top, rect.width, rect.height);
    context.clip();
    const [ox, oy] = toScreen(panel.camera, panel.extent, rect, 0, 0);
    const scale = toScreen(panel.camera, panel.extent, rect, 1, 0)[0] - ox;
    const size = panel.size;
    for (const standsOut of [false, true]) {
      let drawn = 0;
      for (let k = 0; k < n; k++) {
        const i = order[k] ?? 0;
        const bits = state[i] ?? 0;
        if ((bits & HIDDEN) !== 0) continue;
        const dimmed = (bits & DIMMED) !== 0 || (look.someSelected && (bits & SELECTED) === 0);
        if (dimmed === standsOut) continue;
        const x = (from[2 * i] ?? 0) * (1 - mix) + (to[2 * i] ?? 0) * mix;
        const y = (from[2 * i + 1] ?? 0) * (1 - mix) + (to[2 * i + 1] ?? 0) * mix;
        const px = rect.left + ox + x * scale;
        const py = rect.top + oy - y * scale;
        if (!(px >= rect.left && px <= rect.left + rect.width)) continue;
        if (!(py >= rect.top && py <= rect.top + rect.height)) continue;
        if (++drawn > FALLBACK_POINTS) break;
        context.globalAlpha = dimmed ? look.opacity * 0.16 : look.opacity;
        context.fillStyle = palette[colour[i] ?? 255] ?? "#999";
        context.fillRect(px - size / 2, py - size / 2, size, size);
      }
    }
    context.restore();
  };

  return {
    kind: "canvas2d",
    setPositions: (name, data) => void positions.set(name, data),
    setColours: (name, data) => void colours.set(name, data),
    setPalette(table): void {
      palette = Array.from({ length: 256 }, (_, k) => `rgb(${table[4 * k]} ${table[4 * k + 1]} ${table[4 * k + 2]})`);
    },
    setState(bits): void {
      state = bits;
    },
    resize(width, height, pixelRatio): void {
      ratio = pixelRatio;
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
    },
    draw(panels, look): void {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      for (const panel of panels) drawPanel(panel, look);
    },
    dispose(): void {
      canvas.width = 1;
    },
  };
}
