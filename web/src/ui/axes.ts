/** Latent axes: from the held point along the principal directions of the codes, decoded live. */

import { AXES, AXIS_REACH } from "../store";
import type { Context, Mark } from "./context";
import { h, text } from "./dom";
import { Picture, decodedStyle } from "./picture";
import { percent } from "./words";

export function axesSection(context: Context): HTMLElement {
  const { atlas, store } = context;
  const style = decodedStyle(atlas);
  const picture = style && new Picture(style, "The image at this place of the latent space", "medium");
  const rows = h("div", { class: "axes" });
  const reset = h("button", { class: "quiet", onclick: () => store.set({ axes: [] }) }, "Back to the point");
  const section = h(
    "details",
    { class: "section" },
    h("summary", {}, "Latent axes"),
    h("p", { class: "soft" }, "Move the point’s code along the directions in which codes vary most, by standard deviations (sd). The star shows where that lands; the percentages are each direction’s share of the variance."),
    h("div", { class: "axes-body" }, picture?.element ?? null, rows),
    reset,
  );
  const sliders: [slider: HTMLInputElement, value: HTMLElement][] = [];
  const move = (): void => store.set({ axes: sliders.map(([slider]) => Number(slider.value)) });

  /** Make the sliders when they are first wanted. */
  const start = (): void => {
    const directions = atlas.principal;
    if (directions === null || sliders.length > 0) return;
    directions.axes.slice(0, AXES).forEach((_, k) => {
      const slider = h("input", { type: "range", min: -AXIS_REACH, max: AXIS_REACH, step: 0.05, oninput: move });
      const value = h("span", { class: "number axis-value" });
      sliders.push([slider, value]);
      const direction = `Direction ${k + 1}, standard deviations`;
      slider.setAttribute("aria-label", direction);
      rows.append(h("label", { class: "axis" }, h("span", {}, `${k + 1}`), h("span", { class: "number soft" }, percent(directions.shares[k] ?? 0)), slider, value));
    });
  };

  const show = (): void => {
    const compute = context.compute();
    const directions = atlas.principal;
    const { focus, axes, tab } = store.state;
    const moved = axes.some((by) => by !== 0);
    if (section.open) start();
    sliders.forEach(([slider, value], k) => {
      const by = axes[k] ?? 0;
      slider.value = String(by);
      text(value, by === 0 ? "" : `${by > 0 ? "+" : "−"}${Math.abs(by).toFixed(2).replace(/0$/, "")} sd`);
    });
    if (!section.open || compute === null || directions === null || focus < 0) {
      context.marks.set("axes", []);
      return;
    }
    const code = Float32Array.from(compute.codeOf("main", focus));
    sliders.forEach((_, k) => {
      const by = (axes[k] ?? 0) * (directions.deviations[k] ?? 0);
      if (by !== 0) directions.axes[k]?.forEach((value, j) => (code[j] = (code[j] ?? 0) + by * value));
    });
    reset.disabled = !moved;
    if (atlas.models.main?.decoder) picture?.show(compute.decode("main", code), 1);
    const marks: Mark[] = [];
    for (const map of moved && tab === "point" ? atlas.maps : []) {
      if (map.model !== "main") continue;
      const place = compute.place(map.name, code);
      if (place !== null) marks.push({ kind: "star", map: map.name, points: place, text: "moved" });
    }
    context.marks.set("axes", marks);
  };

  /** A link may have brought moved sliders. */
  const unfold = (): void => {
    if (store.state.axes.some((by) => by !== 0)) section.open = true;
  };

  section.addEventListener("toggle", show);
  context.onClose(
    store.subscribe((state, changed) => {
      // Another point starts where it is, unless a link says how far it has gone.
      if (changed.has("focus") && !changed.has("axes") && state.axes.length > 0) store.set({ axes: [] });
      else {
        if (changed.has("axes")) unfold();
        show();
      }
    }, "focus", "tab", "axes", "theme"),
  );
  void context.computed.then(show);
  unfold();
  show();
  return section;
}
