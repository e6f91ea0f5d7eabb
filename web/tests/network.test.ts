/** Both directions against PyTorch's own answers (golden.json: seed 0, layers as below). */
import { expect, test } from "vitest";
import type { ConvLayer, Layer } from "../src/data";
import { Network } from "../src/nn/network";
import golden from "./golden.json";

type Weights = { readonly weight: number[]; readonly bias: number[] };

const arrays = ({ weight, bias }: Weights): { weight: Float32Array; bias: Float32Array } => ({
  weight: Float32Array.from(weight),
  bias: Float32Array.from(bias),
});
const conv = (
  kind: ConvLayer["kind"],
  [inputs, outputs, padding]: [number, number, number],
  from: number,
  to: number,
  weights: Weights | undefined,
): Layer => ({ kind, inputs, outputs, kernel: 3, stride: 2, padding, from: [from, from], to: [to, to], ...arrays(weights as Weights) });
const linear = (inputs: number, outputs: number, weights: Weights | undefined): Layer => ({
  kind: "linear",
  inputs,
  outputs,
  ...arrays(weights as Weights),
});
const close = (found: Float32Array, wanted: number[]): void => {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));
};

test("convolutions into a code", () => {
  const [a, b, c] = golden.encoder;
  const network = new Network([
    conv("conv", [2, 3, 1], 9, 5, a),
    { kind: "relu" },
    conv("conv", [3, 4, 0], 5, 2, b),
    { kind: "relu" },
    linear(16, 5, c),
  ]);
  close(network.run(Float32Array.from(golden.image)), golden.code);
});

test("transposed convolutions out of a code; the second run is as the first", () => {
  const [a, b, c] = golden.decoder;
  const network = new Network([
    linear(5, 8, a),
    { kind: "relu" },
    conv("deconv", [2, 3, 1], 2, 4, b),
    { kind: "relu" },
    conv("deconv", [3, 1, 0], 4, 9, c),
    { kind: "sigmoid" },
  ]);
  const first = network.run(Float32Array.from(golden.z));
  network.run(new Float32Array(5));
  close(first, golden.decoded);
  close(network.run(Float32Array.from(golden.z)), golden.decoded);
});

test("a wrong number of numbers is refused", () => {
  const network = new Network([linear(5, 8, golden.decoder[0])]);
  expect(() => network.run(new Float32Array(4))).toThrow("takes 5 numbers");
});
