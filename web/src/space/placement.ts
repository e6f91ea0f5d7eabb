/**
 * Placing a code on a map by its nearest rows, as `latentscape.maps.placement` does it.
 *
 * Fifteen neighbours vote with weights ((R - d) / (R d))², R the distance of the
 * sixteenth. The island of the map with the most votes is found, and the place is
 * the peak of the votes there (mean shift with Tukey's biweight).
 */

import type { NearestCodes } from "./codes";

const NEIGHBOURS = 16;
const CLIMBS = 10;
const SPARE = 8; // copies of a code count once, so a few more are looked up

export function placeByVotes(
  nearest: NearestCodes,
  positions: Float32Array,
  reach: number,
  code: Float32Array,
): readonly [number, number] {
  const rows = new Uint32Array(NEIGHBOURS + SPARE);
  const all = new Float64Array(NEIGHBOURS + SPARE);
  const found = nearest.query(code, rows, all);
  const xs: number[] = [], ys: number[] = [], squared: number[] = [];
  for (let i = 0; i < found && squared.length < NEIGHBOURS; i++) {
    const row = rows[i] as number;
    const x = positions[2 * row] as number, y = positions[2 * row + 1] as number;
    const last = squared.length - 1;
    if (last >= 0 && squared[last] === all[i] && xs[last] === x && ys[last] === y) continue; // a copy
    xs.push(x);
    ys.push(y);
    squared.push(all[i] as number);
  }
  if (squared.length === 0) return [0, 0];
  if (squared[0] === 0) return [xs[0] as number, ys[0] as number];
  return islandMean(xs, ys, voteWeights(squared), reach);
}

/** Weights of neighbours at rising squared distances, the first one's being 1. */
export function voteWeights(squared: readonly number[]): number[] {
  const far = Math.sqrt(squared[squared.length - 1] as number);
  const weights = squared.map((value) => {
    const share = Math.max(far > 0 ? Math.sqrt(value) / far : 1, 1e-150);
    return ((1 - share) / share) ** 2;
  });
  if (weights[0] === 0) weights.fill(1);
  const first = weights[0] as number;
  return weights.map((weight) => weight / first);
}

export function islandMean(
  xs: readonly number[],
  ys: readonly number[],
  weights: readonly number[],
  reach: number,
): readonly [number, number] {
  const n = xs.length;
  const closeness = (j: number, x: number, y: number): number => {
    const dx = (xs[j] as number) - x, dy = (ys[j] as number) - y;
    const inside = Math.max(1 - (dx * dx + dy * dy) / (reach * reach), 0);
    return inside * inside;
  };
  let best = 0;
  let most = -1;
  for (let i = 0; i < n; i++) {
    let votes = 0;
    for (let j = 0; j < n; j++) votes += closeness(j, xs[i] as number, ys[i] as number) * (weights[j] as number);
    if (votes > most) {
      most = votes;
      best = i;
    }
  }
  let x = xs[best] as number, y = ys[best] as number;
  for (let climb = 0; climb < CLIMBS; climb++) {
    let total = 0, sumX = 0, sumY = 0;
    for (let j = 0; j < n; j++) {
      const share = closeness(j, x, y) * (weights[j] as number);
      total += share;
      sumX += share * (xs[j] as number);
      sumY += share * (ys[j] as number);
    }
    if (total <= 0) break;
    x = sumX / total;
    y = sumY / total;
  }
  return [x, y];
}
