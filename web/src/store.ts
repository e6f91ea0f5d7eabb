/** What the reader of the page has chosen, in one place; what links restore stands in the URL. */

import { rowsOf, rowsText } from "./rows";

export interface Camera {
  /** Middle of the view, normalised map units. */
  readonly x: number;
  readonly y: number;
  /** 1 shows the whole map. */
  readonly zoom: number;
}

export interface Place {
  readonly map: string;
  readonly x: number;
  readonly y: number;
}

/** An end of a path: a row, or a place on a map. */
export type End = { readonly row: number } | Place;

export type Pen = "look" | "lasso" | "rectangle" | "decode" | "path";
export type Tab = "point" | "decode" | "path" | "draw" | "selection" | "size" | "trust" | "about";
/** Whether a tab is a page to read, in place of the maps. */
export function isPage(tab: Tab): boolean {
  return tab === "size" || tab === "trust" || tab === "about";
}

/** The pen that belongs to a tab. */
const PEN_OF: Readonly<Partial<Record<Tab, Pen>>> = { point: "look", decode: "decode", path: "path", draw: "look", selection: "lasso" };

/** The tab that is lit tells which pen works: one that is no other's. */
function penFor(tab: Tab, pen: Pen): Pen {
  return tab === "selection" && pen === "rectangle" ? pen : (PEN_OF[tab] ?? pen);
}

export type Theme = "auto" | "light" | "dark";

/** Rows outside are dimmed: categories that are off, or numbers outside a range, whose ends may be infinite. */
export interface Filter {
  readonly column: string;
  readonly off?: readonly number[];
  readonly range?: readonly [number, number];
}

export interface State {
  /** Names of the maps on screen: one, two or four. */
  readonly maps: readonly string[];
  /** By map name; a map without one is shown whole. */
  readonly cameras: Readonly<Record<string, Camera>>;
  /** Row under the pointer, or -1. */
  readonly hover: number;
  /** Row that was clicked or reached by the arrow keys, or -1. */
  readonly focus: number;
  /** Place under the pen, or the one that was clicked. */
  readonly place: Place | null;
  readonly placePinned: boolean;
  /** Rising rows. */
  readonly selection: readonly number[];
  readonly filters: readonly Filter[];
  /** Name of a column, or "" for one colour. */
  readonly colour: string;
  readonly tab: Tab;
  readonly pen: Pen;
  readonly theme: Theme;
  /** Images in the place of dots where there is room. */
  readonly thumbnails: boolean;
  /** Names on clusters. */
  readonly labels: boolean;
  /** The decoded plane under the points. */
  readonly mosaic: boolean;
  readonly path: readonly End[];
  /** How far the held point's code is moved along each principal direction, standard deviations. */
  readonly axes: readonly number[];
  /** Latent size that is pointed at in the loss chart, or 0. */
  readonly size: number;
  readonly query: string;
}

export const START: State = {
  maps: [],
  cameras: {},
  hover: -1,
  focus: -1,
  place: null,
  placePinned: false,
  selection: [],
  filters: [],
  colour: "label",
  tab: "point",
  pen: "look",
  theme: "auto",
  thumbnails: false,
  labels: true,
  mosaic: false,
  path: [],
  axes: [],
  size: 0,
  query: "",
};

export type Listener = (state: State, changed: ReadonlySet<keyof State>) => void;

export class Store {
  private current: State;
  private readonly listeners = new Set<Listener>();

  constructor(start: Partial<State> = {}) {
    const { tab, pen } = { ...START, ...start };
    this.current = { ...START, ...start, pen: penFor(tab, pen) };
  }

  get state(): State {
    return this.current;
  }

