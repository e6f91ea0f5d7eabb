"""Perplexity affinities of t-SNE, and how well a map keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from latentscape import _native
from latentscape.neighbors import NeighborGraph
from latentscape.types import DoubleArray, FloatArray, Int32Array, IntArray


def conditional_affinities(
    squared: DoubleArray, perplexity: float, *, threads: int = 0
) -> DoubleArray:
    """Gaussian affinities of each row to its neighbours at a given perplexity.

    The width of each row's Gaussian is searched by Newton's method until its entropy
    is the logarithm of `perplexity` (van der Maaten and Hinton 2008, section 2).
    Distances count from the nearest neighbour on, so a row never loses all its
    affinity; where ties leave more neighbours than `perplexity`, they share it.

    Parameters
    ----------
    squared : float64 array, shape (n, k)
        Squared distances to the neighbours.
    perplexity : float
        Effective number of neighbours; 1 or less means the nearest alone.
    threads : int, default 0
        0 takes all cores.

    Returns
    -------
    affinities : float64 array, shape (n, k)
        Each row adds up to 1.
    """
    return _native.conditional_affinities(
        np.ascontiguousarray(squared, dtype=np.float64), perplexity, threads=threads
    )


def sparse_affinities(
    graph: NeighborGraph, perplexity: float, *, threads: int = 0
) -> tuple[IntArray, Int32Array, FloatArray]:
    """Symmetric affinities that add up to 1 over all pairs, as the arrays of a CSR matrix.

    From the ``3 * perplexity`` nearest neighbours of each row, or as many as the graph has.
    Cosine distances count as squared distances between codes of length 1.

    Parameters
    ----------
    graph : NeighborGraph
    perplexity : float
        Effective number of neighbours, greater than 0.
    threads : int, default 0
        0 takes all cores. They change no bit.

    Returns
    -------
    starts : int64 array, shape (n + 1,)
    columns : int32 array, shape (m,)
        Ascending in each row.
    values : float32 array, shape (m,)
    """
    k = min(graph.n_neighbors, max(1, int(3 * perplexity)))
    distances = graph.distances[:, :k]
    if graph.metric == "cosine":
        distances = np.sqrt(2 * distances)
    return _native.joint_affinities(
        np.ascontiguousarray(graph.indices[:, :k]),
        np.ascontiguousarray(distances, dtype=np.float32),
        perplexity,
        threads=threads,
    )


def joint_affinities(graph: NeighborGraph, perplexity: float, *, threads: int = 0) -> csr_array:
    """Return :func:`sparse_affinities` as a float32 matrix of SciPy's, shape (n, n)."""
    starts, columns, values = sparse_affinities(graph, perplexity, threads=threads)
    if starts[-1] <= np.iinfo(np.int32).max:  # else SciPy would widen the columns
        starts = starts.astype(np.int32)
    return csr_array((values, columns, starts), shape=(graph.n_rows, graph.n_rows))


def kl_divergence(affinities: Any, embedding: Any, *, threads: int = 0) -> float:
    """Kullback-Leibler divergence of a map from affinities, exactly, over all pairs.

    ``sum_ij p_ij log(p_ij / q_ij)`` with ``q_ij`` proportional to
    ``1 / (1 + |y_i - y_j|^2)`` (van der Maaten and Hinton 2008): what t-SNE makes
    small. It takes time in proportion to n², a second or so for 70,000 rows.

    Parameters
    ----------
    affinities : sparse matrix, shape (n, n)
        Non-negative, adding up to 1, as :func:`joint_affinities` makes them.
    embedding : array-like, shape (n, 2)
    threads : int, default 0
        0 takes all cores. They change no bit.

    Returns
    -------
    float
        0 or more, less is better.

    Raises
    ------
    ValueError
        The shapes do not fit.
    """
    matrix = csr_array(affinities)
    return _native.kl_divergence(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float32),
        np.ascontiguousarray(embedding, dtype=np.float32),
        threads=threads,
    )
