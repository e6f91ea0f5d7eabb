"""Intrinsic dimension: known answers, plain numpy, and published figures of MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from latentscape.errors import CodesError, SettingError
from latentscape.images import ImageSet
from latentscape.neighbors import NeighborGraph
from latentscape.quality import mle_dimension, two_nn_dimension
from latentscape.types import DoubleArray

from . import slow_ranks


def flat(dimension: int, n: int = 4000) -> DoubleArray:
    """Even points of a cube, turned into twelve columns."""
    rng = np.random.default_rng(dimension)
    turn = np.linalg.qr(rng.normal(size=(12, 12)))[0][:dimension]
    return np.asarray(rng.uniform(size=(n, dimension)) @ turn)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_known_dimensions(dimension: int) -> None:
    X = flat(dimension)
    for found in (two_nn_dimension(X), mle_dimension(X)):
        # The rim of the cube makes both a little too small.
        assert 0.93 * dimension - 3 * found.standard_error < found
        assert found < 1.03 * dimension + 3 * found.standard_error


def test_equal_plain_numpy() -> None:
    X = flat(3, 300)
    radii = np.sort(slow_ranks.distances(X.astype(np.float32)), axis=1)[:, 1:]
    mu = np.sort(radii[:, 1] / radii[:, 0])[:270]
    x, y = np.log(mu), -np.log(1 - np.arange(1, 271) / 300)
    slope = np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]
    assert two_nn_dimension(X) == pytest.approx(slope, rel=1e-5)
    inverse = [np.mean([np.log(row[6] / row[j]) for j in range(6)]) for row in radii]
    assert mle_dimension(X, 7) == pytest.approx(1 / np.mean(inverse), rel=1e-5)


def test_errors_say_how_far_samples_differ() -> None:
    rng = np.random.default_rng(0)
    for measure in (two_nn_dimension, mle_dimension):
        found = [measure(rng.normal(size=(500, 4))) for _ in range(30)]
        spread = np.std(np.array(found, dtype=float), ddof=1)
        typical = np.mean([value.standard_error for value in found])
        assert 0.4 < typical / spread < 2.5  # rows share neighbours, so it is not exact


def test_copies_are_left_out_and_a_graph_saves_the_search() -> None:
    X = flat(2, 400)
    doubled = np.vstack([X, X[:100]])
    assert two_nn_dimension(doubled) == pytest.approx(float(two_nn_dimension(X)), rel=0.15)
    graph = NeighborGraph.build(X, 30)
    assert two_nn_dimension(X, graph=graph) == pytest.approx(float(two_nn_dimension(X)), rel=1e-4)
    assert mle_dimension(X, graph=graph) == pytest.approx(float(mle_dimension(X)), rel=1e-4)


def test_what_has_no_dimension() -> None:
    with pytest.raises(CodesError, match="no copy"):
        two_nn_dimension(np.ones((10, 2)))
    with pytest.raises(CodesError, match="no copy"):
        mle_dimension(np.repeat(flat(2, 10), 2, axis=0), 5)
    with pytest.raises(SettingError, match="from 2 to 9"):
        mle_dimension(flat(2, 10), 10)
    with pytest.raises(SettingError, match="discard"):
        two_nn_dimension(flat(2, 10), discard=1.0)
    with pytest.raises(SettingError, match="euclidean"):
        two_nn_dimension(flat(2, 10), graph=NeighborGraph.build(flat(2, 10), 3, "cosine"))
    with pytest.raises(SettingError, match="neighbours"):
        mle_dimension(flat(2, 10), 5, graph=NeighborGraph.build(flat(2, 10), 3))


def test_published_dimension_of_the_test_digits(mnist: ImageSet) -> None:
    assert two_nn_dimension(mnist.test.images) == pytest.approx(13.6, abs=0.1)


@pytest.mark.published
def test_published_dimension_of_the_training_digits(mnist: ImageSet) -> None:
    assert two_nn_dimension(mnist.train.images) == pytest.approx(14.9, abs=0.1)


@pytest.mark.parametrize("measure", [two_nn_dimension, mle_dimension])
@pytest.mark.parametrize("X", [5.0, [[1.0, 2.0], [3.0]], np.zeros((2, 3)), flat(2, 30) * np.nan])
def test_rows_that_are_none_are_refused(measure: Any, X: Any) -> None:
    with pytest.raises(CodesError):
        measure(X)


@pytest.mark.parametrize("measure", [two_nn_dimension, mle_dimension])
def test_a_graph_of_other_rows_is_refused(measure: Any) -> None:
    X = flat(2, 100)
    with pytest.raises(CodesError, match="the graph has 100 rows and X 60"):
        measure(X[:60], graph=NeighborGraph.build(X, 30))
