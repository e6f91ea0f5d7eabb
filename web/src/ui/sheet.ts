/** On a narrow page the panel is a sheet below the maps, which opens when it has something to show. */

import type { State, Store } from "../store";
import { h } from "./dom";

export interface Sheet {
  /** The button that opens and closes it; there is none on a wide page, which shows the panel always. */
  readonly handle: HTMLElement;
  open(): void;
}

/** What the panel of the present tab is about is there. */
function filled({ tab, focus, place, path, selection }: State): boolean {
  if (tab === "point") return focus >= 0;
  if (tab === "decode") return place !== null;
  if (tab === "path") return path.length > 0;
  return tab === "draw" || (tab === "selection" && selection.length > 0);
}

/** Write into `root` whether the sheet is open; style.css makes of it what the width asks for. */
export function makeSheet(root: HTMLElement, store: Store, onClose: (stop: () => void) => void): Sheet {
  const set = (open: boolean): void => {
    root.dataset["sheet"] = open ? "open" : "closed";
    handle.setAttribute("aria-expanded", String(open));
    handle.textContent = open ? "▾" : "▴";
  };
  const handle = h("button", { class: "icon handle", "aria-label": "Details", onclick: () => set(root.dataset["sheet"] !== "open") });
  onClose(
    store.subscribe((state, changed) => {
      if (filled(state)) set(true);
      else if (state.tab === "point" && changed.has("focus")) set(false);
    }, "tab", "focus", "place", "path", "selection"),
  );
  set(filled(store.state));
  return { handle, open: () => set(true) };
}
