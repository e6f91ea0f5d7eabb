/** What the pen and the keys do at a place of a map. */

import { named } from "../data";
import type { Pair } from "../gl/camera";
import type { Place, State } from "../store";
import type { Context } from "./context";
import type { Points } from "./points";
import type { Frame, Views } from "./views";
import { count, plural } from "./words";

const REACH = 14; // CSS pixels within which a point is hit
const STEP = 12; // CSS pixels that an arrow key moves the pen

const ARROWS: Readonly<Record<string, Pair>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

export class Hand {
  constructor(
    private readonly context: Context,
    private readonly views: Views,
    private readonly points: Points,
  ) {}

  /** The pointer is over a place of the panel. */
  pointAt(frame: Frame, px: number, py: number): void {
    const { store } = this.context;
    const { pen, placePinned } = store.state;
    if (pen !== "decode") store.set({ hover: this.rowAt(frame, px, py) });
    else if (!placePinned) store.set({ place: this.placeAt(frame, px, py), hover: -1 });
  }

  click(frame: Frame, px: number, py: number): void {
    const { store } = this.context;
    const { pen, placePinned } = store.state;
    if (pen === "decode") store.set({ place: this.placeAt(frame, px, py), placePinned: !placePinned });
    else if (pen === "path" || pen === "look") {
      const row = this.rowAt(frame, px, py);
      if (pen === "path") this.addEnd(row >= 0 ? { row } : this.placeAt(frame, px, py));
      else store.set({ focus: row, ...(row >= 0 ? { tab: "point" as const } : {}) });
    }
  }

  /** Select what a closed line of x, y, x, y, ... in CSS pixels holds. */
  enclose(frame: Frame, line: readonly number[], adds: boolean): void {
    const polygon: number[] = [];
    for (let i = 0; i + 1 < line.length; i += 2) polygon.push(...this.views.place(frame, line[i] ?? 0, line[i + 1] ?? 0));
    const compute = this.context.compute();
    if (compute === null) return;
    const found = [...compute.inside(frame.map, polygon)].filter((row) => this.points.outside[row] === 0);
    const rows = adds ? [...new Set([...this.context.store.state.selection, ...found])] : found;
    this.select(rows, { tab: "selection" });
    this.context.say(`${plural(rows.length, "point")} selected`);
  }

  key(frame: Frame, event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key, shiftKey } = event;
    const zoom = (factor: number): void => this.views.zoom(frame, frame.rect.width / 2, frame.rect.height / 2, factor);
    const direction = ARROWS[key];
    if (direction !== undefined) {
      if (this.context.store.state.pen === "decode") this.movePen(frame, direction, shiftKey ? 4 * STEP : STEP);
      else this.step(frame, direction);
    } else if (key === "+" || key === "=") zoom(1.3);
    else if (key === "-") zoom(1 / 1.3);
    else if (key === "0") this.views.see(frame.map, null);
    else if (key === "Enter" || key === " ") this.confirm(shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The row under a place of the panel, or -1. */
  private rowAt(frame: Frame, px: number, py: number): number {
    const { outside, anyOutside } = this.points;
    const radius = REACH / this.views.scale(frame);
    return this.context.compute()?.pick(frame.map, ...this.views.place(frame, px, py), radius, anyOutside ? outside : undefined) ?? -1;
  }

  private placeAt(frame: Frame, px: number, py: number): Place {
    const [x, y] = this.views.place(frame, px, py);
    return { map: frame.map, x, y };
  }

  private addEnd(end: State["path"][number]): void {
    const { store, say } = this.context;
    const { path } = store.state;
    const [start] = path;
    if (path.length === 1 && start !== undefined && "row" in start && "row" in end && start.row === end.row) {
      say("The path begins at this point: choose another one for its end");
      return;
    }
    store.set({ path: path.length >= 2 ? [end] : [...path, end], tab: "path" });
  }

  private select(rows: number[], change: Partial<State>): void {
    this.context.store.set({ selection: rows.sort((a, b) => a - b), ...change });
  }

  private movePen(frame: Frame, [dx, dy]: Pair, pixels: number): void {
    const { store } = this.context;
    const { place } = store.state;
    const step = pixels / this.views.scale(frame);
    const { map } = frame;
    const from = place !== null && place.map === map ? place : this.views.camera(map);
    store.set({ place: { map, x: from.x + dx * step, y: from.y + dy * step }, placePinned: true });
  }

  /** Go to the nearest point in a direction; those straight ahead count as nearer. */
  private step(frame: Frame, [dx, dy]: Pair): void {
    const { atlas, store, say } = this.context;
    const positions = named(atlas.maps, frame.map)?.positions;
    if (positions === undefined) return;
    const { focus, pen } = store.state;
    const camera = this.views.camera(frame.map);
    const x = focus >= 0 ? (positions[2 * focus] ?? 0) : camera.x;
    const y = focus >= 0 ? (positions[2 * focus + 1] ?? 0) : camera.y;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < atlas.n; i++) {
      if (i === focus || this.points.outside[i] === 1) continue;
      const ox = (positions[2 * i] ?? NaN) - x;
      const oy = (positions[2 * i + 1] ?? NaN) - y;
      const ahead = ox * dx + oy * dy;
      const aside = Math.abs(ox * dy) + Math.abs(oy * dx);
      if (focus >= 0 && !(ahead > 0 && aside <= ahead)) continue;
      const cost = focus >= 0 ? ahead + 2 * aside : ox * ox + oy * oy;
      if (cost < least) {
        least = cost;
        best = i;
      }
    }
    if (best >= 0) store.set({ focus: best, hover: -1, ...(pen === "look" ? { tab: "point" as const } : {}) });
    else say("No point in that direction");
  }

  private confirm(shift: boolean): void {
    const { store, say } = this.context;
    const { pen, placePinned, focus, selection } = store.state;
    if (pen === "decode") store.set({ placePinned: !placePinned });
    else if (focus < 0) return;
    else if (pen === "path") this.addEnd({ row: focus });
    else {
      const has = selection.includes(focus);
      const rows = has ? selection.filter((row) => row !== focus) : [...selection, focus];
      this.select(rows, shift ? { tab: "selection" } : {});
      say(`${has ? "Taken out of" : "Added to"} the selection, which now has ${count(rows.length)}`);
    }
  }
}
