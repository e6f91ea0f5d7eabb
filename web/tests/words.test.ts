import { describe, expect, it } from "vitest";
import { shorten } from "../src/ui/dom";
import { count, extent, figure, mapTitle, percent, plural, printed, share } from "../src/ui/words";

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
  it("calls only nothing none and only everything all", () => {
    expect([0, 1e-5, 0.4, 0.9999, 1].map(share)).toEqual(["none", "less than 0.1\u00a0%", "40\u00a0%", "more than 99.9\u00a0%", "all"]);
  });
  it("prints what Python writes", () => {
    expect(printed("within 10 % of it (correlation -0.338 ± 0.008), 10-NN")).toBe("within 10\u00a0% of it (correlation −0.338 ± 0.008), 10-NN");
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
