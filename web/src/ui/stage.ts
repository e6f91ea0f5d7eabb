/** The maps: one canvas of points for all panels, a layer below for the mosaic, one above for marks. */

import { ease, home, pan, pixelsPerUnit, toMap, zoomAt, type Camera, type Extent, type Rect } from "../gl/camera";
import { createFallback } from "../gl/fallback";
import { pointLook, type PanelView, type Renderer } from "../gl/renderer";
import { createScatter } from "../gl/scatter";
import type { MapData } from "../data";
import type { Place } from "../store";
import { applyFilters, colourIndices, hasTrust, paletteFor, stateBits, TRUST } from "./colouring";
import type { Context } from "./context";
import { h, text } from "./dom";
import { MosaicLayer } from "./mosaic";
import { Pace } from "./pace";
import { paintPanel, type PaintedPanel } from "./paint";
import { mapTitle } from "./words";

const MORPH = 900; // milliseconds
const REACH = 14; // CSS pixels within which a point is hit
const STEP = 12; // CSS pixels that an arrow key moves the pen

interface Passage {
  readonly from: string;
  readonly fromCamera: Camera;
  readonly start: number;
}

interface Panel {
  map: string;
  rect: Rect;
  passage: Passage | null;
  /** Where the pointer is on the surface, in CSS pixels; null: elsewhere. */
  pointer: readonly [number, number] | null;
  /** The frame in which that place is looked at, or 0. */
  looking: number;
  readonly element: HTMLElement;
  readonly surface: HTMLElement;
  readonly choice: HTMLSelectElement;
  readonly badge: HTMLButtonElement;
  readonly reset: HTMLButtonElement;
}

interface Stroke {
  readonly panel: Panel;
  readonly points: number[];
  readonly adds: boolean;
}

export interface Stage {
  readonly element: HTMLElement;
  /** Draw a map again into a canvas, `ratio` device pixels to a CSS pixel. */
  picture(map: string, ratio: number): HTMLCanvasElement | null;
  /** The panel's view of a map that is on screen. */
  view(map: string): PaintedPanel | null;
  kind(): "webgl2" | "canvas2d" | "none";
}

