"""Numbers that carry their standard error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from latentscape.types import AnyArray, IntArray

BoolArray: TypeAlias = NDArray[np.bool_]


class Estimate(float):
    """A float that knows how far it may be off.

    Parameters
    ----------
    value : float
    standard_error : float, default 0.0
        Of a mean over rows, pairs or anchors: the standard deviation of the single values
        divided by the square root of their number. Where all rows of a map were measured it
        says how much the figure would vary with other rows from the same source.

    Examples
    --------
    >>> recall = Estimate(0.25, 0.01)
    >>> recall > 0.2, recall.standard_error
    (True, 0.01)
    >>> recall
    0.2500 ± 0.0100
    """

    standard_error: float

    def __new__(cls, value: float, standard_error: float = 0.0) -> Self:
        """Make a float and keep the error beside it."""
        estimate = super().__new__(cls, value)
        estimate.standard_error = float(standard_error)
        return estimate

    def __reduce__(self) -> tuple[Any, ...]:  # for pickle and copy
        return Estimate, (float(self), self.standard_error)

    def __repr__(self) -> str:
        return f"{float(self):.4f} ± {self.standard_error:.4f}"

    __str__ = __repr__


def mean_estimate(values: AnyArray) -> Estimate:
    """Return the mean of independent values with its standard error."""
    values = np.asarray(values, dtype=np.float64)
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return Estimate(float(values.mean()), spread / np.sqrt(len(values)))


def batch_estimate(measure: Callable[[slice], float], n: int, n_batches: int = 20) -> Estimate:
    """Return a measure of n samples; its error from the spread between batches of them.

    The error is that of drawing the samples, not that of the rows they were drawn from.
    """
    whole = measure(slice(0, n))
    n_batches = min(n_batches, n // 10)
    if n_batches < 2:
        return Estimate(whole, 0.0)
    edges = np.linspace(0, n, n_batches + 1).astype(int)
    parts = [measure(slice(a, b)) for a, b in pairwise(edges)]
    return Estimate(whole, float(np.std(parts, ddof=1)) / np.sqrt(n_batches))


def jackknife_estimate(
    measure: Callable[[IntArray], float], n: int, n_groups: int = 20
) -> Estimate:
    """Return a measure of n rows; its error by leaving out one group of rows after the other.

    References
    ----------
    Quenouille 1956; Tukey 1958.
    """
    rows = np.arange(n)
    whole = measure(rows)
    groups = random_groups(n, n_groups)
    parts = np.array([measure(rows[groups != group]) for group in range(groups.max() + 1)])
    parts = parts[np.isfinite(parts)]
    if len(parts) < 2:
        return Estimate(whole, float("nan"))
    error = np.sqrt((len(parts) - 1) / len(parts) * ((parts - parts.mean()) ** 2).sum())
    return Estimate(whole, float(error))


def random_groups(n: int, n_groups: int) -> IntArray:
    """Divide n rows into groups of equal size, at random as their order may mean something."""
    return np.random.default_rng(0).permutation(n) % min(n_groups, n)


def correlation(one: AnyArray, other: AnyArray) -> float:
    """Pearson's correlation; 0 where one side does not vary."""
    a = np.asarray(one, dtype=np.float64) - np.mean(one, dtype=np.float64)
    b = np.asarray(other, dtype=np.float64) - np.mean(other, dtype=np.float64)
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float(np.clip((a * b).sum() / scale, -1, 1)) if scale > 0 else 0.0


def as_json(value: Any) -> Any:
    """Turn numbers and arrays inside dicts and lists into what JSON can hold; NaN becomes null."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, Estimate):
        return {"value": as_json(float(value)), "standard_error": as_json(value.standard_error)}
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_json(item) for item in value]
    return value
