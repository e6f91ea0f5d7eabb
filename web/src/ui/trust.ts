/** Trust: what each map may be believed for, measure by measure, with errors and baselines. */

import { MAP_COLOURS } from "../gl/colour";
import type { MapData, Measure } from "../data";
import { chartTable, lineChart, type Series } from "./chart";
import { TRUST, hasTrust, shareInDoubt } from "./colouring";
import type { Context } from "./context";
import { fill, h, shorten } from "./dom";
import { lacking } from "./lacking";
import { figure, mapTitle, percent, printed } from "./words";

const SCOPES: readonly (readonly [string, string])[] = [
  ["local", "Near: who is next to whom"],
  ["global", "Far: the large picture"],
  ["label", "Labels"],
  ["stability", "Stability between seeds"],
  ["decoding", "Decoded places"],
];

/** What the sentences of a card answer, by their topics (quality/cards.py). */
const QUESTIONS: Readonly<Record<string, string>> = {
  gaps: "Are the gaps real?",
  classes: "Are classes as pure as shown?",
  sizes: "Do sizes mean something?",
  distances: "Do distances between groups mean something?",
  neighbours: "Do neighbours belong together?",
  misplaced: "Are few points misplaced?",
  seeds: "Is it the same with other seeds?",
  decoding: "May a decoded place be believed?",
  pca: "Does it tell more than PCA?",
};

/** Where a value stands between a random map (0) and the best there is (1). */
export function shareOfBest(measure: Measure): number {
  const { value, random, best } = measure;
  if (value === null || random === null || best === null || random === best) return 0;
  return Math.min(1, Math.max(0, (value - random) / (best - random)));
}

function decimals(value: number | null): string {
  return value === null || !Number.isFinite(value) ? "–" : value.toFixed(3).replace("-", "−");
}

/** What random maps reach: one figure, or a range where it depends on the map. */
function chance(values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const [low = null, high = null] = [known[0], known.at(-1)];
  return low === null || high === null || high - low < 0.05 ? decimals(low) : `${low.toFixed(2)} to ${high.toFixed(2)}`;
}

