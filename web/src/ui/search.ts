/** Find points by id, file name, label or any other text; all that match can be selected. */

import type { Context } from "./context";
import { fill, h, shorten } from "./dom";
import { categoryName } from "./point";
import { plural } from "./words";

const LISTED = 12;

/**
 * Rows in which the words stand: in the id, in a text (a file name), or in the name of a category.
 * Whole ids, texts and names come first; the whole name of a label means that label only.
 */
export function findRows(context: Context, query: string): number[] {
  const { atlas } = context;
  const wanted = query.trim().toLocaleLowerCase();
  if (wanted === "") return [];
  // 2: the whole text, 1: a part of it.
  const bare = /\D\d+$/.test(wanted) ? withoutZeros(wanted) : "";
  const rate = (text: string | undefined): number => {
    const lower = text?.toLocaleLowerCase() ?? "";
    return lower === wanted || (bare !== "" && withoutZeros(lower) === bare) ? 2 : Number(lower.includes(wanted));
  };
  const named = atlas.columns
    .filter((column) => column.kind === "category")
    .map(({ name, names, values }) => ({ name, values, rates: names.map(rate) }));
  const texts = [atlas.ids, ...atlas.texts.map(({ values }) => values)];
  const rated = [[], [], []] as [number[], number[], number[]];
  for (let row = 0; row < atlas.n; row++) {
    let best = 0;
    for (const values of texts) best = Math.max(best, rate(values[row]));
    for (const { values, rates } of named) best = Math.max(best, rates[values[row] ?? 0] ?? 0);
    rated[best as 0]?.push(row);
  }
  const [, partly, exact] = rated;
  // A label that is named exactly means that label, and not every id with the same digits.
  return named.some(({ name, rates }) => name === "label" && rates.includes(2)) ? exact : [...exact, ...partly];
}

/** "test-00042" as people ask for it: "test-42". */
function withoutZeros(text: string): string {
  return text.replace(/(\D)0+(?=\d+$)/, "$1");
}

export function searchBox(context: Context): HTMLElement {
  const { atlas, store } = context;
  const input = h("input", { type: "search", class: "search", placeholder: "Find a point", "aria-label": "Find points by id, file name or label", autocomplete: "off", spellcheck: "false" });
  const list = h("div", { class: "found" });
  list.hidden = true;
  const box = h("div", { class: "search-box" }, input, list);

  const show = (): void => {
    const { query } = store.state;
    if (document.activeElement !== input) input.value = query;
    list.hidden = query.trim() === "" || !box.contains(document.activeElement);
    if (list.hidden) return;
    const rows = findRows(context, query);
    const all = h("button", { class: "found-all" }, rows.length === 0 ? "Nothing found" : `Select ${plural(rows.length, "match", "matches")}`);
    all.disabled = rows.length === 0;
    all.addEventListener("click", () => {
      store.set({ selection: rows.sort((a, b) => a - b), tab: "selection" });
      list.hidden = true;
      context.say(`${plural(rows.length, "point")} selected`);
    });
    list.scrollTop = 0;
    fill(
      list,
      all,
      ...rows.slice(0, LISTED).map((row) => {
        const name = categoryName(atlas.label, row);
        const button = h("button", {
          onclick: () => {
            store.set({ focus: row, tab: "point" });
            list.hidden = true;
          },
        }, h("bdi", {}, shorten(atlas.ids[row] ?? String(row), 40)), name !== "" && h("bdi", { class: "soft" }, shorten(name, 24)));
        button.addEventListener("focus", () => store.set({ hover: row }));
        button.addEventListener("pointerenter", () => store.set({ hover: row }));
        return button;
      }),
    );
  };

  input.addEventListener("input", () => store.set({ query: input.value }));
  input.addEventListener("focus", show);
  box.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && box.contains(event.relatedTarget))) {
      list.hidden = true;
      store.set({ hover: -1 });
    }
  });
  box.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const buttons = [...list.querySelectorAll("button")];
    const here = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === "Escape") {
      store.set({ query: "" });
      input.value = "";
      input.focus();
      list.hidden = true;
    } else if (event.key === "ArrowDown" && buttons.length > 0) {
      buttons[Math.min(buttons.length - 1, here + 1)]?.focus();
      event.preventDefault();
    } else if (event.key === "ArrowUp" && here >= 0) {
      if (here === 0) input.focus();
      else buttons[here - 1]?.focus();
      event.preventDefault();
    } else if (event.key === "Enter" && document.activeElement === input) {
      const [first] = findRows(context, store.state.query);
      if (first === undefined) return;
      store.set({ focus: first, tab: "point" });
      list.hidden = true;
    }
  });
  context.onClose(store.subscribe(show, "query"));
  context.onClose(atlas.onArrival(show));
  show();
  return box;
}
