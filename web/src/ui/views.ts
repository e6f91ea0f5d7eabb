/** Which part of each map is seen, and what lies where in a panel. */

import { ease, home, pan, pixelsPerUnit, toMap, zoomAt, type Camera, type Extent, type Pair, type Rect } from "../gl/camera";
import type { MapData } from "../data";
import type { Context } from "./context";
import type { PaintedPanel } from "./paint";

const MORPH = 900; // milliseconds

interface Passage {
  readonly from: string;
  readonly fromCamera: Camera;
  readonly start: number;
}

/** A map in its place on the stage. */
export interface Frame {
  map: string;
  rect: Rect;
  passage: Passage | null;
}

export class Views {
  private readonly extents: ReadonlyMap<string, Extent>;

  constructor(private readonly context: Context) {
    this.extents = new Map(context.atlas.maps.map((map) => [map.name, extentOf(map)]));
  }

  camera(map: string): Camera {
    return this.context.store.state.cameras[map] ?? home(this.extent(map));
  }

  /** See a map by a camera; null shows it whole. */
  see(map: string, camera: Camera | null): void {
    const { store } = this.context;
    const { [map]: _, ...others } = store.state.cameras;
    store.set({ cameras: camera === null ? others : { ...others, [map]: camera } });
  }

  pan({ map, rect }: Frame, dx: number, dy: number): void {
    this.see(map, pan(this.camera(map), this.extent(map), rect, dx, dy));
  }

  zoom({ map, rect }: Frame, px: number, py: number, factor: number): void {
    this.see(map, zoomAt(this.camera(map), this.extent(map), rect, px, py, factor));
  }

  /** The place of the map at CSS pixels from the panel's upper left corner. */
  place({ map, rect }: Frame, px: number, py: number): Pair {
    return toMap(this.camera(map), this.extent(map), rect, px, py);
  }

  /** CSS pixels per unit of the map. */
  scale({ map, rect }: Frame): number {
    return pixelsPerUnit(this.camera(map), this.extent(map), rect);
  }

  /** Send the points of a panel to another map; without motion they are there at once. */
  pass(frame: Frame, map: string): void {
    const reduced = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const fromCamera = this.painted(frame).camera;
    frame.passage = { from: frame.map, fromCamera, start: reduced ? -Infinity : performance.now() };
    frame.map = map;
  }

  /** End a passage whose time is over; tells whether it has ended now. */
  arrives(frame: Frame): boolean {
    if (frame.passage === null || performance.now() - frame.passage.start < MORPH) return false;
    frame.passage = null;
    return true;
  }

  /** What is to be painted now. */
  painted({ map, rect, passage }: Frame): PaintedPanel {
    const camera = this.camera(map);
    const extent = this.extent(map);
    if (passage === null) return { rect, camera, extent, map, from: map, mix: 1 };
    const mix = ease(Math.min(1, (performance.now() - passage.start) / MORPH));
    const { from, fromCamera } = passage;
    const before = this.extent(from);
    const between = (a: number, b: number): number => a + (b - a) * mix;
    return {
      rect,
      camera: {
        x: between(fromCamera.x, camera.x),
        y: between(fromCamera.y, camera.y),
        zoom: between(fromCamera.zoom, camera.zoom),
      },
      extent: {
        x: 0,
        y: 0,
        halfWidth: between(before.halfWidth, extent.halfWidth),
        halfHeight: between(before.halfHeight, extent.halfHeight),
      },
      map,
      from,
      mix,
    };
  }

  private extent(map: string): Extent {
    return this.extents.get(map) ?? { x: 0, y: 0, halfWidth: 1, halfHeight: 1 };
  }
}

function extentOf(map: MapData): Extent {
  let halfWidth = 1e-3;
  let halfHeight = 1e-3;
  for (let i = 0; i < map.positions.length; i += 2) {
    const x = Math.abs(map.positions[i] ?? 0);
    const y = Math.abs(map.positions[i + 1] ?? 0);
    if (x > halfWidth) halfWidth = x;
    if (y > halfHeight) halfHeight = y;
  }
  return { x: 0, y: 0, halfWidth, halfHeight };
}
