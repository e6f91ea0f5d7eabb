/** Codes, maps and models of one atlas, and what can be asked of them. */

import type {
  Arrived,
  Autoencoder,
  Box,
  Codes,
  Inverse,
  SpaceMap,
  ModelName,
  Mosaic,
  Neighbours,
  RoundTrip,
} from "../data";
import { Network } from "../nn/network";
import type { Ask } from "../worker";
import { NearestCodes, codeAt } from "./codes";
import { Grid } from "./grid";
import { affine, invert } from "./inverse";
import { placeByVotes } from "./placement";
import { rowsInside } from "./polygon";

export type { SpaceMap };

export interface SpaceData {
  readonly n: number;
  readonly maps: readonly SpaceMap[];
  readonly codes: Codes | null;
  readonly models: Readonly<Partial<Record<ModelName, Autoencoder>>>;
  /** Reconstruction error of each row. */
  readonly errors: Float32Array | null;
}

export class Space {
  private readonly maps: ReadonlyMap<string, SpaceMap>;
  private readonly grids = new Map<string, Grid>();
  private readonly networks = new Map<string, Network>();
  private readonly nearest: NearestCodes | null;
  private sortedErrors: Float32Array | null = null;

  constructor(private readonly data: SpaceData) {
    this.maps = new Map(data.maps.map((map) => [map.name, map]));
    this.nearest = data.codes ? new NearestCodes(data.codes) : null;
  }

  private map(name: string): SpaceMap {
    const map = this.maps.get(name);
    if (!map) throw new Error(`there is no map ${name}`);
    return map;
  }

  /** Built when it is first needed. */
  grid(name: string): Grid {
    let grid = this.grids.get(name);
    if (!grid) this.grids.set(name, (grid = new Grid(this.map(name).positions)));
    return grid;
  }

  private network(model: ModelName, part: "encoder" | "decoder"): Network {
    const key = `${model} ${part}`;
    let network = this.networks.get(key);
    if (!network) {
      const found = this.data.models[model];
      const layers = found?.[part];
      if (!found || !layers) throw new Error(`the atlas holds no ${part} of the ${model} model`);
      this.networks.set(key, (network = new Network(layers, part === "encoder" ? [found.channels, found.height, found.width] : [found.d, 1, 1])));
    }
    return network;
  }

  decode(model: ModelName, code: Float32Array): Float32Array {
    return this.network(model, "decoder").run(code);
  }

  encode(model: ModelName, image: Float32Array): Float32Array {
    return this.network(model, "encoder").run(image);
  }

  codeOf(model: ModelName, row: number): Float32Array {
    if (model === "main") {
      if (!this.data.codes) throw new Error("the atlas holds no codes");
      return codeAt(this.data.codes, row);
    }
    // The codes of the model with two neurons are its map.
    const map = this.data.maps.find((candidate) => candidate.model === "plane");
    if (!map?.rules?.inverse.linear) throw new Error("the atlas holds no map of the model with two neurons");
    return affine(map.rules.inverse.linear, map.positions.subarray(2 * row, 2 * row + 2));
  }

  inverse(name: string, x: number, y: number): Inverse | null {
    const map = this.map(name);
    if (!map.rules) return null;
    const code = invert(map.rules.inverse, this.grid(name), this.data.codes, x, y);
    if (!code) return null;
    const distance = this.distance(name, x, y);
    return { code, distance, percentile: percentile(map.rules.percentiles, distance * map.rules.unit) };
  }

  private distance(name: string, x: number, y: number): number {
    const squared = new Float64Array(1);
    const found = this.grid(name).nearest(x, y, new Int32Array(1), squared);
    return found > 0 ? Math.sqrt(squared[0] as number) / (this.map(name).rules?.unit ?? 1) : Infinity;
  }

