"""The layers of a stored model, with batch normalisation folded in; no torch is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from latentscape.errors import ModelFileError
from latentscape.explorer.numbers import quantized
from latentscape.types import AnyArray, DoubleArray

_EPSILON = 1e-5  # of PyTorch's batch normalisation


@dataclass(frozen=True)
class ExportedModel:
    """What the page needs of a model.

    Attributes
    ----------
    latent_dim, seed, height, width : int
    encoder, decoder : list of dict
        Layers as ``web/src/nn/network.ts`` reads them.
    weights : uint16 array
        Weight and bias of each layer, one after the other, encoder first, in 65,536 even
        steps from the smallest to the largest of each; a layer's ``"weight"`` and ``"bias"``
        are the smallest and the step. (Half precision takes as much room, and images decoded
        with it differ from the exact ones three times as much.)
    """

    latent_dim: int
    seed: int
    height: int
    width: int
    encoder: list[dict[str, Any]]
    decoder: list[dict[str, Any]]
    weights: AnyArray


def export_model(path: Path) -> ExportedModel | None:
    """Read a stored model; None for a network that the page cannot run.

    Raises
    ------
    ModelFileError
        If the file is damaged or no model.
    """
    try:
        with safe_open(path, framework="np") as file:
            header = json.loads((file.metadata() or {})["latentscape"])
            tensors = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
        name = header["params"].get("network", "reference")
        # Only the whole reference network for digits has its layers written down here.
        others = header.get("kind") == "decoder" or header["image_shape"] != [28, 28]
        if name not in _EXPORTS or others:
            return None
        return _EXPORTS[name](header, tensors)
    except (SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
        raise ModelFileError(
            f"{path} is damaged or no model of latentscape ({error}); run `latentscape run` again"
        ) from error


class _Layers:
    """Collects layers and weights, from PyTorch's sequence of modules."""

    def __init__(self, tensors: Mapping[str, AnyArray]) -> None:
        self.tensors = tensors
        self.weights: list[AnyArray] = []

    def linear(self, name: str) -> dict[str, Any]:
        weight, bias = self._get(name)
        steps = self._keep(weight, bias)
        return {"kind": "linear", "inputs": weight.shape[1], "outputs": weight.shape[0], **steps}

    def conv(
        self,
        name: str,
        norm: str | None,
        size: int,
        *,
        padding: int,
        transposed: bool = False,
        extra: int = 0,
    ) -> dict[str, Any]:
        weight, bias = self._get(name)
        inputs, outputs = weight.shape[:2] if transposed else weight.shape[1::-1]
        if norm:
            weight, bias = self._folded(weight, bias, norm, axis=1 if transposed else 0)
        steps = self._keep(weight, bias)
        kernel, stride = weight.shape[2], 2
        after = (
            (size - 1) * stride - 2 * padding + kernel + extra
            if transposed
            else (size + 2 * padding - kernel) // stride + 1
        )
        return {
            "kind": "deconv" if transposed else "conv",
            "inputs": inputs,
            "outputs": outputs,
            "kernel": kernel,
            "stride": stride,
            "padding": padding,
            "from": [size, size],
            "to": [after, after],
            **steps,
        }

    def _get(self, name: str) -> tuple[DoubleArray, DoubleArray]:
        return (
            self.tensors[f"{name}.weight"].astype(np.float64),
            self.tensors[f"{name}.bias"].astype(np.float64),
        )

    def _folded(
        self, weight: DoubleArray, bias: DoubleArray, norm: str, *, axis: int
    ) -> tuple[DoubleArray, DoubleArray]:
        gamma, beta = self._get(norm)
        mean = self.tensors[f"{norm}.running_mean"].astype(np.float64)
        variance = self.tensors[f"{norm}.running_var"].astype(np.float64)
        scale = gamma / np.sqrt(variance + _EPSILON)
        shape = [1] * weight.ndim
        shape[axis] = -1
        return weight * scale.reshape(shape), (bias - mean) * scale + beta

    def _keep(self, weight: DoubleArray, bias: DoubleArray) -> dict[str, list[float]]:
        steps = {}
        for part, values in (("weight", weight), ("bias", bias)):
            numbers, low, step = quantized(values.reshape(-1, 1), 2**16)
            self.weights.append(numbers.ravel())
            steps[part] = [float(low[0]), float(step[0])]
        return steps


_RELU = {"kind": "relu"}


def _reference(header: Mapping[str, Any], tensors: Mapping[str, AnyArray]) -> ExportedModel:
    layers = _Layers(tensors)
    conv, linear = layers.conv, layers.linear
    encoder = [
        conv("encoder.0", "encoder.1", 28, padding=1),
        _RELU,
        conv("encoder.3", "encoder.4", 14, padding=1),
        _RELU,
        conv("encoder.6", None, 7, padding=0),
        _RELU,
        linear("encoder.9"),
        _RELU,
        linear("encoder.11"),
    ]
    decoder = [
        linear("decoder.0"),
        _RELU,
        linear("decoder.2"),
        _RELU,
        conv("decoder.5", "decoder.6", 3, padding=0, transposed=True),
        _RELU,
        conv("decoder.8", "decoder.9", 7, padding=1, transposed=True, extra=1),
        _RELU,
        conv("decoder.11", None, 14, padding=1, transposed=True, extra=1),
        {"kind": "sigmoid"},
    ]
    return ExportedModel(
        latent_dim=encoder[-1]["outputs"],
        seed=int(header["params"].get("random_state") or 0),
        height=28,
        width=28,
        encoder=encoder,
        decoder=decoder,
        weights=np.concatenate(layers.weights),
    )


_EXPORTS: dict[str, Callable[[Mapping[str, Any], Mapping[str, AnyArray]], ExportedModel]] = {
    "reference": _reference,
}
