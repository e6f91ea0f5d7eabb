"""UMAP's kernels against slow exact versions and umap-learn; its maps on easy and on bad codes."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from latentscape import _native
from latentscape.errors import CodesError, SettingError
from latentscape.images import load_mnist
from latentscape.maps import UMAP
from latentscape.maps.pca import pca_start
from latentscape.maps.spectral import in_box
from latentscape.maps.umap import find_ab_params, fuzzy_cross_entropy, fuzzy_graph
from latentscape.neighbors import NeighborGraph
from latentscape.quality import knn_label_accuracy
from latentscape.types import DoubleArray, FloatArray, Int32Array, IntArray, Progress

LOWERED = pytest.mark.filterwarnings("ignore::latentscape.maps.SettingLoweredWarning")


def normal(n: int, d: int = 6) -> FloatArray:
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


@pytest.fixture(scope="module")
def umap_learn() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ImportWarning)
        return pytest.importorskip("umap.umap_", reason="umap-learn is the reference")


# --- the fuzzy graph ---------------------------------------------------------------------------


def exact_smooth(distances: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Reference: rho and sigma by plain bisection."""
    n, k = distances.shape
    rho, sigma = np.zeros(n), np.zeros(n)
    means = distances.sum(axis=1) / (k + 1)
    for i in range(n):
        above = distances[i][distances[i] > 0]
        rho[i] = above.min() if len(above) else 0.0
        beyond = np.maximum(distances[i] - rho[i], 0)
        low, high = 0.0, 1e4 * (beyond.max() or 1.0)
        for _ in range(200):
            middle = (low + high) / 2
            if np.where(beyond > 0, np.exp(-beyond / middle), 1.0).sum() > np.log2(k + 1):
                high = middle
            else:
                low = middle
        sigma[i] = max(low, 1e-3 * (means[i] if rho[i] > 0 else means.mean()))
    return rho, sigma


def lists() -> dict[str, tuple[Int32Array, FloatArray]]:
    rng = np.random.default_rng(3)
    n, k = 60, 9
    indices = np.array(
        [rng.permutation(np.delete(np.arange(n), i))[:k] for i in range(n)], dtype=np.int32
    )
    plain = np.sort(rng.gamma(4.0, size=(n, k)), axis=1)
    ties = np.repeat(plain[:, :1], k, axis=1)
    zeros = plain.copy()
    zeros[::2, :3] = 0
    zeros[5] = 0
    return {
        name: (indices, distances.astype(np.float32))
        for name, distances in [
            ("plain", plain),
            ("tiny", plain * 1e-30),
            ("huge", plain * 1e30),
            ("ties", ties),
            ("zeros", zeros),
        ]
    }


@pytest.mark.parametrize("name", list(lists()))
def test_smooth_distances(name: str) -> None:
    indices, distances = lists()[name]
    rho, sigma = _native.smooth_distances(indices, distances, 9)
    expected_rho, expected_sigma = exact_smooth(distances.astype(np.float64))
    np.testing.assert_allclose(rho, expected_rho, rtol=1e-6)
    np.testing.assert_allclose(sigma, expected_sigma, rtol=2e-4)
    if name == "plain":  # fewer neighbours than the array holds
        rho, sigma = _native.smooth_distances(indices, distances, 4)
        expected_rho, expected_sigma = exact_smooth(distances[:, :4].astype(np.float64))
        np.testing.assert_allclose(sigma, expected_sigma, rtol=2e-4)


@pytest.mark.parametrize("name", list(lists()))
def test_fuzzy_graph_is_the_union_of_both_directions(name: str) -> None:
    indices, distances = lists()[name]
    n, k = indices.shape
    rho, sigma = exact_smooth(distances.astype(np.float64))
    directed = np.zeros((n, n))
    for i in range(n):
        beyond = np.maximum(distances[i] - rho[i], 0)
        share = np.exp(-beyond / sigma[i]) if sigma[i] > 0 else np.ones(k)
        directed[i, indices[i]] = np.where(beyond == 0, 1.0, share)
    expected = directed + directed.T - directed * directed.T
    starts, columns, weights = _native.fuzzy_graph(indices, distances, k)
    found = csr_array((weights, columns, starts), shape=(n, n))
    np.testing.assert_allclose(found.toarray(), expected, atol=3e-4)
    assert (weights > 0).all()
    visible = expected > 1e-30
    assert visible.sum() <= len(columns) <= ((directed > 0) | (directed.T > 0)).sum()
    assert all((np.diff(columns[a:b]) > 0).all() for a, b in pairwise(starts))
    np.testing.assert_array_equal(found.toarray(), found.T.toarray())  # to the last bit


