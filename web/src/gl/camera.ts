/** Pan and zoom as pure functions: tested without a GPU or a page. */

export interface Camera {
  /** Centre, in the map's own units. */
  readonly x: number;
  readonly y: number;
  /** 1 shows the whole map; 2 shows half of its width. */
  readonly zoom: number;
}

/** A rectangle in CSS pixels, from the upper left corner of the stage. */
export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export type Pair = readonly [number, number];

/** The extent of a map: its middle and the half of its longer side. */
export interface Extent {
  readonly x: number;
  readonly y: number;
  readonly halfWidth: number;
  readonly halfHeight: number;
}

const MARGIN = 26; // CSS pixels around a map that is shown whole
const HEADER = 30; // what the panel's heading covers
const MIN_ZOOM = 0.4;
const MAX_ZOOM = 400;

/** The camera that shows the whole map. */
export function home(extent: Extent): Camera {
  return { x: extent.x, y: extent.y, zoom: 1 };
}

/** CSS pixels per unit of the map. */
export function pixelsPerUnit(camera: Camera, extent: Extent, rect: Rect): number {
  const width = Math.max(20, rect.width - 2 * MARGIN);
  const height = Math.max(20, rect.height - 2 * MARGIN - HEADER);
  const fit = Math.min(width / (2 * extent.halfWidth), height / (2 * extent.halfHeight));
  return fit * camera.zoom;
}

/** The middle of the drawn map within the panel; a little below the heading. */
function middle(rect: Rect): Pair {
  return [rect.width / 2, (rect.height + HEADER) / 2];
}

/** From a place on the map to CSS pixels from the panel's upper left corner. */
export function toScreen(camera: Camera, extent: Extent, rect: Rect, x: number, y: number): Pair {
  const scale = pixelsPerUnit(camera, extent, rect);
  const [mx, my] = middle(rect);
  return [mx + (x - camera.x) * scale, my - (y - camera.y) * scale];
}

/** From CSS pixels within the panel to a place on the map. */
export function toMap(camera: Camera, extent: Extent, rect: Rect, px: number, py: number): Pair {
  const scale = pixelsPerUnit(camera, extent, rect);
  const [mx, my] = middle(rect);
  return [camera.x + (px - mx) / scale, camera.y - (py - my) / scale];
}

/** Move by CSS pixels, as a drag does. */
export function pan(camera: Camera, extent: Extent, rect: Rect, dx: number, dy: number): Camera {
  const scale = pixelsPerUnit(camera, extent, rect);
  return { ...camera, x: camera.x - dx / scale, y: camera.y + dy / scale };
}

/** Zoom by `factor`, keeping the place under the pointer where it is. */
export function zoomAt(
  camera: Camera,
  extent: Extent,
  rect: Rect,
  px: number,
  py: number,
  factor: number,
): Camera {
  const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, camera.zoom * factor));
  const [x, y] = toMap(camera, extent, rect, px, py);
  const share = camera.zoom / zoom;
  return { x: x + (camera.x - x) * share, y: y + (camera.y - y) * share, zoom };
}

/** The scale and the offset that bring a place to clip coordinates: clip = place * scale + offset. */
export function clipTransform(
  camera: Camera,
  extent: Extent,
  rect: Rect,
): { sx: number; sy: number; ox: number; oy: number } {
  const scale = pixelsPerUnit(camera, extent, rect);
  const [mx, my] = middle(rect);
  const sx = (2 * scale) / rect.width;
  const sy = (2 * scale) / rect.height;
  return {
    sx,
    sy,
    ox: (2 * mx) / rect.width - 1 - camera.x * sx,
    oy: 1 - (2 * my) / rect.height - camera.y * sy,
  };
}

/** Slow at both ends, for the passage between two maps. */
export function ease(t: number): number {
  return t < 0.5 ? 4 * t * t * t : 1 - (-2 * t + 2) ** 3 / 2;
}
