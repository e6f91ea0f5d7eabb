/** A path between two points or places: straight among the codes, and straight on the map. */

import { named } from "../data";
import type { End } from "../store";
import type { Context, Mark } from "./context";
import { h, shorten, text } from "./dom";
import { lacking } from "./lacking";
import { Picture, decodedStyle } from "./picture";
import { categoryName } from "./point";
import { mapTitle } from "./words";

const FRAMES = 12;
const FINE = 60; // steps of the line that is drawn on the maps
const LEAP = 0.08; // normalised map units: a longer step is a leap between islands
const PLAY = 2600; // milliseconds for one passage

export function pathPanel(context: Context): HTMLElement {
  const { atlas, store } = context;
  const style = decodedStyle(atlas);
  const lead = h("p", { class: "lead" });
  const empty = h(
    "div",
    { class: "empty" },
    lead,
    h("p", {}, "Points or empty places, on any map. You get two films: one goes straight through the space of codes, the other straight across the map. Where the map has torn the codes apart, the two differ."),
    h("p", { class: "soft" }, "With the keyboard: arrows, and ", h("kbd", {}, "Enter"), " for each end."),
    lacking(context, "model"),
  );
  const ends = h("p", { class: "soft" });
  const codeStrip = h("div", { class: "film" });
  const mapStrip = h("div", { class: "film" });
  const big = style && [new Picture(style, "Now, straight among the codes", "large"), new Picture(style, "Now, straight on the map", "large")] as const;
  const slider = h("input", { type: "range", min: 0, max: 1, step: 0.001, value: 0, "aria-label": "Place on the path" });
  const play = h("button", {}, "Play");
  const turn = h("button", {}, "Clear");
  const mapNote = h("p", { class: "soft" });
  const full = h(
    "div",
    {},
    h("h2", { class: "visually-hidden" }, "Path"),
    ends,
    big && h("div", { class: "pair" }, h("figure", {}, big[0].element, h("figcaption", {}, "among the codes")), h("figure", {}, big[1].element, h("figcaption", {}, "on the map"))),
    h("p", { class: "actions" }, play, slider, turn),
    h("h3", {}, "Straight among the codes"),
    codeStrip,
    h("h3", {}, "Straight on the map"),
    mapStrip,
    mapNote,
  );
  const panel = h("div", { class: "panel-body" }, empty, full);
  let playing = 0;
  let began = 0;
  let still = false;

  /** The map on which the straight line is drawn: that of a place, else the first on screen of the main model. */
  const ground = (): string | null => {
    for (const end of store.state.path) if ("map" in end) return end.map;
    const shown = store.state.maps.map((name) => named(atlas.maps, name));
    return (shown.find((map) => map?.model === "main") ?? shown[0])?.name ?? null;
  };

  const codeOf = (end: End, model: "main" | "plane"): Float32Array | null => {
    const compute = context.compute();
    if (compute === null) return null;
    if ("row" in end) return compute.codeOf(model, end.row);
    const owner = named(atlas.maps, end.map)?.model ?? "main";
    const code = compute.inverse(end.map, end.x, end.y)?.code ?? null;
    if (code === null || owner === model) return code;
    // A place of the other model's map: through its image.
    return atlas.models[model]?.encoder && atlas.models[owner]?.decoder ? compute.encode(model, compute.decode(owner, code)) : null;
  };

  const placeOf = (end: End, map: string): readonly [number, number] | null => {
    if ("row" in end) {
      const positions = named(atlas.maps, map)?.positions;
      return positions === undefined ? null : [positions[2 * end.row] ?? 0, positions[2 * end.row + 1] ?? 0];
    }
    if (end.map === map) return [end.x, end.y];
    const model = named(atlas.maps, map)?.model ?? "main";
    const code = codeOf(end, model);
    return code === null ? null : (context.compute()?.place(map, code) ?? null);
  };

  interface Route {
    readonly model: "main" | "plane";
    readonly map: string;
    readonly code: (t: number) => Float32Array;
    readonly place: (t: number) => readonly [number, number];
  }

  const route = (): Route | null => {
    const [a, b] = store.state.path;
    const map = ground();
    if (a === undefined || b === undefined || map === null || context.compute() === null) return null;
    const model = named(atlas.maps, map)?.model ?? "main";
    if (!atlas.models[model]?.decoder) return null;
    const from = codeOf(a, model);
    const to = codeOf(b, model);
    const start = placeOf(a, map);
    const stop = placeOf(b, map);
    if (from === null || to === null || start === null || stop === null) return null;
    return {
      model,
      map,
      code: (t) => from.map((value, j) => value + ((to[j] ?? 0) - value) * t),
      place: (t) => [start[0] + (stop[0] - start[0]) * t, start[1] + (stop[1] - start[1]) * t],
    };
  };

  const images = (way: Route, t: number): readonly [Float32Array | null, Float32Array | null] => {
    const compute = context.compute();
    if (compute === null) return [null, null];
    const [x, y] = way.place(t);
    const code = compute.inverse(way.map, x, y)?.code ?? null;
    return [compute.decode(way.model, way.code(t)), code === null ? null : compute.decode(way.model, code)];
  };

  const describe = (end: End): string => {
    if ("map" in end) return `a place on ${mapTitle(end.map)}`;
    const label = categoryName(atlas.label, end.row);
    return `${shorten(atlas.ids[end.row] ?? `point ${end.row}`, 24)}${label === "" ? "" : ` (${shorten(label, 16)})`}`;
  };

  const moveTo = (t: number): void => {
    const way = route();
    if (way === null) return;
    const [straight, across] = images(way, t);
    big?.[0].show(straight, 1);
    big?.[1].show(across, 1);
    slider.value = String(t);
    const compute = context.compute();
    const marks: Mark[] = [];
    for (const map of atlas.maps) {
      if (map.model !== way.model || compute === null) continue;
      const here = compute.place(map.name, way.code(t));
      if (here !== null) marks.push({ kind: "star", map: map.name, points: here });
    }
    marks.push({ kind: "cross", map: way.map, points: way.place(t) });
    context.marks.set("path-now", marks);
  };

  const stop = (): void => {
    cancelAnimationFrame(playing);
    playing = 0;
    text(play, "Play");
  };

  const tick = (now: number): void => {
    const t = Math.min(1, (now - began) / PLAY);
    // Who wants no motion sees one still picture after another, those of the film strips.
    moveTo(still ? Math.floor(t * (FRAMES - 1)) / (FRAMES - 1) : t);
    if (t < 1 && store.state.tab === "path") playing = requestAnimationFrame(tick);
    else stop();
  };

  const show = (): void => {
    stop();
    const { path, tab } = store.state;
    if (tab !== "path") {
      context.marks.set("path", []);
      context.marks.set("path-now", []);
      return;
    }
    const way = route();
    empty.hidden = way !== null;
    const [start] = path;
    text(lead, start === undefined ? "Click two places." : `From ${describe(start)}. Now click the other end.`);
    full.hidden = way === null;
    const marks: Mark[] = [];
    for (const [index, end] of path.entries()) {
      for (const map of atlas.maps) {
        const place = "row" in end || end.map === map.name ? placeOf(end, map.name) : null;
        if (place === null) continue;
        // On the side from which the path does not come.
        const other = path[1 - index];
        const far = other === undefined || !("row" in other || other.map === map.name) ? null : placeOf(other, map.name);
        const below = far !== null && (place[1] < far[1] || (place[1] === far[1] && index === 1));
        marks.push({ kind: "cross", map: map.name, points: place, text: index === 0 ? "from" : "to", below });
      }
    }
    const compute = context.compute();
    if (way === null || compute === null) {
      context.marks.set("path", marks);
      context.marks.set("path-now", []);
      return;
    }
    text(ends, `From ${path.map(describe).join(" to ")}.`);
    text(mapNote, `The film on the map crosses ${mapTitle(way.map)}; the star goes straight among the codes, the cross straight on the map.`);
    for (const map of atlas.maps) {
      if (map.model !== way.model) continue;
      // Where the map is torn the path leaps: no line is drawn over the gap.
      let line: number[] = [];
      for (let k = 0; k <= FINE; k++) {
        const next = compute.place(map.name, way.code(k / FINE));
        if (next === null) break;
        const [x, y] = line.slice(-2);
        if (x !== undefined && y !== undefined && Math.hypot(next[0] - x, next[1] - y) > LEAP) {
          marks.push({ kind: "line", map: map.name, points: line });
          line = [];
        }
        line.push(...next);
      }
      if (line.length > 0) marks.push({ kind: "line", map: map.name, points: line });
    }
    marks.push({ kind: "line", map: way.map, points: [...way.place(0), ...way.place(1)], strength: 0.5 });
    context.marks.set("path", marks);
    codeStrip.replaceChildren();
    mapStrip.replaceChildren();
    for (let k = 0; k < FRAMES && style !== null; k++) {
      const found = images(way, k / (FRAMES - 1));
      [codeStrip, mapStrip].forEach((strip, which) => {
        const picture = new Picture(style, `Step ${k + 1} of ${FRAMES}`);
        picture.show(found[which] ?? null, 1);
        strip.append(picture.element);
      });
    }
    moveTo(Number(slider.value));
  };

  slider.addEventListener("input", () => {
    stop();
    moveTo(Number(slider.value));
  });
  play.addEventListener("click", () => {
    if (playing !== 0) return stop();
    text(play, "Stop");
    still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    began = performance.now();
    playing = requestAnimationFrame(tick);
  });
  turn.addEventListener("click", () => store.set({ path: [] }));
  context.onClose(store.subscribe(show, "path", "tab", "maps", "theme"));
  context.onClose(stop);
  void context.computed.then(show);
  show();
  return panel;
}
