/** The page: it boots from the data block in the document, or from the server that sent it. */

import "./style.css";
import type { AtlasData, Compute } from "./data";
import type { Store } from "./store";
import { explore, listen, makeCompute, openAtlas, sourceOfPage } from "./index";

function boot(): void {
  const text = document.currentScript?.textContent ?? null; // known only while the script runs
  const root = document.getElementById("app");
  if (root === null) return;
  root.classList.add("latentscape-page");
  // For the curious at the browser's console, and for tests: $("#app").latentscape
  const handle: { atlas?: AtlasData; compute?: Compute; store?: Store } = {};
  Object.assign(root, { latentscape: handle });
  const opened = Promise.resolve().then(() => openAtlas(sourceOfPage(document)));
  void explore(root, opened, {
    link: true,
    makeCompute: (atlas) => {
      const compute = makeCompute(atlas, text === null ? null : { text, module: false });
      Object.assign(handle, { atlas, compute });
      return compute;
    },
  }).then(
    ({ store }) => void Object.assign(handle, { store }),
    () => undefined, // told on the page
  );
}

// The worker runs the text of this same script, where there is no document.
if (typeof document === "undefined") listen();
else boot();
