"""What a foreign network wants its images to be like, and what its images are like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from latentscape.errors import DataError, SettingError
from latentscape.types import AnyArray, FloatArray

Layout = Literal["NCHW", "NHWC", "NHW", "flat"]
"""Order of axes: channels first or last, no channel axis, or one row an image (H, W, C)."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)


@dataclass(frozen=True)
class ValueRange:
    """How pixels become the numbers that a network takes: ``(x * scale - mean) / std``.

    Attributes
    ----------
    scale : float
        Factor on pixels in [0, 1], for example 255 for networks that take
        0 to 255.
    mean, std : tuple of float
        Of each channel, or one for all; in the numbers after ``scale``.
    """

    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @classmethod
    def checked(
        cls,
        scale: float | None = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
    ) -> ValueRange:
        """Take what a user gave; None stands for what changes nothing.

        Raises
        ------
        SettingError
            For values that make no sense.
        """
        given = {
            "scale": _numbers("scale", 1.0 if scale is None else scale, positive=True),
            "mean": _numbers("mean", 0.0 if mean is None else mean, positive=False),
            "std": _numbers("std", 1.0 if std is None else std, positive=True),
        }
        if len(given["scale"]) != 1:
            msg = f"scale is one number, got {len(given['scale'])}"
            raise SettingError(msg)
        return cls(given["scale"][0], given["mean"], given["std"])

    def check_channels(self, n_channels: int) -> None:
        """Refuse means and deviations that fit no images of so many channels.

        Raises
        ------
        SettingError
            With both numbers.
        """
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) not in (1, n_channels):
                msg = (
                    f"{name} has {len(values)} values, but the images have {n_channels} "
                    f"channel{'s' if n_channels > 1 else ''}; give one for each, or one for all"
                )
                raise SettingError(msg)

    def apply(self, images: AnyArray) -> FloatArray:
        """Turn images (n, H, W, C), uint8 or in [0, 1], into a network's numbers."""
        values = images / np.float32(255) if images.dtype == np.uint8 else images
        mean, std = (np.asarray(part, np.float32) for part in (self.mean, self.std))
        return np.asarray((values * np.float32(self.scale) - mean) / std, dtype=np.float32)

    def undo(self, images: FloatArray) -> FloatArray:
        """Turn a network's numbers (n, H, W, C) into images in [0, 1]."""
        mean, std = (np.asarray(part, np.float32) for part in (self.mean, self.std))
        found = (images * std + mean) / np.float32(self.scale)
        return np.asarray(np.clip(found, 0, 1), dtype=np.float32)


def _numbers(name: str, given: float | Sequence[float], *, positive: bool) -> tuple[float, ...]:
    try:
        values = tuple(float(value) for value in np.atleast_1d(np.asarray(given, dtype=float)))
    except (TypeError, ValueError):
        values = ()
    good = [math.isfinite(value) and (value > 0 or not positive) for value in values]
    if not values or not all(good):
        kind = "positive numbers" if positive else "numbers"
        msg = f"{name} must be {kind}, got {given!r}"
        raise SettingError(msg)
    return values


def arrange(images: AnyArray, layout: Layout) -> AnyArray:
    """Bring images (n, H, W, C) to a layout."""
    if layout == "NCHW":
        return np.ascontiguousarray(np.moveaxis(images, 3, 1))
    if layout == "NHW":
        return np.ascontiguousarray(images[..., 0])
    if layout == "flat":
        return np.ascontiguousarray(images.reshape(len(images), -1))
    return np.ascontiguousarray(images)


def rearrange(output: AnyArray, shape: tuple[int, int, int]) -> FloatArray:
    """Bring a decoder's output to (n, H, W, C), whatever layout it has.

    Raises
    ------
    DataError
        When it has none of the layouts of images of ``shape``, (H, W, C).
    """
    height, width, channels = shape
    n = len(output) if output.ndim else 0
    if output.shape == (n, channels, height, width):
        output = np.moveaxis(output, 1, 3)
    elif output.shape not in ((n, height, width, channels), (n, height * width * channels)) and (
        output.shape != (n, height, width) or channels != 1
    ):
        msg = (
            f"the decoder gives an output of shape {output.shape}, expected images of shape "
            f"(n, {channels}, {height}, {width}) or (n, {height}, {width}, {channels})"
        )
        raise DataError(msg)
    return np.asarray(output.reshape(n, *shape), dtype=np.float32)


def fitting_layouts(sides: Sequence[Any] | None, shape: tuple[int, int, int]) -> list[Layout]:
    """Return the layouts that fit a network's declared input, the likeliest first.

    Parameters
    ----------
    sides : sequence or None
        The declared shape without the batch axis; anything but an int stands
        for any number. None when nothing is declared.
    shape : tuple of int
        (H, W, C) of the images.
    """
    height, width, channels = shape
    wanted: dict[Layout, tuple[int, ...]] = {
        "NCHW": (channels, height, width),
        "NHWC": (height, width, channels),
        "NHW": (height, width),
        "flat": (height * width * channels,),
    }
    if channels != 1:
        # Colours in one row may stand in either order, which only the user can tell.
        del wanted["NHW"], wanted["flat"]
    if sides is None:
        return list(wanted)
    return [
        layout
        for layout, expected in wanted.items()
        if len(expected) == len(sides)
        and all(
            not isinstance(side, int) or side < 0 or side == here
            for side, here in zip(sides, expected, strict=True)
        )
    ]