  roundTrip(name: string, x: number, y: number): RoundTrip | null {
    const map = this.map(name);
    const inverse = this.inverse(name, x, y);
    const model = this.data.models[map.model];
    if (!inverse || !map.rules || !model?.decoder) return null;
    const image = this.decode(map.model, inverse.code);
    const back = model.encoder ? this.place(name, this.encode(map.model, image)) : null;
    return { ...inverse, image, back, drift: back ? Math.hypot(back[0] - x, back[1] - y) / map.rules.unit : NaN };
  }

  place(name: string, code: Float32Array): readonly [number, number] | null {
    const map = this.map(name);
    if (!map.rules) return null;
    if (map.rules.place.kind === "affine") {
      const [x = 0, y = 0] = affine(map.rules.place.map, code);
      return [x, y];
    }
    return this.nearest ? placeByVotes(this.nearest, map.positions, map.rules.place.reach, code) : null;
  }

  pick(name: string, x: number, y: number, radius: number, hidden?: Uint8Array): number {
    const grid = this.grid(name);
    const places = new Int32Array(1);
    let row = -1;
    // The last of several rows on one place is the one that is drawn on top.
    const shown = (place: number): number => {
      for (let at = (grid.rowStarts[place + 1] as number) - 1; at >= (grid.rowStarts[place] as number); at--) {
        const candidate = grid.rows[at] as number;
        if (!hidden || !hidden[candidate]) return candidate;
      }
      return -1;
    };
    const wanted = hidden ? (place: number): boolean => shown(place) >= 0 : undefined;
    if (grid.nearest(x, y, places, new Float64Array(1), wanted, radius * radius) > 0) row = shown(places[0] as number);
    return row;
  }

  inside(name: string, polygon: ArrayLike<number>): Uint32Array {
    return rowsInside(this.map(name).positions, polygon);
  }

  neighbours(model: ModelName, code: Float32Array, k: number, except = -1): Neighbours {
    const count = Math.max(0, Math.min(k, this.data.n - (except >= 0 ? 1 : 0)));
    if (model === "plane") return this.planeNeighbours(code, count, except);
    if (!this.nearest) return { rows: new Uint32Array(0), distances: new Float32Array(0) };
    const rows = new Uint32Array(count);
    const squared = new Float64Array(count);
    const found = this.nearest.query(code, rows, squared, except);
    return { rows: rows.subarray(0, found), distances: Float32Array.from(squared.subarray(0, found), Math.sqrt) };
  }

  private planeNeighbours(code: Float32Array, k: number, except: number): Neighbours {
    const map = this.data.maps.find((candidate) => candidate.model === "plane");
    if (!map?.rules || k === 0) return { rows: new Uint32Array(0), distances: new Float32Array(0) };
    const place = this.place(map.name, code);
    if (!place) return { rows: new Uint32Array(0), distances: new Float32Array(0) };
    const grid = this.grid(map.name);
    const places = new Int32Array(k + 1);
    const squared = new Float64Array(k + 1);
    const found = grid.nearest(place[0], place[1], places, squared);
    const unit = Math.hypot(map.rules.inverse.linear?.axes[0] ?? 1, map.rules.inverse.linear?.axes[1] ?? 0);
    const rows: number[] = [], distances: number[] = [];
    for (let i = 0; i < found; i++) {
      const begin = grid.rowStarts[places[i] as number] as number;
      const end = grid.rowStarts[(places[i] as number) + 1] as number;
      for (let at = begin; at < end && rows.length < k; at++) {
        if (grid.rows[at] === except) continue;
        rows.push(grid.rows[at] as number);
        distances.push(Math.sqrt(squared[i] as number) * unit);
      }
    }
    return { rows: Uint32Array.from(rows), distances: Float32Array.from(distances) };
  }

