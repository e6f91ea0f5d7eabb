"""An encoder from elsewhere behind the face of a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from latentscape.autoencoder.foreign.inputs import (
    LAYOUTS,
    Layout,
    ValueRange,
    arrange,
    fitting_layouts,
    rearrange,
)
from latentscape.autoencoder.networks.base import channels_and_size
from latentscape.autoencoder.pixels import check_codes, check_images
from latentscape.errors import CodesError, DataError, SettingError
from latentscape.images import ImageSet
from latentscape.types import AnyArray, DoubleArray, FloatArray

BATCH = 250
"""Rows that a network is given at a time, where it does not fix their number."""

Forward: TypeAlias = Callable[[AnyArray], Any]


@dataclass(frozen=True)
class ForeignNetwork:
    """One network from elsewhere: a function of arrays and what is known about it.

    Attributes
    ----------
    name : str
        What it is called in messages.
    forward : callable
        Maps one array to one array.
    input_shape : tuple or None
        Declared shape of its input, the batch axis included; names and None
        stand for any number. None when nothing is declared.
    dtype : numpy dtype
        Type of its input.
    """

    name: str
    forward: Forward
    input_shape: tuple[Any, ...] | None = None
    dtype: Any = np.float32


class ForeignEncoder:
    """An encoder from elsewhere, with or without its decoder.

    It has the face of a fitted :class:`ConvAutoencoder`. Make it with
    :func:`load_encoder`.

    Parameters
    ----------
    encoder : ForeignNetwork
        Maps images to codes.
    decoder : ForeignNetwork or None
        Maps codes to images, in the values and the size that the encoder takes.
    image_shape : tuple of int
        Shape of one image: (H, W), or (H, W, C).
    values : ValueRange
        What the networks take pixels as.
    layout : {"NCHW", "NHWC", "NHW", "flat"} or None
        Order of the axes that the encoder takes; None finds it out, from what
        is declared or by a trial.
    digest : str
        Names networks and settings: equal digests give equal codes.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of one image.
    latent_dim : int
        Width of the codes.
    layout : str
        The layout in use.
    notes : tuple of str
        Sentences for the user, for example that grey images were given to a
        network for colours.

    Raises
    ------
    DataError, SettingError
        When the network takes other images, or gives something else than
        codes (n, d); the message says what it takes and gives.
    """

    def __init__(
        self,
        encoder: ForeignNetwork,
        decoder: ForeignNetwork | None,
        image_shape: tuple[int, ...],
        values: ValueRange,
        *,
        layout: Layout | None = None,
        digest: str = "",
    ) -> None:
        channels, height, width = channels_and_size(image_shape)
        self.image_shape_ = (height, width) if channels == 1 else (height, width, channels)
        self.digest = digest
        self._encoder = encoder
        self._decoder = decoder
        self._values = values
        notes: list[str] = []
        self._repeat = 1
        self._batches: dict[str, int] = {}
        self.layout, codes = self._try(layout, (height, width, channels), notes)
        self.notes = tuple(notes)
        self.latent_dim = int(codes.shape[1])
        if decoder is not None:
            self.inverse_transform(codes)  # so that a wrong one is found out before the work

    @property
    def has_decoder(self) -> bool:
        """Whether codes can be decoded."""
        return self._decoder is not None

    def transform(self, X: ImageSet | ArrayLike) -> FloatArray:
        """Encode images, of the shape ``image_shape_``, to codes, float32 (n, latent_dim).

        Raises
        ------
        CodesError
            When the encoder gives something that is not a finite number.
        """
        images = check_images(X, self.image_shape_)
        codes = self._encode(images, self.layout)
        bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
        if len(bad):
            msg = (
                f"{self._encoder.name} gives codes that are not finite numbers for {len(bad):,} "
                f"of {len(codes):,} images, first in rows {bad[:5].tolist()}; check its values "
                f"(scale, mean, std)"
            )
            raise CodesError(msg)
        return codes

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Decode codes (n, latent_dim) to images in [0, 1], float32 (n, H, W) or (n, H, W, C).

        Raises
        ------
        SettingError
            Without a decoder; :class:`CodeDecoder` trains one.
        CodesError
            When the codes have another width, or are not finite.
        """
        if self._decoder is None:
            msg = f"{self._encoder.name} came without a decoder; train one with CodeDecoder"
            raise SettingError(msg)
        codes = check_codes(X, self.latent_dim)
        height, width, channels = (*self.image_shape_, 1)[:3]
        shape = (height, width, channels * self._repeat)
        parts = [
            self._values.undo(rearrange(part, shape)) for part in self._run(self._decoder, codes)
        ]
        images = np.concatenate(parts)
        if self._repeat > 1:
            images = images.mean(axis=3, keepdims=True, dtype=np.float32)
        return images[..., 0] if channels == 1 else images

    def reconstruction_error(self, X: ImageSet | ArrayLike) -> DoubleArray:
        """Return each image's mean squared error over pixels, float64 (n,)."""
        images = check_images(X, self.image_shape_)
        errors = np.empty(len(images))
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            exact = part / np.float32(255) if part.dtype == np.uint8 else part
            difference = self.inverse_transform(self.transform(part)) - exact
            errors[start : start + BATCH] = (
                (difference**2).reshape(len(part), -1).mean(axis=1, dtype=np.float64)
            )
        return errors

    def score(self, X: ImageSet | ArrayLike, y: object = None) -> float:
        """Return the negative mean squared error over images and pixels."""
        return -float(self.reconstruction_error(X).mean())

    def _try(
        self, layout: Layout | None, shape: tuple[int, int, int], notes: list[str]
    ) -> tuple[Layout, FloatArray]:
        """Find a layout that the encoder takes, and return codes that it gave."""
        declared = self._encoder.input_shape
        sides = None if declared is None else declared[1:]
        layouts = fitting_layouts(sides, shape) if layout is None else [layout]
        if layout is not None and layout not in LAYOUTS:
            msg = f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}"
            raise SettingError(msg)
        if not layouts and shape[2] == 1:
            layouts = fitting_layouts(sides, (*shape[:2], 3))
            if layouts:
                self._repeat = 3
                notes.append(f"{self._encoder.name} takes colours, so grey was given as all three.")
        height, width, channels = shape
        described = f"{height} × {width} with {channels} channel{'s' if channels > 1 else ''}"
        if not layouts:
            msg = (
                f"{self._encoder.name} takes inputs of shape {_shape(declared or ())}, which "
                f"images of {described} do not fit; resize the images (size=...) or change "
                f"their mode"
            )
            raise DataError(msg)
        self._values.check_channels(channels * self._repeat)
        errors = []
        for candidate in layouts:
            images = np.zeros((2, *self.image_shape_), np.float32)
            try:
                return candidate, self._encode(images, candidate)
            except _RefusedError as error:
                errors.append(f"{candidate}: {error}")
                if isinstance(error, _NoCodesError):
                    break  # it takes these images, so another layout is not what it lacks
        msg = (
            f"{self._encoder.name} cannot encode images of {described} ({'; '.join(errors)}); give "
            f"the size that it was trained on, or layout="
        )
        raise DataError(msg)

    def _encode(self, images: AnyArray, layout: Layout) -> FloatArray:
        parts = []
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            part = part[..., None] if part.ndim == 3 else part
            if self._repeat > 1:
                part = np.repeat(part, self._repeat, axis=3)
            raw = self._encoder.dtype == np.uint8
            values = np.round(part * 255) if raw and part.dtype != np.uint8 else part
            prepared = values if raw else self._values.apply(values)
            parts += [_as_codes(out) for out in self._run(self._encoder, arrange(prepared, layout))]
        return np.concatenate(parts)

    def _run(self, network: ForeignNetwork, rows: AnyArray) -> list[AnyArray]:
        """Run a network on all rows, in batches of the size that it wants."""
        size = self._batches.get(network.name)
        if size is None:
            declared = network.input_shape
            fixed = declared[0] if declared else None
            size = fixed if isinstance(fixed, int) and fixed > 0 else BATCH
        outputs = []
        start = 0
        while start < len(rows):
            part = rows[start : start + size].astype(network.dtype, copy=False)
            n = len(part)
            if n < size:  # an image's code does not depend on what it is encoded beside
                part = np.concatenate([part, np.repeat(part[:1], size - n, axis=0)])
            output = _call(network, part)
            if output.ndim == 0 or len(output) != size:
                if size == 1:
                    raise _RefusedError(f"one image gives an output of shape {output.shape}")
                size = 1  # its batch axis is fixed, though it does not say so
                continue
            outputs.append(output[:n])
            start += n
        self._batches[network.name] = size
        return outputs