@pytest.mark.slow
def test_fuzzy_graph_and_curve_are_those_of_umap_learn(umap_learn: Any) -> None:
    codes = normal(500)
    neighbors = NeighborGraph.build(codes, 20)
    own = np.arange(500, dtype=np.int32)[:, None]
    expected, sigma, rho = umap_learn.fuzzy_simplicial_set(
        codes,
        15,
        np.random.RandomState(0),
        "euclidean",
        knn_indices=np.hstack([own, neighbors.indices[:, :14]]),
        knn_dists=np.hstack([np.zeros((500, 1), np.float32), neighbors.distances[:, :14]]),
    )
    found = fuzzy_graph(neighbors, 15)
    assert found.nnz == expected.nnz
    np.testing.assert_allclose(found.toarray(), expected.toarray(), atol=1e-4)
    our_rho, our_sigma = _native.smooth_distances(neighbors.indices, neighbors.distances, 14)
    np.testing.assert_allclose(our_rho, rho, rtol=1e-6)
    np.testing.assert_allclose(our_sigma, sigma, rtol=1e-3)
    for spread, min_dist in [(1.0, 0.1), (1.0, 0.0), (1.0, 0.99), (2.0, 0.3), (10.0, 0.1)]:
        with np.errstate(all="ignore"):  # its search strays
            theirs = umap_learn.find_ab_params(spread, min_dist)
        np.testing.assert_allclose(find_ab_params(spread, min_dist), theirs, rtol=1e-4)


def test_curve_parameters() -> None:
    a, b = find_ab_params(1.0, 0.1)  # as published
    assert a == pytest.approx(1.577, abs=1e-3)
    assert b == pytest.approx(0.895, abs=1e-3)
    wide, same = find_ab_params(100.0, 10.0)
    assert same == pytest.approx(b)
    assert wide * 100 ** (2 * b) == pytest.approx(a)
    for spread in (1e-3, 1e4):
        a, b = find_ab_params(spread, spread / 2)
        assert 1 / (1 + a * spread ** (2 * b)) == pytest.approx(np.exp(-0.5), abs=0.05)
    with pytest.raises(SettingError, match="spread"):
        find_ab_params(1e300, 0.1)


# --- the descent -------------------------------------------------------------------------------

MASK = 0xFFFFFFFF


def mixed(x: int) -> int:
    x ^= x >> 16
    x = x * 0x85EBCA6B & MASK
    x ^= x >> 13
    x = x * 0xC2B2AE35 & MASK
    return x ^ x >> 16


def slow_epochs(
    graph: csr_array, places: FloatArray, a: float, b: float, rate: int, total: int, seed: int
) -> tuple[DoubleArray, int]:
    """Reference: the descent one vertex, one edge and one draw after another, in float64.

    Returns the places after all epochs, and how many edges were sampled.
    """
    n, sampled = graph.shape[0], 0
    dense = graph.toarray().astype(np.float64) / graph.data.max()
    order = np.argsort(-dense.sum(axis=1), kind="stable")
    key = mixed(seed + 0x9E3779B9 & MASK)
    old = places.astype(np.float64)
    for number in range(2 * total):
        done = number / (2 * total)
        alpha = 0.03 if done < 0.2 else (1 - done) / 0.8
        step = number * 0x9E3779B9 & MASK
        new = old.copy()
        for place, i in enumerate(order):
            leader = int(order[place - place % 32])
            u = ((mixed(leader ^ ~key & MASK) + step & MASK) >> 8) / 2**24
            draw = mixed(mixed(int(i) ^ key) + step & MASK)
            at = old[i].copy()
            bound = 0.0
            for j in np.flatnonzero(dense[i]):
                before = int(bound + u)
                bound += dense[i, j] / 2
                if int(bound + u) == before:
                    continue
                sampled += 1
                apart = at - old[j]
                squared = apart @ apart
                pull = -2 * a * b * squared ** (b - 1) / (1 + a * squared**b)
                at += 2 * alpha * np.clip(pull * apart, -4, 4)
                for _ in range(rate):
                    draw = (draw * 1664525 + 1013904223) & MASK
                    other = draw * n >> 32
                    if other == i:
                        continue
                    apart = at - old[other]
                    squared = apart @ apart
                    push = 2 * b / ((0.001 + squared) * (1 + a * squared**b))
                    at += alpha * np.clip(push * apart, -4, 4)
            new[i] = at
        old = new
    return old, sampled


