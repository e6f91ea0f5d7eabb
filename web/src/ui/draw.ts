/** Draw a digit (or open an image file): encoded in the page and placed on every map. */

import type { Arrived, ImageShape } from "../data";
import { fromPicture, toDigit, toImage } from "../draw/preprocess";
import type { Context, Mark } from "./context";
import { fill, h, shorten, text } from "./dom";
import { Picture, decodedStyle, toRgba } from "./picture";
import { categoryName } from "./point";
import { thumb } from "./thumb";
import { figure, share } from "./words";

const PAD = 280;
const MOST_PIXELS = 800; // a larger picture from a file is made smaller first
const PEN = 20; // about as thick as MNIST's strokes, on this pad

export function drawPanel(context: Context, root: HTMLElement): HTMLElement {
  const { atlas, store } = context;
  const style = decodedStyle(atlas);
  const pad = h("canvas", { class: "pad", width: PAD, height: PAD, tabindex: 0, role: "img", "aria-label": "Drawing pad: draw with the pointer, or move with the arrow keys and hold Shift to draw" });
  const ink = pad.getContext("2d", { willReadFrequently: true });
  const hint = h("p", { class: "pad-hint", "aria-hidden": "true" }, "draw here");
  const clear = h("button", {}, "Clear");
  const file = h("input", { type: "file", accept: "image/*", class: "visually-hidden", tabindex: -1, "aria-label": "Image file" });
  const open = h("button", {}, "Open an image…");
  const seen = style && new Picture(style, "As the encoder sees it", "medium");
  const rebuilt = style && new Picture(style, "Its reconstruction", "medium");
  const verdict = h("p", { class: "verdict", role: "status" });
  const facts = h("p", { class: "soft" });
  const problem = h("p", { class: "notice", role: "alert" });
  problem.hidden = true;
  const near = h("div", { class: "strip" });
  const answer = h("div", {}, verdict, style && h("div", { class: "pair" }, h("figure", {}, seen?.element ?? null, h("figcaption", {}, "as the encoder sees it")), h("figure", {}, rebuilt?.element ?? null, h("figcaption", {}, "reconstruction"))), h("h3", {}, "Ten nearest images"), near, facts);
  answer.hidden = true;
  const missing = h("p", { class: "notice" }, atlas.lacking["model"] ?? "This atlas holds no encoder, so drawings cannot be placed.");
  missing.hidden = true;
  const panel = h(
    "div",
    { class: "panel-body draw" },
    h("h2", { class: "visually-hidden" }, "Drawing"),
    h("p", { class: "lead" }, atlas.about.centred ? "Draw a digit." : "Draw, or open an image."),
    h("div", { class: "pad-frame" }, pad, hint),
    h("p", { class: "actions" }, clear, open, file),
    missing,
    problem,
    answer,
  );
  let last: readonly [number, number] | null = null;
  let empty = true;
  let named = "drawing"; // what the star on the maps stands for
  let request = 0;
  let waiting = 0;
  let cursor: readonly [number, number] = [PAD / 2, PAD / 4];

  const dab = (x: number, y: number): void => {
    if (ink === null) return;
    ink.strokeStyle = "#000";
    ink.lineWidth = PEN;
    ink.lineCap = "round";
    ink.lineJoin = "round";
    ink.beginPath();
    ink.moveTo(last?.[0] ?? x, last?.[1] ?? y);
    ink.lineTo(x, y + (last === null ? 0.01 : 0));
    ink.stroke();
    last = [x, y];
    empty = false;
    named = "drawing";
    hint.hidden = true;
    problem.hidden = true;
    if (waiting === 0) waiting = requestAnimationFrame(look);
  };

  /** What stands on the pad, made like the data. */
  const drawn = (ink: CanvasRenderingContext2D, shape: ImageShape): Float32Array => {
    if (atlas.about.centred) {
      const pixels = ink.getImageData(0, 0, PAD, PAD).data;
      const grey = Float32Array.from({ length: PAD * PAD }, (_, i) => (pixels[4 * i + 3] ?? 0) / 255);
      return toDigit(grey, PAD, PAD, shape.height, shape.width);
    }
    const [paper, width, height] = sheet(shape);
    const side = Math.min(width, height);
    paper.drawImage(pad, (width - side) / 2, (height - side) / 2, side, side);
    if (style?.ink) {
      paper.globalCompositeOperation = "source-in"; // light strokes on a dark ground
      paper.fillStyle = "#fff";
      paper.fillRect(0, 0, width, height);
    }
    return finished(paper, shape);
  };

  const canvas = (width: number, height: number): CanvasRenderingContext2D => {
    const paper = h("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
    if (paper === null) throw new Error("this browser has no canvas");
    return paper;
  };

  /** A large empty sheet of the form of the data's images. */
  const sheet = ({ height, width }: ImageShape): [CanvasRenderingContext2D, number, number] => {
    const scale = MOST_PIXELS / Math.max(height, width);
    const size = [Math.round(width * scale), Math.round(height * scale)] as const;
    return [canvas(...size), ...size];
  };

  const finished = (paper: CanvasRenderingContext2D, shape: ImageShape): Float32Array => {
    const { width, height } = paper.canvas;
    paper.globalCompositeOperation = "destination-over";
    paper.fillStyle = atlas.about.background || (style?.ink ? "#000" : "#fff");
    paper.fillRect(0, 0, width, height);
    return toImage(paper.getImageData(0, 0, width, height).data, width, height, shape);
  };

  /** Encode what stands on the pad. */
  const look = (): void => {
    waiting = 0;
    const compute = context.compute();
    const model = atlas.models.main;
    if (ink === null || compute === null || empty || !model?.encoder) return;
    const own = ++request;
    void compute.arrive(drawn(ink, model)).then((found) => {
      if (own === request && !empty && found !== null) show(found);
    });
  };

  const show = (found: Arrived): void => {
    answer.hidden = false;
    seen?.show(found.image, 1);
    rebuilt?.show(found.reconstruction, 1);
    const rows = [...found.nearest.rows];
    const names = rows.map((row) => categoryName(atlas.label, row)).filter((name) => name !== "");
    const votes = new Map<string, number>();
    for (const name of names) votes.set(name, (votes.get(name) ?? 0) + 1);
    const [winner, number] = [...votes].sort((a, b) => b[1] - a[1])[0] ?? ["", 0];
    verdict.classList.toggle("bad", found.strange);
    text(
      verdict,
      found.strange
        ? "Unlike the data: do not trust its place."
        : winner === ""
          ? "Like the data."
          : `${number} of its ${rows.length} nearest are labelled ${shorten(winner, 30)}.`,
    );
    text(
      facts,
      `${found.reconstruction ? `Reconstruction error ${figure(found.error)}, larger than for ${share(found.errorPercentile)} of the data. ` : ""}Its nearest code is ${figure(found.distance)} times as far as is usual; ${share(found.distancePercentile)} of the data have a nearer one.`,
    );
    fill(near, ...rows.map((row) => thumb(context, row)));
    const marks: Mark[] = Object.entries(found.places).map(([map, points]) => ({ kind: "star", map, points, text: named }));
    context.marks.set("draw", marks);
  };

  const at = (event: PointerEvent): readonly [number, number] => {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * PAD, ((event.clientY - box.top) / box.height) * PAD];
  };
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    last = null;
    dab(...at(event));
    event.preventDefault();
    pad.focus({ preventScroll: true }); // the pad must not move under the hand
  });
  pad.addEventListener("pointermove", (event) => {
    if (last !== null && pad.hasPointerCapture(event.pointerId)) {
      for (const step of event.getCoalescedEvents?.() ?? [event]) dab(...at(step));
      dab(...at(event));
    }
  });
  pad.addEventListener("lostpointercapture", () => {
    last = null;
  });
  pad.addEventListener("keydown", (event) => {
    const move = ({ ArrowLeft: [-14, 0], ArrowRight: [14, 0], ArrowUp: [0, -14], ArrowDown: [0, 14] } as const)[event.key as "ArrowLeft"] as readonly [number, number] | undefined;
    if (move === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = [Math.min(PAD - 14, Math.max(14, cursor[0] + move[0])), Math.min(PAD - 14, Math.max(14, cursor[1] + move[1]))] as const;
    if (event.shiftKey) {
      last = cursor;
      dab(...next);
      last = null;
    }
    cursor = next;
  });
  clear.addEventListener("click", () => {
    ink?.clearRect(0, 0, PAD, PAD);
    empty = true;
    request++;
    hint.hidden = false;
    answer.hidden = true;
    problem.hidden = true;
    cursor = [PAD / 2, PAD / 4];
    context.marks.set("draw", []);
  });

  /** A picture made like the data. */
  const taken = (bitmap: ImageBitmap, model: ImageShape): Float32Array => {
    if (atlas.about.centred) {
      const scale = Math.min(1, MOST_PIXELS / Math.max(bitmap.width, bitmap.height));
      const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
      const paper = canvas(width, height);
      paper.drawImage(bitmap, 0, 0, width, height);
      return fromPicture(paper.getImageData(0, 0, width, height).data, width, height, model.height, model.width);
    }
    const [paper, width, height] = sheet(model);
    // Whole, with the background around it.
    const scale = Math.min(width / bitmap.width, height / bitmap.height);
    const [wide, tall] = [bitmap.width * scale, bitmap.height * scale];
    paper.drawImage(bitmap, (width - wide) / 2, (height - tall) / 2, wide, tall);
    return finished(paper, model);
  };

  /** Say why a file is not taken: what stands on the pad, and what was found for it, stays. */
  const refuse = (reason: string): void => {
    problem.hidden = false;
    text(problem, reason);
  };

  /** Encode a file's picture; the pad shows what was made of it. */
  const read = async (blob: File): Promise<void> => {
    const called = shorten(blob.name, 40);
    const compute = context.compute();
    const model = atlas.models.main;
    if (ink === null || compute === null || !model?.encoder || !style) return;
    try {
      const bitmap = await createImageBitmap(blob);
      const image = taken(bitmap, model);
      if (image.every((value) => Math.abs(value - (image[0] ?? 0)) < 1 / 255)) return refuse(`${called} is blank: there is nothing to encode.`);
      const small = h("canvas", { width: model.width, height: model.height });
      const dots = small.getContext("2d");
      const data = dots?.createImageData(model.width, model.height);
      if (dots === null || data === undefined) return;
      toRgba(image, 1, style, [0, 0, 0], data.data);
      dots.putImageData(data, 0, 0);
      ink.clearRect(0, 0, PAD, PAD);
      ink.imageSmoothingEnabled = false;
      ink.drawImage(small, 0, 0, PAD, PAD);
      empty = false;
      named = "file";
      hint.hidden = true;
      problem.hidden = true;
      const own = ++request;
      const found = await compute.arrive(image);
      if (own === request && found !== null) show(found);
    } catch {
      refuse(`${called} is no image that the browser can read.`);
    }
  };
  open.addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    if (chosen !== undefined) void read(chosen);
    file.value = "";
  });
  // Anywhere on the page: beside the pad the browser would leave the page for the file.
  const over = (event: DragEvent): void => event.preventDefault();
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped === undefined) return;
    store.set({ tab: "draw" });
    void read(dropped);
  };
  root.addEventListener("dragover", over);
  root.addEventListener("drop", drop);
  context.onClose(() => {
    root.removeEventListener("dragover", over);
    root.removeEventListener("drop", drop);
  });
  void context.computed.then(() => {
    missing.hidden = !!atlas.models.main?.encoder;
    look();
  });
  return panel;
}