  /** Change some fields; listeners hear of it once, and only of what is really new. The pen follows the tab. */
  set(wanted: Partial<State>): void {
    const before = this.current;
    const change = wanted.tab === undefined ? wanted : { ...wanted, pen: penFor(wanted.tab, wanted.pen ?? before.pen) };
    const changed = new Set<keyof State>();
    for (const key of Object.keys(change) as (keyof State)[]) {
      if (!Object.is(change[key], before[key])) changed.add(key);
    }
    if (changed.size === 0) return;
    this.current = { ...before, ...change };
    for (const listener of [...this.listeners]) listener(this.current, changed);
  }

  /** Hear of every change, or of changes of the given fields; returns how to stop that. */
  subscribe(listener: Listener, ...fields: (keyof State)[]): () => void {
    const heard: Listener =
      fields.length === 0
        ? listener
        : (state, changed) => {
            if (fields.some((field) => changed.has(field))) listener(state, changed);
          };
    this.listeners.add(heard);
    return () => this.listeners.delete(heard);
  }
}

/** Principal directions that the page has sliders for, and how far they reach each way. */
export const AXES = 6;
export const AXIS_REACH = 3;

let written: readonly [readonly number[], string | null] | null = null;

/** The rows of a selection as text, kept while the selection is the same; null: too many for a link. */
export function selectionText(selection: readonly number[]): string | null {
  if (written?.[0] !== selection) written = [selection, rowsText(selection)];
  return written[1];
}

const PENS: readonly Pen[] = ["look", "lasso", "rectangle", "decode", "path"];
const TABS: readonly Tab[] = ["point", "decode", "path", "draw", "selection", "size", "trust", "about"];
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

/** Write the state as a URL fragment, without "#"; what stands at its start is left out. */
export function toFragment(state: State): string {
  const parts = new URLSearchParams();
  if (state.maps.length > 0) parts.set("maps", state.maps.map(encodeURIComponent).join(","));
  for (const [map, camera] of Object.entries(state.cameras)) {
    if (camera.zoom !== 1 || camera.x !== 0 || camera.y !== 0) {
      parts.append("camera", [encodeURIComponent(map), short(camera.x), short(camera.y), short(camera.zoom)].join(","));
    }
  }
  if (state.focus >= 0) parts.set("point", String(state.focus));
  if (state.place !== null && state.placePinned) parts.set("place", endText(state.place));
  const rows = state.selection.length > 0 ? selectionText(state.selection) : null;
  if (rows !== null) parts.set("rows", rows);
  for (const filter of state.filters) {
    const column = encodeURIComponent(filter.column);
    if (filter.off && filter.off.length > 0) parts.append("off", [column, ...filter.off].join(","));
    if (filter.range) parts.append("range", [column, ...filter.range.map((end) => (Number.isFinite(end) ? short(end) : ""))].join(","));
  }
  if (state.colour !== START.colour) parts.set("colour", state.colour);
  if (state.tab !== START.tab) parts.set("tab", state.tab);
  if (state.pen !== START.pen) parts.set("pen", state.pen);
  if (state.theme !== START.theme) parts.set("theme", state.theme);
  if (state.thumbnails) parts.set("images", "1");
  if (!state.labels) parts.set("names", "0");
  if (state.mosaic) parts.set("mosaic", "1");
  if (state.path.length > 0) parts.set("path", state.path.map(endText).join(";"));
  if (state.axes.some((by) => by !== 0)) parts.set("axes", state.axes.map(short).join(","));
  if (state.size > 0) parts.set("size", String(state.size));
  if (state.query !== "") parts.set("find", state.query);
  return parts.toString();
}

/**
 * Read a URL fragment, with or without "#". A link may be old, cut or made by hand, so
 * what makes no sense for this atlas (`n` rows, these maps and columns) is left out.
 */
