/** Line charts as inline SVG, drawn anew for each width, so that their words keep their size. */

import { h, s } from "./dom";
import { figure } from "./words";

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly (readonly [number, number])[];
  readonly kind: "line" | "dots" | "dashed" | "thin";
  /** Name it at its end. */
  readonly named?: boolean;
}

export interface ChartOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly logX: boolean;
  readonly logY: boolean;
  readonly xTicks?: readonly number[];
  readonly bandX?: readonly [number, number] | null;
  readonly markX?: number | null;
  readonly fromZero?: boolean;
  /** x counts something: no ticks between whole numbers. */
  readonly wholeX?: boolean;
}

export interface Chart {
  readonly element: HTMLElement;
  /** From a value to its distance from the left edge, in CSS pixels, at the present width. */
  toX(value: number): number;
}

const NICE = [1, 1.5, 2, 3, 4, 6, 8];
const HEIGHT = 360;
const NARROW = 520; // below it the names stand under the chart, where they take no width from it
const LABEL = 34; // room for a number under the chart

export function lineChart(series: readonly Series[], options: ChartOptions): Chart {
  const drawable = (points: Series["points"]): Series["points"] =>
    points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y) && (!options.logY || y > 0) && (!options.logX || x > 0));
  const svg = s("svg", { class: "chart", role: "img", height: HEIGHT, "aria-label": options.title });
  const names = h("ul", { class: "chart-names", "aria-hidden": "true" });
  for (const each of series) {
    if (each.named === false) continue;
    const dot = h("span", { class: "dot" });
    dot.style.background = each.colour;
    names.append(h("li", {}, dot, each.name));
  }
  let toX = (value: number): number => value;
  const draw = (width: number): void => {
    names.hidden = width >= NARROW;
    svg.replaceChildren();
    toX = drawLines(svg, width, series.map((each) => ({ ...each, points: drawable(each.points) })), options);
  };
  draw(640); // until it is known how much room there is
  new ResizeObserver(([entry]) => {
    if (entry !== undefined && entry.contentRect.width > 0) draw(entry.contentRect.width);
  }).observe(svg);
  return { element: h("div", { class: "chart-box" }, svg, names), toX: (value) => toX(value) };
}

