/** Any place: the image that the decoder makes for it, and how honest that image is. */

import { named } from "../data";
import type { Context, Mark } from "./context";
import { h, text, touches } from "./dom";
import { lacking } from "./lacking";
import { fade } from "./mosaic";
import { Picture, decodedStyle } from "./picture";
import { figure, mapTitle, share } from "./words";

/** Beyond this share of the distances between data, a place has none around it. */
const FAR = 0.995;

export function decodePanel(context: Context): HTMLElement {
  const { atlas, store } = context;
  const style = decodedStyle(atlas);
  const empty = h(
    "div",
    { class: "empty" },
    h("p", { class: "lead" }, "Point anywhere."),
    h("p", {}, `Every place of a map has a code, and every code an image, whether or not there are data. Move ${touches() ? "a finger " : ""}over a map and watch the image change.`),
    touches() ? h("p", { class: "soft" }, "Two fingers move and zoom the map.") : h("p", { class: "soft" }, "Click to hold a place; click again to let go. With the keyboard: arrows move the pen and hold it, ", h("kbd", {}, "Enter"), " lets go."),
    lacking(context, "model"),
  );
  const picture = style && new Picture(style, "Decoded image", "large");
  const again = style && new Picture(style, "The image, encoded and decoded again", "medium");
  const title = h("h2", { class: "point-title" });
  const verdict = h("p", { class: "verdict" });
  const meter = h("div", { class: "meter", role: "img" }, h("span", {}));
  const meterText = h("p", { class: "soft" });
  const trip = h("p", {});
  const full = h("div", {}, title, picture && h("div", { class: "pair" }, h("figure", {}, picture.element, h("figcaption", {}, "decoded")), again && h("figure", {}, again.element, h("figcaption", {}, "and once more"))), verdict, h("h3", {}, "Distance from the data"), meter, meterText, h("h3", {}, "Round trip"), trip);
  const panel = h("div", { class: "panel-body" }, empty, full);

  const show = (): void => {
    const { place, tab } = store.state;
    const compute = context.compute();
    if (tab !== "decode" || place === null || compute === null) {
      context.marks.set("decode", []);
      empty.hidden = place !== null && compute !== null;
      full.hidden = !empty.hidden;
      return;
    }
    const found = compute.roundTrip(place.map, place.x, place.y);
    empty.hidden = true;
    full.hidden = false;
    text(title, mapTitle(place.map));
    if (found === null) {
      text(verdict, atlas.decoded ? "This map has no way back to the codes in this atlas, so its places cannot be decoded." : (atlas.lacking["model"] ?? ""));
      context.marks.set("decode", [{ kind: "cross", map: place.map, points: [place.x, place.y] }]);
      picture?.show(null, 1);
      again?.show(null, 1);
      return;
    }
    const far = found.percentile >= FAR && found.distance > 4;
    picture?.show(found.image, 1, Math.max(0.2, fade(found.distance)));
    const model = named(atlas.maps, place.map)?.model ?? "main";
    again?.show(found.back && compute.decode(model, compute.encode(model, found.image)), 1, Math.max(0.2, fade(found.distance)));
    text(verdict, far ? "No data here: the image is a guess." : found.percentile > 0.9 ? "At the edge of the data." : "Among the data.");
    verdict.classList.toggle("bad", far);
    const bar = meter.firstElementChild;
    if (bar instanceof HTMLElement) bar.style.width = `${Math.max(1, Math.min(100, found.percentile * 100))}%`;
    meter.classList.toggle("bad", far);
    meter.setAttribute("aria-label", `Farther than ${share(found.percentile)} of the points`);
    text(meterText, `Its nearest point is ${figure(found.distance)} times as far as is usual among the points; ${share(found.percentile)} of the points have a nearer one.`);
    const marks: Mark[] = [{ kind: "cross", map: place.map, points: [place.x, place.y] }];
    if (found.back) marks.unshift({ kind: "arrow", map: place.map, points: [place.x, place.y, ...found.back] });
    text(trip, found.back
      ? `Encoded and placed again, the image lands ${figure(found.drift)} times that usual distance away${found.drift < 3 ? ": the map and the model agree here." : ": what the place shows is not what the model would put there."}`
      : "The model has no encoder, so the image cannot be sent back.");
    // The same code on the other maps that show this model.
    for (const map of atlas.maps) {
      if (map.name === place.map || map.model !== model) continue;
      const other = compute.place(map.name, found.code);
      if (other !== null) marks.push({ kind: "ghost", map: map.name, points: other });
    }
    context.marks.set("decode", marks);
  };

  context.onClose(store.subscribe(show, "place", "tab", "theme"));
  void context.computed.then(show);
  show();
  return panel;
}
