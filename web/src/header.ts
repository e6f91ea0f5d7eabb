// Made from src/latentscape/explorer/schema.json by schema.mjs (npm run check): change that.

/** The version of the data block that this page reads. */
export const FORMAT_VERSION = 3;

/** Header of the data block of the explorer. It names blocks of bytes, which lie behind it. */
export interface Header {
  /** Rows: the mapped images. */
  readonly n: number;
  readonly about: About;
  readonly maps: readonly MapEntry[];
  /** Label first (if there is one), then split, reconstruction error, and the others. */
  readonly columns: readonly ColumnEntry[];
  readonly texts: readonly TextEntry[];
  readonly codes: CodesEntry | null;
  readonly models: readonly ModelEntry[];
  readonly principal: PrincipalEntry | null;
  readonly size_samples: SamplesEntry | null;
  /** Name of a block of JSON: an array of names, those that count up as [prefix, first number, digits, how many]. */
  readonly ids: string;
  readonly images: ImagesEntry | null;
  readonly sweep: readonly SweepRow[];
  readonly history: readonly EpochRow[];
  readonly choice: Choice | null;
  /** Why a part ("labels", "images", "codes", "model", ...) is not there, in a sentence. */
  readonly lacking: Readonly<Record<string, string>>;
  readonly blocks: Readonly<Record<string, BlockEntry>>;
}

/** Where a block lies, counted from the end of the header. */
export interface BlockEntry {
  readonly offset: number;
  readonly length: number;
  readonly type: "u1" | "u2" | "f4" | "json";
  readonly packing: "none" | "deflate";
  /** Bytes of u2 lie plane by plane: all low bytes first. */
  readonly planes?: true;
}

export interface Measure {
  /** "recall", "r_nx_auc", "trustworthiness", ... */
  readonly key: string;
  readonly title: string;
  readonly definition: string;
  /** "local", "global", "label" or "stability". */
  readonly scope: string;
  /** One of the few to be shown first. */
  readonly headline: boolean;
  readonly value: number | null;
  readonly standard_error: number | null;
  /** The same measure of a random map. */
  readonly random: number | null;
  /** Of PCA's map. */
  readonly pca: number | null;
  readonly pca_error: number | null;
  /** The best value that it can have. */
  readonly best: number | null;
  /** The label measures also in the codes and the pixels. */
  readonly codes: number | null;
  readonly pixels: number | null;
}

/** R_NX: how much better than chance the nearest `sizes` rows are kept. */
export interface QualityCurve {
  /** "map", "pca" or "random". */
  readonly of: string;
  readonly sizes: readonly number[];
  readonly values: readonly (number | null)[];
  readonly standard_errors: readonly (number | null)[];
}

export interface MapQuality {
  readonly measures: readonly Measure[];
  readonly curves: readonly QualityCurve[];
  readonly notes: readonly string[];
}

export interface CardSentence {
  readonly topic: string;
  readonly verdict: string;
  readonly text: string;
}

export interface MapCard {
  readonly title: string;
  readonly sentences: readonly CardSentence[];
}

/** An affine map `origin + v · axes` in normalised units; axes row by row. */
export interface AffineEntry {
  readonly axes: readonly number[];
  readonly origin: readonly number[];
}

export interface AffinePlace {
  readonly kind: "affine";
  readonly axes: readonly number[];
  readonly origin: readonly number[];
}

export interface VotedPlace {
  readonly kind: "votes";
  readonly reach: number;
}

export interface InverseEntry {
  readonly local: boolean;
  readonly linear: AffineEntry | null;
}

export interface RulesEntry {
  /** Code to place: affine (d × 2), or the votes of the nearest rows on one island. */
  readonly place: AffinePlace | VotedPlace;
  /** Place to code: affine (2 × d), local interpolation, or both (LDA). */
  readonly inverse: InverseEntry;
  /** Median distance of a row to its nearest other row, normalised units. */
  readonly unit: number;
  /** That distance's 0th to 100th percentiles over the rows, rising. */
  readonly percentiles: readonly number[];
}

/** "main": the mapped latent size. "plane": the model with two neurons. */
export type ModelName = "main" | "plane";

