/** Latent axes: from the held point along the principal directions of the codes, decoded live. */

import type { Context, Mark } from "./context";
import { h } from "./dom";
import { Picture, decodedStyle } from "./picture";
import { percent } from "./words";

const SHOWN = 6;
const REACH = 3; // standard deviations each way

export function axesSection(context: Context): HTMLElement {
  const { atlas, store } = context;
  const style = decodedStyle(atlas);
  const picture = style && new Picture(style, "The image at this place of the latent space", "medium");
  const rows = h("div", { class: "axes" });
  const reset = h("button", { class: "quiet" }, "Back to the point");
  const section = h(
    "details",
    { class: "section" },
    h("summary", {}, "Latent axes"),
    h("p", { class: "soft" }, "Move the point’s code along the directions in which codes vary most. The star shows where that lands."),
    h("div", { class: "axes-body" }, picture?.element ?? null, rows),
    reset,
  );
  const sliders: HTMLInputElement[] = [];

  /** Make the sliders when they are first wanted. */
  const start = (): void => {
    const directions = atlas.principal;
    if (directions === null || sliders.length > 0) return;
    directions.axes.slice(0, SHOWN).forEach((_, k) => {
      const slider = h("input", { type: "range", min: -REACH, max: REACH, step: 0.05, value: 0, "aria-label": `Direction ${k + 1}, standard deviations` });
      slider.addEventListener("input", show);
      sliders.push(slider);
      rows.append(h("label", { class: "axis" }, h("span", {}, `${k + 1}`), slider, h("span", { class: "number soft" }, percent(directions.shares[k] ?? 0))));
    });
  };

  const show = (): void => {
    const compute = context.compute();
    const directions = atlas.principal;
    const { focus } = store.state;
    if (!section.open || compute === null || directions === null || focus < 0) {
      context.marks.set("axes", []);
      return;
    }
    const code = Float32Array.from(compute.codeOf("main", focus));
    let moved = false;
    sliders.forEach((slider, k) => {
      const by = Number(slider.value) * (directions.deviations[k] ?? 0);
      if (by === 0) return;
      moved = true;
      directions.axes[k]?.forEach((value, j) => (code[j] = (code[j] ?? 0) + by * value));
    });
    reset.disabled = !moved;
    if (atlas.models.main?.decoder) picture?.show(compute.decode("main", code), 1);
    const marks: Mark[] = [];
    for (const map of moved ? atlas.maps : []) {
      if (map.model !== "main") continue;
      const place = compute.place(map.name, code);
      if (place !== null) marks.push({ kind: "star", map: map.name, points: place });
    }
    context.marks.set("axes", marks);
  };

  section.addEventListener("toggle", () => {
    if (section.open) start();
    show();
  });
  reset.addEventListener("click", () => {
    for (const slider of sliders) slider.value = "0";
    show();
  });
  context.onClose(
    store.subscribe((_, changed) => {
      if (changed.has("focus")) for (const slider of sliders) slider.value = "0";
      show();
    }, "focus", "tab"),
  );
  return section;
}
