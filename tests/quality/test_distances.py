"""Distances, classes and stability against slow references and known answers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.stats import spearmanr
from sklearn.metrics import silhouette_score

from latentscape.errors import CodesError, LabelsError, SettingError
from latentscape.quality import (
    centroid_distance_correlation,
    centroid_triplet_accuracy,
    cluster_agreement,
    neighbor_recall,
    procrustes_distance,
    scale_free_stress,
    shepard_correlation,
    silhouette,
    stability,
    triplet_accuracy,
)
from latentscape.quality.distances import draw_triplets
from latentscape.types import DoubleArray

from . import slow_ranks


def pair(n: int = 100) -> tuple[DoubleArray, DoubleArray]:
    rng = np.random.default_rng(0)
    A = rng.normal(size=(n, 5)) * [4, 2, 1, 1, 1]
    return A, A[:, :2] + rng.normal(size=(n, 2))


def test_random_measures_estimate_all_pairs_and_triplets() -> None:
    A, B = pair()
    a, b = slow_ranks.distances(A), slow_ranks.distances(B)
    upper = np.triu_indices(100, 1)
    spearman = shepard_correlation(A, B)
    assert abs(spearman - spearmanr(a[upper], b[upper])[0]) < 5 * spearman.standard_error
    pearson = shepard_correlation(A, B, method="pearson")
    assert abs(pearson - np.corrcoef(a[upper], b[upper])[0, 1]) < 5 * pearson.standard_error
    assert pearson.standard_error < 0.002
    scales = np.linspace(0.2, 5, 20_001)
    x, y = (m[upper] for m in (a, b))
    errors = (x * x).sum() - 2 * scales * (x * y).sum() + scales**2 * (y * y).sum()
    least = np.sqrt(errors.min() / (x * x).sum())
    stress = scale_free_stress(A, B)
    assert abs(stress - least) < 5 * stress.standard_error + 1e-5
    same = [
        (a[i, j] < a[i, k]) == (b[i, j] < b[i, k])
        for i in range(100)
        for j, k in combinations([c for c in range(100) if c != i], 2)
    ]
    triplets = triplet_accuracy(A, B)
    assert abs(triplets - np.mean(same)) < 5 * triplets.standard_error
    assert triplets.standard_error == pytest.approx(
        np.sqrt(triplets * (1 - triplets) / 1e6), rel=1e-3
    )


def test_triplets_are_of_three_rows_and_even() -> None:
    i, j, k = draw_triplets(5, 60_000, 0)
    assert not ((i == j) | (j == k) | (i == k)).any()
    counts = np.unique(25 * i + 5 * j + k, return_counts=True)[1]
    assert len(counts) == 60
    assert abs(counts - 1000).max() < 150


def test_tied_triplets_do_not_count() -> None:
    A = np.array([[0.0], [1.0], [-1.0]])  # from the middle both others are equally far
    B = np.array([[0.0], [1.0], [-2.0]])
    assert triplet_accuracy(A, B) == 1.0
    assert np.isnan(triplet_accuracy(np.zeros((4, 2)), np.ones((4, 2))))


def test_known_answers() -> None:
    A, _ = pair()
    assert triplet_accuracy(A, A) == 1.0
    assert shepard_correlation(A, 3 * A) == pytest.approx(1.0)
    assert scale_free_stress(A, 3 * A) == pytest.approx(0.0, abs=1e-6)
    assert scale_free_stress(A, np.zeros((100, 2))) == 1.0
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(20_000, 6)), rng.normal(size=(20_000, 2))
    assert abs(triplet_accuracy(A, B) - 0.5) < 0.01
    assert abs(shepard_correlation(A, B)) < 0.02


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    angle=st.floats(0, 6.3),
    scale=st.sampled_from([1e-5, 0.5, 4.0, 1e5]),
)
def test_moving_turning_and_scaling_changes_nothing(seed: int, angle: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(40, 4)), rng.normal(size=(40, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved, y = (B @ turn + 3) * scale, np.arange(40) % 4
    for measure in (triplet_accuracy, shepard_correlation, scale_free_stress):
        value = float(measure(A, B, **{_count(measure): 20_000}))
        assert measure(A, moved, **{_count(measure): 20_000}) == pytest.approx(value, abs=2e-3)
    for by_class in (centroid_triplet_accuracy, centroid_distance_correlation):
        assert by_class(A, moved, y) == pytest.approx(float(by_class(A, B, y)), abs=1e-6)
    assert silhouette(moved, y) == pytest.approx(float(silhouette(B, y)), abs=1e-4)
    assert procrustes_distance([B, moved]) == pytest.approx(0.0, abs=2e-3)


def _count(measure: object) -> str:
    return "n_triplets" if measure is triplet_accuracy else "n_pairs"


def test_errors_say_how_far_seeds_differ() -> None:
    A, B = pair(2000)
    for measure in (triplet_accuracy, shepard_correlation, scale_free_stress):
        count = {_count(measure): 5_000}
        values = [measure(A, B, random_state=seed, **count) for seed in range(30)]
        spread = np.std(np.array(values, dtype=float), ddof=1)
        typical = np.mean([value.standard_error for value in values])
        assert 0.6 < spread / typical < 1.6
        assert measure(A, B, **count) == measure(A, B, **count)


def test_the_error_of_centroid_triplets_leaves_out_one_class_at_a_time() -> None:
    A, B = pair()
    y = np.arange(100) % 7
    values = [float(centroid_triplet_accuracy(A[y != c], B[y != c], y[y != c])) for c in range(7)]
    error = np.sqrt(6 / 7 * ((np.array(values) - np.mean(values)) ** 2).sum())
    assert centroid_triplet_accuracy(A, B, y).standard_error == pytest.approx(error)


def test_of_many_classes_the_largest_are_compared() -> None:
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(5200, 3)), rng.normal(size=(5200, 2))
    y = np.concatenate([np.repeat(np.arange(200), 2), np.arange(200, 5000)])
    for by_class in (centroid_triplet_accuracy, centroid_distance_correlation):
        found, largest = by_class(A, B, y), by_class(A[:400], B[:400], y[:400])
        assert (found, found.standard_error) == (largest, largest.standard_error)


def test_classes() -> None:
    A, B = pair()
    y = np.array(list("abcde") * 20)
    centroids = [np.stack([X[y == c].mean(axis=0) for c in "abcde"]) for X in (A, B)]
    a, b = (slow_ranks.distances(X) for X in centroids)
    same = [
        (a[i, j] < a[i, k]) == (b[i, j] < b[i, k])
        for i in range(5)
        for j, k in combinations([c for c in range(5) if c != i], 2)
    ]
    assert centroid_triplet_accuracy(A, B, y) == pytest.approx(np.mean(same))
    upper = np.triu_indices(5, 1)
    rho = centroid_distance_correlation(A, B, y)
    assert rho == pytest.approx(spearmanr(a[upper], b[upper])[0])
    assert 0 < rho.standard_error < 1
    assert centroid_triplet_accuracy(A, A, y) == centroid_distance_correlation(A, A, y) == 1.0
    assert np.isnan(centroid_triplet_accuracy(A, B, y == "a"))
    assert silhouette(B, y) == pytest.approx(silhouette_score(B, y), abs=1e-5)
    apart = B + 50 * np.eye(5)[np.arange(100) % 5][:, :2] + 90 * (y == "e")[:, None]
    assert silhouette(apart, y) > 0.3 > silhouette(B, y)
    clear = 100 * np.stack([np.arange(100) % 5, (np.arange(100) % 5) ** 2], axis=1) + B
    assert cluster_agreement(clear, y) == pytest.approx((1.0, 1.0))
    assert max(cluster_agreement(B, y)) < 0.2
    assert cluster_agreement(np.zeros((100, 2)), y) == (0.0, 0.0)


def test_stability() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(300, 2))
    maps = [one, one + 0.05 * rng.normal(size=one.shape), rng.normal(size=one.shape)]
    pairs = [float(neighbor_recall(a, b, 30)) for a, b in combinations(maps, 2)]
    assert stability(maps) == pytest.approx(np.mean(pairs))
    assert stability([one, 2 * one]) == 1.0
    # scipy's disparity is the square of the distance.
    distances = [np.sqrt(procrustes(a, b)[2]) for a, b in combinations(maps, 2)]
    assert procrustes_distance(maps) == pytest.approx(np.mean(distances), abs=1e-6)
    mirrored = one * [1, -1]
    assert procrustes_distance([one, mirrored]) == pytest.approx(0, abs=1e-3)


def test_bad_input() -> None:
    A, B = pair()
    y = np.arange(100) % 3
    with pytest.raises(SettingError, match="another random_state"):
        stability([A])
    with pytest.raises(CodesError, match="same order"):
        procrustes_distance([A, A[:50]])
    with pytest.raises(SettingError, match="n_triplets"):
        triplet_accuracy(A, B, n_triplets=0)
    with pytest.raises(SettingError, match="spearman"):
        shepard_correlation(A, B, method="kendall")  # type: ignore[arg-type]
    with pytest.raises(LabelsError, match="two classes"):
        silhouette(A, np.zeros(100))
    with pytest.raises(LabelsError, match="100 rows"):
        centroid_triplet_accuracy(A, B, y[:50])
    with pytest.raises(SettingError, match="n_samples"):
        silhouette(A, y, n_samples=2)
