"""The neighbour search against brute force in float64."""

from __future__ import annotations

import numpy as np
import pytest

from latentscape.maps.nearest import NearestRows
from latentscape.types import DoubleArray, FloatArray, IntArray


def brute_force(queries: FloatArray, rows: FloatArray, k: int) -> tuple[IntArray, DoubleArray]:
    """Reference: all distances, then a stable sort, so that ties go by index."""
    squared = np.zeros((len(queries), len(rows)))
    for j in range(rows.shape[1]):
        squared += (rows[None, :, j].astype(np.float64) - queries[:, None, j]) ** 2
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(squared, order, axis=1)


def cases() -> dict[str, FloatArray]:
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(900, 12))
    outlier = plain.copy()
    outlier[13] = 1e9
    return {
        "plane": rng.normal(size=(900, 2)),
        "codes": plain,
        "wide": rng.normal(size=(300, 200)),
        "far from zero": plain + 1e4,
        "one row far away": outlier,
        "ties": rng.integers(0, 2, size=(900, 10)).astype(float),
        "ties on the plane": rng.integers(0, 9, size=(900, 2)).astype(float),
        "copies": np.repeat(plain[:9], 100, axis=0),
        "few": plain[:20],
    }


@pytest.mark.parametrize("kind", list(cases()))
def test_query_equals_brute_force_to_the_bit(kind: str) -> None:
    rows = cases()[kind].astype(np.float32)
    rng = np.random.default_rng(1)
    some = rows[:40]
    near = some + rng.normal(size=some.shape)
    queries = np.vstack([some, near, rows[:1] * 50]).astype(np.float32)
    indices, squared = NearestRows(rows).query(queries, 15)
    expected_indices, expected = brute_force(queries, rows, 15)
    np.testing.assert_array_equal(squared, expected)
    np.testing.assert_array_equal(indices, expected_indices)


def test_the_plain_float32_product_would_not_do() -> None:
    """The other half of the test above: without the proof, answers are wrong."""
    rows = cases()["far from zero"].astype(np.float32)
    norms = (rows**2).sum(axis=1)
    naive = np.argsort(norms[None] - 2 * rows[:40] @ rows.T, axis=1, kind="stable")[:, :15]
    assert (naive != brute_force(rows[:40], rows, 15)[0]).mean() > 0.05


@pytest.mark.parametrize("kind", ["codes", "plane", "copies", "ties"])
def test_graph_leaves_out_the_row_itself_but_not_its_copies(kind: str) -> None:
    rows = cases()[kind].astype(np.float32)
    indices, squared = NearestRows(rows).graph(10)
    assert indices.shape == squared.shape == (900, 10)
    assert (indices != np.arange(900)[:, None]).all()
    own_last = brute_force(rows, rows, 11)
    for i in (0, 1, 450, 899):
        others = [j for j in own_last[0][i] if j != i][:10]
        assert indices[i].tolist() == others
    if kind == "copies":
        assert (squared == 0).all()


def test_too_many_neighbours() -> None:
    with pytest.raises(ValueError, match="n_neighbors <= 20"):
        NearestRows(cases()["few"].astype(np.float32)).query(np.zeros((1, 12), np.float32), 21)
