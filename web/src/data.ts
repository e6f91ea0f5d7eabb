/**
 * The decoded atlas: what the page knows, as types. `format.ts` makes it from the
 * data block that Python writes (`src/latentscape/explorer/`), or from a server.
 *
 * Rows are the mapped images, 0 to n - 1, in the order of the atlas. Everything
 * that an atlas may lack is null (or an empty list), never made up.
 */

import type { About, Choice, EpochRow, MapCard, MapQuality, ModelName, SweepRow } from "./header";

export type { About, Choice, EpochRow, MapCard, MapQuality, Measure, ModelName, QualityCurve, SweepRow } from "./header";

/** What is computed with of a map. */
export interface SpaceMap {
  /** "direct", "pca", "lda", "tsne", "umap", ... */
  readonly name: string;
  /** 2n numbers: x0, y0, x1, y1, ... */
  readonly positions: Float32Array;
  /** The model whose codes it shows: its own decoder makes images of its places. */
  readonly model: ModelName;
  /** How places become codes and codes places; null where the atlas holds no fitted map. */
  readonly rules: MapRules | null;
}

/**
 * A map. Positions are normalised: x to the right, y up, the middle of the bounding
 * box at 0, its longer side from -1 to 1 (one scale for both axes, so that distances
 * keep their meaning). Map units are `center + scale * normalised`.
 */
export interface MapData extends SpaceMap {
  /** For people: "t-SNE". */
  readonly title: string;
  readonly center: readonly [number, number];
  readonly scale: number;
  /** One short line for a badge, such as "10-NN accuracy 0.96"; null when nothing was measured. */
  readonly badge: string | null;
  /** What was measured of it; null in atlases without measures. */
  readonly quality: MapQuality | null;
  /** What may be concluded from it, in plain words. */
  readonly card: MapCard | null;
}

/** An affine map `origin + v · axes` in normalised units; axes row by row. */
export interface Affine {
  readonly axes: Float32Array;
  readonly origin: Float32Array;
}

/** Place to code: affine (2 × d), local interpolation, or both (LDA). */
export interface InverseRules {
  readonly local: boolean;
  readonly linear: Affine | null;
}

export interface MapRules {
  /** Code to place: affine (d × 2), or the votes of the nearest rows on one island. */
  readonly place: { readonly kind: "affine"; readonly map: Affine } | { readonly kind: "votes"; readonly reach: number };
  readonly inverse: InverseRules;
  /** Median distance of a row to its nearest other row, normalised units: 1 "unit" of distance. */
  readonly unit: number;
  /** That distance's 0th to 100th percentiles over the rows, 101 rising numbers. */
  readonly percentiles: Float32Array;
}

/** Text of the rows that is too varied for colours: searched, and shown with a point. */
export interface TextColumn {
  readonly name: string;
  readonly title: string;
  readonly values: readonly string[];
}

/** A column of the points: to colour by, to filter by, to show in a tooltip. */
export type Column = NumberColumn | CategoryColumn;

export interface NumberColumn {
  readonly kind: "number";
  /** Unique, as in points.parquet: "reconstruction_mse", "tsne_trustworthiness". */
  readonly name: string;
  readonly title: string;
  /** n numbers; NaN where there is none. */
  readonly values: Float32Array;
  readonly low: number;
  readonly high: number;
  /** The map that it speaks of, for the columns of trust. */
  readonly map: string | null;
  /** What it tells, in a sentence; may be "". */
  readonly note: string;
}

export interface CategoryColumn {
  readonly kind: "category";
  readonly name: string;
  readonly title: string;
  /** Names of the categories, as text that may hold anything. */
  readonly names: readonly string[];
  /** n numbers of categories; NO_CATEGORY where a row has none. */
  readonly values: Uint16Array;
  /** How many rows each category has. */
  readonly counts: readonly number[];
}

export const NO_CATEGORY = 65535;

/** Small images of the rows, which may still be on their way. */
export interface ImageSource {
  readonly height: number;
  readonly width: number;
  /** 1 grey, 3 red-green-blue, 4 with opacity; interleaved. */
  readonly channels: number;
  /** Grey on a dark ground: shown as ink on the page. */
  readonly ink: boolean;
  /** 16 (each 17 apart) or 256. */
  readonly levels: number;
  /** height * width * channels bytes, 0 to 255, a view that must not be written to; null: not here yet. */
  get(row: number): Uint8Array | null;
  /** Ask for these rows; resolves when they are here (a whole file loads all of them by itself). */
  want(rows: ArrayLike<number>): Promise<void>;
  /** How many rows are here. */
  readonly loaded: number;
}

