/** Size: the error against the number of latent dimensions, and what each size rebuilds. */

import { chartTable, lineChart, type Series } from "./chart";
import type { Context } from "./context";
import { fill, h, text } from "./dom";
import { lacking } from "./lacking";
import { Picture, decodedStyle, pictureStyle } from "./picture";
import { figure, percent, plural, printed } from "./words";
import { inksOf } from "./paint";

const RULES: Readonly<Record<string, string>> = {
  tolerance: "tolerance", one_se: "one standard error", gain: "gain of the next size",
};

/** A rule of autoencoder/latent_size.py in words. */
function ruleName(rule: string): string {
  const [, x, y] = /^kneedle_(\w+)_(\w+)$/.exec(rule) ?? [];
  return x === undefined ? (RULES[rule] ?? rule.replaceAll("_", " ")) : `knee of the curve (${x} size, ${y} error)`;
}

export function sizePage(context: Context): HTMLElement {
  const { atlas, store } = context;
  const page = h("article", { class: "page" });
  let built = false;

  const build = (): void => {
    const { choice } = atlas;
    const ours = atlas.sweep.filter((row) => row.model === "autoencoder" && row.test_mse !== null);
    if (ours.length === 0) {
      fill(page, h("h2", {}, "Size"), lacking(context, "sweep"));
      return;
    }
    const sizes = [...new Set(ours.map((row) => row.latent_dim))].sort((a, b) => a - b);
    const mean = (model: "autoencoder" | "pca"): [number, number][] =>
      [...new Set(atlas.sweep.filter((row) => row.model === model).map((row) => row.latent_dim))]
        .sort((a, b) => a - b)
        .map((size): [number, number] => {
          const values = atlas.sweep.filter((row) => row.model === model && row.latent_dim === size).map((row) => row.test_mse ?? NaN);
          return [size, values.reduce((sum, value) => sum + value, 0) / values.length];
        });
    const means = mean("autoencoder");
    const pca = mean("pca").filter(([size]) => size <= (sizes.at(-1) ?? 0));
    const seeds = new Set(ours.map((row) => row.seed)).size;
    const accent = inksOf(context.dark()).accent;
    const soft = inksOf(context.dark()).soft;
    const series: Series[] = [
      { name: `autoencoder${seeds > 1 ? ` (${seeds} seeds)` : ""}`, colour: accent, points: means, kind: "line" },
      { name: "each training", colour: accent, points: ours.map((row): [number, number] => [row.latent_dim, row.test_mse ?? NaN]), kind: "dots", named: false },
    ];
    if (pca.length > 0) series.push({ name: "PCA", colour: soft, points: pca, kind: "dashed" });
    const band = choice !== null && choice.band.length === 2 ? ([choice.band[0] ?? 0, choice.band[1] ?? 0] as const) : null;
    const chart = lineChart(series, {
      title: `Test error against latent size: ${means.map(([size, value]) => `${size}: ${figure(value)}`).join(", ")}`,
      x: "neurons in the latent space",
      y: "test error (MSE)",
      logX: true,
      logY: true,
      xTicks: sizes,
      bandX: band !== null && band[1] > band[0] ? band : null,
      markX: store.state.size > 0 && sizes.includes(store.state.size) ? store.state.size : (choice?.latent_dim ?? null),
    });
    /** The title of the figure that Python draws. */
    const finding = (size: number): string => {
      const ours = means.find((each) => each[0] === size)?.[1] ?? NaN;
      const theirs = pca.find((each) => each[0] === size)?.[1];
      if (theirs === undefined) return `${plural(size, "neuron")}: the test error is ${figure(ours)}`;
      if (ours > theirs) return `${plural(size, "neuron")}: PCA does better, with ${percent(theirs / ours)} of the test error`;
      return `${plural(size, "neuron")}: the test error is ${percent(ours / theirs)} of PCA’s`;
    };
    const shown = store.state.size > 0 ? store.state.size : (choice?.latent_dim ?? sizes[0] ?? 0);
    const nearest = (event: MouseEvent): number => {
      const x = event.clientX - chart.element.getBoundingClientRect().left;
      return sizes.reduce((best, size) => (Math.abs(chart.toX(size) - x) < Math.abs(chart.toX(best) - x) ? size : best), sizes[0] ?? 0);
    };
    chart.element.addEventListener("pointermove", (event) => store.set({ size: nearest(event) }));
    chart.element.addEventListener("pointerdown", (event) => store.set({ size: nearest(event) }));

    const buttons = h("p", { class: "segmented", role: "group", "aria-label": "Latent size" });
    for (const size of sizes) {
      const button = h("button", { "aria-pressed": String(size === shown), onclick: () => store.set({ size }) }, String(size));
      buttons.append(button);
    }
    const value = means.find(([size]) => size === shown)?.[1];
    const base = pca.find(([size]) => size === shown)?.[1];
    const chosen = choice?.latent_dim === shown;
    const heading = h("h3", {}, `${plural(shown, "neuron")}${chosen ? ", the chosen size" : ""}`);
    const words = h("p", { class: "soft" });
    text(words, `Test error ${figure(value)}${base !== undefined && value !== undefined ? `; PCA with as many components ${figure(base)} (${percent(value / base)})` : ""}.`);
    fill(
      page,
      h("h2", {}, finding(choice?.latent_dim ?? means.reduce((best, each) => (each[1] < best[1] ? each : best))[0])),
      choice !== null && h("p", { class: "lead" }, printed(choice.sentence)),
      choice !== null && choice.thin && h("p", { class: "notice" }, "A single seed: thin evidence."),
      chart.element,
      h("p", { class: "soft" }, `Each dot is one training.${band !== null && band[1] > band[0] ? ` Other rules choose ${band[0]} to ${band[1]}: the shaded band.` : ""}${choice?.model_limited_above !== null && choice?.model_limited_above !== undefined ? ` Above ${choice.model_limited_above} the model, not the data, limits the error: PCA does better.` : ""} Both axes are logarithmic.`),
      buttons,
      heading,
      words,
      samples(shown),
      chartTable("Test error by latent size", ["size", "autoencoder", ...(pca.length > 0 ? ["PCA"] : [])], means.map(([size, error]) => [String(size), figure(error, 3), ...(pca.length > 0 ? [figure(pca.find(([d]) => d === size)?.[1], 3)] : [])])),
      choice !== null && Object.keys(choice.rules).length > 0 && h("p", { class: "soft" }, `What each rule chooses: ${Object.entries(choice.rules).map(([rule, size]) => `${ruleName(rule)} ${size}`).join(", ")}.`),
    );
  };

  const samples = (size: number): HTMLElement | null => {
    const found = atlas.sizeSamples;
    const known = pictureStyle(atlas) ?? decodedStyle(atlas);
    if (found === null || known === null) return null;
    const which = found.sizes.indexOf(size);
    const rebuilt = found.reconstructions[which];
    if (rebuilt === undefined) return h("p", { class: "soft" }, `No model of size ${size} is kept in this page.`);
    const style = { ...known, width: found.width, height: found.height, channels: found.channels };
    const length = found.width * found.height * style.channels;
    const grid = h("div", { class: "samples" });
    for (let k = 0; k < found.count; k++) {
      const original = new Picture(style, `Test image ${k + 1}`);
      original.show(found.originals.subarray(k * length, (k + 1) * length), 255);
      const again = new Picture(style, `Test image ${k + 1} rebuilt from ${size} numbers`);
      again.show(rebuilt.subarray(k * length, (k + 1) * length), 255);
      grid.append(h("div", { class: "sample" }, original.element, again.element));
    }
    return h("div", {}, grid, h("p", { class: "soft" }, `Sixteen test images, and below each what ${plural(size, "number")} of it bring back (seed ${found.seed}).`.replace("Sixteen", found.count === 16 ? "Sixteen" : String(found.count))));
  };

  const show = (): void => {
    if (store.state.tab !== "size") return;
    // The pointed-at size changes while the pointer moves over the chart: keep the keyboard's place.
    const active = document.activeElement;
    const held = active instanceof HTMLButtonElement && page.contains(active) ? active.textContent : null;
    build();
    built = true;
    if (held !== null) [...page.querySelectorAll("button")].find((button) => button.textContent === held)?.focus();
  };
  context.onClose(store.subscribe(show, "tab", "size", "theme"));
  context.onClose(atlas.onArrival(() => built && show()));
  show();
  return page;
}
