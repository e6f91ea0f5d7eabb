/** What the colours mean; pressing a name takes its points out or brings them back. */

import { TRUST_STEPS, TRUST_WORST, css, shownRamp, trustColour } from "../gl/colour";
import type { AtlasData, CategoryColumn, NumberColumn } from "../data";
import type { Filter } from "../store";
import { TRUST, applyFilters, categoriesOff, categoryColours, colourRange, findColumn } from "./colouring";
import type { Context } from "./context";
import { h, shorten, text } from "./dom";
import { lacking } from "./lacking";
import { count, figure, plural } from "./words";

const MOST = 60;

export function legend(context: Context): HTMLElement {
  const { atlas, store } = context;
  const element = h("div", { class: "legend", role: "group", "aria-label": "Legend and filter" });

  const filterOf = (column: string): Filter | undefined => store.state.filters.find((filter) => filter.column === column);
  const setFilter = (column: string, filter: Filter | null): void => {
    const others = store.state.filters.filter((each) => each.column !== column);
    store.set({ filters: filter === null ? others : [...others, filter] });
  };

  /** How many points all filters together leave. */
  const outside = new Uint8Array(atlas.n);
  const shown = (): number => {
    applyFilters(atlas, store.state.filters, outside);
    return outside.reduce((sum, out) => sum - out, atlas.n);
  };

  const categories = (column: CategoryColumn): void => {
    const off = categoriesOff(store.state, column.name);
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
        const next = categoriesOff(store.state, column.name);
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

  /** The scale of a column; returns how to show another filter on it, with the handles left as they are. */
  const numbers = (column: NumberColumn): (() => void) => {
    const [least, greatest] = colourRange(column);
    const ramp = h("canvas", { class: "ramp", width: 120, height: 1, "aria-hidden": "true" });
    const paint = ramp.getContext("2d");
    for (let x = 0; x < 120 && paint !== null; x++) {
      paint.fillStyle = css(shownRamp(x / 119, context.dark()));
      paint.fillRect(x, 0, 1, 1);
    }
    const step = (greatest - least) / 200 || 1;
    const end = (name: string): HTMLInputElement =>
      h("input", { type: "range", min: least, max: greatest, step, "aria-label": `${name} ${column.title} shown` });
    const from = end("Least");
    const to = end("Greatest");
    const apply = (): void => {
      const [a, b] = [Number(from.value), Number(to.value)];
      // An end of the scale means no limit: values beyond it are drawn in its colour.
      const low = a <= least + step / 2 ? -Infinity : a;
      const high = b >= greatest - step / 2 ? Infinity : b;
      setFilter(column.name, low === -Infinity && high === Infinity ? null : { column: column.name, range: [low, high] });
    };
    const told = (input: HTMLInputElement): void => input.setAttribute("aria-valuetext", figure(Number(input.value), 3));
    const note = h("span", { class: "soft legend-note" });
    const all = h("button", { class: "quiet" }, "all");
    all.addEventListener("click", () => {
      from.focus(); // the button goes away
      setFilter(column.name, null);
    });
    let frame = 0;
    for (const input of [from, to]) {
      input.addEventListener("input", () => {
        // The handles do not pass each other.
        const [low, high] = [Number(from.value), Number(to.value)];
        if (low > high) input.value = String(input === from ? high : low);
        told(input);
        cancelAnimationFrame(frame);
        frame = requestAnimationFrame(apply);
      });
    }
    const [low, high] = scaleEnds(column);
    element.append(
      h("span", { class: "number soft" }, low),
      h("span", { class: "ramp-box" }, ramp, from, to),
      h("span", { class: "number soft" }, high),
      all,
      note,
    );
    return () => {
      const filter = filterOf(column.name);
      const [low, high] = filter?.range ?? [least, greatest];
      // A handle under the hand stays where the hand is.
      const held = document.activeElement === from || document.activeElement === to;
      if (!held || filter === undefined) {
        from.value = String(Math.max(least, low));
        to.value = String(Math.min(greatest, high));
      }
      told(from);
      told(to);
      all.hidden = filter === undefined;
      const words = column.note === "" ? column.title : shorten(column.note, 120);
      text(note, filter === undefined ? words : `${filterWords(atlas, filter)}: ${plural(shown(), "point")} shown`);
    };
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

  /** What filters on other columns leave out: without these nobody could tell why points are faint. */
  const others = h("span", { class: "other-filters" });
  const showOthers = (): void =>
    others.replaceChildren(
      ...store.state.filters
        .filter(({ column }) => column !== store.state.colour)
        .map((filter) => {
          const words = shorten(filterWords(atlas, filter), 60);
          const remove = (): void => {
            setFilter(filter.column, null);
            element.querySelector<HTMLElement>("button, input")?.focus(); // in place of the button, which has gone
          };
          return h("button", { class: "chip", "aria-label": `Remove the filter ${words}`, title: "Show all again", onclick: remove }, `${words} ×`);
        }),
    );

  let update: (() => void) | null = null;
  const show = (): void => {
    // Keep the keyboard's place in the row of names.
    const held = element.contains(document.activeElement) ? [...element.children].indexOf(document.activeElement as Element) : -1;
    element.replaceChildren();
    update = null;
    const { colour } = store.state;
    const column = findColumn(atlas, colour);
    if (colour === TRUST) trust();
    else if (column?.kind === "category") categories(column);
    else if (column?.kind === "number") update = numbers(column);
    if (colour === "label" || atlas.label === null) {
      const reason = lacking(context, "labels");
      if (reason) element.append(reason);
    }
    element.append(others);
    update?.();
    showOthers();
    element.hidden = element.childElementCount === 1 && others.childElementCount === 0;
    const again = held >= 0 ? element.children[held] : undefined;
    if (again instanceof HTMLElement) again.focus();
  };
  context.onClose(
    store.subscribe((_, changed) => {
      if (changed.has("colour") || changed.has("theme") || update === null) return show();
      // A slider that is moved must not be replaced.
      update();
      showOthers();
    }, "colour", "filters", "theme"),
  );
  show();
  return element;
}

/** The ends of a column's colours in print; values beyond an end have its colour. */
export function scaleEnds(column: NumberColumn): readonly [string, string] {
  const [least, greatest] = colourRange(column);
  return [`${column.low < least ? "≤\u2009" : ""}${figure(least)}`, `${column.high > greatest ? "≥\u2009" : ""}${figure(greatest)}`];
}

/** What a filter leaves: "label without 8", "reconstruction error from 0.002 to 0.007". */
export function filterWords(atlas: AtlasData, { column: name, off = [], range }: Filter): string {
  const column = findColumn(atlas, name);
  if (column === null) return name;
  if (column.kind === "category") {
    const names = off.map((category) => shorten(column.names[category] ?? String(category), 16) || "(empty)");
    return `${column.title} without ${names.length <= 3 ? names.join(", ") : `${names.length} of ${column.counts.filter((n) => n > 0).length}`}`;
  }
  const [low, high] = range ?? [-Infinity, Infinity];
  if (low === -Infinity) return `${column.title} up to ${figure(high, 3)}`;
  return `${column.title} from ${figure(low, 3)}${high === Infinity ? "" : ` to ${figure(high, 3)}`}`;
}
