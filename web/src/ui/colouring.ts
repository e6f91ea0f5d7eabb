/** From a column to the colour of each point, and which points a filter leaves. */

import { TRUST_WORST, classColours, classPalette, rampPalette, trustIndex, trustPalette, type Palette, type Rgb } from "../gl/colour";
import { named, NO_CATEGORY, type AtlasData, type CategoryColumn, type Column, type NumberColumn } from "../data";
import { DIMMED, SELECTED } from "../gl/renderer";
import type { Filter, State } from "../store";

/** Not a column: false and missing neighbours of each point, told apart on each map. */
export const TRUST = "trust";

export function findColumn(atlas: AtlasData, name: string): Column | null {
  return named(atlas.columns, name) ?? null;
}

function numbers(atlas: AtlasData, name: string): NumberColumn | null {
  const column = findColumn(atlas, name);
  return column?.kind === "number" ? column : null;
}

/** Loss of trustworthiness and of continuity of each point of a map, where they were measured. */
export function trustColumns(atlas: AtlasData, map: string): readonly [NumberColumn, NumberColumn] | null {
  const trust = numbers(atlas, `${map}_trustworthiness`);
  const continuity = numbers(atlas, `${map}_continuity`);
  return trust !== null && continuity !== null ? [trust, continuity] : null;
}

export function hasTrust(atlas: AtlasData): boolean {
  return atlas.maps.some((map) => trustColumns(atlas, map.name) !== null);
}

/** Share of the points of a map whose loss is at least `TRUST_WORST` in one of the two. */
export function shareInDoubt(atlas: AtlasData, map: string): number | null {
  const pair = trustColumns(atlas, map);
  if (pair === null) return null;
  let doubtful = 0;
  let all = 0;
  for (let i = 0; i < atlas.n; i++) {
    const loss = 1 - Math.min(pair[0].values[i] ?? NaN, pair[1].values[i] ?? NaN);
    if (!Number.isFinite(loss)) continue;
    all++;
    if (loss >= TRUST_WORST) doubtful++;
  }
  return all === 0 ? null : doubtful / all;
}

/** The palette that the chosen colouring draws with. */
export function paletteFor(atlas: AtlasData, colour: string, dark: boolean): Palette {
  if (colour === TRUST) return trustPalette(dark);
  const column = findColumn(atlas, colour);
  if (column?.kind === "category") return classPalette(column.names.length, dark);
  if (column?.kind === "number") return rampPalette(dark);
  return classPalette(1, dark);
}

/** The number of each point's colour in that palette. */
export function colourIndices(atlas: AtlasData, colour: string, map: string): Uint8Array {
  const indices = new Uint8Array(atlas.n);
  if (colour === TRUST) {
    const pair = trustColumns(atlas, map);
    for (let i = 0; i < atlas.n; i++) {
      indices[i] = pair === null ? 255 : trustIndex(1 - (pair[0].values[i] ?? NaN), 1 - (pair[1].values[i] ?? NaN));
    }
    return indices;
  }
  const column = findColumn(atlas, colour);
  if (column === null) return indices.fill(3); // the blue of ten
  const [low, high] = column.kind === "number" ? colourRange(column) : [0, 1];
  for (let i = 0; i < atlas.n; i++) {
    if (column.kind === "category") {
      const category = column.values[i] ?? NO_CATEGORY;
      indices[i] = category === NO_CATEGORY ? 255 : category % 255;
    } else {
      const value = ((column.values[i] ?? NaN) - low) / (high - low || 1);
      indices[i] = Number.isFinite(value) ? Math.round(Math.min(1, Math.max(0, value)) * 254) : 255;
    }
  }
  return indices;
}

const ranges = new WeakMap<NumberColumn, readonly [number, number]>();

/** The 1st and the 99th percentile, so that a few extreme values do not take all colours. */
export function colourRange(column: NumberColumn): readonly [number, number] {
  const known = ranges.get(column);
  if (known !== undefined) return known;
  const step = Math.max(1, Math.floor(column.values.length / 20_000));
  const sorted = column.values.filter((value, i) => i % step === 0 && Number.isFinite(value)).sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  const range = at(0.99) > at(0.01) ? ([at(0.01), at(0.99)] as const) : ([column.low, column.high] as const);
  ranges.set(column, range);
  return range;
}

/** One colour for each category of a column. */
export function categoryColours(column: CategoryColumn, dark: boolean): Rgb[] {
  return classColours(column.names.length, dark);
}

/** The categories of a column that are taken out. */
export function categoriesOff({ filters }: State, column: string): Set<number> {
  return new Set(filters.find((filter) => filter.column === column)?.off ?? []);
}

/** Mark in `outside` the points that some filter leaves out; tell whether there are any. */
export function applyFilters(atlas: AtlasData, filters: readonly Filter[], outside: Uint8Array): boolean {
  outside.fill(0);
  let any = false;
  for (const filter of filters) {
    const column = findColumn(atlas, filter.column);
    if (column === null) continue;
    const off = new Set(filter.off ?? []);
    for (let i = 0; i < atlas.n; i++) {
      const value = column.values[i] ?? NaN;
      const out =
        column.kind === "category"
          ? off.has(value)
          : filter.range !== undefined && !(value >= filter.range[0] && value <= filter.range[1]);
      if (out) {
        outside[i] = 1;
        any = true;
      }
    }
  }
  return any;
}

/** The state bits that the renderer reads. */
export function stateBits(state: State, outside: Uint8Array, bits: Uint8Array): void {
  for (let i = 0; i < bits.length; i++) bits[i] = outside[i] === 1 ? DIMMED : 0;
  for (const row of state.selection) bits[row] = (bits[row] ?? 0) | SELECTED;
}