export function fromFragment(
  text: string,
  atlas: { readonly n: number; readonly maps: readonly string[]; readonly columns: readonly string[] },
): Partial<State> {
  const parts = new URLSearchParams(text.replace(/^#/, ""));
  const found: { -readonly [K in keyof State]?: State[K] } = {};
  const known = (map: string): boolean => atlas.maps.includes(map);
  const isRow = (row: number): boolean => Number.isInteger(row) && row >= 0 && row < atlas.n;

  const maps = (parts.get("maps") ?? "").split(",").map(decoded).filter(known);
  const distinct = [...new Set(maps)];
  const count = distinct.length >= 4 ? 4 : distinct.length >= 2 ? 2 : distinct.length;
  if (count > 0) found.maps = distinct.slice(0, count);
  const cameras: Record<string, Camera> = {};
  for (const item of parts.getAll("camera")) {
    const [name, ...numbers] = item.split(",");
    const [x, y, zoom] = numbers.map(Number);
    const map = decoded(name ?? "");
    if (known(map) && finite(x) && finite(y) && finite(zoom) && zoom > 0) cameras[map] = { x, y, zoom };
  }
  if (Object.keys(cameras).length > 0) found.cameras = cameras;
  const end = (item: string): End | null => {
    const [first, ...rest] = item.split(",");
    if (rest.length === 0) {
      const row = first ? Number(first) : NaN;
      return isRow(row) ? { row } : null;
    }
    const [x, y] = rest.map(Number);
    const map = decoded(first ?? "");
    return known(map) && finite(x) && finite(y) ? { map, x, y } : null;
  };
  const point = parts.get("point");
  if (point !== null && point !== "" && isRow(Number(point))) found.focus = Number(point);
  const place = end(parts.get("place") ?? "");
  if (place !== null && "map" in place) {
    found.place = place;
    found.placePinned = true;
  }
  const selection = rowsOf(parts.get("rows") ?? "", atlas.n);
  if (selection.length > 0) found.selection = selection;
  const filters: Filter[] = [];
  for (const item of parts.getAll("off")) {
    const [name, ...rest] = item.split(",");
    const off = rest.map(Number).filter((value) => Number.isInteger(value) && value >= 0);
    const column = decoded(name ?? "");
    if (atlas.columns.includes(column) && off.length > 0) filters.push({ column, off });
  }
  for (const item of parts.getAll("range")) {
    const [name, least = "", greatest = ""] = item.split(",");
    const low = least === "" ? -Infinity : Number(least);
    const high = greatest === "" ? Infinity : Number(greatest);
    const column = decoded(name ?? "");
    if (atlas.columns.includes(column) && low <= high && (finite(low) || finite(high))) filters.push({ column, range: [low, high] });
  }
  if (filters.length > 0) found.filters = filters;
  const colour = parts.get("colour");
  if (colour !== null && (colour === "" || atlas.columns.includes(colour))) found.colour = colour;
  const tab = TABS.find((name) => name === parts.get("tab"));
  if (tab) found.tab = tab;
  const pen = PENS.find((name) => name === parts.get("pen"));
  if (pen) found.pen = pen;
  const theme = THEMES.find((name) => name === parts.get("theme"));
  if (theme) found.theme = theme;
  if (parts.get("images") === "1") found.thumbnails = true;
  if (parts.get("names") === "0") found.labels = false;
  if (parts.get("mosaic") === "1") found.mosaic = true;
  const path = (parts.get("path") ?? "").split(";").map(end);
  const ends = path.filter((item): item is End => item !== null).slice(0, 2);
  if (ends.length > 0) found.path = ends;
  const axes = (parts.get("axes") ?? "").split(",").slice(0, AXES).map(Number);
  if (found.focus !== undefined && axes.every((by) => Math.abs(by) <= AXIS_REACH) && axes.some((by) => by !== 0)) found.axes = axes;
  const size = Number(parts.get("size") ?? 0);
  if (Number.isInteger(size) && size > 0) found.size = size;
  const query = parts.get("find");
  if (query) found.query = query;
  return found;
}

function endText(end: End): string {
  return "row" in end ? String(end.row) : [encodeURIComponent(end.map), short(end.x), short(end.y)].join(",");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // cut in the middle of a character
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(5)));
}

function finite(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value);
}
