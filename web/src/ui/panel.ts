/** One map on the stage, with what stands over it: which map it is, how far to trust it, the way back. */

import { named } from "../data";
import type { Context } from "./context";
import { h, text } from "./dom";
import type { Hand } from "./hand";
import { listenToPointer, type Pointer } from "./pointer";
import type { Frame, Views } from "./views";
import { mapTitle } from "./words";

export interface Panel extends Frame {
  readonly element: HTMLElement;
  readonly pointer: Pointer;
  /** Tell which map is shown, and whether the whole of it. */
  dress(): void;
}

/** `change` is called with the panel and the name of the map that is wanted in it. */
export function makePanel(
  name: string,
  context: Context,
  views: Views,
  hand: Hand,
  redraw: () => void,
  change: (panel: Panel, name: string) => void,
): Panel {
  const { atlas, store } = context;
  const frame: Frame = { map: name, rect: { left: 0, top: 0, width: 1, height: 1 }, passage: null };
  const choice = h(
    "select",
    { class: "map-choice", "aria-label": "Map in this panel", onchange: () => change(panel, choice.value) },
    ...atlas.maps.map((map) => h("option", { value: map.name }, map.title || mapTitle(map.name))),
  );
  const badge = h("button", { class: "badge", title: "How far this map can be trusted", onclick: () => showTrust() });
  const showTrust = (): void => {
    store.set({ tab: "trust" });
    const cards = document.querySelectorAll<HTMLElement>(".latentscape .card");
    const card = [...cards].find((each) => each.dataset["map"] === frame.map);
    const page = card?.closest(".reading");
    if (card === undefined || !page) return;
    page.scrollTop += card.getBoundingClientRect().top - page.getBoundingClientRect().top - 16;
    card.focus({ preventScroll: true });
  };
  const reset = h("button", { class: "quiet", title: "Show the whole map (0)", onclick: () => views.see(frame.map, null) }, "whole map");
  const surface = h("div", {
    class: "surface",
    tabindex: 0,
    role: "application",
    "aria-roledescription": "map",
    "aria-describedby": "latentscape-keys",
  });
  const element = h("section", { class: "panel" }, surface, h("div", { class: "panel-head" }, choice, badge, reset));
  const panel: Panel = Object.assign(frame, {
    element,
    pointer: listenToPointer(surface, frame, context, views, hand, redraw),
    dress: (): void => {
      const { map } = frame;
      const badgeText = named(atlas.maps, map)?.badge ?? "";
      choice.value = map;
      element.setAttribute("aria-label", `${mapTitle(map)} map`);
      surface.setAttribute("aria-label", `${mapTitle(map)} map of ${atlas.n} points`);
      text(badge, badgeText);
      badge.hidden = badgeText === "";
      const { x, y, zoom } = views.camera(map);
      reset.hidden = zoom === 1 && x === 0 && y === 0;
    },
  });
  return panel;
}
