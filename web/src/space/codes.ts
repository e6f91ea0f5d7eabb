/** Codes as numbers, and the exact nearest of them. */

import type { Codes } from "../data";

/** Code of a row. */
export function codeAt(codes: Codes, row: number, out = new Float32Array(codes.d)): Float32Array {
  const { d, numbers, steps, lows } = codes;
  for (let j = 0, at = row * d; j < d; j++, at++) {
    out[j] = (lows[j] as number) + (steps[j] as number) * (numbers[at] as number);
  }
  return out;
}

export class NearestCodes {
  private readonly order: Uint32Array;

  constructor(private readonly codes: Codes) {
    // Columns that vary most are compared first, so that most rows are given up early.
    const columns = Array.from({ length: codes.d }, (_, j) => j);
    this.order = Uint32Array.from(columns.sort((a, b) => (codes.steps[b] as number) - (codes.steps[a] as number)));
  }

  /** Fill `rows` and `squared` with the nearest rows, nearest first; returns how many. */
  query(code: Float32Array, rows: Uint32Array, squared: Float64Array, except = -1): number {
    const { n, d, numbers, steps, lows } = this.codes;
    const k = rows.length;
    const scaled = new Float64Array(d), weight = new Float64Array(d);
    for (let j = 0; j < d; j++) {
      const column = this.order[j] as number;
      const step = steps[column] as number;
      weight[j] = step * step;
      scaled[j] = step > 0 ? ((code[column] as number) - (lows[column] as number)) / step : 0;
    }
    const order = this.order;
    let found = 0;
    let worst = Infinity;
    for (let row = 0; row < n; row++) {
      if (row === except) continue;
      const at = row * d;
      let total = 0;
      for (let j = 0; j < d; ) {
        const stop = Math.min(d, j + 8);
        for (; j < stop; j++) {
          const difference = (numbers[at + (order[j] as number)] as number) - (scaled[j] as number);
          total += difference * difference * (weight[j] as number);
        }
        if (total >= worst) break;
      }
      if (total >= worst) continue;
      let place = found < k ? found++ : k - 1;
      while (place > 0 && (squared[place - 1] as number) > total) {
        squared[place] = squared[place - 1] as number;
        rows[place] = rows[place - 1] as number;
        place--;
      }
      squared[place] = total;
      rows[place] = row;
      if (found === k) worst = squared[k - 1] as number;
    }
    return found;
  }
}
