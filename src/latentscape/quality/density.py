"""Do dense places of the codes look dense on the map?"""

from __future__ import annotations

from typing import Any

import numpy as np

from latentscape.neighbors import NeighborGraph, kernel_threads
from latentscape.quality.checks import check_count, check_pair
from latentscape.quality.estimates import Estimate, correlation, jackknife_estimate
from latentscape.quality.ranks import Neighbors
from latentscape.types import DoubleArray


def density_preservation(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 15,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
) -> Estimate:
    """Correlation of local radii, in logarithms, between the codes and the map.

    The local radius of a row is the mean distance to its nearest neighbours in that space.
    Rows with a radius of zero in either space (more copies than neighbours) are left out.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embedding : array-like, shape (n, 2)
        The map, or any other space of the same rows.
    n_neighbors : int, default 15
        From 1 to ``n - 1``.
    graph : NeighborGraph, optional
        Neighbours of the codes. Used if they are exact and enough.
    n_jobs : int or None, default None

    Returns
    -------
    Estimate
        From -1 to 1; 1 is best, a random map has 0. Its error by jackknife over 20 groups.

    Raises
    ------
    CodesError, SettingError
        As :func:`neighbor_recall`.

    References
    ----------
    Narayan, Berger and Cho 2021 (densMAP).
    """
    reference, places = check_pair(codes, embedding, graph)
    k = check_count("n_neighbors", n_neighbors, len(places) - 1, len(places))
    one = Neighbors.find(reference, k, kernel_threads(n_jobs), graph)
    other = Neighbors.find(places, k, kernel_threads(n_jobs))
    return radius_correlation(one.distances.mean(axis=1), other.distances.mean(axis=1))


def radius_correlation(one: DoubleArray, other: DoubleArray) -> Estimate:
    """Correlate the logarithms of two lists of radii."""
    positive = (one > 0) & (other > 0)
    if positive.sum() < 3:
        return Estimate(np.nan, np.nan)
    a, b = np.log(one[positive]), np.log(other[positive])
    return jackknife_estimate(lambda rows: correlation(a[rows], b[rows]), len(a))
