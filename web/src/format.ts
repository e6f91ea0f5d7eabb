/**
 * The data block: 8 bytes "LATENTSX", version and header length (uint32, little endian),
 * the header (JSON, deflated), and blocks one after the other. In `latentscape/explorer`,
 * `schema.json` says what the header holds (`header.ts` is made from it), `data.py` fills it,
 * and `container.py` writes it.
 */

import type {
  About,
  Affine,
  Arrival,
  AtlasData,
  Autoencoder,
  CategoryColumn,
  Choice,
  Codes,
  Column,
  EpochRow,
  ImageShape,
  ImageSource,
  Layer,
  MapData,
  MapRules,
  ModelName,
  PrincipalAxes,
  SizeSamples,
  SweepRow,
  TextColumn,
} from "./data";
import type { BlockEntry, CodedImages, CodesEntry, ColumnEntry, Header, ImagesEntry, LayerEntry, MapEntry, ModelEntry, PlainImages, PrincipalEntry, SamplesEntry } from "./header";
import { FORMAT_VERSION } from "./header";
import { type Numbered, written } from "./numbered";
import { ServedImages, readPieces } from "./served";
import type { Source } from "./sources";
import { ThumbnailDecoder } from "./thumbnails";

const MAGIC = "LATENTSX";

export class FormatError extends Error {}

type Numbers = Uint8Array | Uint16Array | Float32Array;

/** Blocks by name, from a source. */
class Blocks {
  constructor(
    private readonly source: Source,
    private readonly start: number,
    private readonly entries: Readonly<Record<string, BlockEntry>>,
  ) {}

  private entry(name: string): BlockEntry {
    const entry = this.entries[name];
    if (!entry) throw new FormatError(`the data block has no part ${name}; make the page again`);
    return entry;
  }

  async bytes(name: string): Promise<Uint8Array> {
    const entry = this.entry(name);
    const raw = await this.source.read(this.start + entry.offset, entry.length);
    if (raw.length !== entry.length) throw new FormatError("the data block is cut short; make the page again");
    return entry.packing === "deflate" ? inflate(raw) : raw;
  }

  /** Some bytes of an unpacked block. */
  part(name: string, offset: number, length: number): Promise<Uint8Array> {
    return this.source.read(this.start + this.entry(name).offset + offset, length);
  }

  ask(address: string): Promise<Uint8Array> {
    if (!this.source.ask) throw new FormatError("these data need the server that they come from");
    return this.source.ask(address);
  }

  async numbers(name: string): Promise<Numbers> {
    const entry = this.entry(name);
    const bytes = await this.bytes(name);
    if (entry.type === "u1") return bytes;
    if (entry.type === "f4") return new Float32Array(aligned(bytes));
    return new Uint16Array(entry.planes ? interleaved(bytes) : aligned(bytes));
  }

  async json(name: string): Promise<unknown> {
    return JSON.parse(new TextDecoder().decode(await this.bytes(name)));
  }
}

function aligned(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}

