/** The page: it boots from the data block in the document, or from the server that sent it. */

import "./style.css";
import { explore, listen, makeCompute, openAtlas, sourceOfPage } from "./index";

function boot(): void {
  const text = document.currentScript?.textContent ?? null; // known only while the script runs
  const root = document.getElementById("app");
  if (root === null) return;
  root.classList.add("latentscape-page");
  // The first picture of the page is on screen before the data are unpacked.
  requestAnimationFrame(() => {
    const opened = Promise.resolve().then(() => openAtlas(sourceOfPage(document)));
    void explore(root, opened, {
      link: true,
      makeCompute: (atlas) => makeCompute(atlas, text === null ? null : { text, module: false }),
    }).catch(() => undefined); // told on the page
  });
}

// The worker runs the text of this same script, where there is no document.
if (typeof document === "undefined") listen();
else boot();
