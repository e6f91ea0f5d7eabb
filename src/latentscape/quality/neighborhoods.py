"""Does the map keep neighbourhoods? Recall, LCMC and the R_NX curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from latentscape.neighbors import NeighborGraph, kernel_threads, shared_neighbors
from latentscape.quality.checks import check_count, check_pair, draw_rows
from latentscape.quality.estimates import Estimate, mean_estimate
from latentscape.quality.ranks import CoRanks, coranks, log_sizes, nearest
from latentscape.types import DoubleArray, Int32Array


@overload
def neighbor_recall(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> Estimate: ...
@overload
def neighbor_recall(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[Estimate, DoubleArray]: ...
def neighbor_recall(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Share of the nearest neighbours in the codes that are so on the map, Q_NX(K).

    ``1 / (n K) * sum_i |nu_K(i) of the codes and of the map|``, ties by index, exact for all
    rows.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embedding : array-like, shape (n, 2)
        The map, or any other space of the same rows.
    n_neighbors : int, default 10
        K, from 1 to ``n - 1``.
    graph : NeighborGraph, optional
        Neighbours of the codes. Used if they are exact and enough, and for its metric.
    n_jobs : int or None, default None
        Threads; None and -1 take all cores.
    return_per_sample : bool, default False
        Also return the share for each row.

    Returns
    -------
    recall : Estimate
        From 0 to 1; 1 is best, a random map has ``K / (n - 1)``.
    per_sample : float64 array, shape (n,)
        Only with ``return_per_sample=True``.

    Raises
    ------
    CodesError
        Rows that do not belong together, NaN or infinity.
    SettingError
        `n_neighbors` is out of range.

    References
    ----------
    Venna, Peltonen, Nybo, Aidos and Kaski 2010; Lee and Verleysen 2009 (Q_NX).
    """
    reference, places = check_pair(codes, embedding, graph)
    k = check_count("n_neighbors", n_neighbors, len(places) - 1, len(places))
    shared = shared_neighbors(
        nearest(reference, k, kernel_threads(n_jobs), graph),
        nearest(places, k, kernel_threads(n_jobs)),
    )
    recall = mean_estimate(shared / k)
    return (recall, shared / k) if return_per_sample else recall


@overload
def lcmc(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> Estimate: ...
@overload
def lcmc(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[Estimate, DoubleArray]: ...
def lcmc(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Local continuity meta-criterion: recall beyond that of a random map.

    ``Q_NX(K) - K / (n - 1)``. Parameters and errors as :func:`neighbor_recall`.

    Returns
    -------
    lcmc : Estimate
        At most ``1 - K / (n - 1)``; a random map has 0.
    per_sample : float64 array, shape (n,)
        Only with ``return_per_sample=True``.

    References
    ----------
    Chen and Buja 2009.
    """
    recall, single = neighbor_recall(
        codes, embedding, n_neighbors, graph=graph, n_jobs=n_jobs, return_per_sample=True
    )
    chance = n_neighbors / (len(single) - 1)
    above = Estimate(float(recall) - chance, recall.standard_error)
    return (above, single - chance) if return_per_sample else above


@overload
def r_nx(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> Estimate: ...
@overload
def r_nx(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[Estimate, DoubleArray]: ...
def r_nx(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Recall rescaled so that a random map has 0 and a perfect one 1, R_NX(K).

    ``((n - 1) Q_NX(K) - K) / (n - 1 - K)``. Parameters as :func:`neighbor_recall`, with
    `n_neighbors` from 1 to ``n - 2``.

    Returns
    -------
    r_nx : Estimate
    per_sample : float64 array, shape (n,)
        Only with ``return_per_sample=True``.

    Raises
    ------
    CodesError, SettingError
        As :func:`neighbor_recall`.

    References
    ----------
    Lee, Peluffo-Ordonez and Verleysen 2015.
    """
    n = len(np.asarray(codes))
    k = check_count("n_neighbors", n_neighbors, max(1, n - 2), n)
    recall, single = neighbor_recall(
        codes, embedding, k, graph=graph, n_jobs=n_jobs, return_per_sample=True
    )
    scale, chance = (n - 1) / (n - 1 - k), k / (n - 1)
    rescaled = Estimate((float(recall) - chance) * scale, recall.standard_error * scale)
    return (rescaled, (single - chance) * scale) if return_per_sample else rescaled


@dataclass(frozen=True, eq=False)
class RnxCurve:
    """R_NX at all scales.

    Attributes
    ----------
    sizes : int32 array, shape (s,)
        K in ascending order.
    values : float64 array, shape (s,)
        R_NX(K).
    standard_errors : float64 array, shape (s,)
        Over the anchors.
    auc : Estimate
        Area under the curve over log K, all K from 1 to n - 2 counted.
    """

    sizes: Int32Array
    values: DoubleArray
    standard_errors: DoubleArray
    auc: Estimate

    @classmethod
    def of(cls, ranks: CoRanks) -> RnxCurve:
        """Average over anchors."""
        single = ranks.r_nx()
        count = len(single)
        spread = single.std(axis=0, ddof=1) if count > 1 else np.zeros(single.shape[1])
        return cls(
            ranks.sizes, single.mean(axis=0), spread / np.sqrt(count), mean_estimate(ranks.auc())
        )


def r_nx_curve(
    codes: Any,
    embedding: Any,
    *,
    n_anchors: int = 1000,
    n_sizes: int = 100,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> RnxCurve:
    """R_NX(K) for K from 1 to n - 2, and its area over log K.

    ``AUC = sum_K R_NX(K) / K / sum_K 1 / K``. All rows are ranked from each of some anchor rows
    (from all rows, where there are no more than `n_anchors`); ties by index.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embedding : array-like, shape (n, 2)
        The map, or any other space of the same rows.
    n_anchors : int, default 1000
    n_sizes : int, default 100
        Points of the curve at most, evenly spread over log K. The area counts every K.
    random_state : int, default 0
        Seed of the anchors. Equal seeds give equal anchors, so differences are paired.
    n_jobs : int or None, default None

    Returns
    -------
    RnxCurve

    Raises
    ------
    CodesError, SettingError
        As :func:`neighbor_recall`.

    References
    ----------
    Lee, Peluffo-Ordonez and Verleysen 2015, "Multi-scale similarities in stochastic neighbour
    embedding".
    """
    reference, places = check_pair(codes, embedding, least=4)
    n = len(places)
    check_count("n_anchors", n_anchors, 2**31, n)
    check_count("n_sizes", n_sizes, 2**31, n, least=2)
    anchors = draw_rows(n, n_anchors, random_state)
    ranks = coranks(reference, [places], anchors, log_sizes(n, n_sizes), kernel_threads(n_jobs))
    return RnxCurve.of(ranks[0])


def r_nx_auc(
    codes: Any,
    embedding: Any,
    *,
    n_anchors: int = 1000,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Estimate:
    """Area under R_NX over log K: one number for all scales, the small ones weighing most.

    Parameters, errors and source as :func:`r_nx_curve`.

    Returns
    -------
    Estimate
        At most 1; 1 is best, a random map has 0.
    """
    return r_nx_curve(
        codes, embedding, n_anchors=n_anchors, random_state=random_state, n_jobs=n_jobs
    ).auc
