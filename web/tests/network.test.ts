/** The forward pass against PyTorch's own answers, layer by layer (golden.json; golden.py writes it). */
import { expect, test } from "vitest";
import type { Layer } from "../src/data";
import { Network, type Shape } from "../src/nn/network";
import golden from "./golden.json";

interface Case {
  readonly name: string;
  readonly shape: Shape;
  readonly layers: readonly Layer[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly output_shape: Shape;
}
const cases = golden as unknown as readonly Case[];

/** From channel by channel, as PyTorch has planes, to pixel by pixel. */
function byPixel(values: readonly number[], [channels, height, width]: Shape): Float32Array {
  const pixels = height * width;
  return Float32Array.from(values, (_, i) => values[(i % channels) * pixels + Math.floor(i / channels)] as number);
}

test.each(cases.map((each) => [each.name, each] as const))("%s", (_, { layers, shape, input, output, output_shape }) => {
  const network = new Network(layers, shape);
  const given = byPixel(input, shape);
  const before = given.slice();
  const found = network.run(given);
  expect(network.shape).toEqual(output_shape);
  const wanted = byPixel(output, output_shape);
  expect(found.length).toBe(wanted.length);
  wanted.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));
  expect(given).toEqual(before); // what is given stays as it was
  network.run(new Float32Array(given.length));
  expect(network.run(given)).toEqual(found); // nothing is left of the run in between
});

test("every kind of layer is among them", () => {
  const known = ["linear", "conv2d", "conv_transpose2d", "scale", "residual", "relu", "silu", "gelu", "sigmoid", "tanh", "flatten", "unflatten", "upsample_nearest", "pad", "crop"];
  expect(new Set(cases.flatMap(({ layers }) => layers.map(({ op }) => op)))).toEqual(new Set(known));
});

test("layers that do not fit are refused", () => {
  const found = (name: string): Case => cases.find((each) => each.name === name) as Case;
  expect(() => new Network(found("linear").layers, [8, 1, 1])).toThrow("do not fit");
  expect(() => new Network(found("unflatten").layers, [23, 1, 1])).toThrow("do not fit");
  expect(() => new Network([{ op: "crop", top: 3, left: 0, height: 5, width: 1 }], [1, 5, 5])).toThrow("do not fit");
  expect(() => new Network([{ op: "residual", body: [{ op: "flatten" }] }], [2, 3, 3])).toThrow("do not fit");
  expect(() => new Network([{ op: "spectral" } as unknown as Layer], [2, 3, 3])).toThrow("does not know the layer spectral");
});

test("a wrong number of numbers is refused", () => {
  const { layers, shape } = cases.find((each) => each.name === "linear") as Case;
  expect(() => new Network(layers, shape).run(new Float32Array(4))).toThrow("takes 7 numbers");
});
