/** One panel's marks: names of clusters, neighbours, the point, the place, images in place of dots. */

import type { Camera, Extent, Rect } from "../gl/camera";
import { css, textShade } from "../gl/colour";
import { Overlay, type Inks } from "../gl/overlay";
import { named, type CategoryColumn, type MapData } from "../data";
import type { Context, Mark } from "./context";
import { clusterLabels, lift, type ClusterLabel } from "./clusters";
import { categoriesOff, categoryColours, findColumn } from "./colouring";
import { shorten } from "./dom";
import { neighboursOf } from "./neighbours";
import { pictureStyle, toRgba } from "./picture";

export interface PaintedPanel {
  readonly rect: Rect;
  readonly camera: Camera;
  readonly extent: Extent;
  readonly map: string;
  /** The map that the points come from, while they pass to another. */
  readonly from: string;
  readonly mix: number;
}

const MOST_IMAGES = 700;

export function inksOf(dark: boolean): Inks {
  return dark
    ? { ink: "#eceff3", paper: "#15181d", accent: "#ff6b81", soft: "#9aa4b2" }
    : { ink: "#1f2328", paper: "#ffffff", accent: "#c8102e", soft: "#6b7280" };
}

export function paintPanel(
  layer: CanvasRenderingContext2D,
  context: Context,
  panel: PaintedPanel,
  outside: Uint8Array,
  lasso: readonly number[] | null,
  names = true,
): void {
  const { atlas, store, marks } = context;
  const { state } = store;
  const map = named(atlas.maps, panel.map);
  if (map === undefined) return;
  const dark = context.dark();
  const inks = inksOf(dark);
  const overlay = new Overlay(layer, panel, inks);
  const still = panel.mix === 1;
  overlay.clipped(() => {
    if (still && state.thumbnails) paintImages(overlay, context, panel, map, outside, dark);
    const shown = state.hover >= 0 ? state.hover : state.focus;
    if (still && shown >= 0 && state.pen === "look") paintNeighbours(overlay, context, map, shown, inks);
    if (still && names && state.labels) paintNames(overlay, context, map);
    for (const mark of still ? marks.all() : []) if (mark.map === panel.map) paintMark(overlay, mark, inks);
    if (state.focus >= 0) paintRow(overlay, context, panel, state.focus, 7, inks.accent);
    if (state.hover >= 0 && state.hover !== state.focus) paintRow(overlay, context, panel, state.hover, 6, inks.ink);
    if (lasso !== null) overlay.lasso(lasso);
  });
}

function paintRow(overlay: Overlay, context: Context, panel: PaintedPanel, row: number, radius: number, colour: string): void {
  const place = (name: string): readonly [number, number] => {
    const positions = named(context.atlas.maps, name)?.positions;
    return [positions?.[2 * row] ?? NaN, positions?.[2 * row + 1] ?? NaN];
  };
  const [x0, y0] = place(panel.from);
  const [x1, y1] = place(panel.map);
  overlay.ring(x0 + (x1 - x0) * panel.mix, y0 + (y1 - y0) * panel.mix, radius, colour);
}

function paintNeighbours(overlay: Overlay, context: Context, map: MapData, row: number, inks: Inks): void {
  const found = neighboursOf(context, row);
  if (found === null) return;
  const at = (i: number): readonly [number, number] => [map.positions[2 * i] ?? 0, map.positions[2 * i + 1] ?? 0];
  const [x, y] = at(row);
  for (const other of found.rows) {
    const [ox, oy] = at(other);
    overlay.line([x, y, ox, oy], inks.paper, 3.5);
    overlay.line([x, y, ox, oy], inks.ink, 1.25);
  }
  for (const other of found.rows) overlay.dot(...at(other), 3.2, inks.ink);
}

// Places of names are found once for each map and column.
const places = new WeakMap<MapData, Map<string, ClusterLabel[]>>();

