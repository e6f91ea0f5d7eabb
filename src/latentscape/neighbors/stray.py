"""Rows that lie absurdly far from all others, which float32 cannot measure together with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentscape.types import DoubleArray, FloatArray

_GAP = 1e4  # times the reach of the other rows, and the root of the width
_MOST = 100  # stray rows; each is compared with all rows in float64
_SAMPLE = 4096
_BLOCK = 1 << 16


class Spread(NamedTuple):
    """How far rows lie from their middle, the largest difference of a column counting.

    Attributes
    ----------
    center : float32 array, shape (d,)
        The median of each column, of a sample.
    reach : float
        Distance of the farthest row that is not stray.
    stray : bool array, shape (n,), or None
        Rows so far beyond `reach` that they are no neighbours of rows within.
    beyond : float
        Queries farther from the middle than this are measured in float64.
    """

    center: FloatArray
    reach: float
    stray: NDArray[np.bool_] | None
    beyond: float


def spread_of(rows: FloatArray) -> Spread:
    """Find the stray ones among rows, float32 (n, d): one in a hundred at most, and 100."""
    n, d = rows.shape
    some = rows[:: -(-n // _SAMPLE)]
    center = np.sort(some, axis=0)[(len(some) - 1) // 2]
    gap = _GAP * np.sqrt(d)
    with np.errstate(over="ignore"):
        ends = np.stack([rows.min(axis=0), rows.max(axis=0)]).astype(np.float64)
    reach = float(np.abs(ends - center).max())
    if reach > gap * float(np.median(distances_from(center, some))):
        away = distances_from(center, rows)
        order = np.argsort(away, kind="stable")
        least = n - min(_MOST, max(1, n // 100))  # as many rows at least are not stray
        sizes = away[order]
        jumps = np.flatnonzero(sizes[least:] > gap * sizes[least - 1 : -1])
        if len(jumps) and least > 0:
            first = least + int(jumps[0])
            stray = np.zeros(n, dtype=bool)
            stray[order[first:]] = True
            # Only queries among the others are sure to have all their neighbours there.
            within = float(sizes[first - 1])
            return Spread(center, within, stray, within)
    return Spread(center, reach, None, gap * reach)


def distances_from(center: FloatArray, rows: FloatArray) -> DoubleArray:
    """Return the largest difference of a column, float64 (n,), each row by itself."""
    away = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        away[part] = np.abs(rows[part] - center.astype(np.float64)).max(axis=1)
    return away


def exact_squares(query: FloatArray, rows: FloatArray) -> DoubleArray:
    """Return the squared distances, float64 (n,), of one query to rows of any size."""
    squared = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        apart = rows[start : start + _BLOCK] - query.astype(np.float64)
        squared[start : start + _BLOCK] = (apart * apart).sum(axis=1)
    return squared
