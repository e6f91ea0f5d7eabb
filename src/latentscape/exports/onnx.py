"""The encoder and the decoder of an atlas as ONNX files, each compared with torch."""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from latentscape.atlas import Atlas
from latentscape.autoencoder import CodeDecoder, ConvAutoencoder
from latentscape.errors import ExportError, SettingError
from latentscape.types import AnyArray, FloatArray

OPSET = 17  # of 2022, which every runtime in use reads
LARGEST_DIFFERENCE = 1e-4
_CHECKED_ROWS = 256
_CHECK_SEED = 0


def need_onnx() -> tuple[Any, Any]:
    """Import onnx and onnxruntime, or say how to get them.

    Raises
    ------
    SettingError
        One of them is not installed.
    """
    try:
        return importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    except ImportError as error:
        msg = 'ONNX files need onnx and onnxruntime: pip install "latentscape[onnx]"'
        raise SettingError(msg) from error


class _Half(nn.Module):
    """One direction of a network, as a module that takes and gives one tensor."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self.network = network
        self.method = method

    def forward(self, rows: Tensor) -> Tensor:
        return cast(Tensor, getattr(self.network, self.method)(rows))


class OnnxExport:
    """Writes both halves of the model that an atlas was mapped with.

    Parameters
    ----------
    atlas : Atlas
        It says which model, and gives the rows that the files are tried on.
    path : Path
        The model's file: of an autoencoder, or of a decoder for codes from
        elsewhere.
    network : str, optional
        The Python path of a network of the user's own.

    Attributes
    ----------
    differences : dict of str to float
        For each file written, the largest difference between onnxruntime and
        torch: absolute, and relative to the largest output where that exceeds 1.
    """

    def __init__(self, atlas: Atlas, path: Path, network: str | None = None) -> None:
        self._onnx, self._runtime = need_onnx()
        self._atlas = atlas
        self.differences: dict[str, float] = {}
        self._encoder: nn.Module | None = None
        if "encoder" in atlas.stage_info("codes"):
            decoder = CodeDecoder.load(path, device="cpu")
            self._decoder: nn.Module = decoder.decoder_
            self._image_shape, self._latent_dim = decoder.image_shape_, decoder.latent_dim_
        else:
            model = ConvAutoencoder.load(path, device="cpu", network=network)
            whole = cast(nn.Module, model.network_)
            self._encoder, self._decoder = _Half(whole, "encode"), _Half(whole, "decode")
            self._image_shape, self._latent_dim = model.image_shape_, model.network_.latent_dim

    @property
    def files(self) -> dict[str, Callable[[Path], None]]:
        """What can be written: each file's name, and the function that writes it."""
        found: dict[str, Callable[[Path], None]] = {}
        if self._encoder is not None:
            found["encoder.onnx"] = self._write_encoder
        found["decoder.onnx"] = self._write_decoder
        return found

    def _write_encoder(self, path: Path) -> None:
        """Write images (n, C, H, W) in [0, 1] to codes (n, d)."""
        assert self._encoder is not None
        self._write(path, self._encoder, "encode", ("images", "codes"), self._images())

    def _write_decoder(self, path: Path) -> None:
        """Write codes (n, d) to images (n, C, H, W) in [0, 1]."""
        codes = np.array(self._atlas.codes[:_CHECKED_ROWS], dtype=np.float32)
        self._write(path, self._decoder, "decode", ("codes", "images"), codes)

    def _images(self) -> FloatArray:
        """Return images of the atlas as the network takes them, or noise where it has none."""
        shape = tuple(self._image_shape)
        if self._atlas.has("images"):
            images = self._atlas.images[:_CHECKED_ROWS].astype(np.float32) / np.float32(255)
        else:
            noise = np.random.default_rng(_CHECK_SEED)
            images = noise.random((_CHECKED_ROWS, *shape), dtype=np.float32)
        return np.ascontiguousarray(
            images[:, None] if len(shape) == 2 else images.transpose(0, 3, 1, 2)
        )

    def _write(
        self, path: Path, half: nn.Module, name: str, names: tuple[str, str], rows: FloatArray
    ) -> None:
        half = half.cpu().eval()
        example = torch.from_numpy(rows[:2].copy())
        with warnings.catch_warnings(), torch.no_grad():
            # This exporter needs nothing but torch; its successor wants packages of its own.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                half,
                (example,),
                str(path),
                dynamo=False,
                opset_version=OPSET,
                input_names=[names[0]],
                output_names=[names[1]],
                dynamic_axes={axis: {0: "n"} for axis in names},
            )
        self._describe(path, names)
        self.differences[name] = self._compare(path, half, rows)

    def _describe(self, path: Path, names: tuple[str, str]) -> None:
        """Write into the file what its numbers mean."""
        onnx = self._onnx
        model = onnx.load(str(path))
        model.doc_string = f"latentscape: {names[0]} to {names[1]}, images in [0, 1]"
        facts = {
            "latentscape.image_shape": list(self._image_shape),
            "latentscape.latent_dim": int(self._latent_dim),
            "latentscape.preprocessing": dict(self._atlas.data.get("preprocessing") or {}),
        }
        for key, value in facts.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, json.dumps(value)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))

    def _compare(self, path: Path, half: nn.Module, rows: FloatArray) -> float:
        options = self._runtime.SessionOptions()
        options.log_severity_level = 3
        session = self._runtime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        name = session.get_inputs()[0].name
        (found,) = session.run(None, {name: rows})
        with torch.no_grad():
            wanted = half(torch.from_numpy(rows)).numpy()
        difference = largest_difference(found, wanted)
        if not difference <= LARGEST_DIFFERENCE:  # written so that NaN fails too
            msg = (
                f"{path.name} gives other numbers than torch: they differ by up to "
                f"{difference:.2g}, and at most {LARGEST_DIFFERENCE:g} is allowed; update torch, "
                "onnx and onnxruntime, and report it if that does not help"
            )
            raise ExportError(msg)
        return difference


def largest_difference(found: AnyArray, wanted: AnyArray) -> float:
    """Return max |found - wanted|, divided by max |wanted| where that exceeds 1."""
    if found.shape != wanted.shape:
        return float("inf")
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    return float(np.abs(found.astype(np.float64) - wanted).max(initial=0)) / scale
