/** Above the maps: how many, coloured by what, what is drawn with them, and files. */

import { TRUST, hasTrust } from "./colouring";
import type { Context } from "./context";
import { h, shorten } from "./dom";
import { exportPng, exportSvg } from "./export";
import { selectionText } from "../store";
import { searchBox } from "./search";
import type { Stage } from "./stage";
import { mapTitle, plural } from "./words";

// Which maps were on screen lately, in their order, so that fewer maps and then more are the same maps.
const seen = new WeakMap<Context, readonly string[]>();

/** Remember the maps that are on screen. */
function rememberMaps(context: Context): void {
  const shown = context.store.state.maps;
  seen.set(context, [...shown, ...(seen.get(context) ?? []).filter((name) => !shown.includes(name))]);
}

/** The maps on screen when there are to be `count`: those that are there, those that were, then the others. */
export function mapsFor(context: Context, count: number): string[] {
  const others = context.atlas.maps.map((map) => map.name);
  // The maps of the mapped model first; the plane of two neurons last.
  others.sort((a, b) => Number(a === "direct") - Number(b === "direct"));
  return [...new Set([...context.store.state.maps, ...(seen.get(context) ?? []), ...others])].slice(0, count);
}

export function possibleCounts(context: Context): number[] {
  return [1, 2, 4].filter((count) => count <= context.atlas.maps.length);
}

export function toolbar(context: Context, stage: Stage): HTMLElement {
  const { atlas, store } = context;
  const counts = possibleCounts(context);
  const number = h("div", { class: "segmented", role: "group", "aria-label": "Number of maps" });
  for (const count of counts) {
    const button = h("button", { "aria-label": count === 1 ? "1 map" : `${count} maps` }, String(count));
    button.addEventListener("click", () => store.set({ maps: mapsFor(context, count) }));
    number.append(button);
  }
  number.hidden = counts.length < 2;

  const colour = h("select", { "aria-label": "Colour by" });
  for (const column of atlas.columns) colour.append(h("option", { value: column.name }, shorten(column.title, 40)));
  if (hasTrust(atlas)) colour.append(h("option", { value: TRUST }, "trust of each point"));
  colour.append(h("option", { value: "" }, "one colour"));
  colour.addEventListener("change", () => store.set({ colour: colour.value }));

  const toggle = (name: string, key: "labels" | "thumbnails" | "mosaic", title: string): HTMLButtonElement => {
    const button = h("button", { class: "toggle", title, onclick: () => store.set({ [key]: !store.state[key] }) }, name);
    return button;
  };
  const names = toggle("Names", "labels", "Names on clusters (N)");
  const images = toggle("Images", "thumbnails", "Images in place of dots (I)");
  const mosaic = toggle("Mosaic", "mosaic", "The decoded plane under the points (M)");
  names.hidden = !atlas.columns.some((column) => column.kind === "category");
  images.hidden = atlas.images === null;

  const save = h("details", { class: "menu" }, h("summary", {}, "Save"));
  const files = h("div", { class: "menu-body" });
  save.append(files);
  save.addEventListener("toggle", () => {
    files.replaceChildren();
    for (const map of store.state.maps) {
      for (const kind of ["PNG", "SVG"] as const) {
        const button = h("button", {
          onclick: () => {
            save.open = false;
            if (kind === "PNG") void exportPng(context, stage, map);
            else exportSvg(context, stage, map);
          },
        }, `${mapTitle(map)} as ${kind}`);
        files.append(button);
      }
    }
    const address = context.address?.();
    if (address === undefined) return;
    const copy = (): void => {
      save.open = false;
      const { selection } = store.state;
      const whole = selection.length === 0 || selectionText(selection) !== null;
      const drawn = context.marks.of("draw").length > 0;
      const copied = whole ? `Link copied${drawn ? ", without the drawing" : ""}` : `Link copied without the selection: ${plural(selection.length, "point")} are too many for a link`;
      void navigator.clipboard?.writeText(address).then(() => context.say(copied), () => context.say("Copying is not allowed here; the address bar has the link"));
    };
    files.append(h("button", { onclick: copy }, "Copy a link to this view"));
  });
  save.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && save.open) {
      save.open = false;
      save.querySelector("summary")?.focus();
      event.stopPropagation();
    }
  });
  save.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && save.contains(event.relatedTarget))) save.open = false;
  });

  const element = h(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Maps" },
    number,
    h("label", { class: "field" }, h("span", {}, "Colour by"), colour),
    h("div", { class: "group" }, names, images, mosaic),
    h("span", { class: "spacer" }),
    searchBox(context),
    save,
  );

  const show = (): void => {
    const { state } = store;
    for (const button of number.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.textContent) === state.maps.length));
    }
    colour.value = state.colour;
    names.setAttribute("aria-pressed", String(state.labels));
    images.setAttribute("aria-pressed", String(state.thumbnails));
    mosaic.setAttribute("aria-pressed", String(state.mosaic));
    mosaic.hidden = atlas.decoded === null;
  };
  rememberMaps(context);
  context.onClose(store.subscribe(() => rememberMaps(context), "maps"));
  context.onClose(store.subscribe(show, "maps", "colour", "labels", "thumbnails", "mosaic"));
  void context.computed.then(show);
  show();
  return element;
}