class _RefusedError(DataError):
    """A network does not take what it was given, or gives what nobody can use."""


class _NoCodesError(_RefusedError):
    """A network takes what it was given, but makes no codes of it."""


def _call(network: ForeignNetwork, part: AnyArray) -> AnyArray:
    try:
        return np.asarray(network.forward(part))
    except (_RefusedError, MemoryError):
        raise
    except Exception as error:
        if len(part) > 1 and network.input_shape is None:
            try:  # perhaps its batch axis is fixed to one
                network.forward(part[:1])
            except Exception:
                pass
            else:
                return np.empty(0)
        text = str(error).strip().splitlines()[0][:300] if str(error).strip() else ""
        raise _RefusedError(f"{network.name} fails: {type(error).__name__}: {text}") from error


def _as_codes(output: AnyArray) -> FloatArray:
    codes = output.reshape(len(output), -1) if output.ndim > 1 else output
    trivial = all(side == 1 for side in output.shape[2:])
    if output.ndim < 2 or not trivial or not np.issubdtype(output.dtype, np.floating):
        raise _NoCodesError(
            f"it gives {output.dtype} of shape {_shape(('n', *output.shape[1:]))}, expected codes "
            f"of shape (n, d)"
        )
    return codes.astype(np.float32)


def _shape(sides: Sequence[Any]) -> str:
    return f"({', '.join(str(side) for side in sides)})"