export function trustPage(context: Context): HTMLElement {
  const { atlas, store } = context;
  const page = h("article", { class: "page page-wide" });

  const build = (): void => {
    const judged = atlas.maps.filter((map) => map.quality !== null || map.card !== null);
    const accuracy = Object.entries(atlas.about.knn_accuracy);
    const see = h("button", { class: "primary", onclick: () => store.set({ colour: TRUST, tab: "point" }) }, "Colour the maps by trust");
    fill(
      page,
      h("h2", {}, "How far each map can be trusted"),
      h("p", { class: "lead" }, "A flat map of a space with many dimensions must tear and glue. These measures say how much, each beside a map of random places and the best value there is."),
      hasTrust(atlas) && h("p", { class: "actions" }, see),
      judged.length === 0 && lacking(context, "quality"),
      judged.some((map) => map.card !== null) && cards(judged),
      measures(judged),
      curves(judged),
      accuracy.length > 0 && labelAccuracy(accuracy),
    );
  };

  const cards = (judged: readonly MapData[]): HTMLElement =>
    h(
      "div",
      { class: "cards" },
      ...judged.map((map) => {
        if (map.card === null) return null;
        const doubt = shareInDoubt(atlas, map.name);
        return h(
          "section",
          { class: "card", "data-map": map.name, tabindex: -1 },
          h("h3", {}, map.title || mapTitle(map.name)),
          doubt !== null && h("p", { class: "soft" }, `${percent(doubt)} of the places are in doubt.`),
          ...map.card.sentences.map((sentence) =>
            h(
              "p",
              {},
              h("strong", {}, QUESTIONS[sentence.topic] ?? `${sentence.topic}:`, " ", h("span", { class: `verdict-${verdictKind(sentence.verdict)}` }, sentence.verdict)),
              h("br"),
              printed(sentence.text),
            ),
          ),
        );
      }),
    );

  const measures = (judged: readonly MapData[]): HTMLElement | null => {
    const shown = judged.filter((map) => (map.quality?.measures.length ?? 0) > 0);
    if (shown.length === 0) return null;
    const of = (map: MapData, key: string): Measure | undefined => map.quality?.measures.find((measure) => measure.key === key);
    const keys = new Map<string, Measure>();
    for (const map of shown) for (const measure of map.quality?.measures ?? []) if (!keys.has(measure.key)) keys.set(measure.key, measure);
    const row = (first: Measure): HTMLElement =>
      h(
        "tr",
        {},
        h("th", { scope: "row", title: first.definition }, first.title),
        ...shown.map((map) => {
          const measure = of(map, first.key);
          // Where chance would do as well as the best there is nothing to measure: a map without gaps.
          if (measure === undefined || measure.value === null || (measure.random !== null && measure.random === measure.best)) return h("td", {}, "–");
          const cell = h("td", {}, h("span", { class: "number" }, decimals(measure.value)), measure.standard_error !== null && measure.standard_error > 0 && h("small", {}, ` ± ${figure(measure.standard_error, 1)}`));
          cell.style.setProperty("--share-number", shareOfBest(measure).toFixed(3));
          cell.className = "cell";
          return cell;
        }),
        h("td", { class: "soft number" }, chance(shown.map((map) => of(map, first.key)?.random ?? null).filter((value) => value !== null && value !== first.best))),
        h("td", { class: "soft number" }, decimals(first.best)),
      );
    const bodies = SCOPES.map(([scope, name]) => {
      const rows = [...keys.values()].filter((measure) => measure.scope === scope);
      return rows.length === 0 ? null : h("tbody", {}, h("tr", {}, h("th", { colspan: shown.length + 3, class: "scope", scope: "rowgroup" }, name)), ...rows.map(row));
    });
    const others = [...keys.values()].filter((measure) => !SCOPES.some(([scope]) => scope === measure.scope));
    return h(
      "section",
      {},
      h("h3", {}, "Maps and measures"),
      h(
        "div",
        { class: "scroller", tabindex: 0, role: "region", "aria-label": "Table of maps and measures" },
        h(
          "table",
          { class: "measures" },
          h("thead", {}, h("tr", {}, h("td", {}), ...shown.map((map) => h("th", { scope: "col" }, map.title || mapTitle(map.name))), h("th", { scope: "col", class: "soft" }, "random"), h("th", { scope: "col", class: "soft" }, "best"))),
          ...bodies.filter((body) => body !== null),
          others.length > 0 && h("tbody", {}, ...others.map(row)),
        ),
      ),
      h("p", { class: "soft" }, "With the standard error of each figure. The fuller the bar under a figure, the nearer it is to the best value, counted from a map of random places."),
      h("details", { class: "numbers" }, h("summary", {}, "What they measure"), h("dl", { class: "facts wide" }, ...[...keys.values()].flatMap((measure) => [h("dt", {}, measure.title), h("dd", {}, measure.definition)]))),
    );
  };

  const curves = (judged: readonly MapData[]): HTMLElement | null => {
    const series: Series[] = [];
    for (const map of judged) {
      const curve = map.quality?.curves.find((each) => each.of === "map");
      if (curve === undefined) continue;
      const limit = Math.max(...curve.sizes) / 2;
      series.push({
        name: map.title || mapTitle(map.name),
        colour: MAP_COLOURS[map.name] ?? "#7f7f7f",
        kind: "line",
        points: curve.sizes.map((k, i): [number, number] => [k, curve.values[i] ?? NaN]).filter(([k]) => k <= limit),
      });
    }
    if (series.length === 0) return null;
    const sizes = [...new Set(series.flatMap((each) => each.points.map(([k]) => k)))].sort((a, b) => a - b);
    return h(
      "section",
      {},
      h("h3", {}, "Neighbourhoods from near to far"),
      lineChart(series, { title: "R_NX by neighbourhood size for each map", x: "K nearest neighbours", y: "kept, beyond chance (R_NX)", logX: true, logY: false, fromZero: true }).element,
      h("p", { class: "soft" }, "Share of the K nearest codes that are also among the K nearest on the map, rescaled so that a random map has 0 and a perfect one 1 (Lee et al. 2015)."),
      chartTable("R_NX by neighbourhood size", ["K", ...series.map((each) => each.name)], sizes.map((k) => [String(k), ...series.map((each) => decimals(each.points.find(([x]) => x === k)?.[1] ?? null))])),
    );
  };

  const labelAccuracy = (accuracy: readonly (readonly [string, number])[]): HTMLElement => {
    const rows = accuracy.map(([name, value]) => {
      const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("i", {}));
      const inner = bar.firstElementChild;
      if (inner instanceof HTMLElement) inner.style.width = percent(value).replace("\u00a0", "");
      return h("tr", {}, h("th", { scope: "row" }, name === "codes" ? "the codes themselves" : mapTitle(shorten(name, 30))), h("td", { class: "wide-cell" }, bar), h("td", { class: "number" }, percent(value)));
    });
    return h(
      "section",
      {},
      h("h3", {}, "Do neighbours share a label?"),
      h("table", { class: "bars" }, h("thead", { class: "visually-hidden" }, h("tr", {}, h("th", { scope: "col" }, "space"), h("td", {}), h("th", { scope: "col" }, "accuracy"))), h("tbody", {}, ...rows)),
      h("p", { class: "soft" }, `Share of the images whose ${atlas.about.knn_k} nearest neighbours name their label. More separation is not more truth: a map can show gaps that the codes do not have.`),
    );
  };

  const show = (): void => {
    if (store.state.tab === "trust") build();
  };
  context.onClose(store.subscribe(show, "tab", "theme"));
  show();
  return page;
}

/** Verdicts are yes, partly, no and unknown (quality/cards.py). */
function verdictKind(verdict: string): "good" | "bad" | "fair" {
  return verdict === "yes" ? "good" : verdict === "no" ? "bad" : "fair";
}
