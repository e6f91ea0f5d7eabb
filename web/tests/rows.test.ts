import { describe, expect, test } from "vitest";
import { rowsOf, rowsText } from "../src/rows";

/** Rows of n, each with the same chance; the same ones in every run. */
function chosen(n: number, share: number): number[] {
  let seed = 12345;
  const next = (): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
  return Array.from({ length: n }, (_, row) => row).filter(() => next() < share);
}

describe("rows in a link", () => {
  test.each([
    ["one", [0]], ["the last", [69_999]], ["runs", [5, 6, 7, 20]], ["two far apart", [0, 69_999]],
    ["all", Array.from({ length: 70_000 }, (_, i) => i)],
    ["each second", Array.from({ length: 35_000 }, (_, i) => 2 * i)],
  ])("come back: %s", (_, rows) => expect(rowsOf(rowsText(rows) ?? "", 70_000)).toEqual(rows));

  test.each([0.001, 0.03, 0.1, 0.5, 0.8, 0.97])("come back without order: a share of %d", (share) => {
    const rows = chosen(70_000, share);
    const text = rowsText(rows) ?? "";
    expect(rowsOf(text, 70_000)).toEqual(rows);
    const entropy = -share * Math.log2(share) - (1 - share) * Math.log2(1 - share);
    // A letter holds six bits; Rice's code needs little more than the least, if shares are below a half.
    expect(text.length).toBeLessThan((70_000 * Math.max(entropy, share)) / 6 * 1.25 + 10);
  });

  test("are letters that an address takes as they are", () => {
    const text = rowsText(chosen(3000, 0.3)) ?? "";
    expect(new URLSearchParams({ rows: text }).toString()).toBe(`rows=${text}`);
  });

  test("are short where they follow one another", () => expect(rowsText([5, 6, 7, 20])).toBe("5-7.k"));

  test("too many without order have no text", () => {
    expect(rowsText(chosen(1_000_000, 0.2))).toBeNull();
    expect(rowsText(Array.from({ length: 1_000_000 }, (_, i) => i))).toBe("0-lflr");
  });

  test("that end in the middle of a letter are no more than there were", () => {
    for (let many = 1; many < 40; many++) {
      const rows = Array.from({ length: many }, (_, i) => 2 * i);
      expect(rowsOf(rowsText([...rows, 500]) ?? "", 5000)).toEqual([...rows, 500]);
      expect(rowsOf(rowsText(rows) ?? "", 5000)).toEqual(rows);
    }
  });

  test("of a cut text are the first ones", () => {
    const rows = chosen(10_000, 0.3);
    const some = rowsOf((rowsText(rows) ?? "").slice(0, 800), 10_000);
    expect(some.length).toBeGreaterThan(500);
    // The letter at the cut is whole, so no row is made up.
    expect(some).toEqual(rows.slice(0, some.length));
  });

  test.each(["", "_", "_!", "_0", "_zzzz", "_5????", "-1-2", "zzzzzzz", "%E0"])("that make no sense are none: %s", (text) =>
    expect(rowsOf(text, 1000).filter((row) => !(row >= 0 && row < 1000))).toEqual([]),
  );

  test("named twice, or again and again, are there once", () => {
    expect(rowsOf("0-9.0-9.5.a", 1000)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(rowsOf("0-zzzz", 50).length).toBe(50);
  });
});
