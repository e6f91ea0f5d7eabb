import { describe, expect, it } from "vitest";
import { shorten } from "../src/ui/dom";
import { count, extent, figure, mapTitle, percent, plural } from "../src/ui/words";

describe("words", () => {
  it("writes numbers without exponents", () => {
    expect(figure(0.0045678)).toBe("0.0046");
    expect(figure(12.3)).toBe("12");
    expect(figure(0)).toBe("0");
    expect(figure(NaN)).toBe("–");
    expect(figure(null)).toBe("–");
    expect(figure(64, 4)).toBe("64.00");
  });
  it("writes shares", () => {
    expect(percent(0.964)).toBe("96\u00a0%");
    expect(percent(0.0123)).toBe("1.2\u00a0%");
    expect(percent(1)).toBe("100\u00a0%");
  });
  it("counts", () => {
    expect(extent({ rows: "test", image_shape: [28, 28] }, 10_000)).toBe("10,000 test images");
    expect(extent({ rows: "all", image_shape: [] }, 400)).toBe("400 rows");
    expect(plural(1, "point")).toBe("1 point");
    expect(plural(12345, "point")).toBe("12,345 points");
    expect([0, 999, 1000, 100_000, 1_234_567].map(count)).toEqual(["0", "999", "1,000", "100,000", "1,234,567"]);
    expect(mapTitle("tsne")).toBe("t-SNE");
  });
  it("shortens by whole characters", () => {
    expect(shorten("👩‍🚀👩‍🚀👩‍🚀", 4)).not.toContain("\ufffd");
    expect([...shorten("x".repeat(10_000), 24)]).toHaveLength(24);
    expect(shorten("short", 24)).toBe("short");
  });
});
