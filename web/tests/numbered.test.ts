import { describe, expect, it } from "vitest";
import { written } from "../src/numbered";

describe("numbered names", () => {
  it("are written out as Python counted them", () => {
    expect(written([["row-", 8, 1, 3], "", "a", ["x/", 998, 5, 3], "7", ["", 0, 1, 2]])).toEqual([
      "row-8", "row-9", "row-10", "", "a", "x/00998", "x/00999", "x/01000", "7", "0", "1",
    ]);
  });
});
