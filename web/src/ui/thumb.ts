/** A row as a small picture that goes to its point, and shows it on the maps while pointed at. */

import { NO_CATEGORY } from "../data";
import { css } from "../gl/colour";
import { categoryColours } from "./colouring";
import type { Context } from "./context";
import { h, shorten } from "./dom";
import { Picture, pictureStyle } from "./picture";
import { categoryName } from "./point";

export function thumb(context: Context, row: number, prefix = "Point"): HTMLButtonElement {
  const { atlas, store } = context;
  const name = categoryName(atlas.label, row);
  const id = atlas.ids[row] ?? String(row);
  const button = h("button", {
    class: "thumb",
    "aria-label": `${prefix} ${shorten(id, 40)}${name === "" ? "" : `, ${shorten(name, 40)}`}`,
    onclick: () => store.set({ focus: row, hover: -1, tab: "point", pen: "look" }),
    onpointerenter: () => {
      // In the panel of the point it would replace the very list that it stands in.
      if (store.state.tab !== "point") store.set({ hover: row });
    },
    onpointerleave: () => store.set({ hover: -1 }),
  });
  const style = pictureStyle(atlas);
  if (style !== null) {
    const picture = new Picture(style, "");
    // The button has the name already.
    picture.element.setAttribute("aria-hidden", "true");
    picture.element.removeAttribute("role");
    picture.element.removeAttribute("aria-label");
    picture.show(atlas.images?.get(row) ?? null, 255);
    button.append(picture.element);
  } else button.append(shorten(name || id, 8));
  const colours = atlas.label === null ? [] : categoryColours(atlas.label, context.dark());
  button.style.borderBottomColor = css(colours[atlas.label?.values[row] ?? NO_CATEGORY] ?? [154, 161, 171]);
  return button;
}
