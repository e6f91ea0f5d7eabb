/** The maps: one canvas of points for all panels, a layer below for the mosaic, one above for marks. */

import { hasTrust, TRUST } from "./colouring";
import type { Context } from "./context";
import { h, text } from "./dom";
import { Hand } from "./hand";
import { MosaicLayer } from "./mosaic";
import { paintPanel, type PaintedPanel } from "./paint";
import { makePanel, type Panel } from "./panel";
import { layer, Points } from "./points";
import { Views } from "./views";
import { mapTitle } from "./words";

export type Layer = "mosaic" | "points" | "marks" | "names";

export interface Stage {
  readonly element: HTMLElement;
  /** Draw layers of a map again into a canvas that lets the paper through, `ratio` device pixels to a CSS pixel. */
  picture(map: string, ratio: number, ...layers: Layer[]): HTMLCanvasElement | null;
  /** The panel's view of a map that is on screen. */
  view(map: string): PaintedPanel | null;
}

export function createStage(context: Context): Stage {
  const { store, marks } = context;
  if (store.state.colour === TRUST && !hasTrust(context.atlas)) store.set({ colour: "label" });
  const below = layer();
  const above = layer();
  const paper = { below: below.getContext("2d"), above: above.getContext("2d") };
  const grid = h("div", { class: "panels" });
  const notice = h("p", { class: "notice", role: "status" });
  const panels: Panel[] = [];
  const stale = { points: true, above: true, below: true };
  let width = 0;
  let frame = 0;

  const touch = (...layers: (keyof typeof stale)[]): void => {
    for (const name of layers) stale[name] = true;
    if (frame === 0) frame = requestAnimationFrame(draw);
  };
  const views = new Views(context);
  const mosaic = new MosaicLayer(context, () => touch("below"));
  const points = new Points(context, () => touch("points", "above"), (words) => {
    notice.hidden = words === "";
    text(notice, words);
  });
  const hand = new Hand(context, views, points);
  const ratio = (): number => Math.min(2, window.devicePixelRatio || 1);

  const draw = (): void => {
    frame = 0;
    if (width === 0) return;
    for (const panel of panels) {
      if (!views.arrives(panel)) continue;
      panel.pointer.look(); // other points have come under a pointer that rests
      stale.below = true;
      stale.above = true;
    }
    const painted = panels.map((panel) => views.painted(panel));
    const moving = panels.some((panel) => panel.passage !== null);
    if (stale.points || moving) {
      stale.points = false;
      points.draw(painted);
    }
    if (stale.below || moving) {
      stale.below = false;
      below.hidden = !store.state.mosaic; // an empty layer costs as much as a full one in every frame
      clear(paper.below);
      if (paper.below !== null && store.state.mosaic && !moving) mosaic.paint(paper.below, painted);
    }
    if (stale.above || moving) {
      stale.above = false;
      clear(paper.above);
      for (const [index, view] of painted.entries()) {
        if (paper.above !== null) paintPanel(paper.above, context, view, points.outside, panels[index]?.pointer.line() ?? null);
      }
    }
    if (moving) {
      points.pace.move();
      touch("points");
    }
  };

  const clear = (sheet: CanvasRenderingContext2D | null): void => {
    sheet?.setTransform(1, 0, 0, 1, 0, 0);
    sheet?.clearRect(0, 0, sheet.canvas.width, sheet.canvas.height);
    sheet?.setTransform(ratio(), 0, 0, ratio(), 0, 0);
  };

  const measure = (): void => {
    const box = element.getBoundingClientRect();
    width = Math.min(box.width, box.height) > 0 ? box.width : 0; // 0 while another page is read
    for (const panel of panels) {
      const own = panel.element.getBoundingClientRect();
      panel.rect = { left: own.left - box.left, top: own.top - box.top, width: own.width, height: own.height };
    }
    for (const canvas of [below, above]) {
      canvas.width = Math.max(1, Math.round(box.width * ratio()));
      canvas.height = Math.max(1, Math.round(box.height * ratio()));
    }
    points.resize(width, box.height, ratio());
    touch("points", "above", "below");
    if (width > 0 && frame !== 0) {
      // A resized canvas is empty: draw before the page is shown again.
      cancelAnimationFrame(frame);
      draw();
    }
  };

  const build = (): void => {
    const names = store.state.maps;
    while (panels.length > names.length) panels.pop()?.element.remove();
    for (const [index, name] of names.entries()) {
      let panel = panels[index];
      if (panel === undefined) {
        panel = makePanel(name, context, views, hand, () => touch("above"), replace);
        panels.push(panel);
        grid.append(panel.element);
      } else if (panel.map !== name) views.pass(panel, name);
      panel.dress();
    }
    grid.dataset["count"] = String(names.length);
    measure();
  };

  const replace = (panel: Panel, name: string): void => {
    const shown = [...store.state.maps];
    const elsewhere = shown.indexOf(name);
    if (elsewhere >= 0) shown[elsewhere] = panel.map; // two panels change places
    shown[panels.indexOf(panel)] = name;
    store.set({ maps: shown, place: null, placePinned: false });
    context.say(`${mapTitle(name)} map`);
  };

  const element = h("div", { class: "stage" }, below, points.start(true), above, grid, notice);
  grid.dataset["pen"] = store.state.pen;
  build();

  context.onClose(
    store.subscribe((state, changed) => {
      if (changed.has("maps")) build();
      if (changed.has("colour") || changed.has("theme")) points.recolour();
      if (changed.has("filters") || changed.has("selection")) points.restate();
      if (changed.has("cameras")) {
        for (const panel of panels) panel.dress();
        points.pace.move();
        touch("points", "below");
      }
      if (changed.has("mosaic") || changed.has("thumbnails")) touch("points", "below");
      if (changed.has("theme")) touch("below");
      if (changed.has("pen")) grid.dataset["pen"] = state.pen;
      touch("above");
    }),
  );
  marks.subscribe(() => touch("above"));
  context.onClose(context.atlas.onArrival(() => touch("above")));
  void context.computed.then(() => touch("above", "below"));
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const rescheme = (): void => {
    points.recolour();
    touch("below");
  };
  scheme.addEventListener("change", rescheme);
  const observer = new ResizeObserver(measure);
  observer.observe(element);
  context.onClose(() => {
    scheme.removeEventListener("change", rescheme);
    observer.disconnect();
    mosaic.close();
    cancelAnimationFrame(frame);
  });

  /** A map as it will be when its points have come to rest. */
  const view = (map: string): PaintedPanel | null => {
    const panel = panels.find((each) => each.map === map);
    return panel === undefined ? null : views.painted({ ...panel, passage: null });
  };

  return {
    element,
    view,
    picture(map, scale, ...layers) {
      const found = view(map);
      if (found === null) return null;
      const { width, height } = found.rect;
      const alone = { ...found, rect: { left: 0, top: 0, width, height } };
      const sheet = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
      const drawing = sheet.getContext("2d");
      if (drawing === null) return null;
      drawing.setTransform(scale, 0, 0, scale, 0, 0);
      if (layers.includes("mosaic") && store.state.mosaic) mosaic.paint(drawing, [alone]);
      if (layers.includes("points")) points.drawInto(drawing, alone, scale);
      if (layers.includes("marks")) paintPanel(drawing, context, alone, points.outside, null, layers.includes("names"));
      return sheet;
    },
  };
}
