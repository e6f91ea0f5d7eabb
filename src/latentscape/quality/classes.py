"""Do classes lie to each other as they do in the codes, and do they stand apart?"""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_samples, v_measure_score
from threadpoolctl import threadpool_limits

from latentscape.quality.checks import (
    check_count,
    check_labels,
    check_pair,
    check_rows,
    check_two_classes,
    draw_rows,
)
from latentscape.quality.estimates import Estimate, correlation, mean_estimate
from latentscape.types import DoubleArray, FloatArray, IntArray

N_CENTROIDS = 200
"""Classes that are compared by their centroids, the largest ones."""


def centroid_triplet_accuracy(codes: Any, embedding: Any, labels: Any) -> Estimate:
    """:func:`triplet_accuracy` of the classes' centroids, all triplets counted.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embedding : array-like, shape (n, 2)
    labels : array-like, shape (n,)
        Three classes or more, otherwise the result is NaN. Of more than 200 classes, the 200
        largest are compared.

    Returns
    -------
    Estimate
        From 0 to 1; 1 is best, a random map has .5. Its error by leaving out one class at a time.

    Raises
    ------
    CodesError, LabelsError
        Input that does not belong together, NaN or infinity, missing labels.

    References
    ----------
    Huang, Wang, Rudin and Browne 2022, centroid triplet accuracy.
    """
    a, b, n_classes = _centroid_distances(codes, embedding, labels)
    if n_classes < 3:
        return Estimate(np.nan, np.nan)

    # Agreeing and all triplets: of everyone, and those that each class has a part in.
    total = np.zeros(2, dtype=np.int64)
    part = np.zeros((n_classes, 2), dtype=np.int64)
    for i in range(n_classes):
        others = np.delete(np.arange(n_classes), i)
        one, other = a[i, others], b[i, others]
        counted = np.triu(one[:, None] != one, 1)
        agree = counted & ((one[:, None] < one) == (other[:, None] < other))
        for column, marks in enumerate((agree, counted)):
            count = int(marks.sum())
            total[column] += count
            part[i, column] += count
            part[others, column] += marks.sum(axis=0) + marks.sum(axis=1)

    def share(agreeing: int, of: int) -> float:
        return agreeing / of if of else np.nan

    without = [share(*(total - part[c]).tolist()) for c in range(n_classes)]
    return _by_jackknife(share(*total.tolist()), without)


def centroid_distance_correlation(codes: Any, embedding: Any, labels: Any) -> Estimate:
    """Rank correlation of the distances between the classes' centroids, codes against map.

    Parameters, errors as :func:`centroid_triplet_accuracy`.

    Returns
    -------
    Estimate
        From -1 to 1; 1 is best, a random map has 0. NaN with fewer than three classes. Its error
        by leaving out one class at a time.

    References
    ----------
    Spearman 1904; used for maps by Kobak and Berens 2019.
    """
    a, b, n_classes = _centroid_distances(codes, embedding, labels)
    if n_classes < 3:
        return Estimate(np.nan, np.nan)

    def rho(kept: IntArray) -> float:
        pairs = np.triu_indices(len(kept), 1)
        return correlation(
            rankdata(a[np.ix_(kept, kept)][pairs]), rankdata(b[np.ix_(kept, kept)][pairs])
        )

    return _over_classes(rho, n_classes)


@overload
def silhouette(
    X: Any,
    labels: Any,
    *,
    n_samples: int = 10_000,
    random_state: int = 0,
    return_per_sample: Literal[False] = False,
) -> Estimate: ...
@overload
def silhouette(
    X: Any,
    labels: Any,
    *,
    n_samples: int = 10_000,
    random_state: int = 0,
    return_per_sample: Literal[True],
) -> tuple[Estimate, DoubleArray]: ...
def silhouette(
    X: Any,
    labels: Any,
    *,
    n_samples: int = 10_000,
    random_state: int = 0,
    return_per_sample: bool = False,
) -> Estimate | tuple[Estimate, DoubleArray]:
    """How far classes stand apart: ``mean_i (b_i - a_i) / max(a_i, b_i)``.

    ``a_i`` is the mean distance of row i to its own class, ``b_i`` to the nearest other one, both
    within the sample.

    Parameters
    ----------
    X : array-like, shape (n, d)
        A map, codes or images.
    labels : array-like, shape (n,)
        Two classes or more.
    n_samples : int, default 10000
        Rows that are drawn where there are more.
    random_state : int, default 0
    return_per_sample : bool, default False
        Also return each row's silhouette.

    Returns
    -------
    silhouette : Estimate
        From -1 to 1. High on the map and low in the codes is invented separation. NaN if each
        row of the sample has a class of its own.
    per_sample : float64 array, shape (n,)
        NaN for rows that were not drawn. Only with ``return_per_sample=True``.

    Raises
    ------
    CodesError, LabelsError, SettingError
        Input that does not belong together, a single class, a sample below 3 rows.

    References
    ----------
    Rousseeuw 1987.
    """
    rows = check_rows(X)
    _, owner = _two_or_more(labels, len(rows))
    check_count("n_samples", n_samples, 2**31, len(rows), least=3)
    drawn = draw_rows(len(rows), n_samples, random_state)
    single = np.full(len(rows), np.nan)
    mean = Estimate(np.nan, np.nan)
    if 2 <= len(np.unique(owner[drawn])) < len(drawn):
        with threadpool_limits(limits=1, user_api="blas"):  # the bits must not depend on threads
            single[drawn] = silhouette_samples(rows[drawn], owner[drawn])
        mean = mean_estimate(single[drawn])
    return (mean, single) if return_per_sample else mean