  mosaic(name: string, box: Box, columns: number, rows: number): Mosaic | null {
    const map = this.map(name);
    const model = this.data.models[map.model];
    if (!map.rules || !model?.decoder) return null;
    const { height, width, channels } = model;
    const size = height * width * channels;
    const images = new Uint8Array(columns * rows * size);
    const distances = new Float32Array(columns * rows);
    for (let i = 0; i < columns * rows; i++) {
      const x = box.x0 + ((box.x1 - box.x0) * ((i % columns) + 0.5)) / columns;
      const y = box.y1 - ((box.y1 - box.y0) * (Math.floor(i / columns) + 0.5)) / rows;
      const inverse = this.inverse(name, x, y);
      if (!inverse) return null;
      const image = this.decode(map.model, inverse.code);
      for (let p = 0; p < size; p++) images[i * size + p] = Math.round((image[p] as number) * 255);
      distances[i] = inverse.distance;
    }
    return { columns, rows, height, width, channels, images, distances };
  }

  arrive(image: Float32Array): Arrived | null {
    const { main } = this.data.models;
    if (!main?.encoder) return null;
    const code = this.encode("main", image);
    const reconstruction = main.decoder ? this.decode("main", code) : null;
    const places: Record<string, readonly [number, number]> = {};
    for (const map of this.data.maps) {
      if (!this.data.models[map.model]?.encoder) continue;
      const place = this.place(map.name, map.model === "main" ? code : this.encode(map.model, image));
      if (place) places[map.name] = place;
    }
    const nearest = this.neighbours("main", code, 10);
    let error = reconstruction ? 0 : NaN;
    for (let i = 0; reconstruction && i < image.length; i++) error += ((image[i] as number) - (reconstruction[i] as number)) ** 2;
    error /= image.length;
    if (this.data.errors) this.sortedErrors ??= Float32Array.from(this.data.errors).sort();
    const errorPercentile = this.sortedErrors && reconstruction ? shareBelow(this.sortedErrors, error) : NaN;
    const known = this.data.codes?.percentiles ?? null;
    const near = nearest.distances[0] ?? NaN;
    const distancePercentile = known ? percentile(known, near) : NaN;
    return {
      image,
      reconstruction,
      code,
      places,
      nearest,
      error,
      errorPercentile,
      distance: known ? near / ((known[50] as number) || 1) : NaN,
      distancePercentile,
      strange: errorPercentile > 0.99 || distancePercentile > 0.99,
    };
  }

  /** Rows from the nearest to the farthest of their mean code. */
  order(rows: Uint32Array): Uint32Array {
    const codes = this.data.codes;
    if (!codes) return rows.slice();
    const mean = new Float64Array(codes.d);
    const code = new Float32Array(codes.d);
    for (const row of rows) {
      codeAt(codes, row, code);
      for (let j = 0; j < codes.d; j++) mean[j] = (mean[j] as number) + (code[j] as number) / rows.length;
    }
    const distances = Float64Array.from(rows, (row) => {
      codeAt(codes, row, code);
      let total = 0;
      for (let j = 0; j < codes.d; j++) total += ((code[j] as number) - (mean[j] as number)) ** 2;
      return total;
    });
    const indices = Uint32Array.from(rows, (_, i) => i);
    indices.sort((a, b) => (distances[a] as number) - (distances[b] as number) || a - b);
    return indices.map((i) => rows[i] as number);
  }

  answer(ask: Ask): unknown {
    switch (ask.kind) {
      case "neighbours":
        return this.neighbours(ask.model, ask.code, ask.k, ask.except);
      case "mosaic":
        return this.mosaic(ask.map, ask.box, ask.columns, ask.rows);
      case "arrive":
        return this.arrive(ask.image);
      case "order":
        return this.order(ask.rows);
    }
  }
}

/** Share (0 to 1) below a value, from rising percentiles 0 to 100. */
export function percentile(percentiles: Float32Array, value: number): number {
  const last = percentiles.length - 1;
  if (!(value >= (percentiles[0] as number))) return 0;
  if (value >= (percentiles[last] as number)) return 1;
  let low = 0, high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((percentiles[middle] as number) <= value) low = middle;
    else high = middle;
  }
  const a = percentiles[low] as number, b = percentiles[high] as number;
  return (low + (b > a ? (value - a) / (b - a) : 0)) / last;
}

function shareBelow(sorted: Float32Array, value: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low / sorted.length;
}
