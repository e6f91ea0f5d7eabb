/**
 * The forward pass of a network, on plain arrays.
 *
 * Planes are kept pixel by pixel with the channels together, as images are, so that the
 * innermost loop runs along the output channels. Zeros, which rectifiers make in plenty,
 * are skipped. A flat vector is a plane of one pixel.
 */

import type { ConvLayer, Layer } from "../data";

type Step = (input: Float32Array) => Float32Array;
/** Channels, height, width. */
export type Shape = readonly [number, number, number];

export class Network {
  readonly inputs: number;
  /** Of what comes out. */
  readonly shape: Shape;
  private readonly step: Step;

  constructor(layers: readonly Layer[], shape: Shape) {
    this.inputs = size(shape);
    [this.step, this.shape] = sequence(layers, shape);
  }

  /** Run on one input (planes pixel by pixel); the answer is a new array. */
  run(input: Float32Array): Float32Array {
    if (input.length !== this.inputs) throw new Error(`the network takes ${this.inputs} numbers, not ${input.length}`);
    return this.step(input.slice()).slice();
  }
}

function size([channels, height, width]: Shape): number {
  return channels * height * width;
}

function sequence(layers: readonly Layer[], shape: Shape): [Step, Shape] {
  const steps: Step[] = [];
  for (const layer of layers) {
    const [step, next] = stepOf(layer, shape);
    steps.push(step);
    shape = next;
  }
  return [(value) => steps.reduce((found, step) => step(found), value), shape];
}

/** A step may write over what it is given. */
function stepOf(layer: Layer, shape: Shape): [Step, Shape] {
  const [channels, height, width] = shape;
  switch (layer.op) {
    case "linear":
      return convolution({ ...layer, kernel: 1, stride: 1, padding: 0, output_padding: [0, 0] }, shape);
    case "conv2d":
    case "conv_transpose2d":
      return convolution(layer, shape);
    case "scale":
      return [(x) => x.map((value, i) => value * (layer.weight[i % channels] as number) + (layer.bias[i % channels] as number)), shape];
    case "residual": {
      const [body, after] = sequence(layer.body, shape);
      if (after.join() !== shape.join()) throw misfit();
      return [
        (x) => {
          const kept = x.slice();
          const made = body(x);
          return kept.map((value, i) => value + (made[i] as number));
        },
        shape,
      ];
    }
    case "flatten":
      return gather(shape, [size(shape), 1, 1], (_y, _x, i) => (i % (height * width)) * channels + Math.floor(i / (height * width)));
    case "unflatten": {
      const [, tall, wide] = layer.shape;
      if (size(layer.shape) !== size(shape)) throw misfit();
      return gather(shape, layer.shape, (y, x, c) => (c * tall + y) * wide + x);
    }
    case "upsample_nearest": {
      const { factor } = layer;
      const at = pixel(shape);
      return gather(shape, [channels, height * factor, width * factor], (y, x, c) => at(Math.floor(y / factor), Math.floor(x / factor), c));
    }
    case "pad": {
      const { left, right, top, bottom } = layer;
      const at = pixel(shape);
      return gather(shape, [channels, height + top + bottom, width + left + right], (y, x, c) => at(y - top, x - left, c));
    }
    case "crop": {
      const { left, top } = layer;
      if (top + layer.height > height || left + layer.width > width) throw misfit();
      const at = pixel(shape);
      return gather(shape, [channels, layer.height, layer.width], (y, x, c) => at(y + top, x + left, c));
    }
    default: {
      const f = POINTWISE[layer.op];
      if (!f) throw new Error(`this page does not know the layer ${layer.op}; open it with a newer latentscape`);
      return [
        (x) => {
          for (let i = 0; i < x.length; i++) x[i] = f(x[i] as number);
          return x;
        },
        shape,
      ];
    }
  }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const POINTWISE: Readonly<Record<string, (x: number) => number>> = {
  relu: (x) => (x < 0 ? 0 : x),
  sigmoid,
  tanh: Math.tanh,
  silu: (x) => x * sigmoid(x),
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
};

/** The error function, off by at most 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26). */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - tail * Math.exp(-x * x));
}

