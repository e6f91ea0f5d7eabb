/** True neighbours of a row in code space, asked for once and kept for as long as they may be needed. */

import type { MapData, Neighbours } from "../data";
import type { Context } from "./context";

export const NEIGHBOURS = 10;
const KEPT = 400;

interface Memory {
  readonly found: Map<number, Neighbours>;
  readonly asked: Set<number>;
}

const memories = new WeakMap<Context, Memory>();

/** The neighbours of a row if they are known; else ask, and null until the marks are redrawn. */
export function neighboursOf(context: Context, row: number): Neighbours | null {
  const memory = memories.get(context) ?? { found: new Map(), asked: new Set() };
  memories.set(context, memory);
  const known = memory.found.get(row);
  if (known !== undefined) return known;
  const compute = context.compute();
  if (compute === null || memory.asked.has(row)) return null;
  memory.asked.add(row);
  void fetchNeighbours(context, row).then((found) => {
    memory.asked.delete(row);
    if (found === null) return;
    if (memory.found.size > KEPT) memory.found.clear();
    memory.found.set(row, found);
    context.marks.redraw();
  });
  return null;
}

async function fetchNeighbours(context: Context, row: number): Promise<Neighbours | null> {
  const compute = context.compute();
  if (compute === null || context.atlas.codes === null) return null;
  return compute.neighbours("main", compute.codeOf("main", row), NEIGHBOURS, row);
}

/** How many of these neighbours are among as many nearest points on a map. */
export function keptOnMap(map: MapData, row: number, neighbours: Neighbours): number {
  const { positions } = map;
  const k = neighbours.rows.length;
  const x = positions[2 * row] ?? 0;
  const y = positions[2 * row + 1] ?? 0;
  const away = (i: number): number => ((positions[2 * i] ?? 0) - x) ** 2 + ((positions[2 * i + 1] ?? 0) - y) ** 2;
  // The k smallest distances, the largest of them last.
  const nearest = new Float64Array(k).fill(Infinity);
  for (let i = 0; i < positions.length / 2; i++) {
    const d = away(i);
    if (i === row || !(d < (nearest[k - 1] ?? 0))) continue;
    let at = k - 1;
    while (at > 0 && (nearest[at - 1] ?? 0) > d) {
      nearest[at] = nearest[at - 1] ?? 0;
      at--;
    }
    nearest[at] = d;
  }
  const edge = nearest[k - 1] ?? 0;
  let kept = 0;
  for (const other of neighbours.rows) if (away(other) <= edge) kept++;
  return kept;
}
