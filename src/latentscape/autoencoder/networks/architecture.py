"""What a network computes, as a plain list of operations that can be run without torch.

The list is read off the modules themselves, so it cannot say anything else
than what they do: a module with a setting that the list has no word for makes
the whole description None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from torch import nn

from latentscape.autoencoder.networks.base import AutoencoderNetwork
from latentscape.autoencoder.networks.layers import Crop, Residual

Operation: TypeAlias = dict[str, Any]


def describe(network: nn.Module) -> dict[str, list[Operation]] | None:
    """Return the operations of a network's encoder and decoder.

    Parameters
    ----------
    network : Module
        Any network.

    Returns
    -------
    dict or None
        ``{"encoder": [...], "decoder": [...]}``, JSON-ready. Each operation
        has its name in ``"op"``; ``"weights"`` is the prefix of its tensors in
        the state dict. None when a part cannot be described.
    """
    for method in ("encode", "decode", "forward"):
        if getattr(type(network), method, None) is not getattr(AutoencoderNetwork, method):
            return None  # it does something else than to apply its encoder and its decoder
    try:
        return {part: _operations(getattr(network, part), part) for part in ("encoder", "decoder")}
    except _UnknownModuleError:
        return None


class _UnknownModuleError(Exception):
    """There is no operation for a module (internal)."""


def _operations(module: nn.Module, name: str) -> list[Operation]:
    reader = _READERS.get(type(module))  # a subclass may do anything
    hooks = (module._forward_hooks, module._forward_pre_hooks)
    if reader is None or any(hooks):
        raise _UnknownModuleError(name)
    return reader(module, name)


def _require(*conditions: bool) -> None:
    if not all(conditions):
        raise _UnknownModuleError


def _same(pair: tuple[int, ...] | int | str) -> int:
    """Return a setting of a convolution that is the same along both axes."""
    values = (pair,) if isinstance(pair, int) else tuple(pair)
    _require(len(set(values)) == 1, isinstance(values[0], int))
    return cast(int, values[0])


def _sequence(module: nn.Sequential, name: str) -> list[Operation]:
    found = []
    # Not named_children(), which passes over a layer that stands there a second time.
    for child, layer in module._modules.items():
        found += _operations(layer, f"{name}.{child}")
    return found


def _convolution(module: nn.Conv2d | nn.ConvTranspose2d, name: str) -> list[Operation]:
    _require(
        module.groups == 1,
        _same(module.dilation) == 1,
        module.padding_mode == "zeros",
        module.bias is not None,
    )
    operation = {
        "op": "conv2d",
        "weights": name,
        "inputs": module.in_channels,
        "outputs": module.out_channels,
        "kernel": _same(module.kernel_size),
        "stride": _same(module.stride),
        "padding": _same(module.padding),
    }
    if isinstance(module, nn.ConvTranspose2d):
        operation["op"] = "conv_transpose2d"
        operation["output_padding"] = [int(side) for side in module.output_padding]
    return [operation]


def _linear(module: nn.Linear, name: str) -> list[Operation]:
    _require(module.bias is not None)
    return [
        {
            "op": "linear",
            "weights": name,
            "inputs": module.in_features,
            "outputs": module.out_features,
        }
    ]


def _batch_norm(module: nn.BatchNorm2d, name: str) -> list[Operation]:
    _require(module.affine, module.running_mean is not None)
    return [{"op": "batch_norm2d", "weights": name, "eps": module.eps}]


def _gelu(module: nn.GELU, name: str) -> list[Operation]:
    _require(module.approximate == "none")
    return [{"op": "gelu"}]


def _flatten(module: nn.Flatten, name: str) -> list[Operation]:
    _require(module.start_dim == 1, module.end_dim in (-1, 3))
    return [{"op": "flatten"}]


def _unflatten(module: nn.Unflatten, name: str) -> list[Operation]:
    shape = module.unflattened_size
    _require(module.dim == 1, len(shape) == 3, all(isinstance(side, int) for side in shape))
    return [{"op": "unflatten", "shape": list(shape)}]


def _upsample(module: nn.Upsample, name: str) -> list[Operation]:
    factor = module.scale_factor
    _require(module.mode == "nearest", module.size is None, factor is not None)
    factors = factor if isinstance(factor, tuple) else (factor,)
    _require(len(set(factors)) == 1, float(cast(float, factors[0])).is_integer())
    return [{"op": "upsample_nearest", "factor": int(cast(float, factors[0]))}]


def _pad(module: nn.ZeroPad2d, name: str) -> list[Operation]:
    sides = dict(zip(("left", "right", "top", "bottom"), module.padding, strict=True))
    _require(all(side >= 0 for side in sides.values()))
    return [{"op": "pad", **sides}]


def _crop(module: Crop, name: str) -> list[Operation]:
    return [{"op": "crop", "top": 0, "left": 0, "height": module.height, "width": module.width}]


def _residual(module: Residual, name: str) -> list[Operation]:
    return [{"op": "residual", "body": _operations(module.body, f"{name}.body")}]


def _plain(op: str) -> Callable[[Any, str], list[Operation]]:
    return lambda module, name: [{"op": op}]


def _nothing(module: nn.Module, name: str) -> list[Operation]:
    return []


_READERS: dict[type[nn.Module], Callable[[Any, str], list[Operation]]] = {
    nn.Sequential: _sequence,
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _convolution,
    nn.Linear: _linear,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: _plain("relu"),
    nn.SiLU: _plain("silu"),
    nn.GELU: _gelu,
    nn.Sigmoid: _plain("sigmoid"),
    nn.Tanh: _plain("tanh"),
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.Upsample: _upsample,
    nn.ZeroPad2d: _pad,
    Crop: _crop,
    Residual: _residual,
    nn.Identity: _nothing,
    nn.Dropout: _nothing,  # does nothing outside training
    nn.Dropout2d: _nothing,
}
