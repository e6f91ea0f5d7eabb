"""Numbers in few bits: evenly spaced levels between the smallest and the largest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from latentscape.types import AnyArray


def quantized(values: AnyArray, levels: int) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Round columns (n, d) to levels; return whole numbers, the columns' lows and steps.

    ``value = low + step * number``; at most half a step is lost.
    """
    low, step = level_scale(values, levels)
    return to_levels(values, low, step, levels), low, step


def level_scale(values: AnyArray, levels: int) -> tuple[AnyArray, AnyArray]:
    """Return the lowest level of each column (n, d), and the step to the next."""
    low = values.min(axis=0).astype(np.float64)
    return low, (values.max(axis=0).astype(np.float64) - low) / (levels - 1)


def to_levels(values: AnyArray, low: AnyArray, step: AnyArray, levels: int) -> AnyArray:
    """Round columns to whole numbers of steps above their lows."""
    numbers = np.empty(values.shape, dtype=np.uint8 if levels <= 256 else np.uint16)
    for j in range(values.shape[1]):  # by columns: no copy of all in float64
        if step[j] > 0:
            numbers[:, j] = np.rint((values[:, j].astype(np.float64) - low[j]) / step[j])
        else:
            numbers[:, j] = 0
    return numbers


def finite(value: Any) -> float | None:
    """Return a number that JSON can hold, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def rounded(values: AnyArray, digits: int = 7) -> list[float]:
    """Return finite numbers as short as float32 needs them."""
    return [float(f"{value:.{digits}g}") for value in np.asarray(values, dtype=np.float64).ravel()]
