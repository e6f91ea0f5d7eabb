/** Keys that work wherever the page has the focus; those of a map are in hand.ts. */

import { isPage } from "../store";
import type { Context } from "./context";
import { mapsFor, possibleCounts } from "./toolbar";

export interface Ways {
  toggleHelp(): void;
  /** From a page that is read back to the maps. */
  toMaps(): void;
}

export function listenToKeys(root: HTMLElement, context: Context, { toggleHelp, toMaps }: Ways): void {
  const { store } = context;
  const actions: Readonly<Record<string, () => void>> = {
    "?": toggleHelp,
    v: () => store.set({ pen: "look", tab: "point" }),
    d: () => store.set({ pen: "decode", tab: "decode" }),
    l: () => store.set({ pen: "lasso", tab: "selection" }),
    r: () => store.set({ pen: "rectangle", tab: "selection" }),
    p: () => store.set({ pen: "path", tab: "path" }),
    w: () => {
      store.set({ pen: "look", tab: "draw" });
      root.querySelector<HTMLElement>(".pad")?.focus({ preventScroll: true });
    },
    i: () => store.set({ thumbnails: !store.state.thumbnails }),
    n: () => store.set({ labels: !store.state.labels }),
    m: () => store.set({ mosaic: !store.state.mosaic }),
    t: () => store.set({ theme: context.dark() ? "light" : "dark" }),
    "/": () => {
      if (isPage(store.state.tab)) toMaps();
      root.querySelector<HTMLInputElement>("input.search")?.focus();
    },
    Escape: () => {
      const { state } = store;
      if (isPage(state.tab)) toMaps();
      else if (state.placePinned) store.set({ placePinned: false, place: null });
      else if (state.focus >= 0) store.set({ focus: -1 });
      else if (state.path.length > 0) store.set({ path: [] });
      else if (state.selection.length > 0) {
        store.set({ selection: [] });
        context.say("Selection cleared");
      }
    },
  };
  const heard = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    if (target !== null && target.matches("input:not([type=range]), select, textarea, dialog, dialog *")) return;
    const count = Number(event.key);
    // What is not seen on a page that is read is not changed from there.
    if (isPage(store.state.tab) && /^[124imn]$/i.test(event.key)) return;
    if (possibleCounts(context).includes(count)) store.set({ maps: mapsFor(context, count) });
    else {
      const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (action === undefined) return;
      action();
    }
    event.preventDefault();
  };
  // In a page of its own the whole document listens; in a notebook only the widget.
  const scope: HTMLElement = root.parentElement === document.body || root.parentElement?.id === "app" ? document.body : root;
  scope.addEventListener("keydown", heard);
  context.onClose(() => scope.removeEventListener("keydown", heard));
}
