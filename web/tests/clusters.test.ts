import { describe, expect, it } from "vitest";
import { NO_CATEGORY, type CategoryColumn } from "../src/data";
import { clusterLabels } from "../src/ui/clusters";

function column(values: number[], names: string[]): CategoryColumn {
  return {
    kind: "category", name: "label", title: "label", names, values: Uint16Array.from(values),
    counts: names.map((_, k) => values.filter((value) => value === k).length),
  };
}

describe("names on clusters", () => {
  it("stand on their own cluster", () => {
    const positions: number[] = [];
    const values: number[] = [];
    for (let i = 0; i < 300; i++) {
      const category = i % 3;
      positions.push(-0.7 + 0.7 * category + 0.05 * Math.sin(i), 0.1 * Math.cos(i * 7));
      values.push(category);
    }
    const labels = clusterLabels(Float32Array.from(positions), column(values, ["a", "b", "c"]));
    expect(labels.map((label) => label.name).sort()).toEqual(["a", "b", "c"]);
    for (const label of labels) {
      expect(Math.abs(label.x - (-0.7 + 0.7 * label.category))).toBeLessThan(0.12);
      expect(Math.abs(label.y)).toBeLessThan(0.15);
    }
  });

  it("keep apart even where the classes lie on one another", () => {
    const positions = Float32Array.from({ length: 400 }, (_, i) => 0.4 * Math.sin(i * 12.9898));
    const labels = clusterLabels(positions, column(Array.from({ length: 200 }, (_, i) => i % 2), ["a", "b"]));
    const [a, b] = labels;
    expect(Math.hypot((a?.x ?? 0) - (b?.x ?? 0), (a?.y ?? 0) - (b?.y ?? 0))).toBeGreaterThan(0.11);
  });

  it("leave out what has no class or no place", () => {
    const labels = clusterLabels(Float32Array.from([0, 0, NaN, NaN, 0.1, 0.1]), column([NO_CATEGORY, 0, 0], ["a"]));
    expect(labels).toHaveLength(1);
    expect(labels[0]?.x).toBeCloseTo(0.1, 1);
  });
});
