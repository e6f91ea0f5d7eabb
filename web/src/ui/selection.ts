/** A selection: contact sheet, mean image, label mix, most and least typical, ids as CSV. */

import { named, NO_CATEGORY } from "../data";
import { css } from "../gl/colour";
import { categoryName } from "./point";
import { applyFilters, categoryColours } from "./colouring";
import type { Context } from "./context";
import { download, fill, h, shorten, text, touches } from "./dom";
import { lacking } from "./lacking";
import { Picture, pictureStyle } from "./picture";
import { thumb } from "./thumb";
import { count, figure, percent, plural } from "./words";

const SHEET = 120;
const TYPICAL = 6;

/** The selected rows as CSV: id, label, row; quoted as RFC 4180 asks. */
export function selectionCsv(context: Context): string {
  const { atlas, store } = context;
  const quote = (value: string): string => {
    // A spreadsheet would run a cell that starts like a formula.
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = store.state.selection.map((row) =>
    [atlas.ids[row] ?? String(row), categoryName(atlas.label, row), String(row)].map(quote).join(","),
  );
  return ["id,label,row", ...lines, ""].join("\r\n");
}

export function selectionPanel(context: Context): HTMLElement {
  const { atlas, store } = context;
  const style = pictureStyle(atlas);
  const tool = (pen: "lasso" | "rectangle", name: string): HTMLButtonElement => {
    const button = h("button", { "aria-pressed": "false", onclick: () => store.set({ pen }) }, name);
    return button;
  };
  const lasso = tool("lasso", "Lasso");
  const rectangle = tool("rectangle", "Rectangle");
  const empty = h(
    "div",
    { class: "empty" },
    h("p", { class: "lead" }, "Draw around some points."),
    h("p", {}, "The points are selected on every map at once, so you see where one map’s cluster lies on the others."),
    touches() ? null : h("p", { class: "soft" }, "Hold ", h("kbd", {}, "Shift"), " to add to the selection, or to draw with any pen. With the keyboard: ", h("kbd", {}, "Enter"), " takes the held point in or out."),
  );
  const title = h("h2", { class: "point-title", tabindex: -1 });
  const clear = h("button", {}, "Clear");
  const save = h("button", {}, "Save ids as CSV");
  const mix = h("div", { class: "mix" });
  const mean = style && new Picture(style, "Mean image of the selection", "medium");
  const typical = h("div", { class: "strip" });
  const untypical = h("div", { class: "strip" });
  const sheet = h("div", { class: "sheet" });
  const sheetTitle = h("h3", {});
  const error = h("p", { class: "soft" });
  const hiddenText = h("span", {});
  const only = h("button", {}, "Select the others only");
  const hidden = h("p", { class: "notice" }, hiddenText, " ", only);
  const full = h(
    "div",
    {},
    title,
    h("p", { class: "actions" }, clear, save),
    hidden,
    mix,
    error,
    style && h("div", { class: "typical" }, h("figure", {}, mean?.element ?? null, h("figcaption", {}, "mean image")), h("div", {}, h("h3", {}, "Most typical"), typical, h("h3", {}, "Least typical"), untypical)),
    lacking(context, "images"),
    sheetTitle,
    sheet,
  );
  const panel = h("div", { class: "panel-body" }, h("p", { class: "segmented", role: "group", "aria-label": "Selection tool" }, lasso, rectangle), empty, full);
  clear.addEventListener("click", () => {
    store.set({ selection: [] });
    context.say("Selection cleared");
  });
  save.addEventListener("click", () => download("selection.csv", new Blob([selectionCsv(context)], { type: "text/csv" })));

  /** 1 for rows that a filter leaves out, or null where none does. */
  const outside = (): Uint8Array | null => {
    const found = new Uint8Array(store.state.filters.length > 0 ? atlas.n : 0);
    return applyFilters(atlas, store.state.filters, found) ? found : null;
  };
  only.addEventListener("click", () => {
    const out = outside();
    store.set({ selection: store.state.selection.filter((row) => out?.[row] !== 1) });
    title.focus();
  });

  const small = (row: number): HTMLElement => thumb(context, row);
  let request = 0;
  let described: readonly number[] = [];
  const show = (): void => {
    const { selection, tab, pen } = store.state;
    lasso.setAttribute("aria-pressed", String(pen === "lasso"));
    rectangle.setAttribute("aria-pressed", String(pen === "rectangle"));
    if (tab !== "selection") return;
    empty.hidden = selection.length > 0;
    full.hidden = selection.length === 0;
    if (selection.length === 0) return;
    if (selection !== described) panel.scrollTop = 0;
    described = selection;
    text(title, `${plural(selection.length, "point")} (${percent(selection.length / atlas.n)})`);
    const out = outside();
    const faint = out === null ? 0 : selection.reduce((sum, row) => sum + (out[row] ?? 0), 0);
    hidden.hidden = faint === 0;
    text(hiddenText, `${faint === selection.length ? "All" : count(faint)} of them ${faint === 1 ? "is" : "are"} taken out by the filters and ${faint === 1 ? "counts" : "count"} here all the same.`);
    only.hidden = faint === selection.length;
    showMix(selection);
    const column = named(atlas.columns, "reconstruction_mse");
    if (column?.kind === "number") {
      const average = (rows: Iterable<number>): number => {
        let sum = 0;
        let many = 0;
        for (const row of rows) {
          const value = column.values[row] ?? NaN;
          if (Number.isFinite(value)) {
            sum += value;
            many++;
          }
        }
        return sum / many;
      };
      text(error, `Mean reconstruction error ${figure(average(selection))}; of all points ${figure(average(Array(atlas.n).keys()))}.`);
    }
    // An even sample, in the order of the rows.
    const step = Math.max(1, selection.length / SHEET);
    const shown = Array.from({ length: Math.min(SHEET, selection.length) }, (_, k) => selection[Math.floor(k * step)] ?? 0);
    text(sheetTitle, shown.length < selection.length ? `${count(shown.length)} of them, evenly sampled` : "All of them");
    const fillSheet = (): void => sheet.replaceChildren(...shown.map(small));
    fillSheet();
    if (shown.some((row) => atlas.images?.get(row) === null)) void atlas.images?.want(shown).then(fillSheet);
    const compute = context.compute();
    const own = ++request;
    if (compute === null || atlas.codes === null) return;
    void compute.summarise(Uint32Array.from(selection)).then(({ mean: image, order }) => {
      if (own !== request) return;
      mean?.show(image, 1);
      const few = Math.min(TYPICAL, Math.ceil(order.length / 2));
      typical.replaceChildren(...Array.from(order.slice(0, few), small));
      untypical.replaceChildren(...Array.from(order.slice(-few).reverse(), small));
    });
  };

  const showMix = (selection: readonly number[]): void => {
    const { label } = atlas;
    if (label === null) {
      mix.replaceChildren();
      return;
    }
    const counts = new Map<number, number>();
    for (const row of selection) {
      const category = label.values[row] ?? NO_CATEGORY;
      counts.set(category, (counts.get(category) ?? 0) + 1);
    }
    const ranked = [...counts].sort((a, b) => b[1] - a[1]);
    const colours = categoryColours(label, context.dark());
    const bar = h("div", { class: "mix-bar", "aria-hidden": "true" });
    const list = h("ul", { class: "mix-list" });
    for (const [category, number] of ranked.slice(0, 12)) {
      const colour = css(colours[category] ?? [154, 161, 171]);
      const part = h("span", {});
      part.style.background = colour;
      part.style.flexGrow = String(number);
      bar.append(part);
      const dot = h("span", { class: "dot", "aria-hidden": "true" });
      dot.style.background = colour;
      const name = category === NO_CATEGORY ? "no label" : shorten(label.names[category] ?? String(category), 30);
      list.append(h("li", {}, dot, name, h("span", { class: "soft number" }, ` ${count(number)}`)));
    }
    fill(mix, bar, list);
  };

  context.onClose(store.subscribe(show, "selection", "filters", "tab", "pen", "theme"));
  context.onClose(atlas.onArrival(show));
  void context.computed.then(show);
  show();
  return panel;
}
