"""Exact nearest rows, also among wide rows such as images."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from latentscape import _native
from latentscape.neighbors.stray import distances_from, exact_squares, spread_of
from latentscape.types import DoubleArray, FloatArray, Int32Array

_WIDE = 128  # columns from which a sketch pays
_PAIRS = 10_000_000  # and how many pairs it needs
_WIDTH = 64  # of the sketch
_SAMPLE = 4096  # rows that its axes are found from
_BLOCK = 8192


def nearest_rows(
    queries: FloatArray, rows: FloatArray, k: int, *, same: bool = False, threads: int = 0
) -> tuple[Int32Array, DoubleArray]:
    """Find the k nearest rows of each query, exactly; ties go to the smaller index.

    Where a few rows lie absurdly far from all others, or queries from all rows, float32 cannot
    order what is far away and loses what is near. Such rows are kept apart, and queries among them
    are measured one by one.

    Among wide rows most pairs are told apart by their distance along some principal axes, which is
    never greater than the whole one; only pairs that are near there are measured. This changes no
    bit of the result.

    Parameters
    ----------
    queries : float32 array, shape (m, d), C-contiguous
    rows : float32 array, shape (n, d), C-contiguous
    k : int
        From 1 to n, or to ``n - 1`` where `same`.
    same : bool, default False
        The queries are the rows, and no row is its own neighbour.
    threads : int, default 0
        0 takes all cores. They change no bit.

    Returns
    -------
    indices : int32 array, shape (m, k)
    squared : float64 array, shape (m, k)
        Squared distances.
    """
    spread = spread_of(rows)
    far = distances_from(spread.center, queries) > spread.beyond
    held, names = rows, None
    if spread.stray is not None:
        names = np.flatnonzero(~spread.stray).astype(np.int32)
        if len(names) < k + same:
            far[:] = True
        held = np.ascontiguousarray(rows[names])
    elif not far.any():
        return _nearest_rows(queries, rows, k, same, threads)
    indices = np.empty((len(queries), k), dtype=np.int32)
    squared = np.empty((len(queries), k), dtype=np.float64)
    near = np.flatnonzero(~far)
    if len(near):
        found, squared[near] = _nearest_rows(
            np.ascontiguousarray(queries[near]), held, k, same, threads
        )
        indices[near] = found if names is None else names[found]
    for i in np.flatnonzero(far):
        apart = exact_squares(queries[i], rows)
        if same:
            apart[i] = np.inf
        indices[i] = np.argsort(apart, kind="stable")[:k]
        squared[i] = apart[indices[i]]
    return indices, squared


def _nearest_rows(
    queries: FloatArray, rows: FloatArray, k: int, same: bool, threads: int
) -> tuple[Int32Array, DoubleArray]:
    """Find them where no distance is absurd."""
    if rows.shape[1] < _WIDE or len(queries) * len(rows) < _PAIRS:
        return _native.nearest_rows(queries, rows, k, same=same, threads=threads)
    with threadpool_limits(limits=threads or None, user_api="blas"):
        mean, axes = _leading_axes(rows)
        narrow = _projected(rows, mean, axes)
        asked = narrow if same else _projected(queries, mean, axes)
    # Rows of one cell follow each other, so that whole groups of them can be passed over.
    n_cells = int(len(rows) ** 0.5)
    centers = np.ascontiguousarray(narrow[:: -(-len(rows) // n_cells)])
    cells, _ = _native.nearest_rows(narrow, centers, 1, threads=threads)
    order = np.argsort(cells[:, 0], kind="stable").astype(np.int32)
    return _native.nearest_rows(
        queries, rows, k, same=same, threads=threads, sketch=(asked, narrow, order)
    )


def _leading_axes(rows: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Return mean (d,) and principal axes (d, 64) of a sample of the rows."""
    some = rows[:: -(-len(rows) // _SAMPLE)].astype(np.float64)
    mean = some.mean(axis=0)
    some -= mean
    some /= float(np.abs(some).max()) or 1.0  # squares of huge rows must not overflow
    _, vectors = np.linalg.eigh(some.T @ some)
    return mean, vectors[:, : -_WIDTH - 1 : -1]


def _projected(rows: FloatArray, mean: DoubleArray, axes: DoubleArray) -> FloatArray:
    narrow = np.empty((len(rows), axes.shape[1]), dtype=np.float32)
    start, turn = mean.astype(np.float32), axes.astype(np.float32)
    for first in range(0, len(rows), _BLOCK):
        part = slice(first, first + _BLOCK)
        np.matmul(rows[part] - start, turn, out=narrow[part])
    return narrow
