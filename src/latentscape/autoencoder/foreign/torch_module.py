"""Networks that are torch modules, with weights from safetensors files."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from latentscape.autoencoder.foreign.encoder import ForeignNetwork
from latentscape.autoencoder.python_path import load_object
from latentscape.autoencoder.training import steady_arithmetic
from latentscape.errors import ModelFileError, SettingError, StorageError
from latentscape.types import AnyArray

_PREFIXES = ("", "encoder.", "decoder.", "model.", "module.", "net.")


def torch_networks(
    module: nn.Module | str, weights: Path | None, *, n_threads: int = 1
) -> tuple[ForeignNetwork, ForeignNetwork | None]:
    """Return the encoder, and the decoder where there is one, of a torch module.

    Parameters
    ----------
    module : Module or str
        A module; or the Python path of one, or of a class or function that
        makes one when it is called without arguments. A module with methods
        ``encode`` and ``decode``, or attributes ``encoder`` and ``decoder``,
        is both; any other one is an encoder.
    weights : path or None
        A safetensors file with its state dict; None takes it as it is.
    n_threads : int, default 1
        Threads that run it; they are part of the last bits.

    Raises
    ------
    SettingError
        When the path cannot be imported or gives no module.
    StorageError, ModelFileError
        When the weights cannot be read or do not fit.
    """
    name = f"the module {module}" if isinstance(module, str) else f"the {type(module).__name__}"
    made = _module(module)
    if weights is not None:
        _load_weights(made, weights, name)
    made.eval()
    encode = _part(made, "encode", "encoder") or made
    decode = _part(made, "decode", "decoder")
    networks: list[ForeignNetwork] = []
    for what, function in (("encoder", encode), ("decoder", decode)):
        if function is None:
            return networks[0], None
        said = name if decode is None else f"the {what} of {name}"
        networks.append(ForeignNetwork(said, _forward(function, made, n_threads)))
    return networks[0], networks[1]


def made_at_random(path: str) -> bool:
    """Tell whether what makes a module gives other weights each time."""
    first, second = (_module(path).state_dict() for _ in range(2))
    return any(not torch.equal(value, second[name]) for name, value in first.items())


def _module(given: nn.Module | str) -> nn.Module:
    found: Any = load_object(given) if isinstance(given, str) else given
    if not isinstance(found, nn.Module) and callable(found):
        try:
            found = found()
        except Exception as error:
            arguments = _signature(found)
            msg = (
                f"{given!r} could not be called without arguments ({type(error).__name__}: "
                f"{error}); its arguments are {arguments}: name a function that fills them in"
            )
            raise SettingError(msg) from error
    if not isinstance(found, nn.Module):
        msg = f"{given!r} gives a {type(found).__name__}, expected a torch module"
        raise SettingError(msg)
    return found


def _signature(function: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "not known"


def _part(module: nn.Module, method: str, attribute: str) -> Callable[[Tensor], Any] | None:
    for name in (method, attribute):
        found = getattr(module, name, None)
        if callable(found):
            return found  # type: ignore[no-any-return]
    return None


def _forward(
    function: Callable[[Tensor], Any], module: nn.Module, n_threads: int
) -> Callable[[AnyArray], Any]:
    place = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))

    def forward(array: AnyArray) -> Any:
        with torch.inference_mode(), steady_arithmetic(n_threads):
            output = function(torch.from_numpy(array).to(place))
        if not isinstance(output, Tensor):
            msg = f"it gives a {type(output).__name__}, expected a tensor"
            raise TypeError(msg)
        return output.float().cpu().numpy()

    return forward


def _load_weights(module: nn.Module, path: Path, name: str) -> None:
    if not path.is_file():
        msg = f"there is no file {path} with weights; check the path"
        raise StorageError(msg)
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        msg = (
            f"{path} is damaged or no safetensors file ({error}); no other kind is read, as others "
            "can run code: write it with safetensors.torch.save_file(module.state_dict(), "
            "'weights.safetensors')"
        )
        raise ModelFileError(msg) from error
    wanted = module.state_dict()
    for prefix in _PREFIXES:  # of a larger model that the module was taken out of
        part = {key.removeprefix(prefix): value for key, value in weights.items()
                if key.startswith(prefix)}  # fmt: skip
        if part.keys() == wanted.keys():
            break
    else:
        msg = (
            f"the weights in {path} do not fit {name}: {_differences(wanted, weights)}; give the "
            f"state dict of this very module"
        )
        raise ModelFileError(msg)
    try:
        module.load_state_dict(part)
    except RuntimeError as error:
        wrong = next(key for key, value in part.items() if value.shape != wanted[key].shape)
        msg = (
            f"the weights in {path} do not fit {name}: {wrong} has shape "
            f"{tuple(part[wrong].shape)}, expected {tuple(wanted[wrong].shape)}"
        )
        raise ModelFileError(msg) from error


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    parts = []
    for what, names in (
        ("lacking", sorted(wanted.keys() - found.keys())),
        ("too many", sorted(found.keys() - wanted.keys())),
    ):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            parts.append(f"{what}: {', '.join(names[:3])}{more}")
    return "; ".join(parts) or "other names"
