"""t-SNE: its kernels against slow exact versions, and what a fit promises."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from latentscape import _native
from latentscape.errors import CodesError
from latentscape.maps import TSNE, SettingLoweredWarning
from latentscape.maps import tsne as module
from latentscape.maps.affinities import joint_affinities, kl_divergence, sparse_affinities
from latentscape.neighbors import NeighborGraph
from latentscape.types import AnyArray, DoubleArray, FloatArray, Int32Array, IntArray, Progress

Sparse = tuple[IntArray, Int32Array, FloatArray]


class Case(NamedTuple):
    """Affinities, a map, and the exact forces on its points."""

    affinities: Sparse
    dense: DoubleArray
    places: FloatArray
    attraction: DoubleArray
    repulsion: DoubleArray
    divergence: float


def slow_forces(dense: DoubleArray, places: AnyArray) -> tuple[DoubleArray, DoubleArray, float]:
    """Reference: all pairs in float64."""
    apart = places[:, None].astype(np.float64) - places
    q = 1 / (1 + (apart**2).sum(axis=2))
    np.fill_diagonal(q, 0)
    attraction = ((dense * q)[:, :, None] * apart).sum(axis=1)
    repulsion = -((q * q)[:, :, None] * apart).sum(axis=1) / q.sum()
    some = dense > 0
    divergence = float((dense[some] * np.log(dense[some] / (q / q.sum())[some])).sum())
    return attraction, repulsion, divergence


@pytest.fixture(scope="module", params=[3.0, 20.0], ids=["crowded", "wide"])
def case(request: pytest.FixtureRequest) -> Case:
    rng = np.random.default_rng(0)
    graph = NeighborGraph.build(rng.normal(size=(1500, 6)), 60)
    affinities = sparse_affinities(graph, 20.0)
    dense = joint_affinities(graph, 20.0).toarray().astype(np.float64)
    places = (rng.normal(size=(1500, 2)) * [request.param, request.param / 2]).astype(np.float32)
    return Case(affinities, dense, places, *slow_forces(dense, places))


def difference(values: Any, exact: Any) -> float:
    return float(np.linalg.norm(values - exact) / np.linalg.norm(exact))


METHODS: dict[str, dict[str, Any]] = {
    "all pairs": {"exact_rows": 10_000},
    "mesh": {"exact_rows": 0, "spacing": 0.15},
}
methods = pytest.mark.parametrize("method", list(METHODS))


@methods
def test_gradient_equals_the_exact_one(case: Case, method: str) -> None:
    layout = _native.TsneLayout(*case.affinities, case.places, **METHODS[method])
    repulsion = layout.gradient(exaggeration=0.0)
    assert difference(repulsion, case.repulsion) < 1e-4
    for exaggeration in (1.0, 12.0):
        exact = exaggeration * case.attraction + case.repulsion
        assert difference(layout.gradient(exaggeration=exaggeration), exact) < 1e-4
    assert difference(layout.gradient(exaggeration=1.1), case.attraction + case.repulsion) > 1e-3
    assert layout.divergence() == pytest.approx(case.divergence, abs=2e-5)


def test_default_mesh_is_fine_enough_and_a_coarse_one_is_not(case: Case) -> None:
    def error(spacing: float) -> float:
        layout = _native.TsneLayout(*case.affinities, case.places, exact_rows=0, spacing=spacing)
        return difference(layout.gradient(exaggeration=0.0), case.repulsion)

    assert error(module._SPACING) < 0.02
    assert error(module._SPACING / 2) < 0.1 * error(module._SPACING)
    assert error(1.2) > 0.02 or case.places.std() < 5  # a crowd is smooth for any mesh


def test_divergence_falls_along_the_gradient(case: Case) -> None:
    layout = _native.TsneLayout(*case.affinities, case.places, **METHODS["all pairs"])
    gradient = layout.gradient().astype(np.float64)
    step = 1e-2 / np.abs(gradient).max()
    moved = [(case.places + sign * step * gradient).astype(np.float32) for sign in (-1, 1)]
    low, high = (
        _native.kl_divergence(*case.affinities, np.ascontiguousarray(places)) for places in moved
    )
    slope = (high - low) / (2 * step)
    assert slope == pytest.approx(4 * (gradient**2).sum(), rel=1e-2)


@methods
def test_steps_equal_slow_ones(case: Case, method: str) -> None:
    """Momentum and gains, in float64, from the exact forces."""
    layout = _native.TsneLayout(*case.affinities, case.places, **METHODS[method])
    places = case.places.astype(np.float64)
    velocity, gains = np.zeros_like(places), np.ones_like(places)
    rate = 300.0
    for done, (exaggeration, momentum) in enumerate([(4.0, 0.5), (4.0, 0.8), (1.0, 0.8)]):
        attraction, repulsion, _ = slow_forces(case.dense, places)
        gradient = exaggeration * attraction + repulsion
        gains = np.where(gradient * velocity > 0, gains * 0.8, gains + 0.2)
        velocity = np.clip(momentum * velocity - rate * gains * gradient, -5, 5)
        places = places + velocity
        layout.run(1, exaggeration=exaggeration, momentum=momentum, learning_rate=rate)
        if done == 1:
            layout.renumber()
        # Where a gradient is nearly zero its sign, and with it the gain, may be another one.
        assert difference(layout.places() - case.places, places - case.places) < 2e-3
    assert np.abs(velocity).max() > 1e-3  # it moved


@methods
def test_threads_change_no_bit(case: Case, method: str) -> None:
    results = []
    for threads in (1, 2, 3):
        layout = _native.TsneLayout(
            *case.affinities, case.places, threads=threads, **METHODS[method]
        )
        layout.run(20, exaggeration=4, momentum=0.8, learning_rate=500)
        layout.renumber()
        layout.run(20, exaggeration=1, momentum=0.9, learning_rate=500)
        results.append((layout.places(), layout.divergence(), layout.gradient()))
    for places, divergence, gradient in results[1:]:
        np.testing.assert_array_equal(places, results[0][0])
        np.testing.assert_array_equal(gradient, results[0][2])
        assert divergence == results[0][1]


@pytest.mark.parametrize("n", [4, 17, 1023, 70_000, 140_000])
def test_attraction_with_columns_far_apart(n: int) -> None:
    """Beyond 65,536 rows a line of the packed affinities does not reach all columns."""
    rng = np.random.default_rng(0)
    degree = rng.integers(0, 40, size=n)
    degree[:2] = 0, 39
    starts = np.concatenate([[0], np.cumsum(degree)]).astype(np.int64)
    columns = rng.integers(0, n, size=starts[-1]).astype(np.int32)
    values = (rng.random(len(columns)) ** 4 + 1e-6).astype(np.float32)
    values /= values.sum(dtype=np.float64)
    values[::50] = 0
    places = rng.normal(scale=8, size=(n, 2)).astype(np.float32)
    layout = _native.TsneLayout(starts, columns, values, places, exact_rows=0)
    rows = np.repeat(np.arange(n), degree)
    apart = places[rows].astype(np.float64) - places[columns]
    pulls = (values / (1 + (apart**2).sum(axis=1)))[:, None] * apart
    exact = np.stack([np.bincount(rows, pulls[:, a], minlength=n) for a in (0, 1)], axis=1)
    strength = 1e6  # beside which the repulsion is nothing
    attraction = layout.gradient(exaggeration=strength) / strength
    none = layout.gradient(exaggeration=0.0) / strength
    assert difference(attraction - none, exact) < 2e-4
    assert difference(attraction[::-1], exact) > 1


def test_a_point_far_away_does_not_break_the_mesh() -> None:
    rng = np.random.default_rng(0)
    graph = NeighborGraph.build(rng.normal(size=(2000, 4)), 30)
    affinities = sparse_affinities(graph, 10.0)
    for far in (1e3, 1e5, 1e9):
        places = rng.normal(size=(2000, 2)).astype(np.float32)
        places[7] = far
        layout = _native.TsneLayout(*affinities, places, exact_rows=0)
        layout.run(5, exaggeration=1, momentum=0.8, learning_rate=2000)
        assert np.isfinite(layout.places()).all()
        assert np.isfinite(layout.divergence())
    # all on one spot, and on a line
    for spread in ([0, 0], [0, 30], [300, 0]):
        places = (rng.normal(size=(2000, 2)) * spread).astype(np.float32)
        layout = _native.TsneLayout(*affinities, places, exact_rows=0)
        layout.run(5, exaggeration=1, momentum=0.8, learning_rate=2000)
        assert np.isfinite(layout.places()).all()


def test_wrong_affinities_are_refused() -> None:
    places = np.zeros((2, 2), dtype=np.float32)
    good: list[Any] = [
        np.array([0, 1, 2]),
        np.array([1, 0], np.int32),
        np.array([0.5, 0.5], np.float32),
    ]
    changes: list[tuple[int, Any]] = [
        (0, np.array([0, 3, 2])),
        (0, np.array([1, 1, 2])),
        (1, np.array([1, 2], np.int32)),
        (1, np.array([-1, 0], np.int32)),
        (2, np.array([0.5], np.float32)),
    ]
    _native.TsneLayout(good[0], good[1], good[2], places)
    for at, wrong in changes:
        bad = list(good)
        bad[at] = wrong
        with pytest.raises(ValueError, match=r"row|fit|ascend|one value"):
            _native.TsneLayout(bad[0], bad[1], bad[2], places)


@pytest.fixture(scope="module")
def blobs() -> FloatArray:
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=4, size=(8, 10))
    return (centers[np.arange(1600) % 8] + rng.normal(size=(1600, 10))).astype(np.float32)


def test_fit_is_the_same_on_any_number_of_threads(blobs: FloatArray) -> None:
    maps = [TSNE(n_iter=120, random_state=0, n_jobs=n).fit(blobs) for n in (1, 2, None, -1)]
    for other in maps[1:]:
        np.testing.assert_array_equal(other.embedding_, maps[0].embedding_)
        assert other.kl_divergence_ == maps[0].kl_divergence_


def test_the_divergence_reported_is_the_exact_one(blobs: FloatArray) -> None:
    fitted = TSNE(n_iter=150, random_state=0).fit(blobs)
    affinities = joint_affinities(NeighborGraph.build(blobs, 90), 30.0)
    exact = kl_divergence(affinities, fitted.embedding_)
    assert fitted.kl_divergence_ == pytest.approx(exact, rel=1e-3)
    np.testing.assert_allclose(fitted.embedding_.mean(axis=0), 0, atol=1e-4)


def test_a_map_is_no_worse_than_that_of_openTSNE(blobs: FloatArray) -> None:  # noqa: N802
    opentsne = pytest.importorskip("openTSNE")
    affinities = joint_affinities(NeighborGraph.build(blobs, 90), 30.0)
    theirs = opentsne.TSNE(random_state=0, n_jobs=1).fit(blobs)
    reference = kl_divergence(affinities, theirs)
    fitted = TSNE(random_state=0).fit(blobs)
    assert kl_divergence(affinities, fitted.embedding_) < 1.002 * reference
    # before: a map that is not finished does not get there
    early = TSNE(n_iter=100, random_state=0).fit(blobs)
    assert kl_divergence(affinities, early.embedding_) > 1.002 * reference


def test_a_given_graph_saves_the_search(blobs: FloatArray, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"n_iter": 60, "random_state": 0}
    expected = TSNE(**settings).fit(blobs).embedding_
    graph = NeighborGraph.build(blobs, 100)
    twice = np.concatenate([blobs, blobs[:5]])
    doubled = TSNE(**settings).fit(twice, graph=NeighborGraph.build(twice, 90)).embedding_
    np.testing.assert_array_equal(doubled, np.concatenate([expected, expected[:5]]))
    small = NeighborGraph.build(blobs, 10)  # too few neighbours: searched again
    np.testing.assert_array_equal(TSNE(**settings).fit(blobs, graph=small).embedding_, expected)
    with pytest.raises(CodesError, match="other codes"):
        TSNE(**settings).fit(blobs[::-1], graph=graph)

    def no_search(*args: object, **kwargs: object) -> None:
        raise AssertionError

    monkeypatch.setattr(NeighborGraph, "build", no_search)
    fitted = TSNE(**settings)
    np.testing.assert_array_equal(fitted.fit_transform(blobs, graph=graph), expected)
    with pytest.raises(AssertionError):
        fitted.fit(blobs)


def test_it_ends_when_the_divergence_no_longer_falls() -> None:
    events: list[Progress] = []
    codes = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    fitted = TSNE(perplexity=10, n_iter=20_000, random_state=0, progress=events.append)
    fitted.fit(codes)
    assert 100 <= fitted.n_iter_ < 5_000
    assert events[-1].step == events[-1].total == 20_000
    longer = TSNE(perplexity=10, n_iter=fitted.n_iter_, random_state=0).fit(codes)
    assert longer.kl_divergence_ == pytest.approx(fitted.kl_divergence_, rel=2e-2)
    short = TSNE(perplexity=10, n_iter=20, random_state=0).fit(codes)
    assert short.n_iter_ == 20
    assert short.kl_divergence_ > 1.05 * fitted.kl_divergence_


def test_about_a_hundred_events_at_most() -> None:
    events: list[Progress] = []
    codes = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    TSNE(n_iter=750, random_state=0, progress=events.append).fit(codes)
    assert 10 < len(events) <= 108
    steps = [event.step for event in events]
    assert steps == sorted(set(steps))


def shapes() -> dict[str, AnyArray]:
    rng = np.random.default_rng(0)
    apart = rng.normal(size=(90, 3))
    apart[30:60] += 1e4
    apart[60:] -= 1e6
    constant = rng.normal(size=(50, 4))
    constant[:, 1:] = 7
    outlier = rng.normal(size=(1500, 3))
    outlier[5] = 1e9
    return {
        "four rows": rng.normal(size=(4, 3)),
        "five rows": rng.normal(size=(5, 1)),
        "constant columns": constant,
        "pieces": apart,
        "few values": rng.integers(0, 3, size=(400, 3)),
        "mostly copies": np.repeat(rng.normal(size=(12, 3)), 100, axis=0),
        "outlier": outlier,
        "a line": np.arange(1200.0)[:, None],
        "huge": rng.normal(size=(100, 3)) * 1e37,
        "tiny": rng.normal(size=(100, 3)) * 1e-37,
    }


@pytest.mark.filterwarnings("ignore::latentscape.maps.SettingLoweredWarning")
@pytest.mark.parametrize("shape", list(shapes()))
@pytest.mark.parametrize("settings", [{}, {"init": "random", "perplexity": 3}], ids=str)
def test_never_nan_never_a_crash(shape: str, settings: dict[str, Any]) -> None:
    codes = shapes()[shape].astype(np.float32)
    fitted = TSNE(random_state=0, n_iter=300, **settings).fit(codes)
    assert np.isfinite(fitted.embedding_).all()
    assert np.isfinite(fitted.kl_divergence_)
    assert fitted.kl_divergence_ >= 0
    distinct = len(np.unique(codes, axis=0))
    assert len(np.unique(fitted.embedding_, axis=0)) == distinct


def test_a_perplexity_that_is_too_large_is_lowered_and_said() -> None:
    codes = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.warns(SettingLoweredWarning, match="perplexity lowered: 30 -> 13"):
        fitted = TSNE(n_iter=20, random_state=0).fit(codes)
    assert fitted.perplexity_ == 13