function interleaved(bytes: Uint8Array): ArrayBuffer {
  const half = bytes.length >> 1;
  const out = new Uint8Array(2 * half);
  for (let i = 0; i < half; i++) {
    out[2 * i] = bytes[i] as number;
    out[2 * i + 1] = bytes[half + i] as number;
  }
  return out.buffer;
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  if (typeof DecompressionStream === "undefined") {
    throw new FormatError("this browser is too old to unpack the data; use one of 2023 or later");
  }
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Open a data block; what comes later is told by `ready` and `onArrival`. */
export async function openAtlas(source: Source): Promise<AtlasData> {
  const lead = await source.read(0, 16);
  if (lead.length < 16 || new TextDecoder().decode(lead.subarray(0, 8)) !== MAGIC) {
    throw new FormatError("this is no data of latentscape, or it is damaged; make the page again");
  }
  const view = new DataView(lead.buffer, lead.byteOffset, lead.byteLength);
  const version = view.getUint32(8, true);
  if (version !== FORMAT_VERSION) {
    throw new FormatError(
      `these data have version ${version}, this page reads ${FORMAT_VERSION}; make the page again`,
    );
  }
  const length = view.getUint32(12, true);
  const header = JSON.parse(new TextDecoder().decode(await inflate(await source.read(16, length)))) as Header;
  const blocks = new Blocks(source, 16 + length, header.blocks);
  const [maps, columns] = await Promise.all([
    Promise.all(header.maps.map((entry) => readMap(entry, blocks))),
    Promise.all(header.columns.map((entry) => readColumn(entry, header.n, blocks))),
  ]);
  return new Opened(header, maps, columns, blocks);
}

class Opened implements AtlasData {
  readonly n: number;
  readonly about: About;
  readonly label: CategoryColumn | null;
  readonly sweep: readonly SweepRow[];
  readonly history: readonly EpochRow[];
  readonly choice: Choice | null;
  readonly images: ImageSource | null;
  readonly decoded: ImageShape | null;
  readonly lacking: Readonly<Record<string, string>>;
  readonly ready: Promise<void>;
  ids: readonly string[] = [];
  texts: readonly TextColumn[] = [];
  codes: Codes | null = null;
  models: Readonly<Partial<Record<ModelName, Autoencoder>>> = {};
  sizeSamples: SizeSamples | null = null;
  principal: PrincipalAxes | null = null;
  private readonly listeners = new Set<(what: Arrival) => void>();

  constructor(
    header: Header,
    readonly maps: readonly MapData[],
    readonly columns: readonly Column[],
    blocks: Blocks,
  ) {
    this.n = header.n;
    this.about = header.about;
    this.label = columns.find((c): c is CategoryColumn => c.kind === "category" && c.name === "label") ?? null;
    this.sweep = header.sweep;
    this.history = header.history;
    this.choice = header.choice;
    this.lacking = header.lacking;
    this.decoded = header.models.find((model) => model.decoder !== null) ?? null;
    this.ready = this.rest(header, blocks);
    this.ready.catch(() => undefined); // whoever waits for it hears of it
    this.images = header.images ? imagesOf(header.images, header.n, blocks, this.ready, () => this.tell("images")) : null;
  }

  onArrival(listener: (what: Arrival) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tell(what: Arrival): void {
    for (const listener of [...this.listeners]) listener(what);
  }

  private async rest(header: Header, blocks: Blocks): Promise<void> {
    const [codes, models, principal, samples, ids, texts] = await Promise.all([
      header.codes ? readCodes(header.codes, header.n, blocks) : null,
      Promise.all(header.models.map((entry) => readModel(entry, blocks))),
      header.principal ? readPrincipal(header.principal, blocks) : null,
      header.size_samples ? readSamples(header.size_samples, blocks) : null,
      blocks.json(header.ids),
      Promise.all(header.texts.map(async ({ name, title, block }) => ({ name, title, values: (await blocks.json(block)) as string[] }))),
    ]);
    this.codes = codes;
    this.models = Object.fromEntries(header.models.map((entry, i) => [entry.name, models[i] as Autoencoder]));
    this.principal = principal;
    this.sizeSamples = samples;
    this.ids = written(ids as Numbered);
    this.texts = texts;
    this.tell("rest");
  }
}

async function readMap(entry: MapEntry, blocks: Blocks): Promise<MapData> {
  const numbers = await blocks.numbers(entry.positions);
  const positions = new Float32Array(numbers.length);
  // x of all rows first, then y: it packs better.
  const n = numbers.length >> 1;
  for (let i = 0; i < n; i++) {
    positions[2 * i] = entry.low[0] + entry.step[0] * (numbers[i] as number);
    positions[2 * i + 1] = entry.low[1] + entry.step[1] * (numbers[n + i] as number);
  }
  const { name, title, model, center, scale, badge, quality, card } = entry;
  let rules: MapRules | null = null;
  if (entry.rules) {
    const { place, inverse, unit, percentiles } = entry.rules;
    rules = {
      place: place.kind === "votes" ? place : { kind: "affine", map: readAffine(place) },
      inverse: { local: inverse.local, linear: inverse.linear ? readAffine(inverse.linear) : null },
      unit,
      percentiles: Float32Array.from(percentiles),
    };
  }
  return { name, title, model, center, scale, badge, quality, card, positions, rules };
}

function readAffine(entry: { readonly axes: readonly number[]; readonly origin: readonly number[] }): Affine {
  return { axes: Float32Array.from(entry.axes), origin: Float32Array.from(entry.origin) };
}

async function readColumn(entry: ColumnEntry, n: number, blocks: Blocks): Promise<Column> {
  const numbers = await blocks.numbers(entry.block);
  if (numbers.length !== n) throw new FormatError(`the column ${entry.name} is damaged; make the page again`);
  if (entry.kind === "category") {
    const { name, title, names, none } = entry;
    // Plain loops: with a million rows, mapping takes seconds.
    const values = new Uint16Array(n);
    const counts = new Array<number>(names.length).fill(0);
    for (let i = 0; i < n; i++) {
      const value = numbers[i] as number;
      values[i] = value === none ? 65535 : value;
      if (value < counts.length) counts[value] = (counts[value] as number) + 1;
    }
    return { kind: "category", name, title, names, values, counts };
  }
  const { name, title, low, high, levels, map, note } = entry;
  const step = levels > 1 ? (high - low) / (levels - 1) : 0;
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) values[i] = numbers[i] === levels ? NaN : low + step * (numbers[i] as number);
  return { kind: "number", name, title, values, low, high, map, note };
}

async function readCodes(entry: CodesEntry, n: number, blocks: Blocks): Promise<Codes> {
  const { d } = entry;
  let numbers: Uint8Array | Uint16Array;
  if (entry.by_row === true) numbers = await readPieces((offset, length) => blocks.part(entry.block, offset, length), n * d);
  else {
    const columns = (await blocks.numbers(entry.block)) as Uint8Array | Uint16Array;
    // Column after column in the file; row after row here, where rows are compared.
    numbers = columns instanceof Uint8Array ? new Uint8Array(n * d) : new Uint16Array(n * d);
    for (let j = 0; j < d; j++) for (let i = 0; i < n; i++) numbers[i * d + j] = columns[j * n + i] as number;
  }
  return {
    n,
    d,
    numbers,
    lows: Float32Array.from(entry.lows),
    steps: Float32Array.from(entry.steps),
    percentiles: entry.percentiles ? Float32Array.from(entry.percentiles) : null,
  };
}

async function readModel(entry: ModelEntry, blocks: Blocks): Promise<Autoencoder> {
  const weights = (await blocks.numbers(entry.block)) as Uint16Array;
  let at = 0;
  const take = (count: number, [low, step]: readonly [number, number]): Float32Array => {
    const taken = new Float32Array(count); // a plain loop: Float32Array.from takes ten times as long
    for (let i = 0; i < count; i++) taken[i] = low + step * (weights[at + i] ?? NaN);
    at += count;
    return taken;
  };
  const layer = (given: LayerEntry): Layer => {
    if ("body" in given) return { ...given, body: given.body.map(layer) };
    if (!("counts" in given)) return given;
    const [weights, biases] = given.counts;
    return { ...given, weight: take(weights, given.weight), bias: take(biases, given.bias) };
  };
  const encoder = entry.encoder?.map(layer) ?? null;
  const decoder = entry.decoder?.map(layer) ?? null;
  if (at !== weights.length) throw new FormatError("the weights do not fit the network; make the page again");
  const { d, seed, height, width, channels } = entry;
  return { d, seed, height, width, channels, encoder, decoder };
}

async function readPrincipal(entry: PrincipalEntry, blocks: Blocks): Promise<PrincipalAxes> {
  const numbers = (await blocks.numbers(entry.block)) as Float32Array;
  const d = numbers.length / (entry.count + 1);
  const line = (i: number): Float32Array => numbers.slice(i * d, (i + 1) * d);
  const axes = Array.from({ length: entry.count }, (_, i) => line(i + 1));
  return { mean: line(0), axes, deviations: entry.deviations, shares: entry.shares };
}

async function readSamples(entry: SamplesEntry, blocks: Blocks): Promise<SizeSamples> {
  const numbers = (await blocks.numbers(entry.block)) as Uint8Array;
  const { count, height, width, channels, sizes, seed } = entry;
  const each = count * height * width * channels;
  const reconstructions = sizes.map((_, i) => numbers.subarray((i + 1) * each, (i + 2) * each));
  return { count, height, width, channels, sizes, seed, originals: numbers.subarray(0, each), reconstructions };
}

function imagesOf(entry: ImagesEntry, n: number, blocks: Blocks, after: Promise<void>, tell: () => void): ImageSource {
  if (entry.coding !== "rows") return new Images(entry, n, blocks, after, tell);
  const { height, width, channels, ink } = entry;
  return new ServedImages(n, height, width, channels, ink, (rows) => blocks.ask(`/images?rows=${rows.join(",")}`), tell);
}

class Images implements ImageSource {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly ink: boolean;
  readonly levels: number;
  private readonly size: number;
  private readonly perBlock: number;
  private readonly blocks = new Map<number, Uint8Array>();
  private readonly awaited = new Map<number, Promise<void>>();
  private decoder: Promise<ThumbnailDecoder> | null = null;
  private count = 0;

  constructor(
    private readonly entry: CodedImages | PlainImages,
    private readonly n: number,
    private readonly source: Blocks,
    after: Promise<void>,
    private readonly tell: () => void,
  ) {
    this.height = entry.height;
    this.width = entry.width;
    this.channels = entry.channels;
    this.ink = entry.ink;
    this.levels = entry.levels;
    this.size = entry.height * entry.width * entry.channels;
    this.perBlock = entry.per_block;
    // Everything else first: the page can be used before the last image is there.
    void after.catch(() => undefined).then(() => this.all());
  }

  get loaded(): number {
    return this.count;
  }

  get(row: number): Uint8Array | null {
    const number = Math.floor(row / this.perBlock);
    const block = this.blocks.get(number);
    if (!block) return null;
    const start = (row - number * this.perBlock) * this.size;
    return block.subarray(start, start + this.size);
  }

  async want(rows: ArrayLike<number>): Promise<void> {
    const numbers = new Set<number>();
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number;
      if (row >= 0 && row < this.n) numbers.add(Math.floor(row / this.perBlock));
    }
    await Promise.all([...numbers].map((number) => this.load(number)));
  }

  private async all(): Promise<void> {
    for (let number = 0; number * this.perBlock < this.n; number++) {
      await this.load(number);
      // Let the page breathe between two blocks.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  private load(number: number): Promise<void> {
    if (this.blocks.has(number)) return Promise.resolve();
    let awaited = this.awaited.get(number);
    if (!awaited) {
      awaited = this.fetch(number).then(
        (block) => {
          this.awaited.delete(number);
          this.blocks.set(number, block);
          this.count += block.length / this.size;
          this.tell();
        },
        (error: unknown) => {
          this.awaited.delete(number); // it can be asked for again
          throw error;
        },
      );
      this.awaited.set(number, awaited);
    }
    return awaited;
  }

  private async fetch(number: number): Promise<Uint8Array> {
    const first = number * this.perBlock;
    const count = Math.min(this.perBlock, this.n - first);
    const name = this.entry.blocks[number] ?? "";
    if (this.entry.coding === "bytes") return this.source.bytes(name);
    const { table, lane } = this.entry;
    this.decoder ??= this.source.numbers(table).then((counts) => new ThumbnailDecoder(counts as Uint16Array));
    const [decoder, words] = await Promise.all([this.decoder, this.source.numbers(name)]);
    return decoder.decode(words as Uint16Array, count, this.height, this.width, lane);
  }
}
