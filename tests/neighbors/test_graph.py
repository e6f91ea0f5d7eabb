"""The neighbour graph against brute force in double precision, and its promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentscape import _native
from latentscape.errors import CodesError, LatentscapeError, ModelFileError, SettingError
from latentscape.neighbors import NeighborGraph, shared_neighbors
from latentscape.types import DoubleArray, FloatArray, IntArray


def blobs(n: int, d: int, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(10, d)) * 3
    return (centers[rng.integers(10, size=n)] + rng.normal(size=(n, d))).astype(np.float32)


def brute(queries: FloatArray, rows: FloatArray, k: int, *, same: bool) -> tuple[IntArray, Any]:
    """k nearest rows in float64, ties by index."""
    wide = queries.astype(np.float64)[:, None] - rows.astype(np.float64)[None]
    squared: DoubleArray = (wide**2).sum(axis=2)
    if same:
        np.fill_diagonal(squared, np.inf)
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(squared, order, axis=1)


@pytest.mark.parametrize(("n", "d", "k"), [(2, 1, 1), (17, 3, 16), (300, 2, 50), (1000, 33, 90)])
def test_exact_neighbours_are_those_of_brute_force(n: int, d: int, k: int) -> None:
    rows = blobs(n, d)
    graph = NeighborGraph.build(rows, k)
    indices, squared = brute(rows, rows, k, same=True)
    assert np.array_equal(graph.indices, indices)
    assert np.allclose(graph.distances, np.sqrt(squared), rtol=1e-6, atol=0)
    assert (graph.recall, graph.recall_error, graph.method) == (1.0, 0.0, "exact")


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(2, 70), st.integers(1, 5)),
        elements=st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0]),  # many ties and copies
    ),
    st.data(),
)
def test_ties_go_to_the_smaller_index(rows: FloatArray, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(rows) - 1))
    graph = NeighborGraph.build(rows, k)
    indices, _ = brute(rows, rows, k, same=True)
    assert np.array_equal(graph.indices, indices)


def test_queries_are_answered_one_by_one() -> None:
    rows, new = blobs(500, 8), blobs(101, 8, seed=1)
    graph = NeighborGraph.build(rows, 5)
    indices, distances = graph.query(new, 7)
    expected, squared = brute(new, rows, 7, same=False)
    assert np.array_equal(indices, expected)
    assert np.allclose(distances, np.sqrt(squared), rtol=1e-6)
    alone = [graph.query(new[i : i + 1], 7) for i in range(0, 101, 10)]
    assert np.array_equal(np.vstack([a for a, _ in alone]), indices[::10])
    assert np.array_equal(np.vstack([b for _, b in alone]), distances[::10])
    own, zero = graph.query(rows[:20], 1)
    assert own[:, 0].tolist() == list(range(20))
    assert not zero.any()


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1.0, 1e18, 1e30])
def test_the_scale_of_the_codes_changes_nothing(scale: float) -> None:
    rows = blobs(200, 4)
    graph = NeighborGraph.build(rows.astype(np.float64) * scale, 10)
    plain = NeighborGraph.build((rows.astype(np.float64) * scale / scale).astype(np.float32), 10)
    assert shared_neighbors(graph.indices, plain.indices).mean() > 9.99
    assert np.isfinite(graph.distances).all()


@pytest.mark.parametrize("far", [1e5, 1e8, 1e12, 1e17, 1e25, 3e37])
def test_rows_absurdly_far_from_all_others(far: float) -> None:
    rows = np.clip(blobs(600, 5), -10, 10)
    rows[[5, 77, 300]] *= np.float32(far)
    graph = NeighborGraph.build(rows, 20)
    indices, squared = brute(rows, rows, 20, same=True)
    assert np.array_equal(graph.indices, indices)
    assert np.allclose(
        graph.distances, np.minimum(np.sqrt(squared), np.finfo(np.float32).max), rtol=1e-6
    )
    cells = NeighborGraph.build(rows, 20, method="ivf")
    assert np.array_equal(cells.indices[[5, 77, 300]], indices[[5, 77, 300]])
    assert shared_neighbors(cells.indices, graph.indices).mean() / 20 > 0.95
    assert cells.recall > 0.95
    every, _ = brute(rows, rows, 599, same=True)
    assert np.array_equal(NeighborGraph.build(rows, 599).indices, every)
    found, _ = graph.query(rows, 20)
    assert np.array_equal(found, brute(rows, rows, 20, same=False)[0])


@pytest.mark.parametrize("far", [1e7, 1e10, 1e15, 1e20, 1e30, 3e38])
def test_queries_absurdly_far_from_all_rows(far: float) -> None:
    rows = blobs(500, 4)
    queries = np.sign(blobs(30, 4, seed=1)) * np.float32(far)
    graph = NeighborGraph.build(rows, 3)
    found, distances = graph.query(queries, 12)
    assert np.array_equal(found, brute(queries, rows, 12, same=False)[0])
    assert np.isfinite(distances).all()
    alone = np.vstack([graph.query(queries[i : i + 1], 12)[0] for i in range(30)])
    assert np.array_equal(found, alone)


def test_cosine_neighbours_have_the_smallest_angles() -> None:
    rows = blobs(300, 6)
    graph = NeighborGraph.build(rows * np.linspace(1, 100, 300)[:, None], 12, "cosine")
    unit = rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    cosine = 1 - unit @ unit.T
    np.fill_diagonal(cosine, np.inf)
    expected = np.argsort(cosine, axis=1)[:, :12]
    assert shared_neighbors(graph.indices, expected.astype(np.int32)).mean() > 11.99
    assert np.allclose(graph.distances, np.sort(cosine, axis=1)[:, :12], atol=1e-6)
    euclidean = NeighborGraph.build(rows * np.linspace(1, 100, 300)[:, None], 12)
    assert shared_neighbors(graph.indices, euclidean.indices).mean() < 11  # it is another question


def test_cells_find_what_they_say_they_find() -> None:
    rows = blobs(6000, 16)
    graph = NeighborGraph.build(rows, 20, method="ivf")
    exact = NeighborGraph.build(rows, 20, method="exact")
    true_recall = shared_neighbors(graph.indices, exact.indices).mean() / 20
    assert graph.method == "ivf"
    assert 0.98 <= graph.recall < 1
    assert abs(graph.recall - true_recall) < 4 * graph.recall_error + 1e-9
    poor, _ = _native.InvertedFile(rows, n_regions=77, n_train=3000).query(
        rows, 20, n_probes=1, selves=np.arange(6000, dtype=np.int32)
    )
    assert shared_neighbors(poor, exact.indices).mean() / 20 < 0.9  # the measure can say no


@pytest.mark.parametrize("n", [40, 900])
@pytest.mark.parametrize("spread", [1.0, 0.0])
def test_all_cells_hold_all_rows(n: int, spread: float) -> None:
    rows = (blobs(n, 5) * spread).astype(np.float32)
    rows[: n // 3] = rows[0]  # copies leave cells empty
    file = _native.InvertedFile(rows, n_regions=n // 8, n_train=n, n_iter=3)
    assert 1 <= file.n_cells <= n
    own = np.arange(n, dtype=np.int32)
    for selves in (own, None):
        found, squared = file.query(rows, 12, n_probes=file.n_cells, selves=selves)
        exact, exactly = _native.nearest_rows(rows, rows, 12, same=selves is not None)
        assert np.array_equal(squared, exactly)
        if spread:
            assert np.array_equal(found[n // 3 :], exact[n // 3 :])
        assert (found >= 0).all()


@pytest.mark.parametrize("method", ["exact", "ivf"])
def test_threads_change_no_bit(method: Any) -> None:
    rows = blobs(3000, 9)
    one, two, again = (
        NeighborGraph.build(rows, 15, method=method, n_jobs=jobs) for jobs in (1, 2, 2)
    )
    for other in (two, again):
        assert np.array_equal(one.indices, other.indices)
        assert np.array_equal(one.distances, other.distances)
        assert one.recall == other.recall


@pytest.mark.parametrize("method", ["exact", "ivf"])
def test_copies_are_neighbours_at_distance_zero(method: Any) -> None:
    rows = np.repeat(blobs(40, 3), 25, axis=0)
    graph = NeighborGraph.build(rows, 30, method=method)
    assert (graph.indices != np.arange(1000)[:, None]).all()
    assert not graph.distances[:, :24].any()
    assert graph.distances[:, 24].all()
    assert all(len(set(row)) == 30 for row in graph.indices.tolist())


def test_pieces_are_counted() -> None:
    rows = np.array([[0.0], [1.0], [2.0], [100.0], [101.0], [102.0]])
    graph = NeighborGraph.build(rows, 3)
    assert graph.n_pieces(2) == 2
    assert graph.n_pieces() == 1


def test_it_comes_back_from_a_file(tmp_path: Path) -> None:
    graph = NeighborGraph.build(blobs(500, 5), 6, "cosine", method="ivf")
    graph.save(tmp_path / "graph.safetensors")
    loaded = NeighborGraph.load(tmp_path / "graph.safetensors")
    for name in ("codes", "indices", "distances"):
        assert np.array_equal(getattr(loaded, name), getattr(graph, name))
    for name in ("metric", "method", "recall", "recall_error"):
        assert getattr(loaded, name) == getattr(graph, name)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "graph.safetensors"
    graph = NeighborGraph.build(blobs(50, 5), 6)
    graph.save(path)
    whole = path.read_bytes()
    for damaged in (whole[:100], whole[:-8], b"", b"no graph at all"):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=r"graph\.safetensors"):
            NeighborGraph.load(path)
    bad = NeighborGraph(graph.codes, graph.indices + 7, graph.distances)
    bad.save(path)
    with pytest.raises(ModelFileError, match="do not fit"):
        NeighborGraph.load(path)
    with pytest.raises(LatentscapeError, match="nothing"):
        NeighborGraph.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("codes", "settings", "error", "words"),
    [
        ([[1.0, np.nan], [0, 0], [np.inf, 0]], {}, CodesError, r"2 of 3 rows .* \(rows 0, 2\)"),
        ([[1.0, 2.0]], {}, CodesError, "at least 2 rows, got 1"),
        ([1.0, 2.0], {}, CodesError, "shape"),
        ([["a"], ["b"]], {}, CodesError, "must be numbers"),
        (np.eye(4), {"n_neighbors": 4}, SettingError, "from 1 to 3 for 4 rows, got 4"),
        (np.eye(4), {"n_neighbors": 0}, SettingError, "from 1 to 3"),
        (np.eye(4), {"n_neighbors": True}, SettingError, "from 1 to 3"),
        (np.eye(4), {"metric": "chess"}, SettingError, "metric must be"),
        (np.eye(4), {"method": "luck"}, SettingError, "method must be"),
        (np.eye(4), {"n_jobs": 0}, SettingError, "n_jobs must be"),
        (np.eye(4), {"random_state": None}, SettingError, "random_state must be"),
        (np.eye(4), {"random_state": -1, "method": "ivf"}, SettingError, "random_state must be"),
        (np.eye(4) * 1e300, {}, CodesError, r"4 of 4 rows .* beyond 3.4e38.*rescale"),
        (np.eye(4) * 1j, {}, CodesError, "must be numbers .* complex128"),
        (np.array([["2020-01-01"]] * 4, "M8[D]"), {}, CodesError, "must be numbers .* datetime64"),
        (np.diag([1, 1, 0, 1]), {"metric": "cosine"}, CodesError, r"is zero \(row 2\)"),
    ],
)
def test_what_makes_no_sense_is_refused(
    codes: Any, settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        NeighborGraph.build(codes, **{"n_neighbors": 1, **settings})


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_cells_of_very_few_rows(n: int) -> None:
    rows = blobs(n, 3)
    found = NeighborGraph.build(rows, n - 1, method="ivf")
    assert np.array_equal(found.indices, NeighborGraph.build(rows, n - 1).indices)
    assert found.recall == 1.0


def test_other_queries_are_refused() -> None:
    graph = NeighborGraph.build(blobs(50, 5), 6)
    with pytest.raises(CodesError, match=r"shape \(n, 5\), got \(3, 4\)"):
        graph.query(np.zeros((3, 4)), 2)
    with pytest.raises(SettingError, match="from 1 to 50"):
        graph.query(np.zeros((3, 5)), 51)
    with pytest.raises(SettingError, match="from 1 to 6 for a graph of 6 neighbours"):
        graph.nearest(7)


def test_by_default_as_many_as_there_are() -> None:
    few = np.arange(12, dtype=np.float32)[:, None]
    assert NeighborGraph.build(few).n_neighbors == 11
    many = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    assert NeighborGraph.build(many).n_neighbors == 90
    with pytest.raises(SettingError, match="from 1 to 11 for 12 rows, got 90"):
        NeighborGraph.build(few, 90)
