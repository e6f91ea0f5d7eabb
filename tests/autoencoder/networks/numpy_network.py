"""Runs the description of a network with numpy alone, one pixel after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from latentscape.types import AnyArray


def run(operations: Sequence[Mapping[str, Any]], weights: Mapping[str, AnyArray], x: Any) -> Any:
    """Apply operations to images (n, C, H, W) or codes (n, d), in float64."""
    for operation in operations:
        x = _apply(operation, weights, x)
    return x


def _apply(operation: Mapping[str, Any], weights: Mapping[str, AnyArray], x: AnyArray) -> AnyArray:
    op = operation["op"]
    prefix = operation.get("weights")
    w = {name: weights[f"{prefix}.{name}"].astype(float) for name in _TENSORS.get(op, ())}
    if op == "conv2d":
        return np.asarray(_conv(x, w["weight"], operation) + w["bias"][:, None, None])
    if op == "conv_transpose2d":
        return np.asarray(_conv_transpose(x, w["weight"], operation) + w["bias"][:, None, None])
    if op == "linear":
        assert w["weight"].shape == (operation["outputs"], operation["inputs"])
        return np.asarray(x @ w["weight"].T + w["bias"])
    if op == "batch_norm2d":
        scale = w["weight"] / np.sqrt(w["running_var"] + operation["eps"])
        shift = w["bias"] - w["running_mean"] * scale
        return np.asarray(x * scale[:, None, None] + shift[:, None, None])
    if op == "residual":
        return np.asarray(x + run(operation["body"], weights, x))
    if op == "flatten":
        return x.reshape(len(x), -1)
    if op == "unflatten":
        return x.reshape(len(x), *operation["shape"])
    if op == "upsample_nearest":
        return x.repeat(operation["factor"], axis=2).repeat(operation["factor"], axis=3)
    if op == "pad":
        sides = [(operation["top"], operation["bottom"]), (operation["left"], operation["right"])]
        return np.pad(x, [(0, 0), (0, 0), *sides])
    if op == "crop":
        top, left = operation["top"], operation["left"]
        return x[:, :, top : top + operation["height"], left : left + operation["width"]]
    return _FUNCTIONS[op](x)


_PAIR = ("weight", "bias")
_TENSORS = {
    "conv2d": _PAIR,
    "conv_transpose2d": _PAIR,
    "linear": _PAIR,
    "batch_norm2d": (*_PAIR, "running_mean", "running_var"),
}
_FUNCTIONS: dict[str, Callable[[AnyArray], AnyArray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
}


def _conv(x: AnyArray, weight: AnyArray, operation: Mapping[str, Any]) -> AnyArray:
    kernel, stride, padding = (operation[name] for name in ("kernel", "stride", "padding"))
    assert weight.shape == (operation["outputs"], operation["inputs"], kernel, kernel)
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    rows, columns = ((side - kernel) // stride + 1 for side in x.shape[2:])
    out = np.zeros((len(x), len(weight), rows, columns))
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
            out[:, :, i, j] = np.einsum("ncab,ocab->no", part, weight)
    return out


def _conv_transpose(x: AnyArray, weight: AnyArray, operation: Mapping[str, Any]) -> AnyArray:
    kernel, stride, padding = (operation[name] for name in ("kernel", "stride", "padding"))
    assert weight.shape == (operation["inputs"], operation["outputs"], kernel, kernel)
    extra = operation["output_padding"]
    rows, columns = (
        (side - 1) * stride + kernel + more for side, more in zip(x.shape[2:], extra, strict=True)
    )
    out = np.zeros((len(x), weight.shape[1], rows, columns))
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            part = np.einsum("nc,coab->noab", x[:, :, i, j], weight)
            out[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel] += part
    return out[:, :, padding : rows - padding, padding : columns - padding]