/** Positions are normalised: x of all rows, then y; `low + step * number`. */
export interface MapEntry {
  readonly name: string;
  readonly title: string;
  readonly model: ModelName;
  /** Name of a block. */
  readonly positions: string;
  readonly low: readonly [number, number];
  readonly step: readonly [number, number];
  /** Map units are `center + scale * normalised`. */
  readonly center: readonly [number, number];
  readonly scale: number;
  readonly badge: string | null;
  readonly quality: MapQuality | null;
  readonly card: MapCard | null;
  readonly rules: RulesEntry | null;
}

export interface NumberEntry {
  readonly kind: "number";
  readonly name: string;
  readonly title: string;
  /** Name of a block. */
  readonly block: string;
  readonly low: number;
  readonly high: number;
  /** Whole numbers 0 to levels - 1 stand for low to high, `levels` for none. */
  readonly levels: number;
  /** The map that it speaks of, for the columns of trust. */
  readonly map: string | null;
  /** What it tells, in a sentence; may be "". */
  readonly note: string;
}

export interface CategoryEntry {
  readonly kind: "category";
  readonly name: string;
  readonly title: string;
  /** Name of a block. */
  readonly block: string;
  readonly names: readonly string[];
  /** Stands for rows without a category. */
  readonly none: 255 | 65535;
}

export type ColumnEntry = NumberEntry | CategoryEntry;

export interface TextEntry {
  readonly name: string;
  readonly title: string;
  /** Name of a block of JSON: an array of strings. */
  readonly block: string;
}

/** Codes as whole numbers: `low + step * number`, by column. */
export interface CodesEntry {
  readonly d: number;
  /** Name of a block. */
  readonly block: string;
  /** Row after row, to be read in pieces; otherwise column after column. */
  readonly by_row?: true;
  readonly lows: readonly number[];
  readonly steps: readonly number[];
  /** 0th to 100th percentiles of the distance of a code to its nearest other one. */
  readonly percentiles: readonly number[] | null;
}

export interface LinearEntry {
  readonly op: "linear";
  readonly inputs: number;
  readonly outputs: number;
  /** How many weights and biases it takes from the model's block, in their order. */
  readonly counts: readonly [number, number];
  /** Smallest weight and step. */
  readonly weight: readonly [number, number];
  /** Smallest bias and step. */
  readonly bias: readonly [number, number];
}

export interface ConvEntry {
  readonly op: "conv2d" | "conv_transpose2d";
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  /** Of the transposed one: rows below and columns at the right. */
  readonly output_padding?: readonly [number, number];
  /** How many weights and biases it takes from the model's block, in their order. */
  readonly counts: readonly [number, number];
  /** Smallest weight and step. */
  readonly weight: readonly [number, number];
  /** Smallest bias and step. */
  readonly bias: readonly [number, number];
}

/** Batch normalisation that could not be folded into a layer. */
export interface ScaleEntry {
  readonly op: "scale";
  /** How many weights and biases it takes from the model's block, in their order. */
  readonly counts: readonly [number, number];
  /** Smallest weight and step. */
  readonly weight: readonly [number, number];
  /** Smallest bias and step. */
  readonly bias: readonly [number, number];
}

/** What comes in plus what the body makes of it. */
export interface ResidualEntry {
  readonly op: "residual";
  readonly body: readonly LayerEntry[];
}

export interface PointwiseEntry {
  readonly op: "relu" | "silu" | "gelu" | "sigmoid" | "tanh" | "flatten";
}

export interface UnflattenEntry {
  readonly op: "unflatten";
  readonly shape: readonly [number, number, number];
}

export interface UpsampleEntry {
  readonly op: "upsample_nearest";
  readonly factor: number;
}

