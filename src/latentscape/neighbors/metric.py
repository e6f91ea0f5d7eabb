"""The two metrics, and rows that Euclidean distance compares as a metric does."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from latentscape.errors import CodesError, SettingError
from latentscape.types import AnyArray, FloatArray, IntArray

Metric = Literal["euclidean", "cosine"]
METRICS: tuple[Metric, ...] = get_args(Metric)

_BLOCK = 1 << 16  # rows that are held in float64 at a time
_NAMED = 5


def check_metric(metric: Any) -> Metric:
    """Return `metric` if it is one.

    Raises
    ------
    SettingError
        If it is none.
    """
    if not isinstance(metric, str) or metric not in METRICS:
        raise SettingError(f'metric must be "euclidean" or "cosine", got {metric!r:.60}.')
    return metric


def measured_rows(rows: FloatArray, metric: Metric) -> FloatArray:
    """Return rows whose Euclidean distances have the order of the metric.

    Under "cosine" they are the rows divided by their lengths: for these,
    ``|a - b|^2 = 2 (1 - cos)``, twice the cosine distance.

    Parameters
    ----------
    rows : float32 array, shape (n, d)
        Finite.
    metric : {"euclidean", "cosine"}

    Returns
    -------
    float32 array, shape (n, d), C-contiguous
        Each row by itself; the rows as they are under "euclidean".

    Raises
    ------
    CodesError
        A zero row under "cosine".
    """
    if metric == "euclidean":
        return rows
    zero = zero_rows(rows)
    if len(zero):
        raise CodesError(no_direction(zero, len(rows)))
    units = np.empty(rows.shape, dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        wide = rows[start : start + _BLOCK].astype(np.float64)
        wide /= np.abs(wide).max(axis=1, keepdims=True)  # squares of extreme numbers would be lost
        wide /= np.sqrt((wide * wide).sum(axis=1, keepdims=True))
        units[start : start + _BLOCK] = wide
    return units


def zero_rows(rows: AnyArray) -> IntArray:
    """Return the rows that are zero, which have no direction, int64 in ascending order."""
    return np.flatnonzero(~(rows != 0).any(axis=1)).astype(np.int64)


def no_direction(zero: IntArray, n_rows: int) -> str:
    """Say that rows are zero, which cosine distance cannot compare."""
    named = ", ".join(map(str, zero[:_NAMED])) + (", ..." if len(zero) > _NAMED else "")
    one = len(zero) == 1
    return (
        f"{len(zero):,} of {n_rows:,} rows of the codes {'is' if one else 'are'} zero "
        f"({'row' if one else 'rows'} {named}) and {'has' if one else 'have'} no direction, which "
        'metric="cosine" compares; leave such rows out, or take "euclidean".'
    )
