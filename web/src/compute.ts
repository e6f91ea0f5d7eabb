/** Everything that is computed from an atlas: at once on this thread, or in a worker. */

import {
  named,
  type Arrived,
  type AtlasData,
  type Box,
  type Compute,
  type Inverse,
  type ModelName,
  type Mosaic,
  type Neighbours,
  type RoundTrip,
} from "./data";
import type { Answer, Ask, Heavy } from "./worker";
import { Space, type SpaceData } from "./space/space";

/**
 * The text of this very program, which calls `listen()` when it finds itself without a
 * document: the worker runs it too, so that no code stands in the page twice.
 */
export interface Program {
  readonly text: string;
  readonly module: boolean;
}

/** Make the computer of an atlas; call it when the atlas is `ready`. */
export function makeCompute(atlas: AtlasData, program: Program | null = null): Compute {
  return new Threaded(atlas, program);
}

class Threaded implements Compute {
  private readonly space: Space;
  private readonly heavy: Heavy;
  private worker: Worker | null = null;

  constructor(
    private readonly atlas: AtlasData,
    program: Program | null,
  ) {
    const { n, maps, codes, models, columns } = atlas;
    const errors = named(columns, "reconstruction_mse");
    const data: SpaceData = {
      n,
      maps: maps.map(({ name, model, positions, rules }) => ({ name, model, positions, rules })),
      codes,
      models,
      errors: errors?.kind === "number" ? errors.values : null,
    };
    this.space = new Space(data);
    this.heavy = (program ? this.start(program, data) : null) ?? direct(this.space);
  }

  /** Some pages may not start workers (policies of notebooks); they compute here instead. */
  private start(program: Program, data: SpaceData): Heavy | null {
    let worker: Worker;
    try {
      const address = URL.createObjectURL(new Blob([program.text], { type: "text/javascript" }));
      worker = new Worker(address, { type: program.module ? "module" : "classic" });
    } catch {
      return null;
    }
    const waiting = new Map<number, { readonly ask: Ask; readonly done: (answer: unknown) => void; readonly fail: (error: Error) => void }>();
    let next = 0;
    let broken = false;
    worker.onmessage = (event: MessageEvent<Answer>) => {
      const call = waiting.get(event.data.id);
      waiting.delete(event.data.id);
      if ("error" in event.data) call?.fail(new Error(event.data.error));
      else call?.done(event.data.value);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      broken = true;
      worker.terminate();
      for (const [, call] of waiting) run(this.space, call.ask).then(call.done, call.fail);
      waiting.clear();
    };
    worker.postMessage({ data });
    this.worker = worker;
    return (ask) =>
      broken
        ? run(this.space, ask)
        : new Promise((done, fail) => {
            const id = next++;
            waiting.set(id, { ask, done, fail });
            worker.postMessage({ id, ask });
          });
  }

  decode(model: ModelName, code: Float32Array): Float32Array {
    return this.space.decode(model, code);
  }

  encode(model: ModelName, image: Float32Array): Float32Array {
    return this.space.encode(model, image);
  }

  codeOf(model: ModelName, row: number): Float32Array {
    return this.space.codeOf(model, row);
  }

  inverse(map: string, x: number, y: number): Inverse | null {
    return this.space.inverse(map, x, y);
  }

  roundTrip(map: string, x: number, y: number): RoundTrip | null {
    return this.space.roundTrip(map, x, y);
  }

  place(map: string, code: Float32Array): readonly [number, number] | null {
    return this.space.place(map, code);
  }

  pick(map: string, x: number, y: number, radius: number, hidden?: Uint8Array): number {
    return this.space.pick(map, x, y, radius, hidden);
  }

  inside(map: string, polygon: ArrayLike<number>): Uint32Array {
    return this.space.inside(map, polygon);
  }

  neighbours(model: ModelName, code: Float32Array, k: number, except = -1): Promise<Neighbours> {
    return this.heavy({ kind: "neighbours", model, code, k, except }) as Promise<Neighbours>;
  }

  mosaic(map: string, box: Box, columns: number, rows: number): Promise<Mosaic | null> {
    return this.heavy({ kind: "mosaic", map, box, columns, rows }) as Promise<Mosaic | null>;
  }

  arrive(image: Float32Array): Promise<Arrived | null> {
    return this.heavy({ kind: "arrive", image }) as Promise<Arrived | null>;
  }

  async summarise(rows: Uint32Array): Promise<{ readonly mean: Float32Array | null; readonly order: Uint32Array }> {
    const images = this.atlas.images;
    const ordered = this.heavy({ kind: "order", rows }) as Promise<Uint32Array>;
    let mean: Float32Array | null = null;
    if (images) {
      // From a server, the mean of a sample tells as much and loads far less.
      const sample = rows.length > 5000 ? rows.filter((_, i) => i % Math.ceil(rows.length / 5000) === 0) : rows;
      await images.want(sample);
      const sums = new Float64Array(images.height * images.width * images.channels);
      let count = 0;
      for (const row of sample) {
        const image = images.get(row);
        if (!image) continue;
        count++;
        for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (image[i] as number);
      }
      if (count > 0) mean = Float32Array.from(sums, (sum) => sum / count / 255);
    }
    return { mean, order: await ordered };
  }

  close(): void {
    this.worker?.terminate();
    this.worker = null;
  }
}

function run(space: Space, ask: Ask): Promise<unknown> {
  return new Promise((done, fail) => {
    // Not at once: the caller may still want to draw.
    setTimeout(() => {
      try {
        done(space.answer(ask));
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    }, 0);
  });
}

function direct(space: Space): Heavy {
  return (ask) => run(space, ask);
}

