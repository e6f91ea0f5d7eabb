"""Exact nearest rows whose answer depends on nothing but the row that asks.

Candidates come from a fast method (a k-d tree in few dimensions, otherwise one
matrix product a block). Their distances are then computed again in float64,
feature by feature in a fixed order, and a bound on the rounding of the fast
method proves that no nearer row was overlooked; where the proof fails, that row
is compared with all others. So neither the other rows of a batch, nor its size,
nor the threads of the BLAS can change a single bit of an answer.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from latentscape.types import AnyArray, DoubleArray, FloatArray, IntArray

_BLOCK = 4_000_000  # distances held at a time: 16 MB in float32
_SPARE = 16  # candidates beyond those asked for, so that the proof rarely fails
_TREE_DIMENSIONS = 6  # up to here a k-d tree beats the matrix product


class NearestRows:
    """Exact k nearest rows by Euclidean distance; ties go to the smaller index.

    Parameters
    ----------
    rows : float32 array, shape (n, d)
        The rows among which neighbours are looked up. Finite.
    """

    def __init__(self, rows: FloatArray) -> None:
        self.rows = rows
        self._columns = np.ascontiguousarray(rows.T, dtype=np.float64)  # (d, n)
        self._tree: cKDTree | None = None
        if rows.shape[1] <= _TREE_DIMENSIONS:
            self._tree = cKDTree(self._columns.T)
            return
        # Centred and scaled rows keep the float32 product accurate and in range.
        self._center = np.median(self._columns, axis=1)
        shifted = rows - self._center
        self._scale = float(np.abs(shifted).max()) or 1.0
        self._centered = (shifted / self._scale).astype(np.float32)
        # Bound of the rounding of |x|^2 + |t|^2 - 2 x.t, relative to |x|^2 + |t|^2: the rounding
        # of the inputs, of a sum of d products in any order, and of the final additions.
        self._relative_error = 4.0 * (rows.shape[1] + 8) * 2.0**-24
        norms = (self._centered.astype(np.float64) ** 2).sum(axis=1)
        self._lowered_norms = (norms * (1 - self._relative_error)).astype(np.float32)

    def query(self, queries: FloatArray, n_neighbors: int) -> tuple[IntArray, DoubleArray]:
        """Find the nearest rows of each query.

        Parameters
        ----------
        queries : float32 array, shape (m, d)
        n_neighbors : int
            How many, at most the number of rows.

        Returns
        -------
        indices : int64 array, shape (m, n_neighbors)
            In ascending order of distance, then of index.
        squared : float64 array, shape (m, n_neighbors)
            Squared distances.
        """
        n, m = len(self.rows), len(queries)
        if not 1 <= n_neighbors <= n:
            message = f"need 1 <= n_neighbors <= {n}, got {n_neighbors}"
            raise ValueError(message)
        indices = np.empty((m, n_neighbors), dtype=np.int64)
        squared = np.empty((m, n_neighbors), dtype=np.float64)
        n_candidates = n_neighbors + _SPARE
        step = max(1, _BLOCK // max(n, 8 * n_candidates))
        for start in range(0, m, step):
            part = slice(start, min(start + step, m))
            block = np.ascontiguousarray(queries[part].T, dtype=np.float64)  # (d, b)
            if n_candidates >= n:
                unproven = np.arange(block.shape[1])
            else:
                candidates, floor = self._candidates(block, n_candidates)
                candidates.sort(axis=1)  # by index, so that the stable sort below breaks ties
                exact = self._distances(block, candidates)
                order = np.argsort(exact, axis=1, kind="stable")[:, :n_neighbors]
                indices[part] = np.take_along_axis(candidates, order, axis=1)
                squared[part] = np.take_along_axis(exact, order, axis=1)
                unproven = np.flatnonzero(~(squared[part][:, -1] < floor))
            for i in unproven:
                indices[start + i], squared[start + i] = self._scan(block[:, i], n_neighbors)
        return indices, squared

    def graph(self, n_neighbors: int) -> tuple[IntArray, DoubleArray]:
        """Find for each row the nearest other rows, as :meth:`query` gives them.

        Copies of a row count as other rows, at distance zero.
        """
        indices, squared = self.query(self.rows, n_neighbors + 1)
        own = indices == np.arange(len(self.rows))[:, None]
        own[~own.any(axis=1), -1] = True  # more copies than places: the row itself is not listed
        shape = (len(self.rows), n_neighbors)
        return indices[~own].reshape(shape), squared[~own].reshape(shape)

    def _candidates(self, block: DoubleArray, count: int) -> tuple[IntArray, DoubleArray]:
        """Return likely neighbours, and a squared distance that all others exceed or equal."""
        if self._tree is not None:
            distances, found = self._tree.query(block.T, k=count)
            return found.astype(np.int64), distances[:, -1] ** 2 * (1 - 1e-12)
        with np.errstate(over="ignore", invalid="ignore"):  # far queries fail the proof instead
            x = ((block.T - self._center) / self._scale).astype(np.float32)
            lower: AnyArray = x @ self._centered.T
            lower *= -2
            lower += self._lowered_norms
            found = np.argpartition(lower, count - 1, axis=1)[:, :count]
            worst = np.take_along_axis(lower, found, axis=1).max(axis=1).astype(np.float64)
            norms = (x.astype(np.float64) ** 2).sum(axis=1) * (1 - self._relative_error)
            floor = (worst + norms) * self._scale**2
        return found.astype(np.int64), floor

    def _distances(self, block: DoubleArray, candidates: IntArray) -> DoubleArray:
        """Squared distances (b, c) of each query to its candidates, feature by feature."""
        total = np.zeros(candidates.shape, dtype=np.float64)
        for query, column in zip(block, self._columns, strict=True):
            difference = column[candidates]
            difference -= query[:, None]
            difference *= difference
            total += difference
        return total

    def _scan(self, query: DoubleArray, n_neighbors: int) -> tuple[IntArray, DoubleArray]:
        """Compare one query with every row."""
        total = np.zeros(self._columns.shape[1], dtype=np.float64)
        for value, column in zip(query, self._columns, strict=True):
            difference = column - value
            difference *= difference
            total += difference
        limit = np.partition(total, n_neighbors - 1)[n_neighbors - 1]
        near = np.flatnonzero(total <= limit)
        near = near[np.argsort(total[near], kind="stable")[:n_neighbors]]
        return near.astype(np.int64), total[near]
