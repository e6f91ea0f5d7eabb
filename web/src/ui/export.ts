/** A map as a file: PNG as it is seen, SVG with points and names as vectors. */

import { named } from "../data";
import { toScreen } from "../gl/camera";
import { pointLook } from "../gl/renderer";
import { caption, paintCaption, svgCaption } from "./caption";
import { lift } from "./clusters";
import { applyFilters, colourIndices, paletteFor } from "./colouring";
import type { Context } from "./context";
import { download, h, s } from "./dom";
import { inksOf, namesOn } from "./paint";
import { shownThrough } from "./points";
import type { Layer, Stage } from "./stage";
import { mapTitle } from "./words";

/** More points than these enter an SVG as a picture, as marks, images and the mosaic always do; names are vectors. */
const MOST_CIRCLES = 20_000;
const SCALE = 3;

export async function exportPng(context: Context, stage: Stage, map: string): Promise<void> {
  const sheet = captioned(context, stage, map);
  const blob = sheet === null ? null : await new Promise<Blob | null>((resolve) => sheet.toBlob(resolve, "image/png"));
  if (blob === null) context.say("The picture could not be made");
  else {
    download(`${map}.png`, blob);
    context.say(`${mapTitle(map)} saved as PNG`);
  }
}

/** The map with its caption, in `SCALE` pixels for each CSS pixel. */
function captioned(context: Context, stage: Stage, map: string): HTMLCanvasElement | null {
  const picture = stage.picture(map, SCALE, "mosaic", "points", "marks", "names");
  if (picture === null) return null;
  const around = caption(context, map, picture.width / SCALE, picture.height / SCALE);
  const sheet = h("canvas", { width: picture.width, height: around.height * SCALE });
  const paper = sheet.getContext("2d");
  if (paper === null) return null;
  paper.fillStyle = inksOf(context.dark()).paper;
  paper.fillRect(0, 0, sheet.width, sheet.height);
  paper.drawImage(picture, 0, around.top * SCALE);
  paper.setTransform(SCALE, 0, 0, SCALE, 0, 0);
  paintCaption(paper, around);
  return sheet;
}

export function exportSvg(context: Context, stage: Stage, map: string): void {
  const drawing = mapSvg(context, stage, map);
  if (drawing === null) return;
  // Names may hold characters that no XML may.
  const content = new XMLSerializer().serializeToString(drawing).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
  download(`${map}.svg`, new Blob([content], { type: "image/svg+xml" }));
  context.say(`${mapTitle(map)} saved as SVG`);
}

function mapSvg(context: Context, stage: Stage, name: string): SVGSVGElement | null {
  const { atlas, store } = context;
  const view = stage.view(name);
  const map = named(atlas.maps, name);
  if (view === null || map === undefined) return null;
  const dark = context.dark();
  const { width, height } = view.rect;
  const inks = inksOf(dark);
  const around = caption(context, name, width, height);
  const whole = s("svg", { xmlns: "http://www.w3.org/2000/svg", width, height: around.height, viewBox: `0 0 ${width} ${around.height}` });
  // An inner drawing cuts off the points that stand beyond its edge.
  const drawing = s("svg", { y: around.top, width, height });
  whole.append(s("title", {}, `${mapTitle(name)} map of ${atlas.about.name}`), s("rect", { width, height: around.height, fill: inks.paper }), drawing, ...svgCaption(around));
  const place = (x: number, y: number) => toScreen(view.camera, view.extent, view.rect, x, y);
  const indices = colourIndices(atlas, store.state.colour, name);
  const palette = paletteFor(atlas, store.state.colour, dark);
  const look = pointLook(atlas.n, width * height, view.camera.zoom);
  /** What has no vectors enters as a picture. */
  const raster = (...layers: Layer[]): void => {
    const sheet = stage.picture(name, SCALE, ...layers);
    if (sheet !== null) drawing.append(s("image", { width, height, href: sheet.toDataURL("image/png") }));
  };
  const { state } = store;
  if (state.mosaic) raster("mosaic");
  const selected = new Set(store.state.selection);
  const outside = new Uint8Array(atlas.n);
  applyFilters(atlas, store.state.filters, outside);
  if (atlas.n <= MOST_CIRCLES) {
    // One group for each colour keeps the file small.
    const groups = new Map<string, SVGGElement>();
    const [faint, bright] = [s("g"), s("g")];
    drawing.append(faint, bright);
    for (let i = 0; i < atlas.n; i++) {
      const [x, y] = place(map.positions[2 * i] ?? NaN, map.positions[2 * i + 1] ?? NaN);
      if (!(x >= -9 && y >= -9 && x <= width + 9 && y <= height + 9)) continue;
      const k = 4 * (indices[i] ?? 255);
      const colour = `#${[0, 1, 2].map((c) => (palette[k + c] ?? 0).toString(16).padStart(2, "0")).join("")}`;
      const dim = outside[i] === 1 || (selected.size > 0 && !selected.has(i));
      const key = colour + String(dim);
      let group = groups.get(key);
      if (group === undefined) {
        group = s("g", { fill: colour, "fill-opacity": (dim ? 0.16 : 1) * look.opacity * shownThrough(state) });
        groups.set(key, group);
        (dim ? faint : bright).append(group);
      }
      group.append(s("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: (look.size / 2).toFixed(2) }));
    }
  } else {
    raster("points");
  }
  if (state.thumbnails || state.focus >= 0 || state.hover >= 0 || context.marks.all().some((mark) => mark.map === name)) raster("marks");
  for (const { text, x, y, colour } of state.labels ? namesOn(context, map) : []) {
    const [px, py] = place(x, y);
    drawing.append(
      s("text", {
        x: px.toFixed(1), y: (py - lift(atlas.n)).toFixed(1), "text-anchor": "middle", "dominant-baseline": "central",
        "font-family": "system-ui, sans-serif", "font-weight": 600, "font-size": 16, fill: colour,
        stroke: inks.paper, "stroke-width": 4, "stroke-linejoin": "round", "paint-order": "stroke",
      }, text),
    );
  }
  return whole;
}
