"""Neighbours in two spaces and their exact ranks: what most local measures are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentscape import _native
from latentscape.neighbors import NeighborGraph
from latentscape.neighbors.search import nearest_rows
from latentscape.quality.estimates import BoolArray
from latentscape.types import DoubleArray, FloatArray, Int32Array


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The nearest other rows of each row in one space.

    Attributes
    ----------
    indices : int32 array, shape (n, k)
    distances : float64 array, shape (n, k)
    """

    indices: Int32Array
    distances: DoubleArray

    def first(self, n_neighbors: int) -> Int32Array:
        """Return the first columns of the indices."""
        return np.ascontiguousarray(self.indices[:, :n_neighbors])

    @classmethod
    def of_graph(
        cls, graph: NeighborGraph | None, n_neighbors: int, *, exact: bool = True
    ) -> Neighbors | None:
        """Take them from a graph, or return None where they are too few or not exact."""
        if graph is None or graph.n_neighbors < n_neighbors:
            return None
        if exact and graph.method != "exact":
            return None
        distances = graph.distances[:, :n_neighbors].astype(np.float64)
        if graph.metric == "cosine":  # back to the distance of rows of length 1
            distances = np.sqrt(2 * distances)
        return cls(graph.nearest(n_neighbors), distances)

    @classmethod
    def find(
        cls, rows: FloatArray, n_neighbors: int, n_threads: int, graph: NeighborGraph | None = None
    ) -> Neighbors:
        """Find them exactly, or take them from the graph of these rows."""
        known = cls.of_graph(graph, n_neighbors)
        if known is not None:
            return known
        found, squared = nearest_rows(rows, rows, n_neighbors, same=True, threads=n_threads)
        return cls(found, np.sqrt(squared))


def nearest(
    rows: FloatArray, n_neighbors: int, n_threads: int, graph: NeighborGraph | None = None
) -> Int32Array:
    """Return the exact nearest other rows, int32 (n, k); from the graph where it has them."""
    return Neighbors.find(rows, n_neighbors, n_threads, graph).indices


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
        """For each row, return the sum of rank - k over the neighbours that are not shared."""
        k = self.ranks.shape[1]
        # A rank may be k where float32 sees a tie that float64, which orders neighbours, does not.
        beyond = np.where(self.known, 0, np.maximum(self.ranks - k, 1))
        return np.asarray(beyond.sum(axis=1, dtype=np.float64))


def ranks_of(
    rows: FloatArray,
    targets: list[Int32Array],
    n_neighbors: int,
    n_threads: int,
    known: Neighbors | None = None,
) -> tuple[list[TargetRanks], Neighbors]:
    """Rank several lists of neighbours, all found in other spaces, in one pass.

    Parameters
    ----------
    rows : float32 array, shape (n, d)
    targets : list of int32 arrays, each of shape (n, at most n_neighbors)
    n_neighbors : int
        The nearest other rows in this space are found in the same pass.
    n_threads : int
    known : Neighbors, optional
        These neighbours, where they have been found before.

    Returns
    -------
    ranked : list of TargetRanks, one for each list of targets
    neighbors : Neighbors
    """
    ranks, found, squared = _native.target_ranks(
        rows, np.hstack(targets), k=0 if known else n_neighbors, threads=n_threads
    )
    neighbors = known or Neighbors(found, np.sqrt(squared))
    ranked, start = [], 0
    for wanted in targets:
        part = slice(start, start := start + wanted.shape[1])
        shared = members(wanted, neighbors.indices[:, : wanted.shape[1]])
        ranked.append(TargetRanks(ranks[:, part], shared))
    return ranked, neighbors


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

    def r_nx(self) -> DoubleArray:
        """Return them rescaled so that a random map has 0, (m, s)."""
        others, sizes = self.n_rows - 1, self.sizes.astype(np.float64)
        return np.asarray((others * (self.overlap / sizes) - sizes) / (others - sizes))

    def auc(self) -> DoubleArray:
        """Return each anchor's area under R_NX over log K, (m,)."""
        return np.asarray(self.log_sums / (1.0 / np.arange(1, self.n_rows - 1)).sum())

    def recall(self, n_neighbors: int) -> DoubleArray:
        """Return each anchor's share of kept neighbours, (m,), for a K among `sizes`."""
        return np.asarray(self.overlap[:, self._column(n_neighbors)] / n_neighbors)

    def trustworthiness(self, n_neighbors: int) -> DoubleArray:
        """Return each anchor's trustworthiness, (m,), for a K among `sizes` below n / 2."""
        depths = self.false_sums[:, self._column(n_neighbors)]
        return np.asarray(1 - depths * depth_scale(self.n_rows, n_neighbors))

    def continuity(self, n_neighbors: int) -> DoubleArray:
        """Return each anchor's continuity, (m,), for a K among `sizes` below n / 2."""
        depths = self.missing_sums[:, self._column(n_neighbors)]
        return np.asarray(1 - depths * depth_scale(self.n_rows, n_neighbors))

    def _column(self, n_neighbors: int) -> int:
        return int(np.flatnonzero(self.sizes == n_neighbors)[0])


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


def depth_scale(n_rows: int, k: int) -> float:
    """Return 2 / (k (2n - 3k - 1)), which turns a row's sum of depths into 1 - trustworthiness."""
    return 2 / (k * (2 * n_rows - 3 * k - 1))


def log_sizes(n_rows: int, count: int = 100, also: tuple[int, ...] = ()) -> Int32Array:
    """Return sizes K from 1 to n - 2, evenly spread over log K, and those of `also` that fit."""
    spread = np.geomspace(1, n_rows - 2, count).round().astype(np.int32)
    wanted = np.array([k for k in also if k <= n_rows - 2], dtype=np.int32)
    return np.unique(np.concatenate([spread, wanted]))
