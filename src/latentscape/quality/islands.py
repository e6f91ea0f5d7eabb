"""Islands of a map, and whether the gaps between them are gaps of the codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from latentscape.neighbors import NeighborGraph, kernel_threads
from latentscape.quality.checks import check_pair
from latentscape.quality.estimates import Estimate, mean_estimate
from latentscape.quality.ranks import Neighbors
from latentscape.types import Int32Array, IntArray

_REACH = 2.0  # in medians of the distance to the last neighbour: a longer step crosses a gap
_LEAST = 0.005  # share of all rows that makes an island; fewer are stragglers


def map_islands(neighbors: Neighbors) -> IntArray:
    """Divide a map into islands with gaps between them.

    Rows belong together if steps between neighbours lead from one to the other, none longer than
    twice the median distance to the last neighbour.

    Parameters
    ----------
    neighbors : Neighbors
        Of each place on the map, ten or so.

    Returns
    -------
    int64 array, shape (n,)
        Number of each row's island, the largest 0; -1 for stragglers, in groups below half a
        percent of all rows.
    """
    distances, n = neighbors.distances, len(neighbors.distances)
    near = distances <= _REACH * float(np.median(distances[:, -1]))
    starts = np.concatenate([[0], np.cumsum(near.sum(axis=1))])
    steps = csr_array((np.ones(starts[-1], np.int8), neighbors.indices[near], starts), shape=(n, n))
    count, group = connected_components(steps, directed=False)
    sizes = np.bincount(group, minlength=count)
    order = np.argsort(-sizes, kind="stable")
    number = np.full(count, -1, dtype=np.int64)
    islands = order[sizes[order] >= _LEAST * n]
    number[islands] = np.arange(len(islands))
    return np.asarray(number[group])


def gap_crossing(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
) -> Estimate:
    """Share of neighbouring codes that a gap of the map separates.

    The map is divided into islands (:func:`map_islands`); of all pairs of a row and one of its
    nearest codes, both on islands, it counts those on different ones. Near 0 the codes have the
    gaps as well; near the value of a random map, ``1 - sum of squared shares of the islands``, the
    map invented them.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embedding : array-like, shape (n, 2)
    n_neighbors : int, default 10
    graph : NeighborGraph, optional
        Neighbours of the codes. Used if they are exact and enough.
    n_jobs : int or None, default None

    Returns
    -------
    Estimate
        From 0 to 1; 0 for a map with one island. Its error is over rows.

    Raises
    ------
    CodesError, SettingError
        As :func:`neighbor_recall`.
    """
    reference, places = check_pair(codes, embedding, graph)
    k = min(int(n_neighbors), len(places) - 1)
    on_map = Neighbors.find(places, k, kernel_threads(n_jobs))
    in_codes = Neighbors.find(reference, k, kernel_threads(n_jobs), graph)
    return crossing(map_islands(on_map), in_codes.indices)


def crossing(islands: IntArray, neighbors: Int32Array) -> Estimate:
    """Return the share of neighbours on another island; the error is over rows."""
    theirs = islands[neighbors]
    counted = (theirs >= 0) & (islands >= 0)[:, None]
    rows = counted.any(axis=1)
    if not rows.any():
        return Estimate(0.0)
    crossed = counted & (theirs != islands[:, None])
    share = crossed[rows].sum(axis=1) / counted[rows].sum(axis=1)
    return mean_estimate(share)


def random_crossing(islands: IntArray) -> float:
    """Return the crossing of the same islands with places dealt out at random."""
    counts = np.bincount(islands[islands >= 0])
    total = counts.sum()
    return float(1 - ((counts / total) ** 2).sum()) if total else 0.0
