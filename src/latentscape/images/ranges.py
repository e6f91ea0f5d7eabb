"""What is black and what is white in values that are no bytes.

Decided by the kind of the values and by all of the data together, never image
by image, and recorded so that new data are scaled alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from latentscape.images.options import Range
from latentscape.types import AnyArray, UInt8Array

_SAMPLED = 4096  # values of each image that percentiles are taken from
_MOST_SAMPLED = 4_000_000
_WORDS = {"uint16": "16-bit", "int": "whole-number", "float": "floating-point", "bool": "boolean"}
# Less than this share of what the type can hold, and the images would come out all but black.
_DARK = 16
_NEARLY_ONE = 1.05  # filters and rounding overshoot a little


@dataclass
class Extent:
    """Smallest and largest value of a kind, and a sample of all values."""

    low: float = np.inf
    high: float = -np.inf
    samples: list[AnyArray] = field(default_factory=list)
    n_sampled: int = 0

    def add(self, pixels: AnyArray) -> None:
        """Take in the finite values of some pixels."""
        flat = pixels.reshape(-1)
        if flat.dtype.kind == "f":
            flat = flat[np.isfinite(flat)]
        if not flat.size:
            return
        self.low = min(self.low, float(flat.min()))
        self.high = max(self.high, float(flat.max()))
        if self.n_sampled < _MOST_SAMPLED:
            sample = flat[:: max(1, flat.size // _SAMPLED)]
            self.samples.append(sample.astype(np.float64))
            self.n_sampled += sample.size

    def percentile(self, percent: float) -> float:
        """Return a percentile of the sample."""
        return float(np.percentile(np.concatenate(self.samples), percent))


def extent_of(arrays: Iterable[AnyArray]) -> Extent:
    """Return the extent of all values of some arrays."""
    extent = Extent()
    for array in arrays:
        extent.add(array)
    return extent


def choose_range(kind: str, extent: Extent) -> tuple[Range, str]:
    """Choose which values become black and white.

    Parameters
    ----------
    kind : {"uint8", "uint16", "int", "float", "bool"}
        Of the values.
    extent : Extent
        Of all of them.

    Returns
    -------
    range : (low, high)
        The values that become 0 and 255.
    note : str
        A sentence where the range had to be guessed from the data, or "".
    """
    low, high = extent.low, extent.high
    if not extent.samples or kind == "bool":
        return (0.0, 1.0), ""
    if low >= 0:
        if kind == "uint8":
            return ((0.0, 1.0) if high == 1 else (0.0, 255.0)), ""
        if high <= (_NEARLY_ONE if kind == "float" else 1) and kind != "uint16":
            return (0.0, 1.0), ""
        if 255 / 4 <= high <= 255 and kind != "uint16":
            return (0.0, 255.0), ""
        if kind != "float" and 65535 / _DARK <= high <= 65535:
            return (0.0, 65535.0), ""
        chosen = (0.0, extent.percentile(99.9))
    elif low >= -1 and high <= 1:
        return (-1.0, 1.0), ""
    else:
        chosen = (extent.percentile(0.1), extent.percentile(99.9))
    if not chosen[0] < chosen[1]:
        chosen = (min(chosen[0], low), max(high, low + 1))
    note = (
        f"the {_WORDS.get(kind, kind)} values go from {low:.6g} to {high:.6g}, which is no usual "
        f"range, so {chosen[0]:.6g} was made black and {chosen[1]:.6g} (the 99.9th percentile) "
        "white"
    )
    return chosen, note


def describe_range(kind: str, values: Range) -> str:
    """Say what was made of a kind of values; nothing about bytes, whatever their type."""
    if kind == "bool" or (kind in ("uint8", "int") and values == (0.0, 255.0)):
        return ""
    words = _WORDS.get(kind, "8-bit")
    return f"{words} values were scaled from {values[0]:.6g} (black) to {values[1]:.6g} (white)"


def to_bytes(pixels: AnyArray, values: Range | None) -> UInt8Array:
    """Scale values to 0..255; what lies outside the range is clipped."""
    if pixels.dtype == np.uint8 and values in (None, (0.0, 255.0)):
        return pixels
    low, high = values or (0.0, 255.0)
    scaled = (pixels.astype(np.float32) - low) * (255.0 / (high - low))
    done: UInt8Array = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return done
