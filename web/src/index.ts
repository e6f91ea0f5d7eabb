/** The public surface: an atlas from a source, what is computed from it, and the page around it. */

export { openAtlas } from "./format";
export { bytesSource, sourceOfPage } from "./sources";
export { makeCompute } from "./compute";
export { listen } from "./worker";
export { explore, type Explorer, type Options } from "./ui/app";
