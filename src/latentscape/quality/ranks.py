"""Neighbours in two spaces and their exact ranks: what most local measures are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentscape import _native
from latentscape.neighbors import NeighborGraph
from latentscape.quality.estimates import BoolArray
from latentscape.types import AnyArray, DoubleArray, FloatArray, Int32Array


def nearest(
    rows: FloatArray, n_neighbors: int, n_threads: int, graph: NeighborGraph | None = None
) -> Int32Array:
    """Return the exact nearest other rows, int32 (n, k); from the graph where it has them."""
    if graph is not None and graph.method == "exact" and graph.n_neighbors >= n_neighbors:
        return graph.nearest(n_neighbors)
    return _native.nearest_rows(rows, rows, n_neighbors, same=True, threads=n_threads)[0]


def members(asked: Int32Array, neighbors: Int32Array) -> BoolArray:
    """Tell for each index of a row of `asked` whether that row of `neighbors` holds it.

    Parameters
    ----------
    asked : int32 array, shape (n, k)
    neighbors : int32 array, shape (n, m)

    Returns
    -------
    bool array, shape (n, k)
    """
    found = np.zeros(asked.shape, dtype=bool)
    for column in neighbors.T:
        found |= asked == column[:, None]
    return found


@dataclass(frozen=True, eq=False)
class TargetRanks:
    """The ranks in one space of the neighbours that rows have in another.

    Attributes
    ----------
    ranks : int32 array, shape (n, k)
        1 to n - 1, in the order of the other space's neighbours.
    known : bool array, shape (n, k)
        Which of them are among the k nearest here as well.
    """

    ranks: Int32Array
    known: BoolArray

    def depths(self) -> DoubleArray:
        """Return for each row the sum of rank - k over the neighbours that are not shared."""
        k = self.ranks.shape[1]
        # A rank may be k where float32 sees a tie that float64, which orders neighbours, does not.
        beyond = np.where(self.known, 0, np.maximum(self.ranks - k, 1))
        return np.asarray(beyond.sum(axis=1, dtype=np.float64))


def ranks_of(
    rows: FloatArray,
    targets: list[Int32Array],
    n_neighbors: int,
    n_threads: int,
    graph: NeighborGraph | None = None,
) -> tuple[list[TargetRanks], Int32Array, DoubleArray]:
    """Rank several lists of neighbours, all found in other spaces, in one pass.

    Returns
    -------
    ranked : list of TargetRanks, one for each list of targets
    neighbors : int32 array, shape (n, n_neighbors)
        The nearest other rows in this space, found in the same pass.
    distances : float64 array, shape (n, n_neighbors)
    """
    exact = graph is not None and graph.method == "exact" and graph.n_neighbors >= n_neighbors
    ranks, found, squared = _native.target_ranks(
        rows, np.hstack(targets), k=0 if exact else n_neighbors, threads=n_threads
    )
    if graph is not None and exact:
        found = graph.nearest(n_neighbors)
        distances = graph.distances[:, :n_neighbors].astype(np.float64)
        if graph.metric == "cosine":  # back to the distance of rows of length 1
            distances = np.sqrt(2 * distances)
    else:
        distances = np.sqrt(squared)
    ranked, start = [], 0
    for wanted in targets:
        part = slice(start, start := start + wanted.shape[1])
        known = members(wanted, found[:, : wanted.shape[1]])
        ranked.append(TargetRanks(ranks[:, part], known))
    return ranked, found, distances


@dataclass(frozen=True, eq=False)
class CoRanks:
    """Two spaces compared at many sizes of neighbourhood, seen from some rows.

    Attributes
    ----------
    n_rows : int
        Rows of both spaces.
    anchors : int32 array, shape (m,)
        The rows that look at all others.
    sizes : int32 array, shape (s,)
        K in ascending order.
    overlap : int32 array, shape (m, s)
        Rows among the K nearest in both spaces.
    log_sums : float64 array, shape (m,)
        Sum over all K of R_NX(K) / K.
    false_sums, missing_sums : float64 arrays, shape (m, s)
        Sums of rank - K: of the map's neighbours in the reference space, and the reverse.
    """

    n_rows: int
    anchors: Int32Array
    sizes: Int32Array
    overlap: Int32Array
    log_sums: DoubleArray
    false_sums: DoubleArray
    missing_sums: DoubleArray

    def q_nx(self) -> DoubleArray:
        """Return the shares of kept neighbours, (m, s)."""
        return self.overlap / self.sizes.astype(np.float64)

    def r_nx(self) -> DoubleArray:
        """Return them rescaled so that a random map has 0, (m, s)."""
        others, sizes = self.n_rows - 1, self.sizes.astype(np.float64)
        return np.asarray((others * self.q_nx() - sizes) / (others - sizes))

    def auc(self) -> DoubleArray:
        """Return each anchor's area under R_NX over log K, (m,)."""
        return np.asarray(self.log_sums / (1.0 / np.arange(1, self.n_rows - 1)).sum())

    def trustworthiness(self) -> DoubleArray:
        """Return each anchor's trustworthiness, (m, s)."""
        return 1 - self.false_sums * depth_scale(self.n_rows, self.sizes)

    def continuity(self) -> DoubleArray:
        """Return each anchor's continuity, (m, s)."""
        return 1 - self.missing_sums * depth_scale(self.n_rows, self.sizes)


def coranks(
    reference: FloatArray,
    others: list[FloatArray],
    anchors: Int32Array,
    sizes: Int32Array,
    n_threads: int,
) -> list[CoRanks]:
    """Compare the ranks of all rows, seen from the anchors, in one space and in others."""
    found = _native.coranking(reference, others, anchors, sizes, threads=n_threads)
    return [CoRanks(len(reference), anchors, sizes, *arrays) for arrays in found]


def depth_scale(n_rows: int, n_neighbors: AnyArray | int) -> DoubleArray:
    """Return 2 / (k (2n - 3k - 1)), which turns one row's rank sum into 1 - its trustworthiness."""
    k = np.asarray(n_neighbors, dtype=np.float64)
    return np.asarray(2 / (k * (2 * n_rows - 3 * k - 1)))


def log_sizes(n_rows: int, count: int = 100, also: tuple[int, ...] = ()) -> Int32Array:
    """Return sizes K from 1 to n - 2, evenly spread over log K, and those of `also` that fit."""
    spread = np.geomspace(1, n_rows - 2, count).round().astype(np.int32)
    wanted = np.array([k for k in also if k <= n_rows - 2], dtype=np.int32)
    return np.unique(np.concatenate([spread, wanted]))
