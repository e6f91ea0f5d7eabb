"""What the units of a latent space are used for, and what can be read from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from latentscape.errors import CodesError, SettingError
from latentscape.quality.checks import check_labels, check_rows, check_two_classes
from latentscape.quality.estimates import Estimate, mean_estimate, random_groups
from latentscape.types import DoubleArray, IntArray

_GROUPS = 20  # of rows, left out in turn


def code_spectrum(codes: Any) -> DoubleArray:
    """Return the variances of codes along their principal axes, the largest first.

    Parameters
    ----------
    codes : array-like, shape (n, d)
        Two rows or more.

    Returns
    -------
    float64 array, shape (d,)
        Divisor ``n - 1``.

    Raises
    ------
    CodesError
        Fewer rows, NaN or infinity.
    """
    rows = check_rows(codes, "codes", 2)
    return _variances(*_moments(rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)))


def participation_ratio(codes: Any) -> Estimate:
    """Return how many directions share the variance: ``(sum l)^2 / sum l^2``.

    l are the variances along the principal axes. Parameters and errors as :func:`code_spectrum`.

    Returns
    -------
    Estimate
        From 1 (one direction) to d (all alike); 0 for codes that do not vary. Its error by
        jackknife over 20 groups.

    References
    ----------
    Gao et al. 2017, "A theory of multineuronal dimensionality".
    """

    def ratio(variances: DoubleArray) -> float:
        squares = float((variances**2).sum())
        return float(variances.sum()) ** 2 / squares if squares > 0 else 0.0

    return _of_spectrum(codes, ratio)


def entropy_dimension(codes: Any) -> Estimate:
    """Return the exponential of the entropy of the shares of variance, ``exp(-sum p log p)``.

    Parameters, errors as :func:`code_spectrum`; range as :func:`participation_ratio`.

    References
    ----------
    Roy and Vetterli 2007, "The effective rank".
    """

    def dimension(variances: DoubleArray) -> float:
        total = float(variances.sum())
        if total <= 0:
            return 0.0
        shares = variances[variances > 0] / total
        return float(np.exp(-(shares * np.log(shares)).sum()))

    return _of_spectrum(codes, dimension)


def n_components_for(codes: Any, share: float = 0.99) -> int:
    """Return how many principal axes hold a share of the variance of codes.

    Raises
    ------
    SettingError
        `share` is not above 0 and at most 1.
    CodesError
        As :func:`code_spectrum`.
    """
    if isinstance(share, bool) or not 0 < share <= 1:
        raise SettingError(f"share must be above 0 and at most 1, got {share!r}.")
    variances = code_spectrum(codes)
    held = np.cumsum(variances)
    return int(np.searchsorted(held, share * held[-1] * (1 - 1e-12)) + 1) if held[-1] > 0 else 0


def dead_units(codes: Any, threshold: float = 1e-3) -> IntArray:
    """Return the columns of codes that hardly vary: variance below a share of the median one.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    threshold : float, default 0.001
        Where half of the columns are constant, the mean variance takes the place of the median.

    Returns
    -------
    int64 array
        Their indices.

    Raises
    ------
    CodesError
        As :func:`code_spectrum`.
    """
    variances = check_rows(codes, "codes", 2).var(axis=0, dtype=np.float64)
    typical = float(np.median(variances)) or float(variances.mean())
    if typical == 0:
        return np.arange(len(variances))
    return np.flatnonzero(variances < threshold * typical)


def active_units(means: Any, threshold: float = 0.01) -> IntArray:
    """Return the units of a variational autoencoder whose mean varies with the image.

    Parameters
    ----------
    means : array-like, shape (n, d)
        Mean of the posterior for each image.
    threshold : float, default 0.01
        Least variance.

    Returns
    -------
    int64 array
        Their indices.

    References
    ----------
    Burda, Grosse and Salakhutdinov 2016.
    """
    return np.flatnonzero(check_rows(means, "means", 2).var(axis=0, dtype=np.float64) > threshold)


def linear_probe_accuracy(
    train_codes: Any, train_labels: Any, test_codes: Any, test_labels: Any, *, penalty: float = 1.0
) -> Estimate:
    """Share of new codes whose label a linear classifier of the training codes tells.

    Logistic regression over standardised codes.

    Parameters
    ----------
    train_codes : array-like, shape (n, d)
    train_labels : array-like, shape (n,)
        Two classes or more.
    test_codes : array-like, shape (m, d)
    test_labels : array-like, shape (m,)
    penalty : float, default 1.0
        Weight of the squared weights against the sum over codes.

    Returns
    -------
    Estimate
        From 0 to 1.

    Raises
    ------
    CodesError, LabelsError
        Codes and labels that do not belong together.
    SettingError
        `penalty` is not positive.

    References
    ----------
    Alain and Bengio 2017.
    """
    rows, asked = check_rows(train_codes, "train_codes"), check_rows(test_codes, "test_codes")
    if rows.shape[1] != asked.shape[1]:
        raise CodesError(
            f"training codes have {rows.shape[1]} columns and test codes {asked.shape[1]}; take "
            "both from one model."
        )
    if isinstance(penalty, bool) or not penalty > 0:
        raise SettingError(f"penalty must be positive, got {penalty!r}.")
    classes, owner = check_labels(train_labels, len(rows))
    check_two_classes(classes)
    check_labels(test_labels, len(asked))
    mean, spread = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    spread[spread == 0] = 1.0
    probe = LogisticRegression(C=1 / penalty, max_iter=200)
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # Two hundred steps are close enough to the optimum for an accuracy.
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit((rows - mean) / spread, owner)
        found = classes[probe.predict((asked - mean) / spread)]
    return mean_estimate(found == np.asarray(test_labels))


def _of_spectrum(codes: Any, measure: Callable[[DoubleArray], float]) -> Estimate:
    """Measure the spectrum of codes; error by jackknife, each group's moments summed once."""
    rows = check_rows(codes, "codes", 2)
    wide = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    n_groups = min(_GROUPS, len(wide) // 2)
    value = measure(_variances(*_moments(wide)))
    if n_groups < 2:
        return Estimate(value, np.nan)
    owner = random_groups(len(wide), n_groups)
    groups = [_moments(wide[owner == group]) for group in range(n_groups)]
    count, total, squares = (sum(part) for part in zip(*groups, strict=True))
    parts = np.array([measure(_variances(count - c, total - t, squares - s)) for c, t, s in groups])
    spread = ((parts - parts.mean()) ** 2).sum()
    return Estimate(value, float(np.sqrt((n_groups - 1) / n_groups * spread)))


def _moments(rows: DoubleArray) -> tuple[Any, Any, Any]:
    with threadpool_limits(limits=1, user_api="blas"):  # the bits must not depend on threads
        return len(rows), rows.sum(axis=0), rows.T @ rows


def _variances(count: int, total: DoubleArray, squares: DoubleArray) -> DoubleArray:
    covariance = (squares - np.outer(total, total) / count) / max(1, count - 1)
    return np.asarray(np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0))