/** The names on a map's clusters, and their colours: none where colours mean something else, or nothing. */
export function namesOn({ atlas, store, dark }: Context, map: MapData): { text: string; x: number; y: number; size: number; colour: string }[] {
  const { state } = store;
  const chosen = findColumn(atlas, state.colour);
  const column: CategoryColumn | null = chosen?.kind === "category" ? chosen : atlas.label;
  if (column === null) return [];
  const colours = categoryColours(column, dark());
  const off = categoriesOff(state, column.name);
  const known = places.get(map) ?? new Map<string, ClusterLabel[]>();
  places.set(map, known);
  const labels = known.get(column.name) ?? clusterLabels(map.positions, column);
  known.set(column.name, labels);
  const size = labels.every(({ name }) => name.length <= 3) ? 17 : 13;
  return labels
    .filter(({ category }) => !off.has(category))
    .map(({ name, category, x, y }) => ({
      text: shorten(name, 22),
      x,
      y,
      size,
      colour: chosen === column ? css(textShade(colours[category] ?? [128, 128, 128], dark())) : inksOf(dark()).ink,
    }));
}

function paintNames(overlay: Overlay, context: Context, map: MapData): void {
  const above = lift(context.atlas.n) / overlay.scale();
  for (const { text, x, y, size, colour } of namesOn(context, map)) overlay.label(text, x, y + above, colour, size);
}

function paintMark(overlay: Overlay, mark: Mark, inks: Inks): void {
  const [x = NaN, y = NaN, x1 = NaN, y1 = NaN] = Array.from(mark.points);
  if (mark.kind === "star") overlay.star(x, y, "#ffc531");
  else if (mark.kind === "cross") overlay.cross(x, y, inks.accent);
  else if (mark.kind === "ghost") overlay.ring(x, y, 4, inks.accent, 1.5);
  else if (mark.kind === "arrow") overlay.arrow(x, y, x1, y1, inks.accent);
  else {
    overlay.line(mark.points, inks.paper, 6);
    overlay.line(mark.points, inks.accent, 2.5, mark.strength === undefined || mark.strength === 1 ? [] : [5, 4]);
  }
  if (mark.text !== undefined) overlay.label(mark.text, x, y + (mark.below ? -18 : 18) / overlay.scale(), inks.accent, 13);
}

// A sheet of one image, refilled for each point.
let stamp: { canvas: HTMLCanvasElement; context: CanvasRenderingContext2D; data: ImageData } | null = null;

function paintImages(
  overlay: Overlay,
  context: Context,
  panel: PaintedPanel,
  map: MapData,
  outside: Uint8Array,
  dark: boolean,
): void {
  const { atlas, store } = context;
  const style = pictureStyle(atlas);
  if (style === null || atlas.images === null) return;
  if (stamp === null || stamp.canvas.width !== style.width || stamp.canvas.height !== style.height) {
    const canvas = document.createElement("canvas");
    canvas.width = style.width;
    canvas.height = style.height;
    const made = canvas.getContext("2d");
    if (made === null) return;
    stamp = { canvas, context: made, data: made.createImageData(style.width, style.height) };
  }
  const column = findColumn(atlas, store.state.colour);
  const colours = column?.kind === "category" ? categoryColours(column, dark) : [];
  const side = Math.min(44, Math.max(20, 20 * panel.camera.zoom ** 0.3));
  // One image for each cell, so that images do not lie on one another.
  const taken = new Set<number>();
  const wanted: number[] = [];
  const { rect } = panel;
  const across = Math.ceil(rect.width / side) + 2;
  const selected = store.state.selection.length > 0 ? new Set(store.state.selection) : null;
  for (let i = 0; i < atlas.n && wanted.length < MOST_IMAGES; i++) {
    if (outside[i] === 1 || (selected !== null && !selected.has(i))) continue;
    const [px, py] = overlay.place(map.positions[2 * i] ?? NaN, map.positions[2 * i + 1] ?? NaN);
    const cx = Math.floor((px - rect.left) / side);
    const cy = Math.floor((py - rect.top) / side);
    if (!(cx >= 0 && cy >= 0 && px < rect.left + rect.width && py < rect.top + rect.height)) continue;
    const cell = cy * across + cx;
    if (taken.has(cell)) continue;
    taken.add(cell);
    wanted.push(i);
    const image = atlas.images.get(i);
    if (image === null) continue;
    const category = column?.kind === "category" ? (column.values[i] ?? -1) : -1;
    const colour = textShade(colours[category] ?? (dark ? [230, 230, 230] : [30, 30, 30]), dark);
    toRgba(image, 255, style, colour, stamp.data.data);
    stamp.context.putImageData(stamp.data, 0, 0);
    overlay.image(stamp.canvas, map.positions[2 * i] ?? 0, map.positions[2 * i + 1] ?? 0, side);
  }
  void atlas.images.want(wanted);
}
