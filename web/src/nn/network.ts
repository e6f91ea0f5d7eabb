/**
 * The forward pass of a network, on plain arrays.
 *
 * Inside, planes are kept pixel by pixel with the channels together, so that the
 * innermost loop runs along the output channels; linear layers that meet a plane
 * have their weights reordered once for that. Zeros, which rectifiers make in
 * plenty, are skipped.
 */

import type { ConvLayer, Layer } from "../data";

type Step = (input: Float32Array) => Float32Array;

export class Network {
  readonly inputs: number;
  readonly outputs: number;
  private readonly steps: readonly Step[];

  constructor(layers: readonly Layer[]) {
    const weighted = layers.filter((layer) => "weight" in layer);
    const first = weighted[0];
    const last = weighted[weighted.length - 1];
    if (!first || !last) throw new Error("a network needs a layer with weights");
    this.inputs = first.kind === "linear" ? first.inputs : first.inputs * first.from[0] * first.from[1];
    this.outputs = last.kind === "linear" ? last.outputs : last.outputs * last.to[0] * last.to[1];
    const steps: Step[] = [];
    layers.forEach((layer, i) => {
      if (layer.kind === "relu") steps.push(relu);
      else if (layer.kind === "sigmoid") steps.push(sigmoid);
      else if (layer.kind === "linear") {
        const before = nearest(layers, i, -1);
        const after = nearest(layers, i, 1);
        steps.push(linear(layer, before && before.kind !== "linear" ? before : null, after && after.kind !== "linear" ? after : null));
      } else steps.push(convolution(layer));
    });
    this.steps = steps;
  }

  /** Run on one input; the answer is a new array. */
  run(input: Float32Array): Float32Array {
    if (input.length !== this.inputs) throw new Error(`the network takes ${this.inputs} numbers, not ${input.length}`);
    let value = input;
    for (const step of this.steps) value = step(value);
    return value.slice();
  }
}

type Weighted = Extract<Layer, { weight: Float32Array }>;

/** The next layer with weights, in one direction. */
function nearest(layers: readonly Layer[], from: number, direction: 1 | -1): Weighted | null {
  for (let i = from + direction; i >= 0 && i < layers.length; i += direction) {
    const layer = layers[i] as Layer;
    if ("weight" in layer) return layer;
  }
  return null;
}

function relu(x: Float32Array): Float32Array {
  for (let i = 0; i < x.length; i++) if ((x[i] as number) < 0) x[i] = 0;
  return x;
}

function sigmoid(x: Float32Array): Float32Array {
  for (let i = 0; i < x.length; i++) x[i] = 1 / (1 + Math.exp(-(x[i] as number)));
  return x;
}

/** Where number i of a plane in PyTorch's order (channel, y, x) stands in ours (y, x, channel). */
function reordered(i: number, channels: number, pixels: number): number {
  return (i % pixels) * channels + Math.floor(i / pixels);
}

function linear(layer: Extract<Layer, { kind: "linear" }>, before: ConvLayer | null, after: ConvLayer | null): Step {
  const { inputs, outputs } = layer;
  const weight = new Float32Array(inputs * outputs); // input by input
  const bias = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const to = after ? reordered(o, after.inputs, after.from[0] * after.from[1]) : o;
    bias[to] = layer.bias[o] as number;
    for (let i = 0; i < inputs; i++) {
      const from = before ? reordered(i, before.outputs, before.to[0] * before.to[1]) : i;
      weight[from * outputs + to] = layer.weight[o * inputs + i] as number;
    }
  }
  const out = new Float32Array(outputs);
  return (input) => {
    out.set(bias);
    for (let i = 0; i < inputs; i++) {
      const value = input[i] as number;
      if (value === 0) continue;
      const start = i * outputs;
      for (let o = 0; o < outputs; o++) out[o] = (out[o] as number) + value * (weight[start + o] as number);
    }
    return out;
  };
}

/** Both kinds of convolution, each input number spread over the outputs that it reaches. */
function convolution(layer: ConvLayer): Step {
  const { inputs, outputs, kernel, stride, padding, from, to } = layer;
  const transposed = layer.kind === "deconv";
  const area = kernel * kernel;
  const weight = new Float32Array(inputs * outputs * area); // input channel, kernel place, output channel
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      for (let k = 0; k < area; k++) {
        const source = transposed ? (i * outputs + o) * area + k : (o * inputs + i) * area + k;
        weight[(i * area + k) * outputs + o] = layer.weight[source] as number;
      }
    }
  }
  const reach = (place: number, k: number, size: number): number => {
    if (transposed) {
      const there = place * stride - padding + k;
      return there >= 0 && there < size ? there : -1;
    }
    const there = (place + padding - k) / stride;
    return Number.isInteger(there) && there >= 0 && there < size ? there : -1;
  };
  // For each input pixel: pairs of (kernel place * outputs, output pixel * outputs).
  const pairs: number[] = [];
  const starts = new Int32Array(from[0] * from[1] + 1);
  for (let y = 0; y < from[0]; y++) {
    for (let x = 0; x < from[1]; x++) {
      for (let ky = 0; ky < kernel; ky++) {
        const oy = reach(y, ky, to[0]);
        if (oy < 0) continue;
        for (let kx = 0; kx < kernel; kx++) {
          const ox = reach(x, kx, to[1]);
          if (ox >= 0) pairs.push((ky * kernel + kx) * outputs, (oy * to[1] + ox) * outputs);
        }
      }
      starts[y * from[1] + x + 1] = pairs.length;
    }
  }
  const targets = Int32Array.from(pairs);
  const out = new Float32Array(to[0] * to[1] * outputs);
  return (input) => {
    for (let i = 0; i < out.length; i += outputs) out.set(layer.bias, i);
    const pixels = from[0] * from[1];
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
}
