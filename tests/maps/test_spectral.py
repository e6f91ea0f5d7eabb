"""First positions of a layout."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from latentscape.maps.spectral import in_box, spectral_start
from latentscape.maps.umap import fuzzy_graph
from latentscape.neighbors import NeighborGraph
from latentscape.types import DoubleArray, FloatArray


def band(n: int) -> tuple[FloatArray, csr_array]:
    """Rows along a band, and their fuzzy graph."""
    codes = (np.random.default_rng(0).uniform(size=(n, 2)) * [4, 1]).astype(np.float32)
    return codes, fuzzy_graph(NeighborGraph.build(codes, 14), 15)


def true_eigenvectors(graph: csr_array) -> DoubleArray:
    dense = graph.toarray().astype(np.float64)
    roots = np.sqrt(dense.sum(axis=1))
    _, vectors = np.linalg.eigh(dense / np.outer(roots, roots))
    result: DoubleArray = vectors[:, [-2, -3]]
    return result


@pytest.mark.parametrize("n", [60, 1500])  # all eigenvectors at once, and by iteration
def test_the_start_is_the_slowest_waves_of_the_graph(n: int) -> None:
    codes, graph = band(n)
    guess = np.random.default_rng(1).normal(size=(n, 2))
    start = spectral_start(graph, guess)
    assert start is not None
    true = true_eigenvectors(graph)
    # the slowest waves run along the band; what is asked for is rough
    share, *_ = np.linalg.lstsq(start, codes[:, 0] - codes[:, 0].mean(), rcond=None)
    assert np.corrcoef(start @ share, codes[:, 0])[0, 1] > 0.9
    dense = graph.toarray()
    roots = np.sqrt(dense.sum(axis=1))
    matrix = dense / np.outer(roots, roots)
    for wave, best in zip(start.T, true.T, strict=True):
        assert np.linalg.norm(wave) == pytest.approx(1, rel=1e-3)
        assert wave @ matrix @ wave > best @ matrix @ best - 0.02
        assert abs(wave @ roots) < 0.1 * np.linalg.norm(roots)  # not the trivial one
        assert wave[np.argmax(np.abs(wave))] > 0
    other = guess[:, 0] / np.linalg.norm(guess[:, 0])
    assert other @ matrix @ other < 0.8  # before: the guess is far from it
    np.testing.assert_array_equal(spectral_start(graph, guess), start)


def test_no_spectral_start_for_a_graph_in_pieces_or_with_a_few_rows_set_apart() -> None:
    codes, graph = band(400)
    guess = np.zeros((400, 2))
    assert spectral_start(graph, guess) is not None
    two = np.vstack([codes, codes + 1000])
    pieces = fuzzy_graph(NeighborGraph.build(two, 14), 15)
    assert spectral_start(pieces, np.zeros((800, 2))) is None
    # a pair that hangs on a hair: the slowest wave tells it from all other rows
    weights = np.zeros((402, 402), dtype=np.float32)
    weights[:400, :400] = graph.toarray()
    weights[400, 401] = weights[401, 400] = 1
    weights[0, 400] = weights[400, 0] = 1e-4
    assert spectral_start(csr_array(weights), np.zeros((402, 2))) is None


def test_positions_fill_the_box_and_outliers_do_not_press_them_together() -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(1000, 2)) * [3, 1]
    start[0] = 1e9
    boxed = in_box(start, 10.0, 0)
    assert boxed.dtype == np.float32
    assert np.abs(boxed).max() < 10.01
    low, high = np.percentile(boxed, [1, 99], axis=0)
    np.testing.assert_allclose((high - low)[0], 10, rtol=1e-2)
    np.testing.assert_allclose((high - low)[1], 10 / 3, rtol=0.1)  # one scale for both
    np.testing.assert_array_equal(in_box(start, 10.0, 0), boxed)
    assert not np.array_equal(in_box(start, 10.0, 1), boxed)
    flat = in_box(np.zeros((10, 2)), 10.0, 0)
    assert len(np.unique(flat, axis=0)) == 10
    assert np.abs(flat).max() < 0.01


def test_threads_change_no_bit_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, graph = band(1500)
    alone = spectral_start(graph, codes.astype(np.float64))
    monkeypatch.setattr("latentscape.maps.spectral._MANY_ROWS", 1000)
    rough = spectral_start(graph, codes.astype(np.float64))
    assert alone is not None
    assert rough is not None
    assert not np.array_equal(alone, rough)  # the limit is what it was set to
    for n_threads in (2, 3):
        found = spectral_start(graph, codes.astype(np.float64), n_threads)
        np.testing.assert_array_equal(found, rough)
