/** What every part of the page is given. */

import type { AtlasData, Compute } from "../data";
import type { Store } from "../store";

/** Something that a panel wants drawn over the maps, in normalised map units. */
export interface Mark {
  readonly kind: "star" | "cross" | "arrow" | "line" | "ghost";
  readonly map: string;
  /** x, y, x, y, ... */
  readonly points: ArrayLike<number>;
  readonly text?: string;
  /** The text stands below, not above. */
  readonly below?: boolean;
  /** 1 is fully there. */
  readonly strength?: number;
}

/** Marks of all parts, each part replacing only its own. */
export class Marks {
  private readonly byOwner = new Map<string, readonly Mark[]>();
  private readonly listeners = new Set<() => void>();

  set(owner: string, marks: readonly Mark[]): void {
    if (marks.length === 0 && !this.byOwner.has(owner)) return;
    if (marks.length === 0) this.byOwner.delete(owner);
    else this.byOwner.set(owner, marks);
    this.redraw();
  }

  /** Tell that something which is drawn has become known. */
  redraw(): void {
    for (const listener of this.listeners) listener();
  }

  of(owner: string): readonly Mark[] {
    return this.byOwner.get(owner) ?? [];
  }

  all(): Mark[] {
    return [...this.byOwner.values()].flat();
  }

  subscribe(listener: () => void): void {
    this.listeners.add(listener);
  }
}

export interface Context {
  readonly atlas: AtlasData;
  readonly store: Store;
  readonly marks: Marks;
  /** Null until codes and models are here. */
  compute(): Compute | null;
  /** Resolves with it; never rejects, and stays open where it never comes. */
  readonly computed: Promise<Compute>;
  dark(): boolean;
  /** Tell what has happened, for a few seconds on the page and to those who cannot see it. */
  say(message: string): void;
  /** The address of this very view; null in a notebook, whose address is not ours. */
  readonly address: (() => string) | null;
  /** Everything that the page has set going and must stop when it is taken away. */
  onClose(stop: () => void): void;
}
