/**
 * From a place on a map back to a code, as `latentscape.maps.inversion` does it.
 *
 * A neighbour at distance d has the weight (exp(-4 d²/R²) - exp(-4)) / d², with R the
 * distance of the last of 13 neighbours: the field passes through the codes of the
 * rows, and is continuous where neighbours change.
 */

import type { Affine, Codes, InverseRules } from "../data";
import { codeAt } from "./codes";
import type { Grid } from "./grid";

const NEIGHBOURS = 13;

/** Weights, adding up to 1, of neighbours at rising squared distances. */
export function fieldWeights(squared: Float64Array, count: number): Float64Array {
  const weights = new Float64Array(count);
  const far = squared[count - 1] as number;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const share = Math.max(far > 0 ? (squared[i] as number) / far : 1, 1e-300);
    const weight = Math.max((Math.exp(-4 * share) - Math.exp(-4)) / share, 0);
    weights[i] = weight;
    total += weight;
  }
  for (let i = 0; i < count; i++) weights[i] = total > 1e-12 ? (weights[i] as number) / total : 1 / count;
  return weights;
}

/** `origin + vector · axes`. */
export function affine(map: Affine, vector: ArrayLike<number>): Float32Array {
  const size = map.origin.length;
  const out = new Float64Array(map.origin);
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i] as number;
    for (let j = 0; j < size; j++) out[j] = (out[j] as number) + value * (map.axes[i * size + j] as number);
  }
  return Float32Array.from(out);
}

/** The code at a place; null where the map's rules need codes and there are none. */
export function invert(rules: InverseRules, grid: Grid, codes: Codes | null, x: number, y: number): Float32Array | null {
  if (!rules.local) return rules.linear ? affine(rules.linear, [x, y]) : null;
  if (!codes || grid.count === 0) return null;
  const places = new Int32Array(NEIGHBOURS);
  const squared = new Float64Array(NEIGHBOURS);
  const count = grid.nearest(x, y, places, squared);
  const exact = squared[0] === 0;
  const weights = exact ? Float64Array.of(1) : fieldWeights(squared, count);
  const code = new Float64Array(codes.d);
  const row = new Float32Array(codes.d);
  let meanX = 0, meanY = 0;
  for (let i = 0; i < weights.length; i++) {
    const place = places[i] as number;
    const weight = weights[i] as number;
    if (weight === 0) continue;
    meanX += weight * (grid.xs[place] as number);
    meanY += weight * (grid.ys[place] as number);
    const begin = grid.rowStarts[place] as number, end = grid.rowStarts[place + 1] as number;
    for (let at = begin; at < end; at++) {
      codeAt(codes, grid.rows[at] as number, row);
      const share = weight / (end - begin);
      for (let j = 0; j < code.length; j++) code[j] = (code[j] as number) + share * (row[j] as number);
    }
  }
  if (rules.linear) {
    // The linear part follows the place; only what it leaves is interpolated.
    const { axes } = rules.linear;
    const dx = x - meanX, dy = y - meanY;
    for (let j = 0; j < code.length; j++) {
      code[j] = (code[j] as number) + dx * (axes[j] as number) + dy * (axes[code.length + j] as number);
    }
  }
  return Float32Array.from(code);
}
