"""Perplexity affinities of t-SNE from a neighbour graph."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from latentscape.types import DoubleArray, IntArray

_STEPS = 64  # halvings of the search interval: enough for every bit of a float64


def conditional_affinities(squared: DoubleArray, perplexity: float) -> DoubleArray:
    """Gaussian affinities of each row to its neighbours at a given perplexity.

    The width of each row's Gaussian is searched by bisection until its entropy
    is the logarithm of `perplexity` (van der Maaten and Hinton 2008, section 2).
    Distances count from the nearest neighbour on, so a row never loses all its
    affinity; where ties leave more neighbours than `perplexity`, they share it.

    Parameters
    ----------
    squared : float64 array, shape (n, k)
        Squared distances to the neighbours, ascending.
    perplexity : float
        Effective number of neighbours; 1 or less means the nearest alone.

    Returns
    -------
    affinities : float64 array, shape (n, k)
        Each row adds up to 1.
    """
    beyond = squared - squared[:, :1]
    scale = beyond.mean(axis=1, keepdims=True)
    beyond = np.divide(beyond, scale, out=np.zeros_like(beyond), where=scale > 0)
    target = np.log(perplexity)
    # log of the precision, between "all neighbours alike" and "the nearest alone"
    low = np.full((len(squared), 1), -20.0)
    high = np.full((len(squared), 1), 60.0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        scaled = beyond * np.exp(middle)
        weights = np.exp(-scaled)
        total = weights.sum(axis=1, keepdims=True)
        entropy = np.log(total) + (scaled * weights).sum(axis=1, keepdims=True) / total
        wide = entropy > target
        low = np.where(wide, middle, low)
        high = np.where(wide, high, middle)
    weights = np.exp(-beyond * np.exp(high))
    result: DoubleArray = weights / weights.sum(axis=1, keepdims=True)
    return result


def joint_affinities(indices: IntArray, squared: DoubleArray, perplexity: float) -> csr_array:
    """Symmetric affinities that add up to 1 over all pairs.

    Parameters
    ----------
    indices : int64 array, shape (n, k)
        Nearest other rows of each row.
    squared : float64 array, shape (n, k)
        Squared distances to them.
    perplexity : float
        Effective number of neighbours.

    Returns
    -------
    affinities : sparse float64 array, shape (n, n)
    """
    n, k = indices.shape
    values = conditional_affinities(squared, perplexity).ravel()
    starts = np.arange(0, n * k + 1, k)
    conditional = csr_array((values, indices.ravel(), starts), shape=(n, n))
    joint = (conditional + conditional.T).tocsr()
    joint.sort_indices()
    return joint / (2.0 * n)
