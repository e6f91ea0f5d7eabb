/** What a page of a server fetches when it is needed: codes in pieces, images row by row. */

import type { ImageSource } from "./data";

/** Bytes of codes that are asked for at a time. */
const PIECE = 1 << 23;
/** Images that are asked for at a time; the server takes up to 1,024. */
const ROWS_AT_ONCE = 512;
/** Bytes of images that are kept. */
const KEPT = 128 << 20;

/** Read whole numbers of two bytes, piece by piece, so that they are never there twice. */
export async function readPieces(read: (offset: number, length: number) => Promise<Uint8Array>, count: number): Promise<Uint16Array> {
  // Where the page is isolated, its worker looks at the same memory.
  const shared = typeof SharedArrayBuffer !== "undefined" && globalThis.crossOriginIsolated;
  const bytes = new Uint8Array(shared ? new SharedArrayBuffer(2 * count) : new ArrayBuffer(2 * count));
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = await read(at, Math.min(PIECE, bytes.length - at));
    if (piece.length === 0) throw new Error("the data block is cut short");
    bytes.set(piece, at);
  }
  return new Uint16Array(bytes.buffer);
}

/** Images of a server: those that were looked at last are kept. */
export class ServedImages implements ImageSource {
  readonly levels = 256;
  private readonly size: number;
  private readonly most: number;
  /** In the order of their last use. */
  private readonly kept = new Map<number, Uint8Array>();
  private readonly awaited = new Map<number, Promise<void>>();

  constructor(
    private readonly n: number,
    readonly height: number,
    readonly width: number,
    readonly channels: number,
    readonly ink: boolean,
    private readonly ask: (rows: readonly number[]) => Promise<Uint8Array>,
    private readonly tell: () => void,
  ) {
    this.size = height * width * channels;
    this.most = Math.max(2 * ROWS_AT_ONCE, Math.floor(KEPT / Math.max(1, this.size)));
  }

  get loaded(): number {
    return this.kept.size;
  }

  get(row: number): Uint8Array | null {
    const image = this.kept.get(row);
    if (image === undefined) return null;
    this.kept.delete(row);
    this.kept.set(row, image);
    return image;
  }

  async want(rows: ArrayLike<number>): Promise<void> {
    const missing = new Set<number>();
    const waiting = new Set<Promise<void>>();
    for (let i = 0; i < rows.length && missing.size < this.most; i++) {
      const row = rows[i] as number;
      if (!(row >= 0 && row < this.n) || this.kept.has(row)) continue;
      const before = this.awaited.get(row);
      if (before) waiting.add(before);
      else missing.add(row);
    }
    const wanted = [...missing];
    for (let i = 0; i < wanted.length; i += ROWS_AT_ONCE) {
      const part = wanted.slice(i, i + ROWS_AT_ONCE);
      const coming = this.load(part);
      for (const row of part) this.awaited.set(row, coming);
      waiting.add(coming);
    }
    if (waiting.size === 0) return;
    await Promise.all(waiting);
    if (wanted.length > 0) this.tell();
  }

  private async load(rows: readonly number[]): Promise<void> {
    try {
      const bytes = await this.ask(rows);
      if (bytes.length !== rows.length * this.size) throw new Error("the server sent other images than were asked for");
      // Copies, so that one that is kept does not hold the others.
      rows.forEach((row, i) => this.kept.set(row, bytes.slice(i * this.size, (i + 1) * this.size)));
      for (const row of this.kept.keys()) {
        if (this.kept.size <= this.most) break;
        this.kept.delete(row);
      }
    } finally {
      for (const row of rows) this.awaited.delete(row); // it can be asked for again
    }
  }
}