def layout_of(
    graph: csr_array, places: FloatArray, *, epochs: int, steps: int = 10**6, threads: int = 1
) -> FloatArray:
    a, b = find_ab_params(1.0, 0.1)
    layout = _native.UmapLayout(
        graph.indptr.astype(np.int64),
        graph.indices,
        graph.data,
        places,
        a=a,
        b=b,
        negative_sample_rate=5,
        n_epochs=epochs,
        seed=7,
        threads=threads,
    )
    done = 0
    while done < epochs:
        assert layout.advance(steps) == min(epochs, done + steps)
        done = min(epochs, done + steps)
    return layout.places()


@pytest.mark.parametrize("n", [20, 75])  # one group with idle lanes, and several groups
def test_descent_follows_the_slow_version(n: int) -> None:
    graph = fuzzy_graph(NeighborGraph.build(normal(n), 6), 7)
    start = in_box(np.random.default_rng(1).normal(size=(n, 2)), 10.0, 0)
    a, b = find_ab_params(1.0, 0.1)
    expected, _ = slow_epochs(graph, start, a, b, 5, 1, 7)
    assert np.median(np.abs(expected - start)) > 0.3  # there is something to follow
    error = np.abs(layout_of(graph, start, epochs=1) - expected)
    assert np.median(error) < 1e-4
    assert error.max() < 5e-3  # close vertices drive each other's errors apart
    expected, sampled = slow_epochs(graph, start, a, b, 5, 3, 7)
    error = np.abs(layout_of(graph, start, epochs=3) - expected)
    assert np.median(error) < 1e-3
    share = graph.data.sum() / graph.data.max() * 3
    assert sampled == pytest.approx(share, rel=0.1)  # edges are sampled by their weight


def test_descent_gives_the_same_bits_on_any_number_of_threads_and_in_pieces() -> None:
    codes = normal(3000)
    graph = fuzzy_graph(NeighborGraph.build(codes, 14), 15)
    start = in_box(pca_start(codes, 0), 10.0, 0)
    one = layout_of(graph, start, epochs=40)
    for threads in (2, 3, 8):
        np.testing.assert_array_equal(layout_of(graph, start, epochs=40, threads=threads), one)
    np.testing.assert_array_equal(layout_of(graph, start, epochs=40, steps=7), one)
    for k in (5, 14):
        arrays = [
            _native.fuzzy_graph(*lists()["plain"], min(k, 9), threads=threads) for threads in (1, 2)
        ]
        for left, right in zip(*arrays, strict=True):
            np.testing.assert_array_equal(left, right)


def test_cross_entropy_is_the_sum_over_all_pairs() -> None:
    codes = normal(300)
    graph = fuzzy_graph(NeighborGraph.build(codes, 14), 15)
    start = in_box(pca_start(codes, 0), 10.0, 0)
    a, b = find_ab_params(1.0, 0.1)

    squared = ((start[:, None].astype(np.float64) - start[None]) ** 2).sum(axis=2)
    q = np.clip(1 / (1 + a * squared**b), 1e-4, 1 - 1e-4)
    w = graph.toarray().astype(np.float64)
    terms = -w * np.log(q) - (1 - w) * np.log(1 - q)
    np.fill_diagonal(terms, 0)
    one = fuzzy_cross_entropy(graph, start, n_jobs=1)
    assert one == pytest.approx(terms.sum(), rel=1e-9)
    assert fuzzy_cross_entropy(graph, start, n_jobs=2) == one
    assert fuzzy_cross_entropy(graph, start, min_dist=0.5) != pytest.approx(one, rel=1e-3)
    found = layout_of(graph, start, epochs=200)
    shuffled = np.random.default_rng(0).permutation(found)
    assert fuzzy_cross_entropy(graph, found) < 0.9 * fuzzy_cross_entropy(graph, shuffled)
    with pytest.raises(CodesError, match="300"):
        fuzzy_cross_entropy(graph, start[:9])


