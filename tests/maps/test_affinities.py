"""Perplexity affinities: the wanted perplexity, and openTSNE's figures."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest
from openTSNE.affinity import joint_probabilities_nn

from latentscape.maps.affinities import conditional_affinities, joint_affinities
from latentscape.maps.nearest import NearestRows
from latentscape.types import DoubleArray, IntArray

Graph: TypeAlias = tuple[IntArray, DoubleArray]


@pytest.fixture(scope="module")
def graph() -> Graph:
    rows = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    return NearestRows(rows).graph(45)


@pytest.mark.parametrize("perplexity", [2.0, 15.0, 40.0])
def test_each_row_has_the_wanted_perplexity(graph: Graph, perplexity: float) -> None:
    affinities = conditional_affinities(graph[1], perplexity)
    entropy = -(affinities * np.log(affinities + 1e-300)).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=1e-9)
    np.testing.assert_allclose(affinities.sum(axis=1), 1)
    scaled = conditional_affinities(graph[1] * 1e-60, perplexity)
    np.testing.assert_allclose(scaled, affinities, rtol=1e-6, atol=1e-12)


def test_joint_affinities_equal_openTSNE(graph: Graph) -> None:  # noqa: N802
    ours = joint_affinities(*graph, 15.0)
    theirs = joint_probabilities_nn(graph[0], np.sqrt(graph[1]), [15.0])
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), rtol=1e-4, atol=1e-9)
    assert ours.sum() == pytest.approx(1)
    assert abs(ours - ours.T).max() < 1e-18
    other = joint_affinities(*graph, 5.0)
    assert abs(other - ours).max() > 1e-5


def test_ties_share_what_a_small_perplexity_cannot_split() -> None:
    affinities = conditional_affinities(np.array([[1.0, 1, 1, 4], [0, 0, 0, 0]]), 2.0)
    np.testing.assert_allclose(affinities, [[1 / 3, 1 / 3, 1 / 3, 0], [0.25] * 4], atol=1e-12)
