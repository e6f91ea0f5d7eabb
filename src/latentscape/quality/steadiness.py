"""Do clusters of the map hold together in the codes, and the other way round?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal, Self, overload

import numpy as np
from scipy.sparse import csr_array
from sklearn.cluster import HDBSCAN

from latentscape.errors import SettingError
from latentscape.neighbors import NeighborGraph, kernel_threads
from latentscape.quality.checks import check_count, check_pair, draw_rows
from latentscape.quality.estimates import Estimate
from latentscape.quality.ranks import nearest
from latentscape.types import DoubleArray, FloatArray, Int32Array, IntArray

_LEAST_CLUSTER = 5  # rows of a cluster, the default of HDBSCAN's authors
_CORE = _LEAST_CLUSTER + 1  # scikit-learn counts the row itself among its neighbours, they do not


@overload
def steadiness(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 50,
    *,
    n_walks: int = 150,
    walk_length: float = 0.3,
    alpha: float = 0.1,
    n_samples: int = 5_000,
    graph: NeighborGraph | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> Estimate: ...
@overload
def steadiness(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 50,
    *,
    n_walks: int = 150,
    walk_length: float = 0.3,
    alpha: float = 0.1,
    n_samples: int = 5_000,
    graph: NeighborGraph | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[Estimate, DoubleArray]: ...
def steadiness(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 50,
    *,
    n_walks: int = 150,
    walk_length: float = 0.3,
    alpha: float = 0.1,
    n_samples: int = 5_000,
    graph: NeighborGraph | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Are clusters of the map clusters of the codes? Low where the map glues clusters together.

    The similarity of two rows in one space is ``s(i, j) = sum (k + 1 - a) (k + 1 - b)`` over the
    neighbours that they share, at rank a of i and b of j, divided by ``s(i, i)``; the distance is
    ``1 / (s + alpha)``, for groups of rows with the mean similarity of their pairs. A random walk
    from a random row of the map, which follows each of a row's nearest neighbours with the
    probability of their similarity, collects a cluster of the map. HDBSCAN divides it by the
    distances in the codes, rows that belong nowhere being groups of their own. A pair of groups
    that is farther apart in the codes than on the map is compressed, by the difference of both
    distances, in units of the largest such difference of any two rows. One minus the mean
    compression of the compressed pairs of all walks, weighted by their pairs of rows, is the
    steadiness.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embedding : array-like, shape (n, 2)
        The map, or any other space of the same rows.
    n_neighbors : int, default 50
        k, from 2 to one less than the rows judged.
    n_walks : int, default 150
        Two or more.
    walk_length : float, default 0.3
        Steps of a walk as a share of the rows judged. The steps from one row are taken together,
        so a walk may be longer by up to k - 1.
    alpha : float, default 0.1
        Positive. Rows that share no neighbour are ``1 / alpha`` apart.
    n_samples : int, default 5000
        Rows that are drawn where there are more. Time and memory grow with their square.
    graph : NeighborGraph, optional
        Neighbours of the codes. Used if they are exact and enough, and all rows are judged.
    random_state : int, default 0
        Seed of the rows and of the walks. Equal seeds give equal results.
    n_jobs : int or None, default None
        Threads of the search for neighbours; None and -1 take all cores.
    return_per_sample : bool, default False
        Also return each row's part: one minus the mean compression of its own pairs.

    Returns
    -------
    steadiness : Estimate
        From 0 to 1; 1 is best. Its error is that of drawing the walks. NaN where no row shares a
        neighbour with one of its neighbours, as may be with a very small `n_neighbors`.
    per_sample : float64 array, shape (n,)
        Only with ``return_per_sample=True``. 1 for rows without a compressed pair, NaN for those
        that were not drawn or that no walk met.

    Raises
    ------
    CodesError
        Rows that do not belong together, NaN or infinity, fewer than 3 rows.
    SettingError
        A setting is out of range.

    References
    ----------
    Jeon, Ko, Jo, Kim and Seo 2021, "Measuring and explaining the inter-cluster reliability of
    multidimensional projections"; the similarity is that of Jarvis and Patrick 1973, the division
    that of Campello, Moulavi and Sander 2013.
    """
    reference, places = check_pair(codes, embedding, graph)
    walks = _Walks.checked(len(places), n_neighbors, n_walks, walk_length, alpha, n_samples)
    in_codes, on_map = walks.spaces(reference, places, graph, random_state, n_jobs)
    return walks.compare(on_map, in_codes, random_state).result(return_per_sample)