export interface PadEntry {
  readonly op: "pad";
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface CropEntry {
  readonly op: "crop";
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** A layer; its weights stand in the model's block. */
export type LayerEntry = LinearEntry | ConvEntry | ScaleEntry | ResidualEntry | PointwiseEntry | UnflattenEntry | UpsampleEntry | PadEntry | CropEntry;

export interface ModelEntry {
  readonly name: ModelName;
  readonly d: number;
  readonly seed: number;
  readonly height: number;
  readonly width: number;
  /** 1 grey, 3 red-green-blue, 4 with opacity; interleaved. */
  readonly channels: 1 | 3 | 4;
  /** Name of a block. */
  readonly block: string;
  /** Null where an atlas has only the other half. */
  readonly encoder: readonly LayerEntry[] | null;
  readonly decoder: readonly LayerEntry[] | null;
}

/** A block of float32: the codes' mean, then `count` axes. */
export interface PrincipalEntry {
  /** Name of a block. */
  readonly block: string;
  readonly count: number;
  readonly deviations: readonly number[];
  readonly shares: readonly number[];
}

/** A block of bytes: `count` test images, then theirs rebuilt at each size. */
export interface SamplesEntry {
  /** Name of a block. */
  readonly block: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** 1 grey, 3 red-green-blue, 4 with opacity; interleaved. */
  readonly channels: 1 | 3 | 4;
  /** Rising. */
  readonly sizes: readonly number[];
  readonly seed: number;
}

/** Grey images of 16 levels: see thumbnails.ts and thumbnails.py. */
export interface CodedImages {
  readonly coding: "contexts";
  readonly height: number;
  readonly width: number;
  readonly channels: 1;
  /** Grey on a dark ground: shown as ink on the page. */
  readonly ink: boolean;
  readonly levels: 16;
  readonly per_block: number;
  readonly blocks: readonly string[];
  /** Images with one state of the coder. */
  readonly lane: number;
  /** Name of a block. */
  readonly table: string;
}

/** Bytes, one block after the other. */
export interface PlainImages {
  readonly coding: "bytes";
  readonly height: number;
  readonly width: number;
  /** 1 grey, 3 red-green-blue, 4 with opacity; interleaved. */
  readonly channels: 1 | 3 | 4;
  /** Grey on a dark ground: shown as ink on the page. */
  readonly ink: boolean;
  readonly levels: 16 | 256;
  readonly per_block: number;
  readonly blocks: readonly string[];
}

/** A server is asked for each row. */
export interface RowImages {
  readonly coding: "rows";
  readonly height: number;
  readonly width: number;
  /** 1 grey, 3 red-green-blue, 4 with opacity; interleaved. */
  readonly channels: 1 | 3 | 4;
  /** Grey on a dark ground: shown as ink on the page. */
  readonly ink: boolean;
  readonly levels: 256;
}

export type ImagesEntry = CodedImages | PlainImages | RowImages;

export interface SweepRow {
  readonly model: "autoencoder" | "pca";
  readonly latent_dim: number;
  /** -1 for PCA. */
  readonly seed: number;
  readonly train_mse: number | null;
  readonly validation_mse: number | null;
  readonly test_mse: number | null;
  readonly seconds: number | null;
}

export interface EpochRow {
  readonly latent_dim: number;
  readonly seed: number;
  readonly epoch: number;
  readonly train_loss: number | null;
  readonly validation_mse: number | null;
}

/** The latent size that was chosen, and by what rule. */
export interface Choice {
  readonly latent_dim: number;
  readonly rule: string;
  readonly sentence: string;
  /** Smallest and largest size that any rule chooses. */
  readonly band: readonly number[];
  readonly rules: Readonly<Record<string, number>>;
  readonly tolerance: number | null;
  readonly thin: boolean;
  readonly model_limited_above: number | null;
}

/** Where an atlas comes from. */
export interface About {
  /** Name of the data, as the user gave it. */
  readonly name: string;
  readonly n_train: number | null;
  readonly n_test: number | null;
  readonly image_shape: readonly number[];
  readonly content_hash: string;
  readonly notes: readonly string[];
  /** "test", "train" or "all": which images are mapped. */
  readonly rows: string;
  /** Latent size of the mapped model. */
  readonly latent_dim: number;
  /** Its seed. */
  readonly seed: number;
  /** Last stage's end, ISO 8601. */
  readonly finished: string;
  readonly latentscape_version: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Seconds that each stage took. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly citation: string;
  readonly bibtex: string;
  /** Share of rows whose nearest rows have the same label: "codes" and each map. */
  readonly knn_accuracy: Readonly<Record<string, number>>;
  readonly knn_k: number;
  /** Whether drawings are centred as MNIST's digits are. */
  readonly centred: boolean;
  /** Colour around pictures of another shape, as style sheets have it; "": not known. */
  readonly background: string;
}
