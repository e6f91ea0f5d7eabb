/** The point: its image, what the model makes of it, its label, and its true neighbours. */

import { named, NO_CATEGORY, type Column } from "../data";
import { axesSection } from "./axes";
import type { Context } from "./context";
import { fill, h, shorten, text, touches } from "./dom";
import { lacking } from "./lacking";
import { NEIGHBOURS, keptOnMap, neighboursOf } from "./neighbours";
import { decodedStyle, meanSquared, Picture, pictureStyle, unitImage } from "./picture";
import { thumb } from "./thumb";
import { count, figure, mapTitle, share } from "./words";

const ordered = new WeakMap<Column, Float32Array>();

/** Share of the numbers of a column that are smaller. */
export function rankIn(column: Column | null, value: number): number | null {
  if (column?.kind !== "number" || !Number.isFinite(value)) return null;
  // Sorted once: counting through a million numbers would hold up the pointer.
  const sorted = ordered.get(column) ?? column.values.filter(Number.isFinite).sort();
  ordered.set(column, sorted);
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Infinity) < value) low = middle + 1;
    else high = middle;
  }
  return sorted.length === 0 ? null : low / sorted.length;
}

/** A point's category as text, or "". */
export function categoryName(column: Column | null, row: number): string {
  if (column?.kind !== "category") return "";
  const category = column.values[row] ?? NO_CATEGORY;
  return category === NO_CATEGORY ? "" : (column.names[category] ?? String(category));
}

export function pointPanel(context: Context): HTMLElement {
  const { atlas, store } = context;
  const style = pictureStyle(atlas);
  const made = decodedStyle(atlas);
  const empty = h(
    "div",
    { class: "empty" },
    h("p", { class: "lead" }, "Point at a map."),
    h("p", {}, `Every dot is one ${style ? "image. You see it, " : "row of the data. You see "}${made ? "what the autoencoder keeps of it, and " : style ? "and " : ""}lines to its ten true neighbours among the codes: long lines are what the map has torn apart.`),
    touches()
      ? h("p", { class: "soft" }, "Tap to hold a point. Drag to move, pinch to zoom, tap twice for the whole map.")
      : h("p", { class: "soft" }, "Click to hold a point. Drag to move, turn the wheel to zoom, ", h("kbd", {}, "?"), " for all keys."),
  );
  const original = style && new Picture(style, "Image of the point", "large");
  const rebuilt = made && new Picture(made, "Its reconstruction", "large");
  const title = h("h2", { class: "point-title" });
  const facts = h("dl", { class: "facts" });
  const near = h("div", { class: "strip" });
  const kept = h("div", { class: "kept" });
  const nearTitle = h("h3", {}, "Nearest among the codes");
  const axes = axesSection(context);
  const startPath = h("button", {
    class: "quiet",
    onclick: () => {
      const row = store.state.focus;
      if (row >= 0) store.set({ path: [{ row }], tab: "path", pen: "path" });
    },
  }, "Path from here");
  const full = h(
    "div",
    {},
    title,
    h(
      "div",
      { class: "pair" },
      original && h("figure", {}, original.element, h("figcaption", {}, "image")),
      rebuilt && h("figure", {}, rebuilt.element, h("figcaption", {}, "reconstruction")),
    ),
    facts,
    lacking(context, "images"),
    lacking(context, "model"),
    nearTitle,
    near,
    lacking(context, "codes"),
    kept,
    h("p", { class: "actions" }, startPath),
    axes,
  );
  const panel = h("div", { class: "panel-body" }, empty, full);
  let drawn = -1;
  let neighboursShown = -1;

  const show = (force: boolean): void => {
    if (store.state.tab !== "point") return;
    const row = store.state.hover >= 0 ? store.state.hover : store.state.focus;
    empty.hidden = row >= 0;
    full.hidden = row < 0;
    startPath.hidden = store.state.focus < 0;
    axes.hidden = store.state.focus < 0 || store.state.hover >= 0 && store.state.hover !== store.state.focus;
    if (row < 0 || (row === drawn && !force)) return;
    drawn = row;
    const bytes = atlas.images?.get(row) ?? null;
    if (bytes === null) void atlas.images?.want([row]);
    original?.show(bytes, 255);
    const compute = context.compute();
    const again = compute !== null && atlas.models.main?.decoder && atlas.codes !== null
      ? compute.decode("main", compute.codeOf("main", row))
      : null;
    rebuilt?.show(again, 1);
    const label = categoryName(atlas.label, row);
    fill(title, label === "" ? `point ${count(row)}` : shorten(label, 60));
    title.title = label.length > 60 ? label.slice(0, 1000) : "";
    const known = named(atlas.columns, "reconstruction_mse") ?? null;
    const error = known?.kind === "number" ? (known.values[row] ?? NaN)
      : bytes !== null && again !== null && bytes.length === again.length ? meanSquared(unitImage(bytes), again) : NaN;
    const rank = rankIn(known, error);
    const entries: [string, string][] = [["id", shorten(atlas.ids[row] ?? String(row), 80)]];
    if (Number.isFinite(error)) {
      entries.push(["error", `${figure(error, 2)}${rank === null ? "" : `, larger than for ${share(rank)} of the ${original ? "images" : "rows"}`}`]);
    }
    for (const column of atlas.columns.slice(0, 40)) {
      if (column.name === "label" || column.name === "reconstruction_mse") continue;
      if (column.kind === "category") entries.push([column.title, shorten(categoryName(column, row) || "–", 60)]);
      else if (column.map === null) entries.push([column.title, figure(column.values[row] ?? NaN, 3)]);
    }
    for (const { title, values } of atlas.texts.slice(0, 20)) entries.push([title, shorten(values[row] || "–", 80)]);
    fill(facts, ...entries.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
    showNeighbours(row);
  };

  const showNeighbours = (row: number): void => {
    const found = neighboursOf(context, row);
    nearTitle.hidden = atlas.codes === null;
    if (found === null) return; // what stands there stays until the answer comes
    neighboursShown = row;
    near.replaceChildren(...Array.from(found.rows, (other) => thumb(context, other, "Go to neighbour")));
    kept.replaceChildren(
      h("h3", {}, "Kept by each map"),
      h(
        "ul",
        { class: "kept-list" },
        ...atlas.maps.map((map) => {
          const number = keptOnMap(map, row, found);
          const bar = h("span", { class: "kept-bar", "aria-hidden": "true" });
          for (let i = 0; i < found.rows.length; i++) bar.append(h("i", { class: i < number ? "on" : "" }));
          return h("li", {}, h("span", {}, map.title || mapTitle(map.name)), bar, h("span", { class: "number" }, `${number} of ${found.rows.length}`));
        }),
      ),
    );
    text(nearTitle, `${found.rows.length === NEIGHBOURS ? "Ten" : found.rows.length} nearest among the codes`);
  };

  context.onClose(store.subscribe(() => show(false), "hover", "focus", "tab"));
  context.onClose(store.subscribe(() => show(true), "theme"));
  context.marks.subscribe(() => {
    if (drawn >= 0 && store.state.tab === "point" && neighboursShown !== drawn) showNeighbours(drawn);
  });
  context.onClose(atlas.onArrival(() => show(true)));
  void context.computed.then(() => show(true));
  show(true);
  return panel;
}
