/** What a saved map says of itself: which map of what, how far to trust it, and what its colours mean. */

import { css, shownRamp, trustColour, type Rgb } from "../gl/colour";
import { named } from "../data";
import { TRUST, categoriesOff, categoryColours, findColumn } from "./colouring";
import type { Context } from "./context";
import { h, s, shorten } from "./dom";
import { filterWords, scaleEnds } from "./legend";
import { inksOf } from "./paint";
import { extent, mapTitle, plural } from "./words";

/** Words or a patch of colour, in CSS pixels from the upper left corner of the whole picture. */
export type Shape =
  | { readonly text: string; readonly x: number; readonly y: number; readonly size: number; readonly weight: number; readonly fill: string }
  | { readonly x: number; readonly y: number; readonly width: number; readonly height: number; readonly round: number; readonly fill: string };

export interface Caption {
  /** Where the map begins; the empty band at its own top holds a part of the title. */
  readonly top: number;
  /** Height of the whole picture. */
  readonly height: number;
  readonly shapes: readonly Shape[];
}

const FONT = "system-ui, sans-serif";
const TOP = 26;
const LINE = 22;
const EDGE = 16;
const MOST = 40; // names in a legend

/** What stands around a map of these CSS pixels. */
export function caption(context: Context, map: string, width: number, height: number): Caption {
  const { atlas, store } = context;
  const { colour, filters, selection } = store.state;
  const dark = context.dark();
  const { ink, soft } = inksOf(dark);
  const paper = h("canvas").getContext("2d");
  const wide = (words: string, size: number, weight: number): number => {
    if (paper !== null) paper.font = `${weight} ${size}px ${FONT}`;
    return paper?.measureText(words).width ?? (words.length * size) / 2;
  };
  const shapes: Shape[] = [];
  const write = (words: string, x: number, y: number, size = 13, weight = 400, fill = ink): number => {
    let fitting = words;
    for (let most = 200; wide(fitting, size, weight) > width - x - EDGE && most > 1; most = Math.floor(0.9 * most)) fitting = shorten(words, most);
    shapes.push({ text: fitting, x, y, size, weight, fill });
    return x + wide(fitting, size, weight);
  };
  const patch = (x: number, y: number, width: number, fill: Rgb, round = 0): void => {
    shapes.push({ x, y: y - 10, width, height: 11, round, fill: css(fill) });
  };

  // Marks of direction keep a name that runs from right to left apart from what stands beside it.
  const name = `\u2068${shorten(atlas.about.name, 60)}\u2069`;
  write([mapTitle(map), name, extent(atlas.about, atlas.n)].join(" · "), EDGE, 24, 16, 650);
  const badge = named(atlas.maps, map)?.badge;
  if (badge) write(badge, EDGE, 43, 12.5, 400, soft);

  let x = EDGE;
  let y = TOP + height + 20;
  const item = (words: string, fill: Rgb): void => {
    const room = 17 + wide(words, 13, 400);
    if (x > EDGE && x + room > width - EDGE) {
      x = EDGE;
      y += LINE;
    }
    patch(x, y, 11, fill, 5.5);
    x = write(words, x + 17, y) + 16;
  };
  const column = findColumn(atlas, colour);
  const off = categoriesOff(store.state, colour);
  if (colour === TRUST) {
    for (const [words, a, b] of [["neither", 0, 0], ["false neighbours", 1, 0], ["missing neighbours", 0, 1], ["both", 1, 1]] as const) item(words, trustColour(a, b, dark));
  } else if (column?.kind === "category") {
    const colours = categoryColours(column, dark);
    const used = column.counts.map((number, category) => (number > 0 && !off.has(category) ? category : -1)).filter((category) => category >= 0);
    for (const category of used.slice(0, MOST)) item(shorten(column.names[category] ?? "", 24) || "(empty)", colours[category] ?? [128, 128, 128]);
    if (used.length > MOST) x = write(`and ${used.length - MOST} more`, x, y, 13, 400, soft);
  } else if (column?.kind === "number") {
    const [low, high] = scaleEnds(column);
    x = write(low, EDGE, y) + 8;
    for (let k = 0; k < 40; k++) patch(x + 4 * k, y, 4.5, shownRamp(k / 39, dark));
    x = write(high, x + 168, y);
    if (x + 16 + wide(column.title, 13, 400) > width - EDGE) [x, y] = [EDGE - 16, y + LINE];
    write(column.title, x + 16, y, 13, 400, soft);
  } else y -= LINE; // one colour means nothing
  const faint = [
    ...filters.map((filter) => filterWords(atlas, filter)),
    ...(selection.length > 0 ? [`${plural(selection.length, "point")} selected`] : []),
  ];
  if (faint.length > 0) write(`${faint.join("; ")}; the others faint`, EDGE, (y += LINE), 12.5, 400, soft);
  return { top: TOP, height: Math.ceil(y + 14), shapes };
}

export function paintCaption(paper: CanvasRenderingContext2D, { shapes }: Caption): void {
  paper.textAlign = "left";
  paper.textBaseline = "alphabetic";
  for (const shape of shapes) {
    paper.fillStyle = shape.fill;
    if ("text" in shape) {
      paper.font = `${shape.weight} ${shape.size}px ${FONT}`;
      paper.fillText(shape.text, shape.x, shape.y);
    } else {
      paper.beginPath();
      paper.roundRect(shape.x, shape.y, shape.width, shape.height, shape.round);
      paper.fill();
    }
  }
}

export function svgCaption({ shapes }: Caption): SVGElement[] {
  return shapes.map((shape) =>
    "text" in shape
      ? s("text", { x: shape.x.toFixed(1), y: shape.y, fill: shape.fill, "font-family": FONT, "font-size": shape.size, "font-weight": shape.weight }, shape.text)
      : s("rect", { x: shape.x.toFixed(1), y: shape.y, width: shape.width, height: shape.height, rx: shape.round, fill: shape.fill }),
  );
}
