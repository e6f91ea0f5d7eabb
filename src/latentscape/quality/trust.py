"""False and missing neighbours: trustworthiness, continuity and MRRE."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np

from latentscape.neighbors import kernel_threads
from latentscape.quality.checks import check_count, check_pair
from latentscape.quality.estimates import Estimate, mean_estimate
from latentscape.quality.ranks import Neighbors, depth_scale, nearest, ranks_of
from latentscape.types import DoubleArray, FloatArray, Int32Array


@overload
def trustworthiness(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> Estimate: ...
@overload
def trustworthiness(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[Estimate, DoubleArray]: ...
def trustworthiness(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Are the neighbours on the map neighbours indeed?

    ``1 - 2 / (n k (2n - 3k - 1)) * sum_i sum_j (r(i, j) - k)`` over the k nearest j of i on the
    map that are not among its k nearest codes; ``r(i, j)`` is the rank of j from i among the
    codes. Exact for all rows, without memory that grows with the square of n. Ties go to the
    smaller index.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embedding : array-like, shape (n, 2)
        The map, or any other space of the same rows.
    n_neighbors : int, default 10
        k, from 1 to less than ``n / 2``.
    n_jobs : int or None, default None
        Threads; None and -1 take all cores.
    return_per_sample : bool, default False
        Also return each row's part: their mean is the trustworthiness.

    Returns
    -------
    trustworthiness : Estimate
        At most 1; 1 is best, a random map has about .5.
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
    Venna and Kaski 2001, "Neighborhood preservation in nonlinear projection methods".
    """
    reference, places = check_pair(codes, embedding)
    return _one_way(places, reference, n_neighbors, kernel_threads(n_jobs), return_per_sample)


@overload
def continuity(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> Estimate: ...
@overload
def continuity(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[Estimate, DoubleArray]: ...
def continuity(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Are neighbouring codes neighbours on the map?

    :func:`trustworthiness` with the two spaces exchanged: neighbours that the map has lost, by
    their rank on the map. Parameters, results, errors and source as there.
    """
    reference, places = check_pair(codes, embedding)
    return _one_way(reference, places, n_neighbors, kernel_threads(n_jobs), return_per_sample)


@overload
def mrre(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> tuple[Estimate, Estimate]: ...
@overload
def mrre(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[Estimate, Estimate, DoubleArray, DoubleArray]: ...
def mrre(
    codes: Any,
    embedding: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> tuple[Estimate, Estimate] | tuple[Estimate, Estimate, DoubleArray, DoubleArray]:
    """Mean relative rank errors, turned so that 1 is best: false and missing neighbours.

    False: ``1 - 1 / (n H) * sum_i sum_j |r_codes - r_map| / r_map`` over the k nearest j of i on
    the map; missing: over the k nearest codes, divided by their rank there.
    ``H = sum_l |n - 2l + 1| / l`` for l from 1 to k. Parameters and errors as
    :func:`trustworthiness`, with `n_neighbors` from 1 to ``n - 1``.

    Returns
    -------
    false, missing : Estimate
        From 0 to 1.
    false_per_sample, missing_per_sample : float64 arrays, shape (n,)
        Each row's part, only with ``return_per_sample=True``: their means are the two.

    References
    ----------
    Lee and Verleysen 2007, "Nonlinear Dimensionality Reduction", measures of section 1.
    """
    reference, places = check_pair(codes, embedding)
    n, n_threads = len(places), kernel_threads(n_jobs)
    k = check_count("n_neighbors", n_neighbors, n - 1, n)
    on_map = Neighbors.find(places, k, n_threads)
    (false,), in_codes = ranks_of(reference, [on_map.indices], k, n_threads)
    (missing,), _ = ranks_of(places, [in_codes.indices], k, n_threads, on_map)
    singles = relative_rank_error(false.ranks), relative_rank_error(missing.ranks)
    estimates = mean_estimate(singles[0]), mean_estimate(singles[1])
    return (*estimates, *singles) if return_per_sample else estimates


def relative_rank_error(ranks: Int32Array) -> DoubleArray:
    """Return 1 - each row's relative rank error from the ranks of k neighbours, nearest first."""
    n, k = ranks.shape
    own = np.arange(1, k + 1, dtype=np.float64)
    scale = (np.abs(n - 2 * own + 1) / own).sum()
    if scale == 0:  # two neighbours at most: there is nothing to confuse
        return np.ones(n)
    return np.asarray(1 - (np.abs(ranks - own) / own).sum(axis=1) / scale)


def _one_way(
    asking: FloatArray,
    answering: FloatArray,
    n_neighbors: int,
    n_threads: int,
    return_per_sample: bool,
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Judge the neighbours found in one space by their ranks in the other."""
    n = len(asking)
    k = check_count("n_neighbors", n_neighbors, (n - 1) // 2, n)
    wanted = nearest(asking, k, n_threads)
    (ranked,), _ = ranks_of(answering, [wanted], k, n_threads)
    single = np.asarray(1 - ranked.depths() * depth_scale(n, k))
    return (mean_estimate(single), single) if return_per_sample else mean_estimate(single)