def cluster_agreement(
    X: Any, labels: Any, *, n_samples: int = 10_000, random_state: int = 0
) -> tuple[float, float]:
    """Compare labels with k-means of as many clusters: adjusted Rand index and V-measure.

    Parameters
    ----------
    X : array-like, shape (n, d)
        A map, codes or images.
    labels : array-like, shape (n,)
        Two classes or more.
    n_samples : int, default 10000
        Rows that are drawn where there are more.
    random_state : int, default 0
        Seed of the rows and of k-means (three starts).

    Returns
    -------
    adjusted_rand : float
        1 is best, 0 is chance.
    v_measure : float
        From 0 to 1, 1 is best.

    Raises
    ------
    CodesError, LabelsError, SettingError
        As :func:`silhouette`.

    References
    ----------
    Hubert and Arabie 1985; Rosenberg and Hirschberg 2007.
    """
    rows = check_rows(X)
    _, owner = _two_or_more(labels, len(rows))
    check_count("n_samples", n_samples, 2**31, len(rows), least=3)
    drawn = draw_rows(len(rows), n_samples, random_state)
    points, truth = rows[drawn], owner[drawn]
    n_clusters = min(len(np.unique(truth)), len(np.unique(points, axis=0)))
    with threadpool_limits(limits=1):
        found = KMeans(n_clusters, n_init=3, random_state=random_state).fit_predict(points)
    return float(adjusted_rand_score(truth, found)), float(v_measure_score(truth, found))


def _two_or_more(labels: Any, n_rows: int) -> tuple[Any, IntArray]:
    classes, owner = check_labels(labels, n_rows)
    check_two_classes(classes)
    return classes, owner


def class_centroids(rows: FloatArray, owner: IntArray, n_classes: int) -> DoubleArray:
    """Return the mean row of each class, float64 (classes, d)."""
    wide = rows.astype(np.float64)
    return np.stack([wide[owner == c].mean(axis=0) for c in range(n_classes)])


def _centroid_distances(
    codes: Any, embedding: Any, labels: Any
) -> tuple[DoubleArray, DoubleArray, int]:
    reference, places = check_pair(codes, embedding)
    owner = check_labels(labels, len(places))[1]
    sizes = np.bincount(owner)
    largest = np.sort(np.argsort(-sizes, kind="stable")[:N_CENTROIDS])
    number = np.full(len(sizes), -1, dtype=np.int64)
    number[largest] = np.arange(len(largest))
    owner = number[owner]
    matrices = []
    for rows in (reference, places):
        centroids = class_centroids(rows, owner, len(largest))
        difference = centroids[:, None] - centroids[None]
        matrices.append(np.sqrt((difference**2).sum(axis=-1)))
    return matrices[0], matrices[1], len(largest)


def _over_classes(measure: Any, n_classes: int) -> Estimate:
    """Measure all classes; error by jackknife over classes, NaN below four of them."""
    everyone = np.arange(n_classes)
    without = [measure(np.delete(everyone, c)) for c in everyone] if n_classes > 3 else []
    return _by_jackknife(float(measure(everyone)), without)


def _by_jackknife(value: float, without: list[float]) -> Estimate:
    """Return the value of all classes and its error, from the values without one class each."""
    n_classes = len(without)
    if n_classes < 4:
        return Estimate(value, np.nan)
    parts = np.array(without)
    error = np.sqrt((n_classes - 1) / n_classes * ((parts - parts.mean()) ** 2).sum())
    return Estimate(value, float(error))
