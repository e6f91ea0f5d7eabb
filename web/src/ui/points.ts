/** The points of all maps on one canvas, drawn by the graphics card or without one. */

import { named } from "../data";
import { createFallback } from "../gl/fallback";
import { pointLook, type PanelView, type Renderer } from "../gl/renderer";
import { createScatter } from "../gl/scatter";
import { applyFilters, colourIndices, paletteFor, stateBits, TRUST } from "./colouring";
import type { State } from "../store";
import type { Context } from "./context";
import { h } from "./dom";
import { Pace } from "./pace";
import type { PaintedPanel } from "./paint";

export class Points {
  /** 1 for rows that the filters leave out. */
  readonly outside: Uint8Array;
  anyOutside = false;
  readonly pace: Pace;
  private readonly bits: Uint8Array;
  private readonly coloured = new Set<string>();
  private renderer: Renderer | null = null;
  private canvas = layer();
  private size: readonly [number, number, number] = [0, 0, 1];

  /** `changed` is called when the points must be drawn again, `notice` with words on how that is done. */
  constructor(
    private readonly context: Context,
    private readonly changed: () => void,
    private readonly notice: (words: string) => void,
  ) {
    const { n } = context.atlas;
    this.outside = new Uint8Array(n);
    this.bits = new Uint8Array(n);
    this.pace = new Pace(n, changed);
    context.onClose(() => {
      this.pace.close();
      this.renderer?.dispose();
    });
  }

  /** Begin, or begin again; returns the canvas, which takes the place of an earlier one. */
  start(useCard: boolean): HTMLCanvasElement {
    const { atlas } = this.context;
    this.renderer?.dispose();
    this.replace();
    this.renderer = useCard ? createScatter(this.canvas, atlas.n) : null;
    if (this.renderer === null) {
      // A canvas that has tried one kind of context cannot have another.
      this.replace();
      this.renderer = createFallback(this.canvas, atlas.n);
      this.notice(
        this.renderer === null
          ? "This browser can draw neither with WebGL2 nor with Canvas2D, so the maps stay empty; the panels work."
          : "WebGL2 is not available here: the maps are drawn without the graphics card, slower and with at most 10,000 points each.",
      );
    } else {
      this.notice("");
      this.canvas.addEventListener("webglcontextlost", (event) => {
        event.preventDefault();
        this.start(false);
        this.notice("The graphics card was taken away from this page: the maps are now drawn without it, more slowly.");
      });
    }
    for (const map of atlas.maps) this.renderer?.setPositions(map.name, map.positions);
    this.resize(...this.size);
    this.recolour();
    this.restate();
    return this.canvas;
  }

  private replace(): void {
    const fresh = layer();
    this.canvas.replaceWith(fresh);
    this.canvas = fresh;
  }

  resize(width: number, height: number, ratio: number): void {
    this.size = [width, height, ratio];
    if (width > 0) this.renderer?.resize(width, height, ratio);
  }

  recolour(): void {
    this.coloured.clear();
    this.renderer?.setPalette(this.palette());
    this.changed();
  }

  /** Filters or the selection are others. */
  restate(): void {
    const { atlas, store } = this.context;
    this.anyOutside = applyFilters(atlas, store.state.filters, this.outside);
    stateBits(store.state, this.outside, this.bits);
    this.renderer?.setState(this.bits);
    this.changed();
  }

  draw(views: readonly PaintedPanel[]): void {
    if (this.renderer !== null) this.drawOn(this.renderer, views, this.pace.frame(performance.now()));
  }

  /** Draw a map once more, by itself, into a picture. */
  drawInto(paper: CanvasRenderingContext2D, view: PaintedPanel, ratio: number): void {
    const { atlas } = this.context;
    const canvas = h("canvas");
    const own = this.renderer?.kind === "webgl2" ? createScatter(canvas, atlas.n) : createFallback(canvas, atlas.n);
    if (own === null) return;
    own.setPositions(view.map, named(atlas.maps, view.map)?.positions ?? new Float32Array());
    own.setPalette(this.palette());
    own.setState(this.bits);
    own.resize(view.rect.width, view.rect.height, ratio);
    this.drawOn(own, [view], atlas.n);
    paper.drawImage(canvas, 0, 0, view.rect.width, view.rect.height);
    own.dispose();
  }

  private drawOn(renderer: Renderer, views: readonly PaintedPanel[], most: number): void {
    const { state } = this.context.store;
    const look = ({ rect, camera }: PaintedPanel) => pointLook(most, rect.width * rect.height, camera.zoom);
    const [first] = views;
    if (first === undefined) return;
    const someSelected = state.selection.length > 0;
    renderer.draw(
      views.map((view): PanelView => ({ ...view, to: view.map, colours: this.coloursOf(renderer, view.map), size: look(view).size })),
      {
        opacity: look(first).opacity * shownThrough(state),
        someSelected,
        someDimmed: this.anyOutside || someSelected,
        most,
      },
    );
  }

  /** Upload a map's colours when they are first needed; only trust colours differ between maps. */
  private coloursOf(renderer: Renderer, map: string): string {
    const { atlas, store } = this.context;
    const own = renderer === this.renderer;
    const key = store.state.colour === TRUST ? map : "";
    if (!own || !this.coloured.has(key)) renderer.setColours(key, colourIndices(atlas, store.state.colour, map));
    if (own) this.coloured.add(key);
    return key;
  }

  private palette(): ReturnType<typeof paletteFor> {
    const { atlas, store } = this.context;
    return paletteFor(atlas, store.state.colour, this.context.dark());
  }
}

/** How much of the points is left where they must let the mosaic or the images be seen. */
export function shownThrough({ mosaic, thumbnails }: State): number {
  return (mosaic ? 0.55 : 1) * (thumbnails ? 0.35 : 1);
}

/** A canvas over the whole stage. */
export function layer(): HTMLCanvasElement {
  return h("canvas", { class: "layer", "aria-hidden": "true" });
}
