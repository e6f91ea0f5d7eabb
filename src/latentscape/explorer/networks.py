"""The layers of a stored model, with batch normalisation folded in; no torch is needed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from latentscape.errors import ModelFileError
from latentscape.explorer.numbers import quantized
from latentscape.types import AnyArray, DoubleArray

_EPSILON = 1e-5  # of PyTorch's batch normalisation
_POINTWISE = ("relu", "silu", "gelu", "sigmoid", "tanh", "flatten")
#: What a layer's description says beside its weights.
_FIELDS = {
    "conv2d": ("inputs", "outputs", "kernel", "stride", "padding"),
    "conv_transpose2d": ("inputs", "outputs", "kernel", "stride", "padding", "output_padding"),
    "unflatten": ("shape",),
    "upsample_nearest": ("factor",),
    "pad": ("left", "right", "top", "bottom"),
    "crop": ("top", "left", "height", "width"),
}
_WEIGHTED = ("linear", "conv2d", "conv_transpose2d")


class UnknownNetworkError(Exception):
    """The page cannot run a network; the message says why, in a sentence for people."""


@dataclass(frozen=True)
class ExportedModel:
    """What the page needs of a model.

    Attributes
    ----------
    latent_dim, seed, height, width, channels : int
    encoder, decoder : list of dict, or None where the file has none
        Layers as ``web/src/nn/network.ts`` reads them: those of the model file's
        ``"architecture"``, but for batch normalisation, which is folded into the layer before
        it, or becomes a "scale" where there is none.
    weights : uint16 array
        Weight and bias of each layer, one after the other, encoder first, in 65,536 even
        steps from the smallest to the largest of each; a layer's ``"counts"`` are their
        numbers, its ``"weight"`` and ``"bias"`` the smallest and the step. (Half precision
        takes as much room, and images decoded with it differ from the exact ones three times
        as much.)
    """

    latent_dim: int
    seed: int
    height: int
    width: int
    channels: int
    encoder: list[dict[str, Any]] | None
    decoder: list[dict[str, Any]] | None
    weights: AnyArray


def export_model(path: Path) -> ExportedModel:
    """Read a stored model.

    Raises
    ------
    UnknownNetworkError
        If the file does not describe its network, or with layers that the page cannot run.
    ModelFileError
        If the file is damaged or no model.
    """
    try:
        with safe_open(path, framework="np") as file:
            header = json.loads((file.metadata() or {})["latentscape"])
            tensors = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
        return _exported(header, tensors)
    except (SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
        raise ModelFileError(
            f"{path} is damaged or no model of latentscape ({error}); run `latentscape run` again"
        ) from error


def _exported(header: Mapping[str, Any], tensors: Mapping[str, AnyArray]) -> ExportedModel:
    params = header["params"]
    network = params.get("network", "reference")
    described = header.get("architecture")
    whole = header.get("kind") != "decoder" and list(header["image_shape"]) == [28, 28]
    if described is None and network == "reference" and whole:
        described = _REFERENCE
    if described is None:
        raise UnknownNetworkError(f"the network {network!r} does not describe its layers")
    height, width, *rest = (int(side) for side in header["image_shape"])
    weights: list[AnyArray] = []
    encoder, decoder = (
        None if part is None else list(_layers(part, tensors, weights))
        for part in (described.get("encoder"), described.get("decoder"))
    )
    return ExportedModel(
        latent_dim=int(params["latent_dim"]),
        seed=int(params.get("random_state") or 0),
        height=height,
        width=width,
        channels=rest[0] if rest else 1,
        encoder=encoder,
        decoder=decoder,
        weights=np.concatenate(weights) if weights else np.empty(0, np.uint16),
    )


def _layers(
    items: Iterable[Mapping[str, Any]], tensors: Mapping[str, AnyArray], weights: list[AnyArray]
) -> Iterator[dict[str, Any]]:
    """Describe layers for the page; their weights are added to a list."""
    rest = list(items)
    while rest:
        item = rest.pop(0)
        op = item["op"]
        layer: dict[str, Any] = {"op": op}
        layer |= {field: item[field] for field in _FIELDS.get(op, ()) if field in item}
        if op in _WEIGHTED:
            weight, bias = _weights(item, tensors)
            if op == "linear":
                layer["outputs"], layer["inputs"] = weight.shape
            if rest and rest[0]["op"] == "batch_norm2d":
                factor, offset = _scale(rest.pop(0), tensors)
                axis = 1 if op == "conv_transpose2d" else 0
                shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
                weight, bias = weight * factor.reshape(shape), bias * factor + offset
            layer |= _kept(weight, bias, weights)
        elif op == "batch_norm2d":
            layer = {"op": "scale", **_kept(*_scale(item, tensors), weights)}
        elif op == "residual":
            layer["body"] = list(_layers(item["body"], tensors, weights))
        elif op not in _FIELDS and op not in _POINTWISE:
            raise UnknownNetworkError(f"the page cannot run layers of the kind {op!r}")
        yield layer


def _weights(
    item: Mapping[str, Any], tensors: Mapping[str, AnyArray]
) -> tuple[DoubleArray, DoubleArray]:
    name = item["weights"]
    weight = tensors[f"{name}.weight"].astype(np.float64)
    if f"{name}.bias" in tensors:
        return weight, tensors[f"{name}.bias"].astype(np.float64)
    return weight, np.zeros(int(item["outputs"]))  # a layer without bias


def _scale(
    item: Mapping[str, Any], tensors: Mapping[str, AnyArray]
) -> tuple[DoubleArray, DoubleArray]:
    """Return what batch normalisation multiplies each channel with, and what it adds."""
    name = item["weights"]
    mean = tensors[f"{name}.running_mean"].astype(np.float64)
    variance = tensors[f"{name}.running_var"].astype(np.float64)
    factor = 1 / np.sqrt(variance + float(item.get("eps", _EPSILON)))
    if f"{name}.weight" in tensors:
        factor = factor * tensors[f"{name}.weight"].astype(np.float64)
    offset = -mean * factor
    if f"{name}.bias" in tensors:
        offset = offset + tensors[f"{name}.bias"].astype(np.float64)
    return factor, offset


def _kept(weight: DoubleArray, bias: DoubleArray, weights: list[AnyArray]) -> dict[str, Any]:
    layer: dict[str, Any] = {"counts": [weight.size, bias.size]}
    for part, values in (("weight", weight), ("bias", bias)):
        numbers, low, step = quantized(values.reshape(-1, 1), 2**16)
        weights.append(numbers.ravel())
        layer[part] = [float(low[0]), float(step[0])]
    return layer


def _conv(name: str, inputs: int, outputs: int, padding: int, extra: int | None = None) -> Any:
    layer = {"op": "conv2d", "weights": name, "inputs": inputs, "outputs": outputs, "kernel": 3}
    layer |= {"stride": 2, "padding": padding}
    if extra is not None:
        layer |= {"op": "conv_transpose2d", "output_padding": [extra, extra]}
    return layer


def _linear(name: str) -> Any:
    return {"op": "linear", "weights": name}


def _norm(name: str) -> Any:
    return {"op": "batch_norm2d", "weights": name, "eps": _EPSILON}


_RELU = {"op": "relu"}

#: The reference network, which files of an earlier latentscape do not describe.
_REFERENCE: Mapping[str, Any] = {
    "encoder": [
        _conv("encoder.0", 1, 8, 1),
        _norm("encoder.1"),
        _RELU,
        _conv("encoder.3", 8, 16, 1),
        _norm("encoder.4"),
        _RELU,
        _conv("encoder.6", 16, 32, 0),
        _RELU,
        {"op": "flatten"},
        _linear("encoder.9"),
        _RELU,
        _linear("encoder.11"),
    ],
    "decoder": [
        _linear("decoder.0"),
        _RELU,
        _linear("decoder.2"),
        _RELU,
        {"op": "unflatten", "shape": [32, 3, 3]},
        _conv("decoder.5", 32, 16, 0, 0),
        _norm("decoder.6"),
        _RELU,
        _conv("decoder.8", 16, 8, 1, 1),
        _norm("decoder.9"),
        _RELU,
        _conv("decoder.11", 8, 1, 1, 1),
        {"op": "sigmoid"},
    ],
}
