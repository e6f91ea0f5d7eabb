"""First positions for a layout of a graph: its slowest waves, or the PCA map."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from latentscape.types import DoubleArray, FloatArray

_DENSE_ROWS = 100  # up to here all eigenvectors are quicker than the iteration
_KRYLOV = 24  # vectors that the iteration holds
_ROUNDS = 40  # restarts after which it gives up
_MANY_ROWS = 20_000  # from here a rougher answer must do
_HELD_TOGETHER = 0.05  # least share of the extent that the middle 98 % of the rows take up


def spectral_start(graph: csr_array, guess: DoubleArray, n_threads: int = 1) -> DoubleArray | None:
    """Find the two eigenvectors of the normalised Laplacian that follow the trivial one.

    They are found roughly, to a residual of 0.001, or 0.01 beyond 20,000 rows: enough to begin a
    layout with.

    Parameters
    ----------
    graph : sparse float32 array, shape (n, n)
        Symmetric weights, none below zero; no row without any.
    guess : float64 array, shape (n, 2)
        Positions with the coarse structure of the rows, for example their PCA map, from which
        the iteration starts. It decides how long it takes, and with the graph all the bits.
    n_threads : int, default 1
        They change the time alone.

    Returns
    -------
    start : float64 array, shape (n, 2), or None
        Both columns of length 1. None where there is no useful answer: the graph falls into
        pieces, the iteration does not converge, or the eigenvectors tell a few rows from all
        others and hold these on one spot.

    References
    ----------
    Belkin and Niyogi 2003 (Laplacian eigenmaps); Lehoucq, Sorensen and Yang 1998 (ARPACK).
    """
    n = graph.shape[0]
    # In a symmetric graph the strong components are the components, and need no transposed copy.
    if n < 4 or connected_components(graph, connection="strong", return_labels=False) > 1:
        return None
    starts, columns = graph.indptr, graph.indices
    roots = np.sqrt(np.add.reduceat(graph.data.astype(np.float64), starts[:-1]))
    # The largest eigenvalues of D^-1/2 W D^-1/2 are the smallest of the Laplacian.
    data = graph.data / (np.repeat(roots, np.diff(starts)) * roots[columns])
    if n <= _DENSE_ROWS:
        matrix = csr_array((data, columns, starts), shape=graph.shape)
        _, vectors = np.linalg.eigh(matrix.toarray())
    else:
        matrix = csr_array((data.astype(np.float32), columns, starts), shape=graph.shape)
        try:
            values, vectors = eigsh(
                _by_rows(matrix, n_threads),
                k=3,
                which="LA",
                ncv=_KRYLOV,
                maxiter=_ROUNDS,
                tol=1e-3 if n <= _MANY_ROWS else 1e-2,
                v0=(roots * (1.0 + guess.sum(axis=1))).astype(np.float32),
            )
        except ArpackError:  # no convergence included
            return None
        vectors = vectors[:, np.argsort(values)]
    start = np.asarray(vectors[:, [-2, -3]], dtype=np.float64)
    if not np.isfinite(start).all():
        return None
    low, high = np.percentile(start, [1, 99], axis=0)
    if ((high - low) < _HELD_TOGETHER * np.ptp(start, axis=0)).any():
        return None
    for column in start.T:  # of v and -v always the same one
        column *= 1.0 if column[np.argmax(np.abs(column))] > 0 else -1.0
    return start


def _by_rows(matrix: csr_array, n_threads: int) -> csr_array | LinearOperator:
    """Let threads multiply rows each; scipy multiplies in one, and lets others run meanwhile."""
    n = matrix.shape[0]
    if n_threads == 1 or n <= _MANY_ROWS:
        return matrix
    starts = matrix.indptr
    cuts = np.searchsorted(starts, np.linspace(0, starts[-1], n_threads + 1)[1:-1])
    parts = []
    for low, high in itertools.pairwise([0, *cuts, n]):
        entries = slice(starts[low], starts[high])
        content = (
            matrix.data[entries],
            matrix.indices[entries],
            starts[low : high + 1] - starts[low],
        )
        parts.append(csr_array(content, shape=(high - low, n)))

    def product(vector: FloatArray) -> FloatArray:
        with ThreadPoolExecutor(n_threads) as pool:
            return np.concatenate(list(pool.map(lambda part: part @ vector, parts)))

    return LinearOperator(matrix.shape, matvec=product, dtype=matrix.dtype)


def in_box(start: DoubleArray, side: float, seed: int) -> FloatArray:
    """Scale positions to a box in which a layout can begin.

    The wider of both columns has its middle 98 % on a stretch of length `side` around zero. Rows
    beyond are drawn in to half of that again, so that outliers do not press all others together;
    a little noise keeps rows apart that share a spot.

    Parameters
    ----------
    start : float64 array, shape (n, 2)
    side : float
    seed : int
        Seed of the noise.

    Returns
    -------
    float32 array, shape (n, 2)
    """
    low, high = np.percentile(start, [1, 99], axis=0)
    extent = float((high - low).max()) or float(np.ptp(start, axis=0).max()) or 1.0
    places = np.clip((start - (low + high) / 2) / extent, -1.0, 1.0) * side
    noise = np.random.default_rng(seed).normal(scale=1e-4 * side, size=start.shape)
    return np.ascontiguousarray(places + noise, dtype=np.float32)
