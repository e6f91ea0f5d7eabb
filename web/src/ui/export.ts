/** A map as a file: PNG as it is seen, SVG with points and names as vectors. */

import { named } from "../data";
import { toScreen } from "../gl/camera";
import { css, textShade } from "../gl/colour";
import { pointLook } from "../gl/renderer";
import { clusterLabels } from "./clusters";
import { categoryColours, colourIndices, findColumn, paletteFor } from "./colouring";
import type { Context } from "./context";
import { download, s } from "./dom";
import { inksOf } from "./paint";
import type { Stage } from "./stage";
import { mapTitle } from "./words";

/** More points than these enter an SVG as a picture, with only the names as vectors. */
const MOST_CIRCLES = 20_000;

export async function exportPng(context: Context, stage: Stage, map: string): Promise<void> {
  const sheet = stage.picture(map, 3);
  const blob = sheet === null ? null : await new Promise<Blob | null>((resolve) => sheet.toBlob(resolve, "image/png"));
  if (blob === null) context.say("The picture could not be made");
  else {
    download(`${map}.png`, blob);
    context.say(`${mapTitle(map)} saved as PNG`);
  }
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
  const drawing = s("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` });
  drawing.append(s("title", {}, `${mapTitle(name)} map of ${atlas.about.name}`), s("rect", { width, height, fill: inks.paper }));
  const place = (x: number, y: number) => toScreen(view.camera, view.extent, view.rect, x, y);
  const indices = colourIndices(atlas, store.state.colour, name);
  const palette = paletteFor(atlas, store.state.colour, dark);
  const look = pointLook(atlas.n, width * height, view.camera.zoom);
  const off = new Set(store.state.selection);
  if (atlas.n <= MOST_CIRCLES) {
    // One group for each colour keeps the file small.
    const groups = new Map<string, SVGGElement>();
    for (let i = 0; i < atlas.n; i++) {
      const [x, y] = place(map.positions[2 * i] ?? NaN, map.positions[2 * i + 1] ?? NaN);
      if (!(x >= -9 && y >= -9 && x <= width + 9 && y <= height + 9)) continue;
      const k = 4 * (indices[i] ?? 255);
      const colour = `#${[0, 1, 2].map((c) => (palette[k + c] ?? 0).toString(16).padStart(2, "0")).join("")}`;
      const dim = off.size > 0 && !off.has(i);
      const key = colour + String(dim);
      let group = groups.get(key);
      if (group === undefined) {
        group = s("g", { fill: colour, "fill-opacity": (dim ? 0.16 : 1) * look.opacity });
        groups.set(key, group);
        drawing.append(group);
      }
      group.append(s("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: (look.size / 2).toFixed(2) }));
    }
  } else {
    const sheet = stage.picture(name, 3);
    if (sheet !== null) drawing.append(s("image", { width, height, href: sheet.toDataURL("image/png") }));
  }
  const column = findColumn(atlas, store.state.colour);
  const labelled = column?.kind === "category" ? column : atlas.label;
  if (store.state.labels && labelled !== null && atlas.n <= MOST_CIRCLES) {
    const colours = categoryColours(labelled, dark);
    for (const label of clusterLabels(map.positions, labelled)) {
      const [x, y] = place(label.x, label.y);
      drawing.append(
        s("text", {
          x: x.toFixed(1), y: y.toFixed(1), "text-anchor": "middle", "dominant-baseline": "central",
          "font-family": "system-ui, sans-serif", "font-weight": 600, "font-size": 16,
          fill: css(textShade(colours[label.category] ?? [0, 0, 0], dark)),
          stroke: inks.paper, "stroke-width": 4, "stroke-linejoin": "round", "paint-order": "stroke",
        }, label.name),
      );
    }
  }
  return drawing;
}
