"""Perplexity affinities and the divergence: openTSNE's figures, and slow exact versions."""

from __future__ import annotations

import numpy as np
import pytest

from latentscape.maps.affinities import (
    conditional_affinities,
    joint_affinities,
    kl_divergence,
    sparse_affinities,
)
from latentscape.neighbors import NeighborGraph
from latentscape.types import DoubleArray


@pytest.fixture(scope="module")
def graph() -> NeighborGraph:
    rows = np.random.default_rng(0).normal(size=(2300, 8)).astype(np.float32)
    return NeighborGraph.build(rows, 45)


def slow_conditional(squared: DoubleArray, perplexity: float) -> DoubleArray:
    """Reference: one halving of the bracket after the other, row after row."""
    result = np.empty_like(squared)
    for i, row in enumerate(squared):
        beyond = (row - row.min()) / ((row - row.min()).mean() or 1.0)
        low, high = -20.0, 60.0
        for _ in range(64):
            middle = (low + high) / 2
            weights = np.exp(-beyond * np.exp(middle))
            shares = weights / weights.sum()
            entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum()
            low, high = (middle, high) if entropy > np.log(perplexity) else (low, middle)
        weights = np.exp(-beyond * np.exp(high))
        result[i] = weights / weights.sum()
    return result


def dense_joint(graph: NeighborGraph, perplexity: float) -> DoubleArray:
    n, k = graph.n_rows, int(3 * perplexity)
    conditional = np.zeros((n, n))
    squared = graph.distances[:, :k].astype(np.float64) ** 2
    np.put_along_axis(
        conditional, graph.indices[:, :k], slow_conditional(squared, perplexity), axis=1
    )
    joint: DoubleArray = (conditional + conditional.T) / (2 * n)
    return joint


@pytest.mark.parametrize("perplexity", [2.0, 15.0, 40.0])
def test_each_row_has_the_wanted_perplexity(graph: NeighborGraph, perplexity: float) -> None:
    squared = graph.distances.astype(np.float64) ** 2
    affinities = conditional_affinities(squared, perplexity)
    entropy = -(affinities * np.log(affinities + 1e-300)).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=1e-9)
    np.testing.assert_allclose(affinities.sum(axis=1), 1, rtol=1e-12)
    slow = slow_conditional(squared[:200], perplexity)
    np.testing.assert_allclose(affinities[:200], slow, rtol=1e-6, atol=1e-15)
    scaled = conditional_affinities(squared * 1e-60, perplexity)
    np.testing.assert_allclose(scaled, affinities, rtol=1e-6, atol=1e-12)
    other = conditional_affinities(squared, perplexity * 1.01)
    assert np.abs(other[:200] / slow - 1).max() > 1e-3  # before: a wrong perplexity shows


def test_ties_share_what_a_small_perplexity_cannot_split() -> None:
    affinities = conditional_affinities(np.array([[1.0, 1, 1, 4], [0, 0, 0, 0]]), 2.0)
    np.testing.assert_allclose(affinities, [[1 / 3, 1 / 3, 1 / 3, 0], [0.25] * 4], atol=1e-12)


@pytest.mark.parametrize("perplexity", [0.4, 1.0, 2.9, 3.0])
def test_extreme_rows_have_affinities(perplexity: float) -> None:
    rows = np.array([[0.0, 1e-300, 1e300], [1e-30, 1e30, 1e38], [0, 0, 1], [5, 5, 5], [1, 2, 3]])
    affinities = conditional_affinities(rows, perplexity)
    assert np.isfinite(affinities).all()
    np.testing.assert_allclose(affinities.sum(axis=1), 1, rtol=1e-12)
    assert conditional_affinities(np.array([[7.0]]), perplexity).tolist() == [[1.0]]


def test_joint_affinities_equal_the_dense_ones(graph: NeighborGraph) -> None:
    part = NeighborGraph.build(graph.codes[:400], 45)
    slow = dense_joint(part, 15.0)
    ours = joint_affinities(part, 15.0)
    assert ours.data.dtype == np.float32
    assert ours.indices.dtype == np.int32
    assert ours.has_canonical_format
    np.testing.assert_allclose(ours.toarray(), slow, rtol=1e-6, atol=1e-18)
    assert ours.sum(dtype=np.float64) == pytest.approx(1, abs=1e-7)
    assert abs(ours - ours.T).max() == 0
    other = joint_affinities(part, 14.9)
    assert np.abs(other.toarray() - slow).max() > 1e-6 * slow.max()


def test_joint_affinities_equal_openTSNE(graph: NeighborGraph) -> None:  # noqa: N802
    affinity = pytest.importorskip("openTSNE.affinity")
    ours = joint_affinities(graph, 15.0)
    theirs = affinity.joint_probabilities_nn(
        graph.indices.astype(np.int64), graph.distances.astype(np.float64), [15.0]
    )
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), rtol=1e-4, atol=1e-10)
    other = joint_affinities(graph, 5.0)
    assert abs(other - ours).max() > 1e-6


def test_threads_and_runs_change_no_bit(graph: NeighborGraph) -> None:
    one = sparse_affinities(graph, 15.0, threads=1)
    for threads in (1, 2, 5):
        for a, b in zip(one, sparse_affinities(graph, 15.0, threads=threads), strict=True):
            np.testing.assert_array_equal(a, b)
    squared = graph.distances.astype(np.float64) ** 2
    np.testing.assert_array_equal(
        conditional_affinities(squared, 9.0, threads=1),
        conditional_affinities(squared, 9.0, threads=2),
    )
    places = np.random.default_rng(1).normal(size=(2300, 2))
    affinities = joint_affinities(graph, 15.0)
    assert kl_divergence(affinities, places, threads=1) == kl_divergence(
        affinities, places, threads=3
    )


def test_a_graph_of_cosines_counts_chords(graph: NeighborGraph) -> None:
    rows = graph.codes[:300]
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    by_angle = joint_affinities(NeighborGraph.build(rows, 45, "cosine"), 15.0)
    by_chord = joint_affinities(NeighborGraph.build(units, 45), 15.0)
    np.testing.assert_allclose(by_angle.toarray(), by_chord.toarray(), rtol=2e-3, atol=1e-8)
    plain = joint_affinities(NeighborGraph.build(rows, 45), 15.0)
    assert abs(plain - by_chord).max() > 1e-4


@pytest.mark.parametrize("scale", [0.01, 3.0, 300.0])
def test_divergence_equals_the_dense_sum(graph: NeighborGraph, scale: float) -> None:
    affinities = joint_affinities(NeighborGraph.build(graph.codes[:700], 45), 15.0)
    places = (np.random.default_rng(1).normal(size=(700, 2)) * scale).astype(np.float32)
    p = affinities.toarray().astype(np.float64)
    apart = places[:, None].astype(np.float64) - places
    q = 1 / (1 + (apart**2).sum(axis=2))
    np.fill_diagonal(q, 0)
    some = p > 0
    slow = (p[some] * np.log(p[some] / (q / q.sum())[some])).sum()
    assert kl_divergence(affinities, places) == pytest.approx(slow, rel=1e-6)
    assert kl_divergence(affinities, places[::-1]) != pytest.approx(slow, rel=1e-6)


def test_shapes_that_do_not_fit_are_refused(graph: NeighborGraph) -> None:
    affinities = joint_affinities(graph, 15.0)
    with pytest.raises(ValueError, match="one place for each row"):
        kl_divergence(affinities, np.zeros((3, 2)))
