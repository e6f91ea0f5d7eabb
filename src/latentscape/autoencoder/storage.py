"""Models on disk: one safetensors file, with everything else as JSON in its header."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from latentscape.errors import ModelFileError, StorageError
from latentscape.files import storage_error

FORMAT = "latentscape-autoencoder"
FORMAT_VERSION = 1
_KEY = "latentscape"


@dataclass(frozen=True)
class ModelFile:
    """Header and weights of a stored model.

    Attributes
    ----------
    header : mapping
        JSON-ready: ``params``, ``image_shape``, ``history`` and, for a
        training of a sweep, ``key`` and ``metrics``.
    weights : mapping of str to Tensor
        The network's state dict.
    """

    header: Mapping[str, Any]
    weights: Mapping[str, Tensor]

    def to_bytes(self) -> bytes:
        """Return the file's content; equal models give equal bytes."""
        tensors = {
            name: tensor.detach().cpu().contiguous() for name, tensor in self.weights.items()
        }
        header = {"format": FORMAT, "format_version": FORMAT_VERSION, **self.header}
        # One key only: safetensors writes several in random order.
        text = json.dumps(_without_nan(header), sort_keys=True, allow_nan=False)
        return to_safetensors(tensors, metadata={_KEY: text})

    def load_into(self, network: nn.Module, path: Path) -> None:
        """Copy the weights into a network of the same architecture."""
        try:
            network.load_state_dict(dict(self.weights))
        except RuntimeError as error:
            msg = f"the weights in {path} do not fit the network that its header names"
            raise ModelFileError(msg) from error


def read_header(path: Path) -> dict[str, Any]:
    """Return a model file's header alone (settings, history, metrics)."""
    return _read(path, with_weights=False)[0]


def read_model(path: Path) -> ModelFile:
    """Read a model file.

    Raises
    ------
    ModelFileError
        When it is damaged, of another kind, or made by a later version.
    StorageError
        When it cannot be read.
    """
    return ModelFile(*_read(path, with_weights=True))


def _read(path: Path, *, with_weights: bool) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        msg = f"there is no model file {path}; check the path"
        raise StorageError(msg)
    try:
        path.open("rb").close()  # the library below does not say why a file cannot be opened
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = file.keys() if with_weights else ()
            weights: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in names}
        header: dict[str, Any] = json.loads(metadata.get(_KEY, "{}"))
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            msg = (
                f"{path} is a safetensors file, but not a model saved by latentscape; give a file "
                f"that `latentscape train` has made"
            )
            raise ModelFileError(msg)
    except (SafetensorError, json.JSONDecodeError) as error:
        msg = (
            f"{path} is damaged or not a model file ({error}); give a file that `latentscape "
            f"train` has made"
        )
        raise ModelFileError(msg) from error
    except OSError as error:
        raise storage_error(error, path, doing="reading") from error
    if header.get("format_version", 0) > FORMAT_VERSION:
        msg = f"{path} was written by a later version of latentscape; upgrade to read it"
        raise ModelFileError(msg)
    return header, weights


def _without_nan(value: Any) -> Any:
    """Write NaN and infinities as null, as JSON has no word for them."""
    if isinstance(value, Mapping):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
