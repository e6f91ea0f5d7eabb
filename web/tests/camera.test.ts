import { describe, expect, it } from "vitest";
import { clipTransform, ease, home, pan, pixelsPerUnit, toMap, toScreen, zoomAt, type Extent, type Rect } from "../src/gl/camera";

const extent: Extent = { x: 0, y: 0, halfWidth: 1, halfHeight: 0.6 };
const rect: Rect = { left: 40, top: 10, width: 640, height: 480 };
const camera = { x: 0.2, y: -0.1, zoom: 3 };

describe("camera", () => {
  it("shows the whole map at home", () => {
    for (const [x, y] of [[-1, -0.6], [1, 0.6], [-1, 0.6]] as const) {
      const [px, py] = toScreen(home(extent), extent, rect, x, y);
      expect(px).toBeGreaterThan(0);
      expect(px).toBeLessThan(rect.width);
      expect(py).toBeGreaterThan(0);
      expect(py).toBeLessThan(rect.height);
    }
  });

  it("goes to the screen and back", () => {
    const [px, py] = toScreen(camera, extent, rect, 0.31, 0.07);
    const [x, y] = toMap(camera, extent, rect, px, py);
    expect(x).toBeCloseTo(0.31, 12);
    expect(y).toBeCloseTo(0.07, 12);
  });

  it("keeps the place under the pointer when it zooms, and stops at its limits", () => {
    const before = toMap(camera, extent, rect, 100, 333);
    const near = zoomAt(camera, extent, rect, 100, 333, 2.5);
    expect(toMap(near, extent, rect, 100, 333)[0]).toBeCloseTo(before[0], 12);
    expect(toMap(near, extent, rect, 100, 333)[1]).toBeCloseTo(before[1], 12);
    expect(zoomAt(camera, extent, rect, 0, 0, 1e9).zoom).toBeLessThan(1e4);
    expect(zoomAt(camera, extent, rect, 0, 0, 1e-9).zoom).toBeGreaterThan(0);
  });

  it("moves with the pointer when it pans", () => {
    const moved = pan(camera, extent, rect, 30, -12);
    const [px, py] = toScreen(camera, extent, rect, 0.5, 0.5);
    const [qx, qy] = toScreen(moved, extent, rect, 0.5, 0.5);
    expect(qx - px).toBeCloseTo(30, 9);
    expect(qy - py).toBeCloseTo(-12, 9);
  });

  it("gives the graphics card the same places as the layer above", () => {
    const clip = clipTransform(camera, extent, rect);
    const [px, py] = toScreen(camera, extent, rect, -0.4, 0.3);
    expect(((-0.4 * clip.sx + clip.ox + 1) / 2) * rect.width).toBeCloseTo(px, 9);
    expect(((1 - (0.3 * clip.sy + clip.oy)) / 2) * rect.height).toBeCloseTo(py, 9);
  });

  it("has the same scale both ways, so that distances keep their meaning", () => {
    const scale = pixelsPerUnit(camera, extent, rect);
    const [x0, y0] = toScreen(camera, extent, rect, 0, 0);
    const [x1, y1] = toScreen(camera, extent, rect, 0.1, 0.1);
    expect(x1 - x0).toBeCloseTo(0.1 * scale, 9);
    expect(y0 - y1).toBeCloseTo(0.1 * scale, 9);
  });

  it("eases from 0 to 1", () => {
    expect(ease(0)).toBe(0);
    expect(ease(1)).toBe(1);
    expect(ease(0.5)).toBeCloseTo(0.5, 12);
    expect(ease(0.1)).toBeLessThan(0.1);
  });
});
