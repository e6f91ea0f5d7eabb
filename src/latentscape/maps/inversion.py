"""From a place on the plane back to a code, by local interpolation.

The field of codes is defined on the whole plane. At the position of a training
row it is exactly that row's code; between positions it is a weighted mean of the
codes around, so far from the data it is a plausible blend and no more: ask for
the distance to see how far.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from latentscape.maps.linear import rowwise_product
from latentscape.neighbors import measured_rows
from latentscape.types import AnyArray, DoubleArray, FloatArray, IntArray

BoolArray = NDArray[np.bool_]

_NEIGHBORS = 12
_CANCELLED = 1e-3  # length of a mean of directions that points nowhere
_BLOCK = 8192


class MapDistance:
    """Distance from places of the plane to the nearest training position.

    Measured in units of the median distance between a training position and its
    nearest other one: up to about 1 a place lies among the data, beyond a few
    units there are none around.

    Parameters
    ----------
    positions : float32 array, shape (n, 2)
        Positions of the training rows; copies are allowed.
    """

    def __init__(self, positions: FloatArray) -> None:
        self._positions = positions

    @cached_property
    def _tree(self) -> Any:
        # Not before it is asked for: of a million rows it takes seconds.
        return cKDTree(np.unique(self._positions, axis=0).astype(np.float64))

    @cached_property
    def unit(self) -> float:
        """The median distance."""
        distinct = self._tree.data
        if len(distinct) < 2:
            return 1.0
        return float(np.median(self._tree.query(distinct, k=2)[0][:, 1]))

    def __call__(self, points: FloatArray) -> FloatArray:
        """Return float32 (m,) for points (m, 2)."""
        distance = self._tree.query(points.astype(np.float64))[0]
        with np.errstate(over="ignore"):  # beyond float32 is as far as float32 can say
            relative = np.minimum(distance / self.unit, np.finfo(np.float32).max)
        return np.asarray(relative, dtype=np.float32)


class LocalField:
    """A smooth field of vectors through given values at given places.

    The weight of a neighbour at distance d is ``(exp(-4 d^2 / R^2) - exp(-4)) / d^2``
    with R the distance of the last of 13 neighbours. The subtraction lets a
    neighbour fade to nothing before another takes its place, which keeps the
    field continuous; the division makes it pass through the values.

    Parameters
    ----------
    positions : float32 array, shape (n, 2)
        Places of the values. Values that share a place are averaged.
    values : array, shape (n, d)
        The values, for example codes.
    """

    def __init__(self, positions: FloatArray, values: AnyArray) -> None:
        places, first, owner, counts = np.unique(
            positions, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        owner = owner.ravel()
        self._values: AnyArray = np.zeros((len(places), values.shape[1]), dtype=values.dtype)
        if len(places) == len(positions):
            self._values[owner] = values
        else:
            sums = np.zeros((len(places), values.shape[1]))
            np.add.at(sums, owner, values)
            self._values[:] = sums / counts[:, None]
        self._rows, self._alone = first, counts == 1
        self._tree = cKDTree(places.astype(np.float64))
        self._n_neighbors = min(_NEIGHBORS + 1, len(places))

    def nearest(self, points: FloatArray) -> tuple[DoubleArray, IntArray, BoolArray]:
        """Return distance (m,), row (m,) of the nearest value, and whether its place is its own."""
        distance, place = self._tree.query(points.astype(np.float64))
        return distance, self._rows[place], self._alone[place]

    def __call__(self, points: FloatArray) -> DoubleArray:
        """Return the field, float64 (m, d), at the points, float32 (m, 2)."""
        result = np.empty((len(points), self._values.shape[1]), dtype=np.float64)
        for start in range(0, len(points), _BLOCK):
            part = slice(start, start + _BLOCK)
            # A list of ranks keeps the second axis where there is one neighbour only.
            ranks = np.arange(1, self._n_neighbors + 1)
            distance, indices = self._tree.query(points[part].astype(np.float64), k=ranks)
            weights = field_weights(distance)
            field = result[part]
            field[:] = 0
            for j in range(self._n_neighbors):
                field += weights[:, j, None] * self._values[indices[:, j]]
            exact = distance[:, 0] == 0
            field[exact] = self._values[indices[exact, 0]]
        return result


class DirectionField:
    """:class:`LocalField` of codes of which only the direction counts: the cosine metric.

    Directions and lengths are blended apart, so that a long code does not outweigh the short ones
    beside it. Where directions cancel each other out, the nearest one is taken.

    Parameters
    ----------
    positions : float32 array, shape (n, 2)
    codes : float32 array, shape (n, d)
        No zero rows.
    """

    def __init__(self, positions: FloatArray, codes: FloatArray) -> None:
        units = measured_rows(codes, "cosine")
        lengths = np.sqrt(np.einsum("ij,ij->i", codes, codes, dtype=np.float64))
        self._field = LocalField(positions, np.hstack([units, lengths[:, None]]))
        self._units, self._codes = units, codes

    def __call__(self, points: FloatArray) -> DoubleArray:
        """Return the field, float64 (m, d), at the points, float32 (m, 2)."""
        blended = self._field(points)
        result = blended[:, :-1]
        norms = np.sqrt((result * result).sum(axis=1, keepdims=True))
        apart, rows, alone = self._field.nearest(points)
        lost = norms[:, 0] < _CANCELLED
        result[lost], norms[lost] = self._units[rows[lost]], 1.0
        result *= blended[:, -1:] / norms
        # Length times direction is the code but for rounding.
        known = alone & (apart == 0)
        result[known] = self._codes[rows[known]]
        return result


def field_weights(distance: DoubleArray) -> DoubleArray:
    """Weights (m, k), each row adding up to 1, of neighbours at ascending distances."""
    far = distance[:, -1:]
    share = np.divide(distance, far, out=np.ones_like(distance), where=far > 0)
    squared = np.maximum(share * share, 1e-300)
    weights: DoubleArray = np.maximum((np.exp(-4 * squared) - np.exp(-4.0)) / squared, 0)
    total = weights.sum(axis=1, keepdims=True)
    even = np.full_like(weights, 1 / weights.shape[1])  # all neighbours equally far
    result: DoubleArray = np.divide(weights, total, out=even, where=total > 1e-12)
    return result


def linear_field(points: FloatArray, axes: DoubleArray, origin: DoubleArray) -> DoubleArray:
    """Return ``origin + points @ axes`` as float64 (m, d), each row by itself."""
    return rowwise_product(points, axes) + origin