def test_kernels_refuse_what_does_not_fit() -> None:
    indices, distances = lists()["plain"]
    with pytest.raises(ValueError, match="shape"):
        _native.fuzzy_graph(indices, distances[:, :5].copy(), 3)
    with pytest.raises(ValueError, match="k"):
        _native.fuzzy_graph(indices, distances, 10)
    with pytest.raises(ValueError, match="range"):
        _native.fuzzy_graph(indices + 1, distances, 9)
    starts = np.array([0, 1, 2], dtype=np.int64)
    columns, weights = np.array([1, 0], dtype=np.int32), np.ones(2, dtype=np.float32)
    places = np.zeros((2, 2), dtype=np.float32)
    for bad_starts, bad_columns in [
        (starts * 2, columns),
        (starts, columns * 9),
        (starts[::-1].copy(), columns),
    ]:
        with pytest.raises(ValueError, match="graph"):
            _native.fuzzy_cross_entropy(bad_starts, bad_columns, weights, places, a=1.0, b=1.0)


# --- the maps ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> tuple[FloatArray, IntArray]:
    """32 principal components of 3,000 test digits, and their labels."""
    test = load_mnist().test
    pixels = test.images[:3000].reshape(3000, -1) / 255.0
    _, _, axes = np.linalg.svd(pixels - pixels.mean(axis=0), full_matrices=False)
    assert test.labels is not None
    codes = ((pixels - pixels.mean(axis=0)) @ axes[:32].T).astype(np.float32)
    return codes, test.labels[:3000]


@pytest.mark.slow
def test_maps_are_as_good_as_those_of_umap_learn(
    umap_learn: Any, digits: tuple[FloatArray, IntArray]
) -> None:
    from sklearn.manifold import trustworthiness

    codes, labels = digits
    graph = fuzzy_graph(NeighborGraph.build(codes, 14), 15)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that a seed takes away its threads
        reference = umap_learn.UMAP(random_state=0).fit_transform(codes)
    ours = UMAP(random_state=0).fit(codes)
    assert ours.init_ == "spectral"

    found = ours.embedding_
    assert fuzzy_cross_entropy(graph, found) < 1.01 * fuzzy_cross_entropy(graph, reference)
    # two standard errors of the accuracy of so few rows
    accuracy = knn_label_accuracy(reference, labels)
    assert knn_label_accuracy(found, labels) > accuracy - 0.009
    assert trustworthiness(codes, found, n_neighbors=10) > (
        trustworthiness(codes, reference, n_neighbors=10) - 0.003
    )


def test_the_start_matters_and_both_starts_lead_to_good_maps(
    digits: tuple[FloatArray, IntArray],
) -> None:
    codes, labels = digits
    maps = {
        init: UMAP(init=init, n_epochs=200, random_state=0).fit(codes)
        for init in ("spectral", "pca")
    }
    for init, fitted in maps.items():
        assert fitted.init_ == init
        assert knn_label_accuracy(fitted.embedding_, labels) > 0.85
    assert not np.array_equal(maps["spectral"].embedding_, maps["pca"].embedding_)
    with pytest.raises(SettingError, match="init"):
        UMAP(init="random").fit(codes)


def test_settings_shape_the_map(digits: tuple[FloatArray, IntArray]) -> None:
    codes = digits[0][:800]

    def nearest(**settings: Any) -> float:
        fitted = UMAP(n_epochs=100, random_state=0, **settings).fit(codes)
        _, squared = _native.nearest_rows(fitted.embedding_, fitted.embedding_, 1, same=True)
        return float(np.median(np.sqrt(squared)))

    assert nearest(min_dist=0.9) > 1.5 * nearest(min_dist=0.0)
    assert nearest(spread=3.0) > 1.5 * nearest(spread=1.0)
    assert nearest(negative_sample_rate=15) > nearest(negative_sample_rate=1)
    few, many = (
        UMAP(n_neighbors=k, n_epochs=50, random_state=0).fit(codes).embedding_ for k in (5, 60)
    )
    assert not np.array_equal(few, many)