/** Draw into an empty picture; return the way from a value to its place. */
function drawLines(element: SVGSVGElement, width: number, series: readonly Series[], options: ChartOptions): (value: number) => number {
  const narrow = width < NARROW;
  const box = { left: 70, right: narrow ? 10 : 150, top: 14, bottom: 46 };
  const [bottom, right] = [HEIGHT - box.bottom, width - box.right];
  const all = series.flatMap((each) => each.points);
  const range = (values: number[], log: boolean, margin: number): readonly [number, number] => {
    let low = Infinity;
    let high = -Infinity;
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (!Number.isFinite(low)) return log ? [1, 10] : [0, 1];
    if (log) return [low / (1 + margin), high * (1 + margin)];
    const room = (high - low || Math.abs(high) || 1) * margin * 0.3;
    return [options.fromZero === true ? Math.min(0, low) : low - room, high + room];
  };
  const [x0, x1] = range(all.map(([x]) => x), options.logX, options.logX ? 0.2 : 0);
  const [y0, y1] = range(all.map(([, y]) => y), options.logY, 0.3);
  const axis = (low: number, high: number, log: boolean, from: number, to: number) => (value: number): number => {
    const share = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low || 1);
    return from + share * (to - from);
  };
  const toX = axis(x0, x1, options.logX, box.left, right);
  const toY = axis(y0, y1, options.logY, bottom, box.top);

  if (options.bandX) {
    const [low, high] = options.bandX;
    const left = options.logX ? toX(Math.max(x0, low / 1.17)) : toX(low);
    const right = options.logX ? toX(Math.min(x1, high * 1.17)) : toX(high);
    element.append(s("rect", { class: "band", x: left, y: box.top, width: Math.max(1, right - left), height: bottom - box.top }));
  }
  for (const tick of ticks(y0, y1, options.logY)) {
    element.append(
      s("line", { class: "grid", x1: box.left, x2: right, y1: toY(tick), y2: toY(tick) }),
      s("text", { class: "tick", x: box.left - 10, y: toY(tick) + 4, "text-anchor": "end" }, tickText(tick)),
    );
  }
  let last = -Infinity;
  for (const tick of options.xTicks ?? ticks(x0, x1, options.logX, options.wholeX)) {
    if (tick < x0 || tick > x1 || toX(tick) - last < LABEL) continue;
    last = toX(tick);
    element.append(s("text", { class: "tick", x: toX(tick), y: bottom + 20, "text-anchor": "middle" }, tickText(tick)));
  }
  element.append(
    s("text", { class: "tick", x: (box.left + right) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, options.x),
    s("text", { class: "tick", x: 0, y: 0, transform: `translate(14 ${(box.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, options.y),
  );
  const ends: { name: string; colour: string; y: number }[] = [];
  for (const each of series) {
    if (each.kind === "dots") {
      for (const [x, y] of each.points) element.append(s("circle", { class: "dot-mark", cx: toX(x), cy: toY(y), r: 4, fill: each.colour }));
    } else {
      const path = each.points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`).join("");
      element.append(s("path", { class: `line line-${each.kind}`, d: path, stroke: each.colour }));
    }
    const end = each.points.at(-1);
    if (!narrow && each.named !== false && end !== undefined) ends.push({ name: each.name, colour: each.colour, y: toY(end[1]) });
  }
  spread(ends, 17, box.top + 6, bottom);
  for (const end of ends) {
    element.append(
      s("circle", { cx: right + 10, cy: end.y, r: 4, fill: end.colour }),
      s("text", { class: "end", x: right + 20, y: end.y + 4 }, end.name),
    );
  }
  if (options.markX !== undefined && options.markX !== null) {
    element.append(s("line", { class: "mark", x1: toX(options.markX), x2: toX(options.markX), y1: box.top, y2: bottom }));
  }
  return toX;
}

/** A number on an axis, without zeros that say nothing. */
function tickText(value: number): string {
  const written = figure(value, 4);
  return written.includes(".") ? written.replace(/\.?0+$/, "") : written;
}

/** Move names apart, as little as possible, within the chart. */
function spread(ends: { y: number }[], gap: number, top: number, bottom: number): void {
  ends.sort((a, b) => a.y - b.y);
  for (let pass = 0; pass < 40; pass++) {
    for (let i = 0; i + 1 < ends.length; i++) {
      const a = ends[i];
      const b = ends[i + 1];
      if (a === undefined || b === undefined) continue;
      const overlap = gap - (b.y - a.y);
      if (overlap > 0.1) {
        a.y -= overlap / 2;
        b.y += overlap / 2;
      }
    }
    for (const end of ends) end.y = Math.max(top, Math.min(bottom, end.y));
  }
}

function ticks(low: number, high: number, log: boolean, whole = false): number[] {
  const found: number[] = [];
  if (log) {
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
      for (const m of NICE) if (m * 10 ** e >= low && m * 10 ** e <= high) found.push(m * 10 ** e);
    }
    const keep = Math.max(1, Math.floor(found.length / 6));
    return found.filter((_, i) => i % keep === 0);
  }
  const raw = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(raw || 1));
  const nice = ([1, 2, 2.5, 5, 10].find((m) => m * unit >= raw) ?? 10) * unit;
  const step = whole ? Math.ceil(nice) : nice;
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(Math.abs(value) < step * 1e-6 ? 0 : value);
  return found;
}

/** The same numbers for those who cannot see the chart. */
export function chartTable(caption: string, heads: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  return h(
    "details",
    { class: "numbers" },
    h("summary", {}, "The numbers"),
    h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": caption }, h(
      "table",
      {},
      h("caption", { class: "visually-hidden" }, caption),
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, i) => (i === 0 ? h("th", { scope: "row" }, cell) : h("td", {}, cell)))))),
    )),
  );
}
