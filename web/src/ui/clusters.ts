/** Where a class's label stands best: where the class is dense, and where it is by itself. */

import { NO_CATEGORY, type CategoryColumn } from "../data";

export interface ClusterLabel {
  readonly category: number;
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

const CELLS = 48;

/** How far above its place a name stands, CSS pixels: among few points it would cover what it names. */
export function lift(n: number): number {
  return n < 100 ? 16 : 0;
}
const MOST = 20;

/**
 * Find a place for the label of each category on a map with positions in [-1, 1].
 * The score of a cell is the category's count there times its share, over a
 * smoothed grid; labels keep `gap` apart where they can.
 */
export function clusterLabels(positions: Float32Array, column: CategoryColumn, gap = 0.12): ClusterLabel[] {
  const wanted = column.counts
    .map((count, category) => ({ count, category }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST);
  const size = CELLS * CELLS;
  const total = new Float32Array(size);
  const grids = new Map(wanted.map(({ category }) => [category, new Float32Array(size)]));
  const cell = (i: number): number => {
    const x = Math.min(CELLS - 1, Math.max(0, Math.floor((((positions[2 * i] ?? 0) + 1) / 2) * CELLS)));
    const y = Math.min(CELLS - 1, Math.max(0, Math.floor((((positions[2 * i + 1] ?? 0) + 1) / 2) * CELLS)));
    return y * CELLS + x;
  };
  for (let i = 0; i < column.values.length; i++) {
    const category = column.values[i] ?? NO_CATEGORY;
    if (category === NO_CATEGORY || !Number.isFinite(positions[2 * i])) continue;
    const at = cell(i);
    total[at] = (total[at] ?? 0) + 1;
    const grid = grids.get(category);
    if (grid !== undefined) grid[at] = (grid[at] ?? 0) + 1;
  }
  const everyone = smooth(total);
  const placed: ClusterLabel[] = [];
  for (const { category } of wanted) {
    const own = smooth(grids.get(category) ?? new Float32Array(size));
    let best = -1;
    let place: readonly [number, number] | null = null;
    for (const needsGap of [true, false]) {
      for (let at = 0; at < size; at++) {
        const mine = own[at] ?? 0;
        if (mine === 0) continue;
        const score = (mine * mine) / (everyone[at] ?? 1);
        if (score <= best) continue;
        const x = (((at % CELLS) + 0.5) / CELLS) * 2 - 1;
        const y = ((Math.floor(at / CELLS) + 0.5) / CELLS) * 2 - 1;
        if (needsGap && placed.some((other) => Math.hypot(other.x - x, other.y - y) < gap)) continue;
        best = score;
        place = [x, y];
      }
      if (place !== null) break;
    }
    if (place !== null) placed.push({ category, name: column.names[category] ?? String(category), x: place[0], y: place[1] });
  }
  return placed;
}

/** Two passes of a running mean over three cells each way: close enough to a bell curve. */
function smooth(grid: Float32Array): Float32Array {
  let from = grid;
  for (let pass = 0; pass < 2; pass++) {
    const to = new Float32Array(grid.length);
    for (let y = 0; y < CELLS; y++) {
      for (let x = 0; x < CELLS; x++) {
        let sum = 0;
        for (let dy = -1; dy <= 1; dy++) {
          for (let dx = -1; dx <= 1; dx++) {
            const at = (y + dy) * CELLS + x + dx;
            if (x + dx >= 0 && x + dx < CELLS && y + dy >= 0 && y + dy < CELLS) sum += from[at] ?? 0;
          }
        }
        to[y * CELLS + x] = sum / 9;
      }
    }
    from = to;
  }
  return from;
}
