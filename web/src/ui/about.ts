/** Data and model: where everything comes from, how it was made, and how to cite it. */

import { lineChart, type Series } from "./chart";
import type { Context } from "./context";
import { fill, h, shorten } from "./dom";
import { classColours, css } from "../gl/colour";
import { count, extent, figure, mapTitle, plural } from "./words";

/** A setting as people write it. */
function written(value: unknown): string {
  if (Array.isArray(value)) return value.map(written).join(", ") || "none";
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([name, each]) => `${name} ${written(each)}`).join("; ") || "as preset";
  }
  return value === null ? "none" : String(value);
}

export function aboutPage(context: Context): HTMLElement {
  const { atlas, store } = context;
  const page = h("article", { class: "page" });

  const section = (title: string, entries: readonly (readonly [string, string])[], ...more: HTMLElement[]): HTMLElement[] =>
    entries.length === 0 ? [] : [
      h("h3", {}, title),
      h("dl", { class: "facts wide" }, ...entries.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, shorten(value, 400))])),
      ...more,
    ];

  const copied = (name: string, content: string): HTMLElement => {
    const button = h("button", {
      onclick: () => {
        void navigator.clipboard?.writeText(content).then(
          () => context.say(`${name} copied`),
          () => context.say("Copying is not allowed here"),
        );
      },
    }, "Copy");
    return h("div", { class: "quote" }, h("pre", { tabindex: 0, "aria-label": name }, content), button);
  };

  const build = (): void => {
    const { about } = atlas;
    const colours = classColours(10, context.dark());
    const sizes = [...new Set(atlas.history.map((row) => row.latent_dim))].sort((a, b) => a - b);
    const series: Series[] = sizes.flatMap((size, index) => {
      const seeds = [...new Set(atlas.history.filter((row) => row.latent_dim === size).map((row) => row.seed))];
      return seeds.map((seed, k): Series => ({
        name: String(size),
        colour: css(colours[index % 10] ?? [128, 128, 128]),
        kind: k === 0 ? "line" : "thin",
        named: k === 0,
        points: atlas.history
          .filter((row) => row.latent_dim === size && row.seed === seed)
          .map((row): [number, number] => [row.epoch, row.validation_mse ?? row.train_loss ?? NaN]),
      }));
    });
    const epochs = Math.max(0, ...atlas.history.map((row) => row.epoch));
    const settings = Object.entries(about.settings).map(([name, value]): [string, string] => [name, written(value)]);
    const shape = about.image_shape.join(" × ");
    fill(
      page,
      h("h2", {}, shorten(about.name, 200)),
      h("p", { class: "lead" }, `${extent(about, atlas.n)}, ${shape === "" ? "" : "encoded to "}${about.latent_dim} numbers each, laid out on ${plural(atlas.maps.length, "map")}: ${atlas.maps.map((map) => shorten(map.title || mapTitle(map.name), 40)).join(", ")}.`),
      ...section("Data", [
        ["rows", [about.n_train !== null && `${count(about.n_train)} for training`, about.n_test !== null && `${count(about.n_test)} for testing`].filter((part) => typeof part === "string").join(", ") || "–"],
        ["size of an image", shape || "no images"],
        ["content", about.content_hash],
        ...about.notes.map((note): [string, string] => ["note", note]),
      ]),
      ...section("Model", [
        ["latent size", `${about.latent_dim} (seed ${about.seed})`],
        ["finished", about.finished],
      ]),
      ...section("Settings of the run", settings, h("p", { class: "soft" }, "By the names that latentscape.run has for them.")),
      series.length > 0 && h("h3", {}, "Training"),
      series.length > 0 && epochs > 1 && lineChart(series, { title: "Validation error by epoch, one line for each training", x: "epoch", y: "validation error (MSE)", logX: false, logY: true, wholeX: true }).element,
      series.length > 0 && h("p", { class: "soft" }, epochs > 1 ? "One line for each training, named by its latent size." : "Trained for one epoch only."),
      ...section("What is not here", Object.entries(atlas.lacking)),
      ...section(
        "Time",
        Object.entries(about.seconds).map(([part, seconds]): [string, string] => [part, `${figure(seconds, 3)} s`]),
        h("p", { class: "soft" }, "How long each part took when it was made: what an earlier run has left counts as it did then."),
      ),
      ...section("Versions", Object.entries(about.versions)),
      about.citation !== "" && h("h3", {}, "How to cite"),
      about.citation !== "" && copied("citation", about.citation),
      about.bibtex !== "" && copied("BibTeX", about.bibtex),
      h("p", { class: "soft" }, "This page is one file and asks nothing of the network; images and drawings never leave it."),
    );
  };
  const show = (): void => {
    if (store.state.tab === "about") build();
  };
  context.onClose(store.subscribe(show, "tab", "theme"));
  show();
  return page;
}