@overload
def cohesiveness(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 50,
    *,
    n_walks: int = 150,
    walk_length: float = 0.3,
    alpha: float = 0.1,
    n_samples: int = 5_000,
    graph: NeighborGraph | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> Estimate: ...
@overload
def cohesiveness(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 50,
    *,
    n_walks: int = 150,
    walk_length: float = 0.3,
    alpha: float = 0.1,
    n_samples: int = 5_000,
    graph: NeighborGraph | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[Estimate, DoubleArray]: ...
def cohesiveness(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 50,
    *,
    n_walks: int = 150,
    walk_length: float = 0.3,
    alpha: float = 0.1,
    n_samples: int = 5_000,
    graph: NeighborGraph | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Are clusters of the codes clusters of the map? Low where the map tears clusters apart.

    :func:`steadiness` with the two spaces exchanged: clusters are collected in the codes and
    divided by the distances on the map; what counts is what the map stretches. Parameters,
    results, errors and source as there.
    """
    reference, places = check_pair(codes, embedding, graph)
    walks = _Walks.checked(len(places), n_neighbors, n_walks, walk_length, alpha, n_samples)
    in_codes, on_map = walks.spaces(reference, places, graph, random_state, n_jobs)
    return walks.compare(in_codes, on_map, random_state).result(return_per_sample)


@dataclass(frozen=True, eq=False)
class _Space:
    """One space of the rows judged: their neighbours, and how similar rows are by those."""

    neighbors: Int32Array  # (m, k)
    similarity: csr_array  # (m, m), from 0 to 1; 1 with itself
    to_neighbors: DoubleArray  # (m, k), similarity to each neighbour

    @classmethod
    def of(cls, neighbors: Int32Array) -> Self:
        """Compare the lists of neighbours of all rows."""
        m, k = neighbors.shape
        weights = np.arange(k, 0, -1, dtype=np.float64)
        starts = np.arange(0, m * k + 1, k)
        lists = csr_array((np.tile(weights, m), neighbors.ravel(), starts), shape=(m, m))
        # Sums of whole numbers: exact, so that equal lists give equal bits in both spaces.
        similarity = (lists @ lists.T).tocsr()
        similarity.data /= (weights * weights).sum()
        similarity.sort_indices()
        return cls(neighbors, similarity, _entries(similarity, neighbors))

    def block(self, rows: IntArray) -> DoubleArray:
        """Return the similarities among some rows."""
        return np.asarray(self.similarity[rows][:, rows].toarray())

    def walk(self, start: int, n_steps: int, random: np.random.Generator) -> IntArray:
        """Collect a cluster: the rows that a walk meets, breadth first, in ascending order."""
        met = np.zeros(len(self.neighbors), dtype=bool)
        met[start] = True
        ahead, steps = deque([start]), 0
        while ahead and steps < n_steps:
            here = ahead.popleft()
            likely = self.to_neighbors[here]
            taken = self.neighbors[here, random.random(len(likely)) < likely]
            if not steps and not len(taken):  # a walk that has not begun begins again
                ahead.append(here)
                continue
            met[taken] = True
            ahead.extend(taken.tolist())
            steps += len(taken)
        return np.flatnonzero(met)


@dataclass(frozen=True, eq=False)
class _Distortions:
    """What the walks found, summed by walk and by row."""

    by_walk: DoubleArray  # (walks, 2): distortion, and pairs that are distorted at all
    by_row: DoubleArray  # (m, 2): the same
    met: IntArray  # (m,), by how many walks
    rows: Int32Array  # (m,), rows that were judged
    n_rows: int  # of all

    def result(self, return_per_sample: bool) -> Estimate | tuple[Estimate, DoubleArray]:
        """Return the measure, and each row's part if wanted."""
        estimate = self.estimate()
        if not return_per_sample:
            return estimate
        distortion, pairs = self.by_row.T
        single = np.full(self.n_rows, np.nan)
        single[self.rows] = np.where(self.met > 0, 1 - distortion / np.maximum(pairs, 1), np.nan)
        return estimate, single

    def estimate(self) -> Estimate:
        """Return one minus the mean distortion, a ratio of sums over independent walks."""
        if not len(self.by_walk):
            return Estimate(np.nan, np.nan)
        distortion, pairs = self.by_walk.T
        total = pairs.sum()
        if total == 0:
            return Estimate(1.0)
        mean = distortion.sum() / total
        off, n = distortion - mean * pairs, len(pairs)
        return Estimate(1 - mean, np.sqrt(n / (n - 1) * (off * off).sum()) / total)


@dataclass(frozen=True)
class _Walks:
    """The settings of both measures."""

    n_rows: int
    n_neighbors: int
    n_walks: int
    n_steps: int
    alpha: float
    n_samples: int

    @classmethod
    def checked(
        cls,
        n_rows: int,
        n_neighbors: int,
        n_walks: int,
        walk_length: float,
        alpha: float,
        n_samples: int,
    ) -> Self:
        """Check the settings for a number of rows."""
        judged = min(check_count("n_samples", n_samples, 2**31, n_rows, least=3), n_rows)
        k = check_count("n_neighbors", n_neighbors, judged - 1, judged, least=2)
        walks = check_count("n_walks", n_walks, 2**31, n_rows, least=2)
        share = _check_positive("walk_length", walk_length)
        steps = max(1, int(share * judged))
        return cls(n_rows, k, walks, steps, _check_positive("alpha", alpha), judged)

    def spaces(
        self,
        reference: FloatArray,
        places: FloatArray,
        graph: NeighborGraph | None,
        random_state: int,
        n_jobs: int | None,
    ) -> tuple[_Space, _Space]:
        """Draw the rows and compare them, in the codes and on the map."""
        if self.n_samples < self.n_rows:
            rows = self.drawn(random_state)
            reference, places, graph = reference[rows], places[rows], None
        k, threads = self.n_neighbors, kernel_threads(n_jobs)
        return (
            _Space.of(nearest(reference, k, threads, graph)),
            _Space.of(nearest(places, k, threads)),
        )

    def drawn(self, random_state: int) -> Int32Array:
        """Return the rows that are judged."""
        return draw_rows(self.n_rows, self.n_samples, random_state)

    def compare(self, asking: _Space, answering: _Space, random_state: int) -> _Distortions:
        """Collect clusters in one space and see how far the other one drives them apart."""
        m = len(asking.neighbors)
        worst = self._largest_difference(asking, answering)
        starts = np.flatnonzero(asking.to_neighbors.any(axis=1))
        random = np.random.default_rng(random_state)
        n_walks = self.n_walks if len(starts) else 0
        by_walk, by_row = np.zeros((n_walks, 2)), np.zeros((m, 2))
        met = np.zeros(m, dtype=np.int64)
        for walk in range(n_walks):
            start = int(starts[random.integers(len(starts))])
            cluster = asking.walk(start, self.n_steps, random)
            met[cluster] += 1
            if worst > 0:
                sums = self._distortion(asking.block(cluster), answering.block(cluster), worst)
                by_row[cluster] += sums
                by_walk[walk] = sums.sum(axis=0) / 2  # each pair has been seen from both sides
        return _Distortions(by_walk, by_row, met, self.drawn(random_state), self.n_rows)

    def _largest_difference(self, asking: _Space, answering: _Space) -> float:
        """Return by how much any two rows are farther apart in the answering space."""
        nearer = []  # than rows that share nothing: zero for most pairs, so it may stay sparse
        for space in (asking, answering):
            closeness = space.similarity.copy()
            closeness.data = 1 / self.alpha - 1 / (closeness.data + self.alpha)
            nearer.append(closeness)
        difference = (nearer[0] - nearer[1]).data
        return float(difference.max(initial=0.0))

    def _distortion(self, asking: DoubleArray, answering: DoubleArray, worst: float) -> DoubleArray:
        """Return each row's sum of distortion, and its number of distorted pairs, (rows, 2)."""
        group = _groups(1 / (answering + self.alpha))
        order = np.argsort(group, kind="stable")
        sizes = np.bincount(group)
        starts = np.cumsum(sizes) - sizes
        pairs = np.outer(sizes, sizes)
        near, far = (
            1 / (_block_sums(block[np.ix_(order, order)], starts) / pairs + self.alpha)
            for block in (asking, answering)
        )
        apart = far - near
        np.fill_diagonal(apart, 0)
        # The means of groups may differ by more than any two rows do.
        share = np.clip(apart / worst, 0, 1)
        return np.stack([share @ sizes, (apart > 0) @ sizes], axis=1)[group]


def _groups(distances: DoubleArray) -> IntArray:
    """Divide rows by HDBSCAN; rows that belong nowhere become groups of their own."""
    np.fill_diagonal(distances, 0)
    n = len(distances)
    division = HDBSCAN(
        min_cluster_size=_LEAST_CLUSTER,
        min_samples=min(_CORE, n),
        metric="precomputed",
        allow_single_cluster=True,
        copy=False,
    )
    group = np.asarray(division.fit_predict(distances), dtype=np.int64)
    alone = group < 0
    group[alone] = group.max() + 1 + np.arange(alone.sum())
    return group


def _block_sums(matrix: DoubleArray, starts: IntArray) -> DoubleArray:
    """Add up the blocks of a matrix whose rows and columns begin at the same places."""
    return np.asarray(np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1))


def _entries(matrix: csr_array, columns: Int32Array) -> DoubleArray:
    """Return some entries of each row of a sparse matrix with sorted indices."""
    m = len(columns)
    owner = np.repeat(np.arange(m, dtype=np.int64), np.diff(matrix.indptr))
    stored = owner * m + matrix.indices
    wanted = np.arange(m, dtype=np.int64)[:, None] * m + columns
    at = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
    return np.where(stored[at] == wanted, matrix.data[at], 0.0)


def _check_positive(name: str, value: Any) -> float:
    """Return a positive, finite number."""
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not 0 < value < np.inf:
        raise SettingError(f"{name} must be a positive number, got {value!r}.")
    return float(value)