def test_a_given_graph_is_used_and_gives_the_same_map(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = normal(500)
    graph = NeighborGraph.build(codes, 40)
    alone = UMAP(n_epochs=30, random_state=0).fit(codes)
    doubled = UMAP(n_epochs=30, random_state=0).fit(np.vstack([codes, codes]))
    np.testing.assert_array_equal(doubled.embedding_[:500], doubled.embedding_[500:])
    np.testing.assert_array_equal(doubled.embedding_[:500], alone.embedding_)

    def build(*args: object, **kwargs: object) -> None:
        raise AssertionError

    monkeypatch.setattr(NeighborGraph, "build", build)
    given = UMAP(n_epochs=30, random_state=0).fit(codes, graph=graph)
    np.testing.assert_array_equal(given.embedding_, alone.embedding_)
    with pytest.raises(AssertionError):  # too few neighbours: another one must be built
        UMAP(n_neighbors=60, random_state=0).fit(codes, graph=graph)


BAD_CODES = {
    "four rows": normal(4),
    "five rows": normal(5),
    "one column": normal(50, 1),
    "few values": np.random.default_rng(0).integers(0, 3, size=(300, 2)).astype(np.float32),
    "constant columns": np.hstack([normal(80, 2), np.full((80, 3), 7, dtype=np.float32)]),
    "copies": np.repeat(normal(20), 8, axis=0),
    "a line": np.arange(60, dtype=np.float32)[:, None] * np.ones(4, np.float32),
    "a grid": np.stack(np.meshgrid(range(12), range(12)), -1).reshape(-1, 2).astype(np.float32),
    "pieces": np.vstack([normal(40), normal(40) + 1e3, normal(40) - 1e3]),
    "outliers": np.vstack([normal(200), [[1e6] * 6, [-1e8] * 6]]).astype(np.float32),
    "tiny": normal(100) * 1e-30,
    "huge": normal(100) * 1e30,
    "a star": np.vstack([np.zeros((1, 40)), np.eye(40)]).astype(np.float32),
}


@LOWERED
@pytest.mark.parametrize("name", list(BAD_CODES))
@pytest.mark.parametrize("n_neighbors", [2, 15])
def test_bad_codes_are_mapped_all_the_same(name: str, n_neighbors: int) -> None:
    codes = BAD_CODES[name].astype(np.float32)
    fitted = UMAP(n_neighbors=n_neighbors, n_epochs=100, random_state=0).fit(codes)
    points = fitted.embedding_
    assert np.isfinite(points).all()
    assert np.abs(points).max() < 1000
    assert len(np.unique(points, axis=0)) == len(np.unique(codes, axis=0))
    np.testing.assert_array_equal(fitted.transform(codes), points)


def test_pieces_stay_apart_and_outliers_leave_room_for_the_others() -> None:
    fitted = UMAP(n_neighbors=10, random_state=0).fit(BAD_CODES["pieces"])
    assert fitted.init_ == "pca"
    piece = np.repeat([0, 1, 2], 40)
    assert float(knn_label_accuracy(fitted.embedding_, piece, n_neighbors=5)) == 1
    spread = UMAP(random_state=0).fit(BAD_CODES["outliers"]).embedding_[:200].std(axis=0)
    alone = UMAP(random_state=0).fit(BAD_CODES["outliers"][:200]).embedding_.std(axis=0)
    assert (spread > 0.5 * alone).all()


def test_progress_comes_a_hundred_times_at_most() -> None:
    events: list[Progress] = []
    UMAP(n_epochs=350, random_state=0, progress=events.append).fit(normal(100))
    assert 50 < len(events) <= 101
    assert (events[0].step, events[-1].step, events[-1].total) == (0, 350, 350)


def test_placement_error_tells_how_well_new_rows_are_placed(
    digits: tuple[FloatArray, IntArray],
) -> None:
    codes = digits[0][:1500]
    fitted = UMAP(n_epochs=100, random_state=0).fit(codes)
    error = fitted.placement_error(n_rows=300)
    assert error.n_rows == 300
    assert 0 < error.median < error.percentile_90
    assert fitted.placement_error(n_rows=300) == error
    assert fitted.placement_error(n_rows=300, random_state=1) != error
    assert fitted.placement_error(n_rows=10**6).n_rows == 1500
    # rows on any place of the map are much farther off
    shuffled = UMAP(n_epochs=100, random_state=0).fit(codes)
    shuffled.positions_ = np.random.default_rng(0).permutation(fitted.positions_)
    shuffled._prepare()
    assert shuffled.placement_error(n_rows=300).median > 5 * error.median
    with pytest.raises(SettingError, match="n_rows"):
        fitted.placement_error(n_rows=0)