export function createStage(context: Context): Stage {
  const { atlas, store, marks } = context;
  const maps = new Map(atlas.maps.map((map) => [map.name, map]));
  const extents = new Map(atlas.maps.map((map) => [map.name, extentOf(map)]));
  const below = h("canvas", { class: "layer", "aria-hidden": "true" });
  let points = h("canvas", { class: "layer", "aria-hidden": "true" });
  const above = h("canvas", { class: "layer", "aria-hidden": "true" });
  const grid = h("div", { class: "panels" });
  const notice = h("p", { class: "notice", role: "status" });
  notice.hidden = true;
  const element = h("div", { class: "stage" }, below, points, above, grid, notice);
  const layers = { below: below.getContext("2d"), above: above.getContext("2d") };

  const outside = new Uint8Array(atlas.n);
  const bits = new Uint8Array(atlas.n);
  let anyOutside = false;
  let panels: Panel[] = [];
  let stroke: Stroke | null = null;
  let width = 0;
  let height = 0;
  const stale = { points: true, above: true, below: true };
  let frame = 0;

  // Drawing

  let renderer: Renderer | null = null;
  const coloured = new Set<string>();

  const say = (message: string): void => {
    notice.hidden = message === "";
    text(notice, message);
  };

  const start = (useCard: boolean): void => {
    renderer?.dispose();
    const fresh = h("canvas", { class: "layer", "aria-hidden": "true" });
    points.replaceWith(fresh);
    points = fresh;
    renderer = useCard ? createScatter(points, atlas.n) : null;
    if (renderer === null) {
      // A canvas that has tried one kind of context cannot have another.
      const plain = h("canvas", { class: "layer", "aria-hidden": "true" });
      points.replaceWith(plain);
      points = plain;
      renderer = createFallback(points, atlas.n);
      say(
        renderer === null
          ? "This browser can draw neither with WebGL2 nor with Canvas2D, so the maps stay empty; the panels work."
          : "WebGL2 is not available here: the maps are drawn without the graphics card, slower and with at most 10,000 points each.",
      );
    } else {
      say("");
      points.addEventListener("webglcontextlost", (event) => {
        event.preventDefault();
        start(false);
        say("The graphics card was taken away from this page: the maps are now drawn without it, more slowly.");
      });
    }
    for (const map of atlas.maps) renderer?.setPositions(map.name, map.positions);
    renderer?.resize(width, height, ratio());
    recolour();
    restate();
  };

  const recolour = (): void => {
    coloured.clear();
    renderer?.setPalette(paletteFor(atlas, store.state.colour, context.dark()));
    touch("points", "above");
  };

  const restate = (): void => {
    anyOutside = applyFilters(atlas, store.state.filters, outside);
    stateBits(store.state, outside, bits);
    renderer?.setState(bits);
    touch("points", "above");
  };

  /** Upload a map's colours when they are first needed; only trust colours differ between maps. */
  const coloursOf = (map: string): string => {
    const key = store.state.colour === TRUST ? map : "";
    if (!coloured.has(key)) {
      renderer?.setColours(key, colourIndices(atlas, store.state.colour, map));
      coloured.add(key);
    }
    return key;
  };

  const touch = (...layer: (keyof typeof stale)[]): void => {
    for (const name of layer) stale[name] = true;
    if (frame === 0) frame = requestAnimationFrame(draw);
  };

  const ratio = (): number => Math.min(2, window.devicePixelRatio || 1);

  const cameraOf = (map: string): Camera => store.state.cameras[map] ?? home(extentOr(map));
  const extentOr = (map: string): Extent => extents.get(map) ?? { x: 0, y: 0, halfWidth: 1, halfHeight: 1 };

  const painted = (panel: Panel): PaintedPanel => {
    const camera = cameraOf(panel.map);
    const extent = extentOr(panel.map);
    const { passage } = panel;
    if (passage === null) {
      return { rect: panel.rect, camera, extent, map: panel.map, from: panel.map, mix: 1 };
    }
    const t = Math.min(1, (performance.now() - passage.start) / MORPH);
    const mix = ease(t);
    const before = extentOr(passage.from);
    const between = (a: number, b: number): number => a + (b - a) * mix;
    return {
      rect: panel.rect,
      camera: {
        x: between(passage.fromCamera.x, camera.x),
        y: between(passage.fromCamera.y, camera.y),
        zoom: between(passage.fromCamera.zoom, camera.zoom),
      },
      extent: {
        x: 0,
        y: 0,
        halfWidth: between(before.halfWidth, extent.halfWidth),
        halfHeight: between(before.halfHeight, extent.halfHeight),
      },
      map: panel.map,
      from: passage.from,
      mix,
    };
  };

  const mosaic = new MosaicLayer(context, () => touch("below"));
  context.onClose(() => mosaic.close());

  const pace = new Pace(atlas.n, () => touch("points"));
  context.onClose(() => pace.close());

  const drawPoints = (views: readonly PaintedPanel[], target: Renderer): void => {
    const first = views[0];
    if (first === undefined) return;
    const { state } = store;
    const most = pace.frame(performance.now());
    const look = pointLook(most, first.rect.width * first.rect.height, first.camera.zoom);
    target.draw(
      views.map((view): PanelView => ({ ...view, to: view.map, colours: coloursOf(view.map) })),
      {
        size: look.size,
        opacity: look.opacity * (state.mosaic ? 0.55 : 1) * (state.thumbnails ? 0.35 : 1),
        someSelected: state.selection.length > 0,
        someDimmed: anyOutside || state.selection.length > 0,
        most,
      },
    );
  };

  const draw = (): void => {
    frame = 0;
    if (width === 0 || height === 0) return;
    const now = performance.now();
    for (const panel of panels) {
      if (panel.passage !== null && now - panel.passage.start >= MORPH) {
        panel.passage = null;
        look(panel); // other points have come under a pointer that rests
        stale.below = true;
        stale.above = true;
      }
    }
    const views = panels.map(painted);
    const moving = panels.some((panel) => panel.passage !== null);
    if (stale.points || moving) {
      stale.points = false;
      if (renderer !== null) drawPoints(views, renderer);
    }
    if (stale.below || moving) {
      stale.below = false;
      clear(layers.below, below);
      if (layers.below !== null && store.state.mosaic && !moving) mosaic.paint(layers.below, views);
    }
    if (stale.above || moving) {
      stale.above = false;
      clear(layers.above, above);
      if (layers.above !== null) {
        for (const [index, view] of views.entries()) {
          const drawn = stroke !== null && stroke.panel === panels[index] ? stroke.points : null;
          paintPanel(layers.above, context, view, outside, drawn);
        }
      }
    }
    if (moving) {
      pace.move();
      touch("points");
    }
  };

  const clear = (layer: CanvasRenderingContext2D | null, canvas: HTMLCanvasElement): void => {
    layer?.setTransform(1, 0, 0, 1, 0, 0);
    layer?.clearRect(0, 0, canvas.width, canvas.height);
    layer?.setTransform(ratio(), 0, 0, ratio(), 0, 0);
  };

  const measure = (): void => {
    const box = element.getBoundingClientRect();
    width = box.width;
    height = box.height;
    for (const panel of panels) {
      const own = panel.element.getBoundingClientRect();
      panel.rect = { left: own.left - box.left, top: own.top - box.top, width: own.width, height: own.height };
    }
    for (const canvas of [below, above]) {
      canvas.width = Math.max(1, Math.round(width * ratio()));
      canvas.height = Math.max(1, Math.round(height * ratio()));
    }
    if (width > 0) renderer?.resize(width, height, ratio());
    touch("points", "above", "below");
    if (width > 0 && frame !== 0) {
      // A resized canvas is empty: draw before the page is shown again.
      cancelAnimationFrame(frame);
      draw();
    }
  };

  // Panels

  const build = (): void => {
    const names = store.state.maps;
    while (panels.length > names.length) panels.pop()?.element.remove();
    for (const [index, name] of names.entries()) {
      let panel = panels[index];
      if (panel === undefined) {
        panel = makePanel(name);
        panels.push(panel);
        grid.append(panel.element);
      } else if (panel.map !== name) {
        const reduced = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
        const from = painted(panel);
        // Without motion the passage is over at once.
        panel.passage = { from: panel.map, fromCamera: from.camera, start: reduced ? -Infinity : performance.now() };
        panel.map = name;
      }
      panel.choice.value = name;
      dress(panel);
    }
    grid.dataset["count"] = String(names.length);
    measure();
  };

  const dress = (panel: Panel): void => {
    const map = maps.get(panel.map);
    panel.element.setAttribute("aria-label", `${mapTitle(panel.map)} map`);
    panel.surface.setAttribute("aria-label", `${mapTitle(panel.map)} map of ${atlas.n} points`);
    text(panel.badge, map?.badge ?? "");
    panel.badge.hidden = (map?.badge ?? "") === "";
    const camera = store.state.cameras[panel.map];
    panel.reset.hidden = camera === undefined || (camera.zoom === 1 && camera.x === 0 && camera.y === 0);
  };

  const makePanel = (name: string): Panel => {
    const choice = h("select", { class: "map-choice", "aria-label": "Map in this panel" });
    for (const map of atlas.maps) choice.append(h("option", { value: map.name }, map.title || mapTitle(map.name)));
    const badge = h("button", { class: "badge", title: "How far this map can be trusted" });
    const reset = h("button", { class: "quiet", title: "Show the whole map (0)" }, "whole map");
    const surface = h("div", {
      class: "surface",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "map",
      "aria-describedby": "latentscape-keys",
    });
    const panel: Panel = {
      map: name,
      rect: { left: 0, top: 0, width: 1, height: 1 },
      passage: null,
      pointer: null,
      looking: 0,
      element: h("section", { class: "panel" }, surface, h("div", { class: "panel-head" }, choice, badge, reset)),
      surface,
      choice,
      badge,
      reset,
    };
    choice.addEventListener("change", () => replaceMap(panel, choice.value));
    badge.addEventListener("click", () => store.set({ tab: "trust" }));
    reset.addEventListener("click", () => setCamera(panel.map, null));
    listen(panel);
    return panel;
  };

  const replaceMap = (panel: Panel, name: string): void => {
    const shown = [...store.state.maps];
    const index = panels.indexOf(panel);
    const elsewhere = shown.indexOf(name);
    if (elsewhere >= 0) shown[elsewhere] = panel.map; // two panels change places
    shown[index] = name;
    store.set({ maps: shown, place: null, placePinned: false });
    context.say(`${mapTitle(name)} map`);
  };

  const setCamera = (map: string, camera: Camera | null): void => {
    const { [map]: _, ...others } = store.state.cameras;
    store.set({ cameras: camera === null ? others : { ...others, [map]: camera } });
  };

  // Pointer and keys

  const listen = (panel: Panel): void => {
    const { surface } = panel;
    const fingers = new Map<number, readonly [number, number]>();
    let moved = 0;

    const at = (event: { clientX: number; clientY: number }): readonly [number, number] => {
      const box = surface.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const draws = (event: PointerEvent): boolean =>
      store.state.pen === "lasso" || store.state.pen === "rectangle" || (event.shiftKey && event.pointerType === "mouse");

    surface.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      surface.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, at(event));
      moved = 0;
      if (fingers.size === 1 && draws(event)) {
        store.set({ hover: -1 });
        stroke = { panel, points: [...at(event)], adds: event.shiftKey && store.state.selection.length > 0 };
      }
      if (fingers.size === 2) {
        stroke = null;
        touch("above");
      }
    });
    surface.addEventListener("pointermove", (event) => {
      const now = at(event);
      panel.pointer = now;
      const before = fingers.get(event.pointerId);
      if (before === undefined) {
        look(panel);
        return;
      }
      moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      const camera = cameraOf(panel.map);
      const extent = extentOr(panel.map);
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1] ?? before;
        const span = Math.hypot(before[0] - other[0], before[1] - other[1]);
        const next = Math.hypot(now[0] - other[0], now[1] - other[1]);
        const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2] as const;
        const shifted = pan(camera, extent, panel.rect, (now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
        setCamera(panel.map, zoomAt(shifted, extent, panel.rect, middle[0], middle[1], span > 4 ? next / span : 1));
      } else if (stroke !== null) {
        if (store.state.pen === "rectangle") {
          const [x0 = 0, y0 = 0] = stroke.points;
          stroke.points.splice(2, Infinity, now[0], y0, now[0], now[1], x0, now[1]);
        } else stroke.points.push(...now);
        touch("above");
      } else if (moved > 4) {
        surface.classList.add("dragging");
        setCamera(panel.map, pan(camera, extent, panel.rect, now[0] - before[0], now[1] - before[1]));
      }
      fingers.set(event.pointerId, now);
    });
    const lift = (event: PointerEvent): void => {
      if (!fingers.delete(event.pointerId)) return;
      surface.classList.remove("dragging");
      if (stroke !== null) {
        const finished = stroke;
        stroke = null;
        touch("above");
        if (event.type === "pointerup" && finished.points.length >= 6) select(finished);
        else if (event.type === "pointerup" && moved <= 4) store.set({ selection: [] });
      } else if (event.type === "pointerup" && moved <= 4 && fingers.size === 0) {
        const [px, py] = at(event);
        point(panel, px, py);
        click(panel, px, py);
      }
    };
    surface.addEventListener("pointerup", lift);
    surface.addEventListener("pointercancel", lift);
    surface.addEventListener("pointerleave", () => {
      panel.pointer = null;
      store.set(store.state.placePinned ? { hover: -1 } : { hover: -1, place: null });
    });
    surface.addEventListener("dblclick", () => setCamera(panel.map, null));
    surface.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const [px, py] = at(event);
        const speed = event.ctrlKey ? 0.01 : event.deltaMode === 1 ? 0.05 : 0.0018;
        zoom(panel, px, py, Math.exp(-event.deltaY * speed));
      },
      { passive: false },
    );
    surface.addEventListener("keydown", (event) => key(panel, event));
  };

  /** Look once in the next frame at what is under the pointer, unless the points are on their way. */
  const look = (panel: Panel): void => {
    if (panel.looking !== 0) return;
    panel.looking = requestAnimationFrame(() => {
      panel.looking = 0;
      if (panel.pointer !== null && panel.passage === null) point(panel, ...panel.pointer);
    });
  };

  const zoom = (panel: Panel, px: number, py: number, factor: number): void => {
    setCamera(panel.map, zoomAt(cameraOf(panel.map), extentOr(panel.map), panel.rect, px, py, factor));
  };

  /** The row under a place of the panel, or -1. */
  const rowAt = (panel: Panel, px: number, py: number): number => {
    const [x, y] = toMap(cameraOf(panel.map), extentOr(panel.map), panel.rect, px, py);
    const radius = REACH / pixelsPerUnit(cameraOf(panel.map), extentOr(panel.map), panel.rect);
    const compute = context.compute();
    if (compute !== null) return compute.pick(panel.map, x, y, radius, anyOutside ? outside : undefined);
    return -1;
  };

  /** The pointer rests at a place of the panel. */
  const point = (panel: Panel, px: number, py: number): void => {
    const { state } = store;
    if (state.pen === "decode") {
      if (state.placePinned) return;
      const [x, y] = toMap(cameraOf(panel.map), extentOr(panel.map), panel.rect, px, py);
      store.set({ place: { map: panel.map, x, y }, hover: -1 });
    } else store.set({ hover: rowAt(panel, px, py) });
  };

  const click = (panel: Panel, px: number, py: number): void => {
    const { state } = store;
    const [x, y] = toMap(cameraOf(panel.map), extentOr(panel.map), panel.rect, px, py);
    if (state.pen === "decode") {
      store.set({ place: { map: panel.map, x, y }, placePinned: !state.placePinned });
    } else if (state.pen === "path") {
      const row = rowAt(panel, px, py);
      addEnd(row >= 0 ? { row } : { map: panel.map, x, y });
    } else if (state.pen === "look") {
      const row = rowAt(panel, px, py);
      store.set({ focus: row, ...(row >= 0 ? { tab: "point" as const } : {}) });
    }
  };

  const addEnd = (end: { readonly row: number } | Place): void => {
    const { path } = store.state;
    store.set({ path: path.length >= 2 ? [end] : [...path, end], tab: "path" });
  };

  const select = (finished: Stroke): void => {
    const { map, rect } = finished.panel;
    const polygon: number[] = [];
    for (let i = 0; i + 1 < finished.points.length; i += 2) {
      polygon.push(...toMap(cameraOf(map), extentOr(map), rect, finished.points[i] ?? 0, finished.points[i + 1] ?? 0));
    }
    const compute = context.compute();
    if (compute === null) return;
    const found = [...compute.inside(map, polygon)].filter((row) => outside[row] === 0);
    const rows = finished.adds ? [...new Set([...store.state.selection, ...found])] : found;
    store.set({ selection: rows.sort((a, b) => a - b), tab: "selection" });
    context.say(`${rows.length} points selected`);
  };

  const key = (panel: Panel, event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = [panel.rect.width / 2, panel.rect.height / 2] as const;
    const direction = ARROWS[event.key];
    if (direction !== undefined) {
      if (store.state.pen === "decode") movePen(panel, direction, event.shiftKey ? 4 * STEP : STEP);
      else step(panel, direction);
    } else if (event.key === "+" || event.key === "=") zoom(panel, ...middle, 1.3);
    else if (event.key === "-") zoom(panel, ...middle, 1 / 1.3);
    else if (event.key === "0") setCamera(panel.map, null);
    else if (event.key === "Enter" || event.key === " ") confirm(event.shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const movePen = (panel: Panel, [dx, dy]: readonly [number, number], pixels: number): void => {
    const { place } = store.state;
    const camera = cameraOf(panel.map);
    const scale = pixelsPerUnit(camera, extentOr(panel.map), panel.rect);
    const from = place !== null && place.map === panel.map ? place : { x: camera.x, y: camera.y };
    store.set({
      place: { map: panel.map, x: from.x + (dx * pixels) / scale, y: from.y + (dy * pixels) / scale },
      placePinned: true,
    });
  };

  /** Go to the nearest point in a direction; those straight ahead count as nearer. */
  const step = (panel: Panel, [dx, dy]: readonly [number, number]): void => {
    const positions = maps.get(panel.map)?.positions;
    if (positions === undefined) return;
    const { focus } = store.state;
    const camera = cameraOf(panel.map);
    const x = focus >= 0 ? (positions[2 * focus] ?? 0) : camera.x;
    const y = focus >= 0 ? (positions[2 * focus + 1] ?? 0) : camera.y;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < atlas.n; i++) {
      if (i === focus || outside[i] === 1) continue;
      const ox = (positions[2 * i] ?? NaN) - x;
      const oy = (positions[2 * i + 1] ?? NaN) - y;
      const ahead = ox * dx + oy * dy;
      const aside = Math.abs(ox * dy) + Math.abs(oy * dx);
      if (focus >= 0 && !(ahead > 0 && aside <= ahead)) continue;
      const cost = focus >= 0 ? ahead + 2 * aside : ox * ox + oy * oy;
      if (cost < least) {
        least = cost;
        best = i;
      }
    }
    if (best >= 0) store.set({ focus: best, hover: -1, ...(store.state.pen === "look" ? { tab: "point" as const } : {}) });
    else context.say("No point in that direction");
  };

  const confirm = (shift: boolean): void => {
    const { state } = store;
    if (state.pen === "decode") store.set({ placePinned: !state.placePinned });
    else if (state.focus < 0) return;
    else if (state.pen === "path") addEnd({ row: state.focus });
    else {
      const has = state.selection.includes(state.focus);
      const rows = has ? state.selection.filter((row) => row !== state.focus) : [...state.selection, state.focus];
      store.set({ selection: rows.sort((a, b) => a - b), ...(shift ? { tab: "selection" as const } : {}) });
      context.say(`${has ? "Taken out of" : "Added to"} the selection, which now has ${rows.length}`);
    }
  };

  // Hearing

  context.onClose(
    store.subscribe((state, changed) => {
      if (changed.has("maps")) build();
      if (changed.has("colour")) recolour();
      if (changed.has("filters") || changed.has("selection")) restate();
      if (changed.has("cameras")) {
        for (const panel of panels) dress(panel);
        pace.move();
        touch("points", "above", "below");
      }
      if (changed.has("mosaic")) touch("points", "below");
      if (changed.has("pen")) {
        grid.dataset["pen"] = state.pen;
      }
      if (changed.has("theme")) recolour();
      touch("above");
    }),
  );
  marks.subscribe(() => touch("above"));
  context.onClose(atlas.onArrival(() => touch("above")));
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const rescheme = (): void => {
    recolour();
    touch("below");
  };
  scheme.addEventListener("change", rescheme);
  context.onClose(() => scheme.removeEventListener("change", rescheme));
  const observer = new ResizeObserver(measure);
  observer.observe(element);
  context.onClose(() => observer.disconnect());
  context.onClose(() => {
    cancelAnimationFrame(frame);
    renderer?.dispose();
  });
  void context.computed.then(() => touch("above", "below"));

  grid.dataset["pen"] = store.state.pen;
  if (store.state.colour === TRUST && !hasTrust(atlas)) store.set({ colour: "label" });
  start(true);
  build();

  const panelOf = (map: string): Panel | undefined => panels.find((panel) => panel.map === map);

  return {
    element,
    kind: () => renderer?.kind ?? "none",
    view: (map) => {
      const panel = panelOf(map);
      return panel === undefined ? null : painted({ ...panel, passage: null });
    },
    picture(map, scale) {
      const panel = panelOf(map);
      if (panel === undefined) return null;
      const view = { ...painted({ ...panel, passage: null }), rect: { ...panel.rect, left: 0, top: 0 } };
      const sheet = h("canvas", { width: Math.round(view.rect.width * scale), height: Math.round(view.rect.height * scale) });
      const paper = sheet.getContext("2d");
      const drawn = h("canvas");
      const own = renderer?.kind === "webgl2" ? createScatter(drawn, atlas.n) : createFallback(drawn, atlas.n);
      if (paper === null || own === null) return null;
      own.setPositions(map, maps.get(map)?.positions ?? new Float32Array());
      own.setColours("", colourIndices(atlas, store.state.colour, map));
      own.setPalette(paletteFor(atlas, store.state.colour, context.dark()));
      own.setState(bits);
      own.resize(view.rect.width, view.rect.height, scale);
      paper.fillStyle = getComputedStyle(element).getPropertyValue("--paper").trim() || "#fff";
      paper.fillRect(0, 0, sheet.width, sheet.height);
      paper.setTransform(scale, 0, 0, scale, 0, 0);
      if (store.state.mosaic) mosaic.paint(paper, [view]);
      const look = pointLook(atlas.n, view.rect.width * view.rect.height, view.camera.zoom);
      own.draw([{ ...view, to: map, colours: "" }], {
        size: look.size,
        opacity: look.opacity,
        someSelected: store.state.selection.length > 0,
        someDimmed: anyOutside || store.state.selection.length > 0,
        most: atlas.n,
      });
      paper.drawImage(drawn, 0, 0, view.rect.width, view.rect.height);
      paintPanel(paper, context, view, outside, null);
      own.dispose();
      return sheet;
    },
  };
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

function extentOf(map: MapData): Extent {
  let halfWidth = 1e-3;
  let halfHeight = 1e-3;
  for (let i = 0; i < map.positions.length; i += 2) {
    const x = Math.abs(map.positions[i] ?? 0);
    const y = Math.abs(map.positions[i + 1] ?? 0);
    if (x > halfWidth) halfWidth = x;
    if (y > halfHeight) halfHeight = y;
  }
  return { x: 0, y: 0, halfWidth, halfHeight };
}
