"""Placing new codes on a finished map, each by itself.

A new point is put where its nearest training rows lie. The neighbours vote with
weights that grow without bound towards distance zero, so a training row comes
back at its own position, and that fall to zero at the last neighbour, so nothing
jumps when neighbours change (Franke and Nielson 1980, the modified Shepard
weights). When the neighbours lie on several islands of the map their mean would
lie in the empty sea between, so the island with the most weight is found first
and only the neighbours on it are averaged (the mean shift of Fukunaga and
Hostetler 1975).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from latentscape.neighbors import search
from latentscape.types import DoubleArray, FloatArray, Int32Array

_NEIGHBORS = 15
_CLIMBS = 10  # steps of the mean shift
_REACH_ROWS = 10_000  # rows among which the reach is measured
_BLOCK = 4096  # queries at a time; the answers do not depend on it


class PlacementError(NamedTuple):
    """How far training rows land from their own positions when they are placed as new ones.

    Distances on the map, in units of the median distance between a training position and its
    nearest other one.

    Attributes
    ----------
    median, percentile_90 : float
        0 is perfect; half of the rows, nine of ten, are no farther off.
    n_rows : int
        How many rows were tried.
    """

    median: float
    percentile_90: float
    n_rows: int


class Placement:
    """Places codes on a map by their nearest training rows.

    Only additions, multiplications, divisions and comparisons in a fixed order
    are used, so a row's position does not depend on the rows around it.

    Parameters
    ----------
    codes : float32 array, shape (n, d)
        Distinct training codes.
    positions : float32 array, shape (n, 2)
        Their positions on the map.
    """

    def __init__(self, codes: FloatArray, positions: FloatArray) -> None:
        self._codes = np.ascontiguousarray(codes)
        self._positions = positions.astype(np.float64)
        # One more neighbour than votes: at its distance the weights reach zero.
        self._n_neighbors = min(_NEIGHBORS + 1, len(codes))
        self._reach = island_reach(positions)

    def __call__(self, codes: FloatArray, n_jobs: int = 0) -> FloatArray:
        """Return the positions, float32 (m, 2), of the codes, float32 (m, d)."""
        placed = np.empty((len(codes), 2), dtype=np.float32)
        for start in range(0, len(codes), _BLOCK):
            part = slice(start, start + _BLOCK)
            placed[part] = self._mean(
                *nearest_rows(codes[part], self._codes, self._n_neighbors, n_jobs)
            )
        return placed

    def without_itself(self, rows: Int32Array, n_jobs: int = 0) -> FloatArray:
        """Return positions, float32 (m, 2), of training rows by all others than themselves."""
        k = min(self._n_neighbors + 1, len(self._codes))
        indices, squared = nearest_rows(self._codes[rows], self._codes, k, n_jobs)
        other = indices != rows[:, None]  # distinct rows: each finds itself at distance zero
        shape = (len(rows), k - 1)
        return self._mean(indices[other].reshape(shape), squared[other].reshape(shape))

    def _mean(self, indices: Int32Array, squared: DoubleArray) -> FloatArray:
        places = self._positions[indices]  # (m, k, 2)
        mean = _island_mean(places, vote_weights(squared), self._reach)
        known = squared[:, 0] == 0
        mean[known] = places[known, 0]
        return mean.astype(np.float32)


def nearest_rows(
    queries: FloatArray, rows: FloatArray, k: int, n_jobs: int = 0
) -> tuple[Int32Array, DoubleArray]:
    """Find the k nearest rows of each query exactly, however far it is.

    Returns
    -------
    indices : int32 array, shape (m, k)
        In ascending order of distance, then of index.
    squared : float64 array, shape (m, k)
        Squared distances.
    """
    queries = np.ascontiguousarray(queries)
    return search.nearest_rows(queries, rows, k, threads=n_jobs)


def island_reach(positions: FloatArray) -> float:
    """Distance within which two neighbours count as lying on the same island.

    A few times the median distance between neighbouring positions.
    """
    distinct = np.unique(positions, axis=0)
    if len(distinct) < 2:
        return 1.0
    k = min(_NEIGHBORS, len(distinct) - 1)
    rows = np.ascontiguousarray(distinct, dtype=np.float32)
    some = rows[:: max(1, len(rows) // _REACH_ROWS)]
    _, squared = nearest_rows(some, rows, k + 1)  # each finds itself first
    return 2.0 * float(np.median(np.sqrt(squared[:, -1])))


def vote_weights(squared: DoubleArray) -> DoubleArray:
    """Weights (m, k) of neighbours at squared distances (m, k), ascending.

    ``((R - d) / (R d))^2`` with R the distance of the last neighbour; rows whose
    neighbours are all equally far vote equally, and the scale is arbitrary.
    """
    distance = np.sqrt(squared)
    far = distance[:, -1:]
    # Relative to R; at distance zero the weight is not needed, but must be finite.
    share = np.divide(distance, far, out=np.ones_like(distance), where=far > 0)
    share = np.maximum(share, 1e-150)
    weights: DoubleArray = ((1 - share) / share) ** 2
    weights[weights[:, 0] == 0] = 1.0
    return weights / weights[:, :1]


def _island_mean(places: DoubleArray, weights: DoubleArray, reach: float) -> DoubleArray:
    """Weighted mean (m, 2) of the neighbours on the island with the most votes.

    It starts at the neighbour with the most votes within reach and climbs by mean
    shift to the peak of the votes, which does not jump when another neighbour of
    the same island becomes the start.
    """
    n_neighbors = places.shape[1]
    votes = np.zeros_like(weights)
    for i in range(n_neighbors):
        share = _closeness(places, places[:, i], reach)
        for j in range(n_neighbors):
            votes[:, i] += share[:, j] * weights[:, j]
    best = np.argmax(votes, axis=1)  # the nearest one where votes are equal
    heart = places[np.arange(len(best)), best]
    for _ in range(_CLIMBS):
        share = _closeness(places, heart, reach) * weights
        total = np.zeros(len(places))
        mean = np.zeros((len(places), 2))
        for j in range(n_neighbors):
            total += share[:, j]
            mean += share[:, j, None] * places[:, j]
        # A start whose own weight has fallen to zero may stand alone: it stays.
        some = total > 0
        heart = np.where(some[:, None], mean / np.where(some, total, 1)[:, None], heart)
    return np.asarray(heart, dtype=np.float64)


def _closeness(places: DoubleArray, heart: DoubleArray, reach: float) -> DoubleArray:
    """1 at the heart, falling smoothly to 0 at `reach`: Tukey's biweight."""
    apart = places - heart[:, None, :]
    squared = (apart[..., 0] ** 2 + apart[..., 1] ** 2) / reach**2
    inside = np.maximum(1 - squared, 0)
    closeness: DoubleArray = inside * inside
    return closeness
