/** Colours of classes, of values and of trust: the same as in the figures that Python draws. */

export type Rgb = readonly [number, number, number];

/** Ten colours that stay apart for colour-blind readers and in grey print (figures/palette.py). */
export const TEN = [
  "#d65277", "#a089e3", "#99ab2d", "#4266f5", "#9a5c04",
  "#78e258", "#a9056b", "#1923b5", "#7c2912", "#44d5d2",
] as const;

export const NO_CLASS = "#9aa1ab";

/** One colour for each map, as in figures/trust.py. */
export const MAP_COLOURS: Readonly<Record<string, string>> = {
  direct: "#cc79a7", pca: "#e69f00", lda: "#56b4e9", tsne: "#009e73", umap: "#0072b2",
};

/** From low to high; lightness rises steadily, so it also reads in grey. */
const RAMP: readonly Rgb[] = [
  [38, 34, 98], [44, 78, 134], [38, 122, 142], [60, 163, 128], [138, 196, 98], [240, 222, 92],
];

/** Neither, false neighbours, missing neighbours, both. */
const TRUST_CORNERS: readonly [readonly [Rgb, Rgb], readonly [Rgb, Rgb]] = [
  [[214, 217, 222], [217, 95, 2]],
  [[33, 102, 172], [60, 10, 70]],
];
/** The same on a dark page: what is trusted recedes, what is both stands out. */
const TRUST_CORNERS_DARK: typeof TRUST_CORNERS = [
  [[70, 75, 84], [240, 128, 40]],
  [[88, 160, 235], [250, 200, 255]],
];

export const TRUST_STEPS = 16;
/** A point's loss of trustworthiness or continuity at which its colour is full. */
export const TRUST_WORST = 0.1;

export function parseHex(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16);
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255];
}

export function toHex([r, g, b]: Rgb): string {
  return "#" + [r, g, b].map((v) => Math.round(v).toString(16).padStart(2, "0")).join("");
}

export function css([r, g, b]: Rgb, alpha = 1): string {
  const rgb = `${Math.round(r)} ${Math.round(g)} ${Math.round(b)}`;
  return alpha === 1 ? `rgb(${rgb})` : `rgb(${rgb} / ${alpha})`;
}

function mix(a: Rgb, b: Rgb, t: number): Rgb {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

function hsv(h: number, s: number, v: number): Rgb {
  const channel = (n: number): number => {
    const k = (n + h * 6) % 6;
    return 255 * (v - v * s * Math.max(0, Math.min(k, 4 - k, 1)));
  };
  return [channel(5), channel(3), channel(1)];
}

function luminance([r, g, b]: Rgb): number {
  const linear = (v: number): number => (v <= 10.314 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** On a dark page the darkest colours are lifted towards white until they can be seen. */
function lifted(colour: Rgb): Rgb {
  let t = 0;
  while (t < 0.8 && luminance(mix(colour, [255, 255, 255], t)) < 0.16) t += 0.04;
  return mix(colour, [255, 255, 255], t);
}

/** One colour for each class; beyond ten a wheel of hues, which only labels tell apart. */
export function classColours(nClasses: number, dark: boolean): Rgb[] {
  const golden = (Math.sqrt(5) - 1) / 2;
  const colours: Rgb[] = [];
  for (let k = 0; k < nClasses; k++) {
    const ten = nClasses <= TEN.length ? TEN[k] : undefined;
    const colour =
      ten !== undefined
        ? parseHex(ten)
        : hsv((k * golden) % 1, [0.85, 0.6, 0.75][k % 3] ?? 0.7, [0.55, 0.85, 0.7][k % 3] ?? 0.7);
    colours.push(dark ? lifted(colour) : colour);
  }
  return colours;
}

/** A shade that is readable as text: darkened on white, lightened on a dark page. */
export function textShade(colour: Rgb, dark: boolean): Rgb {
  let t = 0;
  const towards: Rgb = dark ? [255, 255, 255] : [0, 0, 0];
  const readable = (c: Rgb): boolean => (dark ? luminance(c) > 0.3 : luminance(c) < 0.14);
  while (t < 0.95 && !readable(mix(colour, towards, t))) t += 0.05;
  return mix(colour, towards, t);
}

/** The colour of a value between 0 (low) and 1 (high). */
export function rampColour(value: number): Rgb {
  const at = Math.min(1, Math.max(0, value)) * (RAMP.length - 1);
  const low = Math.min(RAMP.length - 2, Math.floor(at));
  return mix(RAMP[low] ?? [0, 0, 0], RAMP[low + 1] ?? [0, 0, 0], at - low);
}

/** The colour of false (x) and missing (y) neighbours, each from 0 (none) to 1 (full). */
export function trustColour(x: number, y: number, dark: boolean): Rgb {
  const corners = dark ? TRUST_CORNERS_DARK : TRUST_CORNERS;
  return mix(mix(corners[0][0], corners[0][1], x), mix(corners[1][0], corners[1][1], x), y);
}

/** A palette of 256 colours, RGBA; number 255 is for points without a class or value. */
export type Palette = Uint8Array;

function fill(colour: (index: number) => Rgb): Palette {
  const palette = new Uint8Array(256 * 4);
  for (let index = 0; index < 256; index++) {
    const [r, g, b] = index === 255 ? parseHex(NO_CLASS) : colour(index);
    palette.set([Math.round(r), Math.round(g), Math.round(b), 255], index * 4);
  }
  return palette;
}

export function classPalette(nClasses: number, dark: boolean): Palette {
  const colours = classColours(nClasses, dark);
  // More than 255 classes share colours.
  return fill((index) => colours[index % Math.max(1, colours.length)] ?? parseHex(NO_CLASS));
}

/** The same without the end that is lost on the page: the darkest on a dark one, the palest on a light one. */
export function shownRamp(t: number, dark: boolean): Rgb {
  return rampColour(dark ? 0.18 + 0.82 * t : 0.95 * t);
}

export function rampPalette(dark: boolean): Palette {
  // The dark end of the ramp would vanish on a dark page.
  return fill((index) => shownRamp(index / 254, dark));
}

export function trustPalette(dark: boolean): Palette {
  return fill((index) =>
    trustColour((index % TRUST_STEPS) / (TRUST_STEPS - 1), Math.floor(index / TRUST_STEPS) / (TRUST_STEPS - 1), dark),
  );
}

/** The palette's number for a pair of losses; 255 (no value) is never given. */
export function trustIndex(falseLoss: number, missingLoss: number): number {
  if (!Number.isFinite(falseLoss) || !Number.isFinite(missingLoss)) return 255;
  const step = (loss: number): number =>
    Math.round(Math.min(1, Math.max(0, loss / TRUST_WORST)) * (TRUST_STEPS - 1));
  return Math.min(254, step(missingLoss) * TRUST_STEPS + step(falseLoss));
}
