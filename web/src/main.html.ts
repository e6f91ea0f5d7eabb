/** The page: it boots from the data block in the document, or from the server that sent it. */

import "./style.css";
import { explore, makeCompute, openAtlas, sourceOfPage } from "./index";

const root = document.getElementById("app");
if (root !== null) {
  root.classList.add("latentscape-page");
  // The first picture of the page is on screen before the data are unpacked.
  requestAnimationFrame(() => {
    const opened = Promise.resolve().then(() => openAtlas(sourceOfPage(document)));
    void explore(root, opened, { link: true, makeCompute }).catch(() => undefined); // told on the page
  });
}