function misfit(): Error {
  return new Error("the layers of this network do not fit together; make the page again");
}

/** Where a pixel's channel stands, -1 outside of the plane. */
function pixel([channels, height, width]: Shape): (y: number, x: number, c: number) => number {
  return (y, x, c) => (y < 0 || x < 0 || y >= height || x >= width ? -1 : (y * width + x) * channels + c);
}

/** Numbers put elsewhere: `source` tells where each comes from, -1 for a zero. */
function gather(before: Shape, after: Shape, source: (y: number, x: number, c: number) => number): [Step, Shape] {
  const [channels, , width] = after;
  const sources = Int32Array.from({ length: size(after) }, (_, i) => {
    const place = Math.floor(i / channels);
    return source(Math.floor(place / width), place % width, i % channels);
  });
  if (sources.some((from) => from >= size(before))) throw misfit();
  return [(x) => Float32Array.from(sources, (from) => x[from] ?? 0), after];
}

/** Both kinds of convolution, each input number spread over the outputs that it reaches. */
type AnyConv = Omit<ConvLayer, "op"> & { readonly op: string };
function convolution(layer: AnyConv, [channels, height, width]: Shape): [Step, Shape] {
  const { inputs, outputs, kernel, stride, padding } = layer;
  const transposed = layer.op === "conv_transpose2d";
  const [tall, wide] = [height, width].map((side, axis) =>
    transposed
      ? (side - 1) * stride - 2 * padding + kernel + (layer.output_padding?.[axis] ?? 0)
      : Math.floor((side + 2 * padding - kernel) / stride) + 1,
  ) as [number, number];
  const area = kernel * kernel;
  if (channels !== inputs || tall < 1 || wide < 1 || layer.weight.length !== inputs * outputs * area) throw misfit();
  const weight = new Float32Array(inputs * outputs * area); // input channel, kernel place, output channel
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      for (let k = 0; k < area; k++) {
        const source = transposed ? (i * outputs + o) * area + k : (o * inputs + i) * area + k;
        weight[(i * area + k) * outputs + o] = layer.weight[source] as number;
      }
    }
  }
  const reach = (place: number, k: number, side: number): number => {
    const there = transposed ? place * stride - padding + k : (place + padding - k) / stride;
    return Number.isInteger(there) && there >= 0 && there < side ? there : -1;
  };
  // For each input pixel: pairs of (kernel place * outputs, output pixel * outputs).
  const pairs: number[] = [];
  const pixels = height * width;
  const starts = new Int32Array(pixels + 1);
  for (let p = 0; p < pixels; p++) {
    for (let k = 0; k < area; k++) {
      const oy = reach(Math.floor(p / width), Math.floor(k / kernel), tall);
      const ox = reach(p % width, k % kernel, wide);
      if (oy >= 0 && ox >= 0) pairs.push(k * outputs, (oy * wide + ox) * outputs);
    }
    starts[p + 1] = pairs.length;
  }
  const targets = Int32Array.from(pairs);
  const out = new Float32Array(tall * wide * outputs);
  const step: Step = (input) => {
    for (let i = 0; i < out.length; i += outputs) out.set(layer.bias, i);
    for (let p = 0; p < pixels; p++) {
      const begin = starts[p] as number;
      const end = starts[p + 1] as number;
      for (let c = 0; c < inputs; c++) {
        const value = input[p * inputs + c] as number;
        if (value === 0) continue;
        const own = c * area * outputs;
        for (let t = begin; t < end; t += 2) {
          const w = own + (targets[t] as number);
          const o = targets[t + 1] as number;
          for (let k = 0; k < outputs; k++) out[o + k] = (out[o + k] as number) + value * (weight[w + k] as number);
        }
      }
    }
    return out;
  };
  return [step, [outputs, tall, wide]];
}
