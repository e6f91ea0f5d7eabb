/** All keys on one sheet, opened by "?". */

import { h } from "./dom";

const KEYS: readonly (readonly [string, string])[] = [
  ["Arrow keys", "on a map: to the nearest point that way; with the decode pen: move it and hold it there (Shift: faster)"],
  ["Enter", "take the held point in or out of the selection; set an end of a path; let the decode pen go, or hold it again"],
  ["Esc", "from a page to the maps; there let go: of the place, the point, the path, then the selection"],
  ["+  −  0", "zoom in, zoom out, whole map"],
  ["1  2  4", "number of maps"],
  ["V  D  L  R  P", "look, decode, lasso, rectangle, path"],
  ["W", "draw a digit"],
  ["I  N  M", "images in place of dots, names on clusters, mosaic under the points"],
  ["/", "find an id or label"],
  ["T", "light or dark"],
  ["?", "this sheet"],
  ["Drag, wheel, pinch", "move and zoom; double click shows the whole map"],
  ["Shift + drag", "select with any pen; adds to a selection"],
];

export interface Help {
  readonly element: HTMLDialogElement;
  readonly toggle: () => void;
}

export function helpSheet(): Help {
  const close = h("button", {}, "Close");
  const element = h(
    "dialog",
    { class: "help", "aria-labelledby": "latentscape-help-title" },
    h("h2", { id: "latentscape-help-title", tabindex: -1, autofocus: true }, "Keys"),
    h("dl", { class: "facts wide" }, ...KEYS.flatMap(([keys, what]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, what)])),
    close,
  );
  close.addEventListener("click", () => element.close());
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  return {
    element,
    toggle: () => {
      if (element.open) element.close();
      else element.showModal();
    },
  };
}
