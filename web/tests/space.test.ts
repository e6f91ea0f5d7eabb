import { describe, expect, test } from "vitest";
import type { Codes } from "../src/data";
import { NearestCodes, codeAt } from "../src/space/codes";
import { Grid } from "../src/space/grid";
import { fieldWeights, invert } from "../src/space/inverse";
import { islandMean, voteWeights } from "../src/space/placement";
import { rowsInside } from "../src/space/polygon";

/** Numbers in [0, 1), the same each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Clusters, an empty sea between them, and copies. */
function positions(n: number): Float32Array {
  const next = random(1);
  const out = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    if (i % 10 === 9) out.set(out.subarray(2 * i - 8, 2 * i - 6), 2 * i);
    else {
      const cluster = Math.floor(next() * 3);
      out[2 * i] = [-0.9, 0, 0.8][cluster]! + 0.1 * next();
      out[2 * i + 1] = [0.5, -0.5, 0.1][cluster]! + 0.1 * next();
    }
  }
  return out;
}

describe("grid", () => {
  const points = positions(2000);
  const grid = new Grid(points);
  const next = random(2);

  test("each distinct place once, each row once", () => {
    const keys = new Set(Array.from({ length: 2000 }, (_, i) => `${points[2 * i]},${points[2 * i + 1]}`));
    expect(grid.count).toBe(keys.size);
    expect([...grid.rows].sort((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  });

  test.each([1, 3])("nearest places as by comparing with all, within %d of the middle", (span) => {
    for (let q = 0; q < 300; q++) {
      const x = span * (2 * next() - 1), y = span * (2 * next() - 1);
      const all = Array.from({ length: grid.count }, (_, p) => (grid.xs[p]! - x) ** 2 + (grid.ys[p]! - y) ** 2);
      const wanted = [...all].sort((a, b) => a - b).slice(0, 13);
      const places = new Int32Array(13), squared = new Float64Array(13);
      expect(grid.nearest(x, y, places, squared)).toBe(13);
      expect([...squared]).toEqual(wanted);
      expect(Array.from(places, (p) => all[p])).toEqual(wanted);
    }
  });

  test("only within a limit, only wanted ones, fewer than asked for", () => {
    const squared = new Float64Array(5);
    expect(grid.nearest(0.4, 0.9, new Int32Array(5), squared, undefined, 1e-4)).toBe(0);
    const places = new Int32Array(5);
    grid.nearest(0.8, 0.1, places, squared, (p) => grid.xs[p]! < 0);
    expect(grid.xs[places[0]!]!).toBeLessThan(0);
    expect(new Grid(Float32Array.of(0, 0, 1, 1)).nearest(0, 0, new Int32Array(5), squared)).toBe(2);
    expect(new Grid(new Float32Array(0)).nearest(0, 0, new Int32Array(5), squared)).toBe(0);
  });
});

function codesOf(n: number, d: number): Codes {
  const next = random(3);
  const numbers = Uint16Array.from({ length: n * d }, () => Math.floor(next() * 8192));
  const steps = Float32Array.from({ length: d }, (_, j) => (j === 1 ? 0 : 0.01 * (j + 1)));
  return { n, d, numbers, steps, lows: new Float32Array(d).fill(-3), percentiles: null };
}

test("nearest codes as by comparing with all", () => {
  const codes = codesOf(500, 11);
  const nearest = new NearestCodes(codes);
  for (let q = 0; q < 30; q++) {
    const code = codeAt(codes, q).map((value) => value + 5);
    const all = Array.from({ length: 500 }, (_, row) =>
      codeAt(codes, row).reduce((sum, value, j) => sum + (j === 1 ? 0 : (value - code[j]!) ** 2), 0),
    );
    const order = all.map((_, row) => row).filter((row) => row !== q).sort((a, b) => all[a]! - all[b]!);
    const rows = new Uint32Array(8), squared = new Float64Array(8);
    expect(nearest.query(code, rows, squared, q)).toBe(8);
    expect([...rows]).toEqual(order.slice(0, 8));
  }
});

describe("inverse map", () => {
  test("weights add up to one, fall, and end at zero", () => {
    const weights = fieldWeights(Float64Array.of(0.1, 0.2, 0.5, 1), 4);
    expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect([...weights]).toEqual([...weights].sort((a, b) => b - a));
    expect(weights[3]).toBe(0);
    expect([...fieldWeights(Float64Array.of(2, 2), 2)]).toEqual([0.5, 0.5]);
  });

  test("passes through the codes; rows on one place are averaged", () => {
    const points = Float32Array.from({ length: 80 }, (_, i) => ((i * 37) % 80) / 40 - 1);
    points.set(points.subarray(0, 2), 2); // rows 0 and 1
    const codes = codesOf(40, 3);
    const grid = new Grid(points);
    const at = (row: number): Float32Array =>
      invert({ local: true, linear: null }, grid, codes, points[2 * row]!, points[2 * row + 1]!)!;
    codeAt(codes, 7).forEach((value, j) => expect(at(7)[j]).toBeCloseTo(value, 4));
    const mean = codeAt(codes, 0).map((value, j) => (value + codeAt(codes, 1)[j]!) / 2);
    mean.forEach((value, j) => expect(at(0)[j]).toBeCloseTo(value, 4));
  });
});

describe("placement", () => {
  test("weights", () => {
    // ((1 - s) / s)² of s = 1/4, 1/2, 1, over the first
    expect(voteWeights([1, 4, 16])).toEqual([1, 1 / 9, 0]);
    expect(voteWeights([4, 4])).toEqual([1, 1]);
  });

  test("two islands: on the one with more votes, never between", () => {
    const xs = [0, 0.1, 5, 5.1, 5.4], weights = [1, 1, 0.9, 0.9, 0.9];
    const [x, y] = islandMean(xs, [0, 0, 0, 0, 0], weights, 1);
    expect(x).toBeGreaterThan(5);
    expect(xs).not.toContain(x); // climbed off the row at which it started
    expect(y).toBe(0);
    // At the peak the votes pull equally to both sides.
    const pull = xs.reduce((sum, place, i) => sum + weights[i]! * Math.max(1 - (place - x) ** 2, 0) ** 2 * (place - x), 0);
    expect(Math.abs(pull)).toBeLessThan(1e-3);
  });
});

test("the lasso as by the even-odd rule, a crossing star too", () => {
  const points = Float32Array.from({ length: 4000 }, random(5), ).map((value) => 2 * value - 1);
  const star = [0, 2, 4, 1, 3].flatMap((i) => [0.9 * Math.sin((2 * Math.PI * i) / 5), 0.9 * Math.cos((2 * Math.PI * i) / 5)]);
  const inside = (x: number, y: number): boolean => {
    let odd = false;
    for (let i = 0; i < 5; i++) {
      const [ax, ay, bx, by] = [0, 1, 2, 3].map((k) => star[(2 * i + k) % 10]!) as [number, number, number, number];
      if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) odd = !odd;
    }
    return odd;
  };
  const wanted = Array.from({ length: 2000 }, (_, i) => i).filter((i) => inside(points[2 * i]!, points[2 * i + 1]!));
  expect(wanted.length).toBeGreaterThan(100);
  expect([...rowsInside(points, star)]).toEqual(wanted);
  expect(inside(0, 0)).toBe(false); // the middle of the star is crossed twice
  expect(rowsInside(points, [0, 0, 1, 1]).length).toBe(0);
});
