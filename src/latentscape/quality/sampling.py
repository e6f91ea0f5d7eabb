"""Do images decoded from random codes look like the data?"""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from latentscape.errors import CodesError
from latentscape.quality.checks import check_rows
from latentscape.quality.estimates import Estimate
from latentscape.types import DoubleArray

_GROUPS = 10  # of rows, left out in turn


def frechet_distance(real: Any, generated: Any) -> Estimate:
    """Squared Fréchet distance between the features of real and of generated images.

    ``|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`` for means m and covariances S: the distance of
    two normal distributions. Features are what one fixed model makes of both sets, for example the
    encoder's codes, so that no other network has to be fetched.

    Parameters
    ----------
    real : array-like, shape (n, d)
        Features of images of the data.
    generated : array-like, shape (m, d)
        Features of decoded random codes.

    Returns
    -------
    Estimate
        0 or more, less is better; of two halves of the data it is near 0. It grows as sets get
        smaller, so compare sets of one size. Its error by jackknife over ten groups of the
        generated rows.

    Raises
    ------
    CodesError
        NaN or infinity, fewer than 20 rows, or different widths.

    References
    ----------
    Dowson and Landau 1982; Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter 2017 (FID).
    """
    one = check_rows(real, "real", 2 * _GROUPS).astype(np.float64)
    other = check_rows(generated, "generated", 2 * _GROUPS).astype(np.float64)
    if one.shape[1] != other.shape[1]:
        raise CodesError(
            f"real features have {one.shape[1]} columns and generated ones {other.shape[1]}; take "
            "both from one model."
        )
    with threadpool_limits(limits=1, user_api="blas"):  # the bits must not depend on threads
        root = _root(np.atleast_2d(np.cov(one, rowvar=False)))

        def distance(rows: DoubleArray) -> float:
            covariance = np.atleast_2d(np.cov(rows, rowvar=False))
            shift = one.mean(axis=0) - rows.mean(axis=0)
            common = np.linalg.eigvalsh(root @ covariance @ root)
            total = np.trace(root @ root) + np.trace(covariance)
            return float(shift @ shift + total - 2 * np.sqrt(np.maximum(common, 0)).sum())

        value = max(0.0, distance(other))
        group = np.arange(len(other)) % _GROUPS
        parts = np.array([distance(other[group != g]) for g in range(_GROUPS)])
    spread = ((parts - parts.mean()) ** 2).sum()
    return Estimate(value, float(np.sqrt((_GROUPS - 1) / _GROUPS * spread)))


def _root(covariance: DoubleArray) -> DoubleArray:
    values, vectors = np.linalg.eigh(covariance)
    root: DoubleArray = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
