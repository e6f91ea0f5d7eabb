/** What the colours mean; pressing a name takes its points out or brings them back. */

import { TRUST_STEPS, TRUST_WORST, css, rampColour, trustColour } from "../gl/colour";
import type { CategoryColumn, NumberColumn } from "../data";
import type { Filter } from "../store";
import { TRUST, categoryColours, colourRange, findColumn } from "./colouring";
import type { Context } from "./context";
import { h, shorten } from "./dom";
import { lacking } from "./lacking";
import { count, figure } from "./words";

const MOST = 60;

export function legend(context: Context): HTMLElement {
  const { atlas, store } = context;
  const element = h("div", { class: "legend", role: "group", "aria-label": "Legend and filter" });

  const filterOf = (column: string): Filter | undefined => store.state.filters.find((filter) => filter.column === column);
  const setFilter = (column: string, filter: Filter | null): void => {
    const others = store.state.filters.filter((each) => each.column !== column);
    store.set({ filters: filter === null ? others : [...others, filter] });
  };

  const categories = (column: CategoryColumn): void => {
    const off = new Set(filterOf(column.name)?.off ?? []);
    const colours = categoryColours(column, context.dark());
    const used = column.counts.map((number, category) => ({ number, category })).filter(({ number }) => number > 0);
    const apply = (next: Set<number>): void =>
      setFilter(column.name, next.size === 0 ? null : { column: column.name, off: [...next].sort((a, b) => a - b) });
    for (const { number, category } of used.slice(0, MOST)) {
      const name = column.names[category] ?? String(category);
      const dot = h("span", { class: "dot", "aria-hidden": "true" });
      dot.style.background = css(colours[category] ?? [128, 128, 128]);
      const button = h(
        "button",
        { type: "button", class: "legend-item", "aria-pressed": String(!off.has(category)), title: `${count(number)} points. Click: take out or bring back. Double click: this one only.` },
        dot,
        h("bdi", {}, shorten(name, 24) || "(empty)"),
      );
      button.addEventListener("click", () => {
        const next = new Set(filterOf(column.name)?.off ?? []);
        if (!next.delete(category)) next.add(category);
        apply(next);
      });
      button.addEventListener("dblclick", () => {
        apply(new Set(used.map((each) => each.category).filter((each) => each !== category)));
      });
      element.append(button);
    }
    if (used.length > MOST) element.append(h("span", { class: "soft" }, `and ${used.length - MOST} more`));
    if (off.size > 0) {
      const all = h("button", { class: "quiet", onclick: () => apply(new Set()) }, "all");
      element.append(all);
    }
  };

  const numbers = (column: NumberColumn): void => {
    const [least, greatest] = colourRange(column);
    const [low, high] = filterOf(column.name)?.range ?? [least, greatest];
    const ramp = h("canvas", { class: "ramp", width: 120, height: 1, "aria-hidden": "true" });
    const paint = ramp.getContext("2d");
    for (let x = 0; x < 120 && paint !== null; x++) {
      paint.fillStyle = css(rampColour(context.dark() ? 0.18 + (0.82 * x) / 119 : (0.95 * x) / 119));
      paint.fillRect(x, 0, 1, 1);
    }
    const step = (greatest - least) / 200 || 1;
    const end = (value: number, name: string): HTMLInputElement =>
      h("input", { type: "range", min: least, max: greatest, step, value, "aria-label": `${name} ${column.title} shown` });
    const from = end(low, "Least");
    const to = end(high, "Greatest");
    const apply = (): void => {
      const a = Math.min(Number(from.value), Number(to.value));
      const b = Math.max(Number(from.value), Number(to.value));
      // An end of the scale means no limit: values beyond it are drawn in its colour.
      const bottom = a <= least + step / 2;
      const top = b >= greatest - step / 2;
      setFilter(column.name, bottom && top ? null : { column: column.name, range: [bottom ? -Number.MAX_VALUE : a, top ? Number.MAX_VALUE : b] });
    };
    from.addEventListener("change", apply);
    to.addEventListener("change", apply);
    element.append(
      h("span", { class: "number soft" }, figure(least)),
      h("span", { class: "ramp-box" }, ramp, from, to),
      h("span", { class: "number soft" }, figure(greatest)),
      h("span", { class: "soft legend-note" }, column.note === "" ? column.title : shorten(column.note, 120)),
    );
  };

  const trust = (): void => {
    const square = h("canvas", { class: "trust-square", width: TRUST_STEPS, height: TRUST_STEPS, role: "img", "aria-label": "Colours of trust: grey neither, orange false neighbours, blue missing neighbours, the fourth corner both" });
    const paint = square.getContext("2d");
    for (let y = 0; y < TRUST_STEPS; y++) {
      for (let x = 0; x < TRUST_STEPS && paint !== null; x++) {
        paint.fillStyle = css(trustColour(x / (TRUST_STEPS - 1), 1 - y / (TRUST_STEPS - 1), context.dark()));
        paint.fillRect(x, y, 1, 1);
      }
    }
    element.append(
      square,
      h("span", { class: "legend-note" }, h("span", { class: "false-word" }, "→ false neighbours"), ", not near among the codes. ", h("span", { class: "missing-word" }, "↑ missing neighbours"), `, torn away by the map. Full colour from a loss of ${TRUST_WORST}.`),
    );
  };

  const show = (): void => {
    // Keep the keyboard's place in the row of names.
    const held = element.contains(document.activeElement) ? [...element.children].indexOf(document.activeElement as Element) : -1;
    element.replaceChildren();
    const { colour } = store.state;
    const column = findColumn(atlas, colour);
    if (colour === TRUST) trust();
    else if (column?.kind === "category") categories(column);
    else if (column?.kind === "number") numbers(column);
    if (colour === "label" || atlas.label === null) {
      const reason = lacking(context, "labels");
      if (reason) element.append(reason);
    }
    element.hidden = element.childElementCount === 0;
    const again = held >= 0 ? element.children[held] : undefined;
    if (again instanceof HTMLElement) again.focus();
  };
  context.onClose(store.subscribe(show, "colour", "filters", "theme"));
  show();
  return element;
}
