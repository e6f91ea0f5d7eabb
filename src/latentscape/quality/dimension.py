"""Intrinsic dimension: how many numbers a row needs, whatever its width."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentscape.errors import CodesError, SettingError
from latentscape.neighbors import NeighborGraph, kernel_threads
from latentscape.neighbors.search import nearest_rows
from latentscape.quality.checks import check_count, check_rows
from latentscape.quality.estimates import Estimate
from latentscape.types import DoubleArray, FloatArray


def two_nn_dimension(
    X: Any,
    *,
    discard: float = 0.1,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
) -> Estimate:
    """Intrinsic dimension from the two nearest neighbours of each row.

    With ``mu_i = r2 / r1``, sorted, and ``F_i = i / n``, the slope of the line through 0 that
    fits ``-log(1 - F)`` against ``log mu`` best, the largest ``mu`` left out. Rows that have a
    copy (``r1 = 0``) are left out first.

    Parameters
    ----------
    X : array-like, shape (n, ...)
        Images, codes or any rows.
    discard : float, default 0.1
        Share of the largest ``mu`` that is left out, from 0 to less than 1.
    graph : NeighborGraph, optional
        Euclidean neighbours of `X`, two or more; saves the search.
    n_jobs : int or None, default None

    Returns
    -------
    Estimate
        Its error is that of the likelihood estimate from as many rows, ``d / sqrt(n)``.

    Raises
    ------
    CodesError
        NaN or infinity, fewer than three rows that have no copy, or a graph of other rows.
    SettingError
        `discard` is out of range.

    References
    ----------
    Facco, d'Errico, Rodriguez and Laio 2017.
    """
    share = isinstance(discard, int | float) and not isinstance(discard, bool)
    if not share or not 0 <= discard < 1:
        raise SettingError(f"discard must be a share from 0 to less than 1, got {discard!r}.")
    radii = _radii(check_rows(X, least=3), 2, graph, n_jobs)
    single = radii[:, 0] > 0
    mu = np.sort(np.log(radii[single, 1] / radii[single, 0]))
    n = len(mu)
    kept = min(int(n * (1 - discard)), n - 1)  # the last one has F = 1
    if kept < 2 or mu[kept - 1] == 0:
        raise CodesError(
            f"only {n} of {len(radii)} rows have no copy, or all are equally far apart; the "
            "dimension cannot be told from them."
        )
    x, y = mu[:kept], -np.log1p(-np.arange(1, kept + 1) / n)
    slope = float((x * y).sum() / (x * x).sum())
    return Estimate(slope, slope / np.sqrt(kept))


def mle_dimension(
    X: Any,
    n_neighbors: int = 20,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
) -> Estimate:
    """Intrinsic dimension by maximum likelihood.

    ``1 / d = mean_i 1 / (k - 1) * sum_{j < k} log(r_k / r_j)``: the inverse of the mean, as
    MacKay and Ghahramani corrected the average of Levina and Bickel. Rows that have a copy are
    left out.

    Parameters
    ----------
    X : array-like, shape (n, ...)
        Images, codes or any rows.
    n_neighbors : int, default 20
        k, from 2 to ``n - 1``.
    graph : NeighborGraph, optional
        Euclidean neighbours of `X`, k or more; saves the search.
    n_jobs : int or None, default None

    Returns
    -------
    Estimate

    Raises
    ------
    CodesError
        NaN or infinity, too few rows that have no copy, or a graph of other rows.
    SettingError
        `n_neighbors` is out of range.

    References
    ----------
    Levina and Bickel 2004; MacKay and Ghahramani 2005, "Comments on 'Maximum likelihood
    estimation of intrinsic dimension'".
    """
    rows = check_rows(X, least=3)
    n = len(rows)
    k = check_count("n_neighbors", n_neighbors, n - 1, n, least=2)
    radii = _radii(rows, k, graph, n_jobs)
    radii = radii[radii[:, 0] > 0]
    inverse = np.log(radii[:, -1:] / radii[:, :-1]).mean(axis=1)
    if len(inverse) < 2 or inverse.mean() == 0:
        raise CodesError(
            f"only {len(inverse)} of {n} rows have no copy, or all are equally far apart; the "
            "dimension cannot be told from them."
        )
    dimension = 1 / float(inverse.mean())
    error = float(inverse.std(ddof=1)) / np.sqrt(len(inverse)) * dimension**2
    return Estimate(dimension, error)


def _radii(
    rows: FloatArray, k: int, graph: NeighborGraph | None, n_jobs: int | None
) -> DoubleArray:
    """Return the distances to the k nearest other rows."""
    if graph is not None:
        if graph.metric != "euclidean":
            raise SettingError('the dimension needs a graph with metric="euclidean".')
        if graph.n_rows != len(rows):
            raise CodesError(
                f"the graph has {graph.n_rows} rows and X {len(rows)}; build it on these rows."
            )
        graph.nearest(k)  # or says that there are too few
        return graph.distances[:, :k].astype(np.float64)
    _, squared = nearest_rows(rows, rows, k, same=True, threads=kernel_threads(n_jobs))
    return np.asarray(np.sqrt(squared))
