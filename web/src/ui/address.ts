/** The state in the address, so that links, a reload and the browser's Back and Forward restore it. */

import { START, isPage, toFragment, type State, type Store } from "../store";

const REST = 250; // milliseconds of rest before the address is rewritten

/**
 * Write the state into the URL's fragment, and follow it when it is changed from outside. Going
 * to another page of the explorer makes an entry of the history; all else changes the present one.
 * Returns how to stop.
 */
export function keepAddress(store: Store, read: (hash: string) => Partial<State>): () => void {
  let timer = 0;
  let written = location.hash;
  let before = store.state;
  let following = false;

  const hash = (state: State): string => {
    const fragment = toFragment(state);
    return fragment === "" ? "" : `#${fragment}`;
  };
  const write = (state: State, how: "pushState" | "replaceState"): void => {
    window.clearTimeout(timer);
    const fresh = hash(state);
    if (how === "replaceState" && location.hash === fresh) return;
    written = fresh;
    history[how](null, "", fresh === "" ? location.pathname + location.search : fresh);
  };
  const stop = store.subscribe((state) => {
    window.clearTimeout(timer);
    const left = before;
    before = state;
    if (following) return;
    const page = (tab: State["tab"]): string => (isPage(tab) ? tab : "maps");
    if (page(left.tab) !== page(state.tab)) {
      write(left, "replaceState");
      write(state, "pushState");
    } else timer = window.setTimeout(() => write(state, "replaceState"), REST);
  });
  const follow = (): void => {
    if (location.hash === written) return;
    written = location.hash;
    following = true;
    // What stays in this browser and is in no link: what is pointed at.
    const { hover } = store.state;
    store.set({ ...START, hover, ...read(location.hash) });
    following = false;
  };
  window.addEventListener("popstate", follow);
  window.addEventListener("hashchange", follow);
  return () => {
    stop();
    window.clearTimeout(timer);
    window.removeEventListener("popstate", follow);
    window.removeEventListener("hashchange", follow);
  };
}