/** Codes of the rows, in whole numbers with a step for each column. */
export interface Codes {
  readonly n: number;
  readonly d: number;
  readonly steps: Float32Array;
  readonly lows: Float32Array;
  /** n * d; value = low + step * number. */
  readonly numbers: Uint8Array | Uint16Array;
  /** 0th to 100th percentiles of the distance of a code to its nearest other one; null: not known. */
  readonly percentiles: Float32Array | null;
}

/** One layer of a network; weights are in the order of PyTorch, batch normalisation is folded in. */
export type Layer =
  | LinearLayer
  | ConvLayer
  | ScaleLayer
  | ResidualLayer
  | PointwiseLayer
  | { readonly op: "flatten" }
  | UnflattenLayer
  | UpsampleLayer
  | PadLayer
  | CropLayer;

interface Weighted {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

export interface LinearLayer extends Weighted {
  readonly op: "linear";
  readonly inputs: number;
  readonly outputs: number;
}

export interface ConvLayer extends Weighted {
  readonly op: "conv2d" | "conv_transpose2d";
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  /** Of the transposed one: rows below and columns at the right. */
  readonly output_padding?: readonly [number, number];
}

/** Each channel times a weight and plus a bias: batch normalisation that could not be folded. */
export interface ScaleLayer extends Weighted {
  readonly op: "scale";
}

/** What comes in plus what the body makes of it. */
export interface ResidualLayer {
  readonly op: "residual";
  readonly body: readonly Layer[];
}

export interface PointwiseLayer {
  readonly op: "relu" | "silu" | "gelu" | "sigmoid" | "tanh";
}

export interface UnflattenLayer {
  readonly op: "unflatten";
  readonly shape: readonly [number, number, number];
}

export interface UpsampleLayer {
  readonly op: "upsample_nearest";
  readonly factor: number;
}

export interface PadLayer {
  readonly op: "pad";
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface CropLayer {
  readonly op: "crop";
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

export interface Autoencoder {
  readonly d: number;
  readonly seed: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Null where an atlas has only the other half. */
  readonly encoder: readonly Layer[] | null;
  readonly decoder: readonly Layer[] | null;
}

/** Test images and what models of each size make of them. */
export interface SizeSamples {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Rising. */
  readonly sizes: readonly number[];
  readonly seed: number;
  /** count images. */
  readonly originals: Uint8Array;
  /** For each size, count images. */
  readonly reconstructions: readonly Uint8Array[];
}

/** Height, width and channels of the images that a model takes or gives. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** What is on its way when `AtlasData` is first handed out, and has come when this is told. */
export type Arrival = "rest" | "images";

export interface AtlasData {
  readonly n: number;
  readonly about: About;
  readonly maps: readonly MapData[];
  /** Label first (if there is one), then split, reconstruction error, and the others. */
  readonly columns: readonly Column[];
  /** The column named "label"; null where nothing is labelled. */
  readonly label: CategoryColumn | null;
  readonly sweep: readonly SweepRow[];
  readonly history: readonly EpochRow[];
  readonly choice: Choice | null;
  readonly images: ImageSource | null;
  /** Of the images that are decoded; null where nothing can be. */
  readonly decoded: ImageShape | null;
  /** Why a part ("labels", "images", "codes", "model", ...) is not there, in a sentence. */
  readonly lacking: Readonly<Record<string, string>>;

  // Empty or null until `ready`, and after it where the atlas has none.
  readonly ids: readonly string[];
  readonly texts: readonly TextColumn[];
  readonly codes: Codes | null;
  readonly models: Readonly<Partial<Record<ModelName, Autoencoder>>>;
  readonly sizeSamples: SizeSamples | null;
  /** Principal directions of the codes. */
  readonly principal: PrincipalAxes | null;

  /** Resolves when all but the images is here; rejects with a sentence for people. */
  readonly ready: Promise<void>;
  /** Calls back at each arrival, several times for images; returns how to stop that. */
  onArrival(listener: (what: Arrival) => void): () => void;
}

// What `compute.ts` answers; the heavy questions in a worker.

/** A place's code, and how far that can be believed. */
export interface Inverse {
  readonly code: Float32Array;
  /** Distance to the nearest row on the map, in units of `MapRules.unit`. */
  readonly distance: number;
  /** Share (0 to 1) of the rows that lie closer to their own nearest row than this place to its. */
  readonly percentile: number;
}

export interface RoundTrip extends Inverse {
  /** height * width numbers in [0, 1]. */
  readonly image: Float32Array;
  /** Where the image lands when it is encoded and placed again, normalised; null: no encoder. */
  readonly back: readonly [number, number] | null;
  /** How far that is from the place, in units of `MapRules.unit`; NaN without. */
  readonly drift: number;
}

export interface Neighbours {
  readonly rows: Uint32Array;
  /** Euclidean, in code space, rising. */
  readonly distances: Float32Array;
}

/** An image from outside, encoded and placed. */
export interface Arrived {
  readonly image: Float32Array;
  /** Null without a decoder. */
  readonly reconstruction: Float32Array | null;
  readonly code: Float32Array;
  /** Normalised place on each map, by name; a map without rules is missing. */
  readonly places: Readonly<Record<string, readonly [number, number]>>;
  readonly nearest: Neighbours;
  /** Mean squared error of the reconstruction. */
  readonly error: number;
  /** Share of the rows that are rebuilt better than this image. */
  readonly errorPercentile: number;
  /** Distance to the nearest code over the median distance between nearest codes. */
  readonly distance: number;
  /** Share of the rows that lie closer to their nearest other row. */
  readonly distancePercentile: number;
  /** Unlike the data: beyond the 99th percentile in either. */
  readonly strange: boolean;
}

export interface Mosaic {
  readonly columns: number;
  readonly rows: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Image after image, from the upper left, row by row. */
  readonly images: Uint8Array;
  /** For each image, the distance as in `Inverse`. */
  readonly distances: Float32Array;
}

/** A rectangle of a map in normalised units. */
export interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export interface PrincipalAxes {
  /** Mean of the codes. */
  readonly mean: Float32Array;
  /** Up to 8 orthonormal directions, strongest first. */
  readonly axes: readonly Float32Array[];
  /** Standard deviation of the codes along each. */
  readonly deviations: readonly number[];
  /** Share of the variance of each. */
  readonly shares: readonly number[];
}

/** Everything that is computed from an atlas; made by `compute.ts` once the atlas is ready. */
export interface Compute {
  // At once: each takes well under the time of a frame.
  decode(model: ModelName, code: Float32Array): Float32Array;
  encode(model: ModelName, image: Float32Array): Float32Array;
  /** Code of a row, of the model that the map shows. */
  codeOf(model: ModelName, row: number): Float32Array;
  inverse(map: string, x: number, y: number): Inverse | null;
  roundTrip(map: string, x: number, y: number): RoundTrip | null;
  place(map: string, code: Float32Array): readonly [number, number] | null;
  /** Row nearest to a place among those that are not hidden, or -1 beyond `radius` (normalised). */
  pick(map: string, x: number, y: number, radius: number, hidden?: Uint8Array): number;
  /** Rows inside a closed polygon of x, y, x, y, ... */
  inside(map: string, polygon: ArrayLike<number>): Uint32Array;
  // In a worker where there is one.
  neighbours(model: ModelName, code: Float32Array, k: number, except?: number): Promise<Neighbours>;
  mosaic(map: string, box: Box, columns: number, rows: number): Promise<Mosaic | null>;
  /** Encode an image of the size of the data (numbers in [0, 1]) and place it on every map; null without a model. */
  arrive(image: Float32Array): Promise<Arrived | null>;
  /** Mean image, and the rows ordered from most to least typical (distance to the mean code). */
  summarise(rows: Uint32Array): Promise<{ readonly mean: Float32Array | null; readonly order: Uint32Array }>;
  close(): void;
}

/** The map, or the column, of this name. */
export function named<T extends { readonly name: string }>(all: readonly T[], name: string): T | undefined {
  return all.find((each) => each.name === name);
}
