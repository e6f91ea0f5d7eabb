"""Foreign encoders from what a user names."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from latentscape.autoencoder.foreign.encoder import ForeignEncoder, ForeignNetwork
from latentscape.autoencoder.foreign.inputs import Layout, ValueRange
from latentscape.autoencoder.foreign.onnx_file import onnx_network
from latentscape.autoencoder.foreign.torch_module import made_at_random, torch_networks
from latentscape.autoencoder.python_path import is_python_path, source_digest
from latentscape.errors import SettingError

Source = str | os.PathLike[str] | nn.Module


def load_encoder(
    encoder: Source,
    *,
    image_shape: tuple[int, ...],
    decoder: Source | None = None,
    weights: str | os.PathLike[str] | None = None,
    decoder_weights: str | os.PathLike[str] | None = None,
    layout: Layout | None = None,
    scale: float | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    n_threads: int = 1,
) -> ForeignEncoder:
    """Make an encoder from elsewhere usable as a fitted model is.

    Parameters
    ----------
    encoder : path, str or Module
        An ONNX file (``enc.onnx``); the Python path of a torch module, or of
        what makes one (``package.module:Name`` or ``file.py:Name``), which is
        imported; or a torch module.
    image_shape : tuple of int
        Shape of one image: (H, W), or (H, W, C).
    decoder : path, str or Module, optional
        Its decoder, likewise. A torch module that has both parts needs none.
    weights, decoder_weights : path, optional
        safetensors files with the weights of torch modules.
    layout : {"NCHW", "NHWC", "NHW", "flat"}, optional
        Order of the encoder's axes. Without it, it is read off the ONNX file
        or found by a trial.
    scale : float, optional
        Factor on pixels in [0, 1]; 1 by default.
    mean, std : float or sequence of float, optional
        Taken off, and divided by, after `scale`; one for each channel, or one
        for all.
    n_threads : int, default 1
        Threads that run the networks; they are part of the last bits.

    Returns
    -------
    ForeignEncoder
        With ``transform``, and with ``inverse_transform`` where there is a
        decoder.

    Raises
    ------
    LatentscapeError
        One of its children, when something cannot be read, imported or run,
        or does not fit the images.

    Examples
    --------
    >>> import latentscape as ls
    >>> encoder = ls.load_encoder(
    ...     "enc.onnx", image_shape=(32, 32, 3), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)
    ... )
    >>> codes = encoder.transform(images)
    """
    values = ValueRange.checked(scale, mean, std)
    first, second = _networks(encoder, weights, "encoder", n_threads)
    parts = [_digest(encoder, weights, first)]
    if decoder is not None:
        given, own = _networks(decoder, decoder_weights, "decoder", n_threads)
        second = own or given  # a module with both parts stands for its decoder here
        parts.append(_digest(decoder, decoder_weights, second))
    settings = [values.scale, values.mean, values.std, layout, n_threads, list(image_shape)]
    digest = hashlib.sha256(json.dumps([parts, settings]).encode()).hexdigest()
    made = ForeignEncoder(first, second, image_shape, values, layout=layout, digest=digest)
    named = isinstance(encoder, str) and is_python_path(encoder)
    if named and weights is None and made_at_random(str(encoder)):
        made.notes += (
            f"No weights were given, and {encoder} draws its own at random: the codes are those of "
            "an untrained network, and other ones each time; give its weights "
            "(--weights FILE.safetensors).",
        )
    return made


def _networks(
    source: Source, weights: str | os.PathLike[str] | None, what: str, n_threads: int
) -> tuple[ForeignNetwork, ForeignNetwork | None]:
    file = None if weights is None else Path(weights)
    if not isinstance(source, nn.Module):
        text = os.fspath(source)
        if text.endswith(".onnx"):
            if file is not None:
                msg = f"{text} holds its weights itself; leave weights= out"
                raise SettingError(msg)
            return onnx_network(Path(text), what, n_threads=n_threads), None
        if not is_python_path(text):
            msg = (
                f"{text!r} is no {what} that can be read: give an ONNX file (name.onnx), or the "
                f"Python path of a torch module (package.module:Name or file.py:Name)"
            )
            raise SettingError(msg)
        source = text
    return torch_networks(source, file, n_threads=n_threads)


def _digest(source: Source, weights: str | os.PathLike[str] | None, network: ForeignNetwork) -> str:
    digest = hashlib.sha256()
    if isinstance(source, nn.Module):
        digest.update(f"{type(source).__module__}.{type(source).__qualname__}".encode())
        for name, tensor in source.state_dict().items():
            digest.update(name.encode())
            digest.update(
                tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            )
    else:
        text = os.fspath(source)
        own = Path(text).read_bytes() if text.endswith(".onnx") else source_digest(text).encode()
        digest.update(text.rpartition(":")[2].encode() if is_python_path(text) else b"onnx")
        digest.update(own)
    if weights is not None:
        digest.update(Path(weights).read_bytes())
    return digest.hexdigest()
