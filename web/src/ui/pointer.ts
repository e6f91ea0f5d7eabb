/** Mouse, pen and fingers on a map: moving, zooming, pointing, and drawing a line around points. */

import type { Pair } from "../gl/camera";
import type { Context } from "./context";
import type { Hand } from "./hand";
import type { Frame, Views } from "./views";

const STILL = 4; // CSS pixels that a click may move

export interface Pointer {
  /** The line that is being drawn, x, y, x, y, ... in CSS pixels, or null. */
  line(): readonly number[] | null;
  /** Look once, in the next frame, at what is under the pointer, unless the points are on their way. */
  look(): void;
}

export function listenToPointer(surface: HTMLElement, frame: Frame, context: Context, views: Views, hand: Hand, redraw: () => void): Pointer {
  const { store } = context;
  const fingers = new Map<number, Pair>();
  let line: number[] | null = null;
  let adds = false;
  let decodes = false; // a finger is the decode pen; two move the map
  let moved = 0;
  let over: Pair | null = null;
  let looking = 0;

  const look = (): void => {
    if (looking !== 0) return;
    looking = requestAnimationFrame(() => {
      looking = 0;
      if (over !== null && frame.passage === null) hand.pointAt(frame, ...over);
    });
  };
  const at = (event: MouseEvent): Pair => {
    const box = surface.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const setLine = (now: number[] | null): void => {
    line = now;
    redraw();
  };
  const on = <K extends keyof HTMLElementEventMap>(name: K, heard: (event: HTMLElementEventMap[K]) => void): void =>
    surface.addEventListener(name, heard, { passive: false });

  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    const now = at(event);
    fingers.set(event.pointerId, now);
    moved = 0;
    const { pen, selection } = store.state;
    if (fingers.size === 2) {
      setLine(null);
      decodes = false;
    } else if (pen === "decode" && event.pointerType === "touch") {
      decodes = true;
      store.set({ placePinned: false });
      hand.pointAt(frame, ...now);
    } else if (fingers.size === 1 && (pen === "lasso" || pen === "rectangle" || (event.shiftKey && event.pointerType === "mouse"))) {
      store.set({ hover: -1 });
      adds = event.shiftKey && selection.length > 0;
      setLine([...now]);
    }
  });
  on("pointermove", (event) => {
    const now = at(event);
    over = now;
    const before = fingers.get(event.pointerId);
    if (before === undefined) {
      look();
      return;
    }
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    moved += Math.hypot(dx, dy);
    if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1] ?? before;
      const span = Math.hypot(before[0] - other[0], before[1] - other[1]);
      const next = Math.hypot(now[0] - other[0], now[1] - other[1]);
      views.pan(frame, dx / 2, dy / 2);
      views.zoom(frame, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2, span > 4 ? next / span : 1);
    } else if (line !== null) {
      const [x = 0, y = 0] = line;
      setLine(store.state.pen === "rectangle" ? [x, y, now[0], y, ...now, x, now[1]] : [...line, ...now]);
    } else if (decodes) hand.pointAt(frame, ...now);
    else if (moved > STILL) {
      surface.classList.add("dragging");
      views.pan(frame, dx, dy);
    }
    fingers.set(event.pointerId, now);
  });
  const lift = (event: PointerEvent): void => {
    if (!fingers.delete(event.pointerId)) return;
    surface.classList.remove("dragging");
    const drawn = line;
    setLine(null);
    if (event.type !== "pointerup") return;
    if (decodes) {
      decodes = false;
      hand.pointAt(frame, ...at(event));
      store.set({ placePinned: true });
    } else if (drawn !== null) {
      if (drawn.length >= 6) hand.enclose(frame, drawn, adds);
      else if (moved <= STILL && event.pointerType === "mouse" && store.state.selection.length > 0) {
        store.set({ selection: [] });
        context.say("Selection cleared");
      }
    } else if (moved <= STILL && fingers.size === 0) {
      const now = at(event);
      hand.pointAt(frame, ...now);
      hand.click(frame, ...now);
    }
  };
  on("pointerup", lift);
  on("pointercancel", lift);
  on("pointerleave", () => {
    over = null;
    store.set(store.state.placePinned ? { hover: -1 } : { hover: -1, place: null });
  });
  on("dblclick", () => views.see(frame.map, null));
  on("wheel", (event) => {
    event.preventDefault();
    const speed = event.ctrlKey ? 0.01 : event.deltaMode === 1 ? 0.05 : 0.0018;
    views.zoom(frame, ...at(event), Math.exp(-event.deltaY * speed));
  });
  on("keydown", (event) => hand.key(frame, event));

  return { line: () => line, look };
}
