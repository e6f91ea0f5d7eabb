"""Neighbourhood measures against slow references, and what must not change them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness as sklearn_trustworthiness

from latentscape.errors import CodesError, SettingError
from latentscape.images import ImageSet
from latentscape.maps import PCA
from latentscape.neighbors import NeighborGraph
from latentscape.quality import (
    continuity,
    density_preservation,
    lcmc,
    mrre,
    neighbor_recall,
    r_nx,
    r_nx_auc,
    r_nx_curve,
    trustworthiness,
)
from latentscape.types import AnyArray, FloatArray

from . import slow_ranks


def pair(kind: str, n: int = 120) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(1)
    A: AnyArray = {
        "plain": rng.normal(size=(n, 6)),
        "ties": rng.integers(0, 4, size=(n, 5)),
        "copies": np.repeat(rng.normal(size=(n // 4, 5)), 4, axis=0),
    }[kind]
    B = A[:, :2] + (0.3 * rng.normal(size=(n, 2)) if kind == "plain" else 0)
    return A.astype(np.float32), B.astype(np.float32)


KINDS = ("plain", "ties", "copies")


@pytest.mark.parametrize("k", [1, 10, 59])
@pytest.mark.parametrize("kind", KINDS)
def test_equal_the_slow_references(kind: str, k: int) -> None:
    A, B = pair(kind)
    recall, single = neighbor_recall(A, B, k, return_per_sample=True)
    np.testing.assert_allclose(single, slow_ranks.recall(A, B, k))
    assert recall == pytest.approx(single.mean())
    assert recall.standard_error == pytest.approx(single.std(ddof=1) / np.sqrt(len(A)))
    for measure, one, other in ((trustworthiness, A, B), (continuity, B, A)):
        value, single = measure(A, B, k, return_per_sample=True)
        np.testing.assert_allclose(single, slow_ranks.trust(one, other, k), atol=1e-4)
        assert value == pytest.approx(slow_ranks.trust(one, other, k).mean(), abs=1e-6)
    false, missing = mrre(A, B, k)
    assert false == pytest.approx(slow_ranks.relative_error(A, B, k), abs=1e-6)
    assert missing == pytest.approx(slow_ranks.relative_error(B, A, k), abs=1e-6)
    assert lcmc(A, B, k) == pytest.approx(float(recall) - k / 119)
    assert r_nx(A, B, k) == pytest.approx(slow_ranks.r_nx(A, B)[k - 1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_curve_equals_the_slow_one(kind: str) -> None:
    A, B = pair(kind)
    curve = r_nx_curve(A, B, n_sizes=2000)
    truth = slow_ranks.r_nx(A, B)
    sizes = np.arange(1, 119)
    np.testing.assert_array_equal(curve.sizes, sizes)
    np.testing.assert_allclose(curve.values, truth, atol=1e-12)
    area = (truth / sizes).sum() / (1 / sizes).sum()
    assert curve.auc == pytest.approx(area, abs=1e-12)
    assert r_nx_auc(A, B) == curve.auc


def test_trustworthiness_equals_scikit_learn_on_3000_rows() -> None:
    rng = np.random.default_rng(0)
    A = (rng.normal(size=(3000, 32)) * np.geomspace(4, 0.2, 32)).astype(np.float32)
    B = A[:, :2].copy()
    for k in (5, 10, 50):
        assert trustworthiness(A, B, k) == pytest.approx(
            sklearn_trustworthiness(A, B, n_neighbors=k), abs=1e-6
        )
        assert continuity(A, B, k) == pytest.approx(
            sklearn_trustworthiness(B, A, n_neighbors=k), abs=1e-6
        )
    assert trustworthiness(A, B) < 0.95  # there is something to find


def test_anchors_estimate_all_rows_within_their_error() -> None:
    rng = np.random.default_rng(3)
    A = (rng.normal(size=(1500, 16)) * np.geomspace(4, 0.3, 16)).astype(np.float32)
    B = A[:, :2].copy()
    every = r_nx_auc(A, B, n_anchors=1500)
    some = [r_nx_auc(A, B, n_anchors=200, random_state=seed) for seed in range(20)]
    off = np.array([(float(value) - every) / value.standard_error for value in some])
    assert 0.4 < np.sqrt((off**2).mean()) < 1.4
    curve = r_nx_curve(A, B, n_anchors=200)
    assert curve.auc == r_nx_auc(A, B, n_anchors=200)
    assert (curve.standard_errors[:50] > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_identical_map_is_perfect(kind: str) -> None:
    A, _ = pair(kind)
    assert neighbor_recall(A, A) == trustworthiness(A, A) == continuity(A, A) == 1.0
    assert r_nx_auc(A, A) == pytest.approx(1.0)
    assert mrre(A, A) == (1.0, 1.0)
    if kind == "plain":
        assert density_preservation(A, A) == pytest.approx(1.0)


def test_a_random_map_has_the_expected_values() -> None:
    rng = np.random.default_rng(0)
    n, k = 4000, 10
    A = rng.normal(size=(n, 8)).astype(np.float32)
    B = rng.normal(size=(n, 2)).astype(np.float32)
    recall = neighbor_recall(A, B, k)
    assert abs(recall - k / (n - 1)) < 5 * recall.standard_error
    expected = 1 - (n - 1 - k) * (n - k) / ((n - 1) * (2 * n - 3 * k - 1))
    for measure in (trustworthiness, continuity):
        value = measure(A, B, k)
        assert abs(value - expected) < 5 * value.standard_error
    auc = r_nx_auc(A, B)
    assert abs(auc) < 5 * auc.standard_error
    density = density_preservation(A, B)
    assert abs(density) < 5 * density.standard_error
    assert density.standard_error == pytest.approx(1 / np.sqrt(n), rel=0.5)


def test_density_equals_plain_numpy() -> None:
    A, B = pair("plain")
    radii = [np.sort(slow_ranks.distances(X), axis=1)[:, 1:16].mean(axis=1) for X in (A, B)]
    truth = np.corrcoef(np.log(radii[0]), np.log(radii[1]))[0, 1]
    assert density_preservation(A, B) == pytest.approx(truth)
    graph = NeighborGraph.build(A, 15)
    assert density_preservation(A, B, graph=graph) == pytest.approx(truth)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    angle=st.floats(0, 6.3),
    scale=st.sampled_from([1e-6, 0.25, 1.0, 8.0, 1e6]),
    shift=st.integers(-8, 8),
)
def test_moving_turning_and_scaling_the_map_changes_nothing(
    seed: int, angle: float, scale: float, shift: int
) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(60, 5)), rng.normal(size=(60, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (B @ turn + shift) * scale
    for measure in (neighbor_recall, trustworthiness, continuity, r_nx_auc, density_preservation):
        # A single float32 near-tie may fall the other way.
        assert measure(A, moved) == pytest.approx(float(measure(A, B)), abs=2e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(50, 4)), rng.normal(size=(50, 2))
    order = rng.permutation(50)
    for measure in (neighbor_recall, trustworthiness, continuity, r_nx_auc):
        value, single = float(measure(A, B)), float(measure(A[order], B[order]))
        assert single == pytest.approx(value, abs=1e-12)


def test_the_graph_is_used_when_it_is_exact_and_for_its_metric() -> None:
    rng = np.random.default_rng(0)
    A = rng.normal(size=(400, 6)).astype(np.float32)
    B = A[:, :2].copy()
    graph = NeighborGraph.build(A, 20)
    assert neighbor_recall(A, B, graph=graph) == neighbor_recall(A, B)
    unit = A / np.linalg.norm(A, axis=1, keepdims=True)
    cosine = NeighborGraph.build(A, 20, "cosine")
    assert neighbor_recall(A, B, graph=cosine) == neighbor_recall(unit, B)
    small = NeighborGraph.build(A, 5)  # too few: searched again
    assert neighbor_recall(A, B, graph=small) == neighbor_recall(A, B)
    wrong = NeighborGraph(A, np.roll(graph.indices, 1, axis=0), graph.distances)
    assert neighbor_recall(A, B, graph=wrong) < neighbor_recall(A, B)


def test_the_mean_over_rows_is_the_measure() -> None:
    rng = np.random.default_rng(5)
    codes, places = rng.normal(size=(80, 6)), rng.normal(size=(80, 2))
    for measure in (neighbor_recall, lcmc, r_nx, trustworthiness, continuity):
        whole, single = measure(codes, places, 7, return_per_sample=True)
        assert single.shape == (80,)
        assert single.std() > 0
        assert np.isclose(single.mean(), float(whole), atol=1e-12)
        assert float(whole) == float(measure(codes, places, 7))
    false, missing, false_rows, missing_rows = mrre(codes, places, 7, return_per_sample=True)
    assert (false, missing) == mrre(codes, places, 7)
    assert np.isclose(false_rows.mean(), float(false), atol=1e-12)
    assert np.isclose(missing_rows.mean(), float(missing), atol=1e-12)
    assert not np.allclose(false_rows, missing_rows)


def test_bad_input() -> None:
    A, B = pair("plain")
    for measure in (neighbor_recall, trustworthiness, continuity, mrre, r_nx_auc):
        with pytest.raises(CodesError, match="same order"):
            measure(A, B[:50])
        with pytest.raises(CodesError, match="rows 7"):
            measure(A, np.where(np.arange(120)[:, None] == 7, np.nan, B))
        with pytest.raises(CodesError, match="shape"):
            measure(A[:, 0], B)
    for k in (0, 60, 2.0, True):
        with pytest.raises(SettingError, match="from 1 to 59"):
            trustworthiness(A, B, k)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="from 1 to 119"):
        neighbor_recall(A, B, 120)
    with pytest.raises(SettingError, match="n_jobs"):
        neighbor_recall(A, B, n_jobs=0)
    with pytest.raises(CodesError, match="build it on these codes"):
        neighbor_recall(A, B, graph=NeighborGraph.build(A[:50], 10))


@pytest.mark.slow
@pytest.mark.parametrize("part", ["test digits", "first training digits", "transformed"])
def test_published_trustworthiness_of_pca(mnist: ImageSet, part: str) -> None:
    """arXiv 2009.12981: .7434 for 10,000 digits and k = 5."""
    train = mnist.train.images.reshape(60_000, -1)
    rows = train[:10_000] if part.startswith("first") else mnist.test.images.reshape(10_000, -1)
    rows = rows.astype(np.float32)
    pca = PCA().fit(train if part == "transformed" else rows)
    assert trustworthiness(rows, pca.transform(rows), 5) == pytest.approx(0.743, abs=0.003)


@pytest.mark.parametrize("kind", [str, object, bytes])
def test_words_are_refused_even_where_they_look_like_numbers(kind: type) -> None:
    words: Any = np.array([["1", "2.5"]] * 20).astype(kind)
    with pytest.raises(CodesError, match=r"^codes holds text, such as .*, not numbers; give"):
        trustworthiness(words, np.zeros((20, 2)))
    numbers = np.random.default_rng(0).normal(size=(20, 2))
    assert (
        float(trustworthiness(numbers.astype(object), numbers, 5)) == 1
    )  # objects that are numbers


def test_one_row_is_not_rows() -> None:
    with pytest.raises(CodesError, match=r"codes has 1 row, this"):
        trustworthiness([[1, 2]], [[1, 2]])
