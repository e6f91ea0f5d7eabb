import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TEN, classColours, classPalette, css, parseHex, rampColour, textShade, toHex, trustColour, trustIndex } from "../src/gl/colour";

function luminance([r, g, b]: readonly [number, number, number]): number {
  const linear = (v: number): number => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}
const contrast = (a: number, b: number): number => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
const PAPER = { light: 1, dark: luminance(parseHex("#15181d")) };

describe("colours", () => {
  it("are those of the figures", () => {
    const python = readFileSync(new URL("../../src/latentscape/figures/palette.py", import.meta.url), "utf8");
    const ten = [...python.matchAll(/"(#[0-9a-f]{6})",/g)].slice(0, 10).map((match) => match[1]);
    expect([...TEN]).toEqual(ten);
  });

  it("are the very same on a light page, and visible on a dark one", () => {
    expect(classColours(10, false).map(toHex)).toEqual([...TEN]);
    for (const colour of classColours(10, true)) expect(contrast(luminance(colour), PAPER.dark)).toBeGreaterThan(3);
  });

  it("as text can be read on both", () => {
    for (const count of [10, 40]) {
      for (const colour of classColours(count, false)) expect(contrast(luminance(textShade(colour, false)), PAPER.light)).toBeGreaterThan(4.5);
      for (const colour of classColours(count, true)) expect(contrast(luminance(textShade(colour, true)), PAPER.dark)).toBeGreaterThan(4.5);
    }
  });

  it("of values rise in lightness", () => {
    const steps = Array.from({ length: 21 }, (_, i) => luminance(rampColour(i / 20)));
    for (let i = 1; i < steps.length; i++) expect(steps[i]).toBeGreaterThan(steps[i - 1] ?? 1);
  });

  it("tell false from missing neighbours", () => {
    expect(css(trustColour(1, 0, false))).toBe("rgb(217 95 2)");
    expect(css(trustColour(0, 1, false))).toBe("rgb(33 102 172)");
    expect(trustIndex(0, 0)).toBe(0);
    expect(trustIndex(0.5, 0)).toBe(15);
    expect(trustIndex(0, 0.5)).toBe(240);
    expect(trustIndex(NaN, 0)).toBe(255);
  });

  it("fill a palette of 256, the last for points without a class", () => {
    const palette = classPalette(10, false);
    expect(palette.length).toBe(1024);
    expect([...palette.slice(0, 3)]).toEqual([...parseHex(TEN[0])]);
    expect(toHex([palette[1020] ?? 0, palette[1021] ?? 0, palette[1022] ?? 0])).toBe("#9aa1ab");
  });
});
