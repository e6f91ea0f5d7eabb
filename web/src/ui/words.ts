/** Numbers and names in print, worded as in the figures that Python draws. */

import type { About } from "../header";

const TITLES: Readonly<Record<string, string>> = {
  direct: "Two neurons", pca: "PCA", lda: "LDA", tsne: "t-SNE", umap: "UMAP",
};

export function mapTitle(name: string): string {
  return TITLES[name] ?? name;
}

/** A number with `digits` significant digits and no exponent: 0.0046, 12. */
export function figure(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(digits));
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  return rounded.toFixed(Math.min(12, decimals)).replace("-", "−");
}

/** A share as a percentage, with a space that does not break. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const value = 100 * share;
  return `${Math.abs(value) >= 10 || value === 0 || value > 99.95 ? value.toFixed(0) : value.toFixed(1)}\u00a0%`;
}

/** How many, to be followed by "of the images": a share that is not none is not written as 0. */
export function share(of: number): string {
  if (of <= 0 || of >= 1) return of <= 0 ? "none" : "all";
  return of < 0.0005 ? "less than 0.1\u00a0%" : of > 0.9995 ? "more than 99.9\u00a0%" : percent(of);
}

/** A sentence that Python has made, in print: no break before %, and a minus sign that is one. */
export function printed(sentence: string): string {
  return sentence.replace(/(\d) %/g, "$1\u00a0%").replace(/(^|[\s(])-(?=\d)/g, "$1−");
}

/** A whole number with a comma between thousands; asking the browser's own words for it takes long at first. */
export function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "10,000 test images", or rows where the data are no images. */
export function extent({ rows, image_shape }: Pick<About, "rows" | "image_shape">, n: number): string {
  return `${count(n)} ${rows === "all" || rows === "" ? "" : `${rows} `}${image_shape.length > 0 ? "image" : "row"}${n === 1 ? "" : "s"}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}
