/** The widget of notebooks: anywidget calls `render` with its model and an element. */

import "./style.css";
import { bytesSource, explore, listen, makeCompute, openAtlas } from "./index";

/** The part of anywidget's model that is used here. */
interface Model {
  get(name: "data"): DataView;
  get(name: "selection"): readonly number[];
  get(name: "height"): number;
  /** The text of this very module. */
  get(name: "_esm"): string;
  set(name: "selection", value: readonly number[]): void;
  save_changes(): void;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
}

async function render({ model, el }: { model: Model; el: HTMLElement }): Promise<() => void> {
  const root = document.createElement("div");
  root.classList.add("latentscape-widget");
  root.style.height = `${model.get("height")}px`;
  el.append(root);
  const opened = Promise.resolve().then(() => openAtlas(bytesSource(model.get("data"))));
  const page = await explore(root, opened, {
    link: false,
    makeCompute: (atlas) => makeCompute(atlas, { text: model.get("_esm"), module: true }),
  });
  const { store } = page;
  store.set({ selection: [...model.get("selection")] });

  const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((row, i) => row === b[i]);
  const stop = store.subscribe((state) => {
    if (same(state.selection, model.get("selection"))) return;
    model.set("selection", [...state.selection]);
    model.save_changes();
  }, "selection");
  const fromPython = (): void => {
    const selection = [...model.get("selection")];
    if (!same(selection, store.state.selection)) store.set({ selection });
  };
  const resized = (): void => {
    root.style.height = `${model.get("height")}px`;
  };
  model.on("change:selection", fromPython);
  model.on("change:height", resized);
  return () => {
    model.off("change:selection", fromPython);
    model.off("change:height", resized);
    stop();
    page.close();
    root.remove();
  };
}

// The worker runs the text of this same module, where there is no document.
if (typeof document === "undefined") listen();

export default { render };
