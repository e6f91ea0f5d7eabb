"""Placing new codes and finding codes for places."""

from __future__ import annotations

import numpy as np
import pytest

from latentscape.maps.inversion import LocalField, MapDistance, field_weights
from latentscape.maps.placement import Placement, island_reach, nearest_rows, vote_weights
from latentscape.types import FloatArray


def single(rows: list[list[float]]) -> FloatArray:
    return np.array(rows, dtype=np.float32)


def islands(n: int = 400) -> tuple[FloatArray, FloatArray]:
    """Codes of two groups that touch, on a map that shows them as two far islands."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(n, 6)).astype(np.float32)
    side = (codes[:, :1] > 0).astype(np.float32)
    positions = np.hstack([codes[:, 1:2] + 100 * side, codes[:, 2:3]])
    return codes, positions.astype(np.float32)


def test_no_new_point_lands_in_the_sea_between_islands() -> None:
    codes, positions = islands()
    new = np.random.default_rng(1).normal(size=(500, 6)).astype(np.float32) * 0.8
    placed = Placement(codes, positions)(new)
    off_shore = np.minimum(np.abs(placed[:, 0]), np.abs(placed[:, 0] - 100))
    assert off_shore.max() < 4
    # before: the weighted mean of the same neighbours drowns a third of them
    indices, squared = nearest_rows(new, codes, 16)
    weights = vote_weights(squared)
    mean = (weights * positions[indices, 0]).sum(axis=1) / weights.sum(axis=1)
    assert (np.minimum(np.abs(mean), np.abs(mean - 100)) > 4).mean() > 0.3


def test_clear_cases_land_on_their_own_island_near_their_neighbours() -> None:
    codes, positions = islands()
    new = np.random.default_rng(1).normal(size=(300, 6)).astype(np.float32) * 0.5
    new[:, 0] = np.where(np.arange(300) % 2, 2.0, -2.0)
    placed = Placement(codes, positions)(new)
    np.testing.assert_array_equal(placed[:, 0] > 50, new[:, 0] > 0)
    assert np.corrcoef(placed[:, 1], new[:, 2])[0, 1] > 0.6  # and the place on it means something


def test_placement_moves_continuously_on_an_island() -> None:
    rng = np.random.default_rng(0)
    codes = rng.uniform(size=(2000, 2)).astype(np.float32)
    place = Placement(codes, codes * 30)
    path = np.linspace([0.2, 0.2], [0.8, 0.7], 4001).astype(np.float32)
    steps = np.linalg.norm(np.diff(place(path), axis=0), axis=1)
    length = np.linalg.norm([0.6, 0.5]) * 30
    assert steps.max() < 0.01 * length
    assert steps.sum() == pytest.approx(length, rel=1.0)
    assert np.linalg.norm(place(path) - path * 30, axis=1).max() < 1.0  # 1/30 of the map
    nearest, _ = nearest_rows(path, codes, 1)  # before: the nearest row's position jumps
    jumps = np.linalg.norm(np.diff(codes[nearest[:, 0]] * 30, axis=0), axis=1)
    assert jumps.max() > 0.01 * length


def test_codes_far_from_all_data_still_land_on_the_map() -> None:
    codes, positions = islands()
    placed = Placement(codes, positions)(np.full((3, 6), 1e30, dtype=np.float32))
    assert np.isfinite(placed).all()
    assert (placed >= positions.min(axis=0)).all()
    assert (placed <= positions.max(axis=0)).all()


def test_nearest_rows_are_exact_however_far_the_query() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 5)).astype(np.float32)
    queries = np.vstack([rng.normal(size=(20, 5)), np.full((1, 5), 1e30), np.full((1, 5), -3e38)])
    queries = queries.astype(np.float32)
    indices, squared = nearest_rows(queries, rows, 7)
    exact = ((queries[:, None].astype(np.float64) - rows[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(indices, np.argsort(exact, axis=1, kind="stable")[:, :7])
    np.testing.assert_allclose(squared, np.take_along_axis(exact, indices.astype(int), axis=1))
    alone, _ = nearest_rows(queries[20:21], rows, 7)
    np.testing.assert_array_equal(alone, indices[20:21])


def test_a_row_placed_without_itself_is_placed_by_all_others() -> None:
    codes, positions = islands()
    rows = np.array([0, 7, 399], dtype=np.int32)
    found = Placement(codes, positions).without_itself(rows)
    for row, place in zip(rows, found, strict=True):
        others = Placement(np.delete(codes, row, axis=0), np.delete(positions, row, axis=0))
        np.testing.assert_allclose(others(codes[row : row + 1])[0], place, atol=0.2)
    assert not np.array_equal(found, positions[rows])


def test_vote_weights() -> None:
    weights = vote_weights(np.array([[1.0, 4.0, 9.0, 16.0], [4.0, 4.0, 4.0, 4.0]]))
    assert (np.diff(weights[0]) < 0).all()
    assert weights[0, -1] == 0
    np.testing.assert_allclose(weights[0, 1], ((4 - 2) / (4 * 2)) ** 2 / ((4 - 1) / 4) ** 2)
    np.testing.assert_array_equal(weights[1], 1)


def test_island_reach_is_of_the_size_of_a_neighbourhood() -> None:
    _, positions = islands()
    assert 0.2 < island_reach(positions) < 5
    assert island_reach(positions * 8) == pytest.approx(8 * island_reach(positions), rel=1e-5)
    assert island_reach(np.zeros((5, 2), np.float32)) == 1.0


def test_field_passes_through_its_values_and_is_continuous() -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(size=(500, 2)).astype(np.float32)
    values = np.hstack([np.sin(4 * places), np.cos(3 * places)]).astype(np.float32)
    field = LocalField(places, values)
    np.testing.assert_array_equal(field(places), values)
    path = np.linspace([0.1, 0.1], [0.9, 0.8], 20_001).astype(np.float32)
    found = field(path)
    expected = np.hstack([np.sin(4 * path), np.cos(3 * path)])
    assert np.abs(found - expected).max() < 0.25
    assert np.abs(found - expected).mean() < 0.03
    assert np.abs(np.diff(found, axis=0)).max() < 0.01
    nearest, _ = nearest_rows(path, places, 1)  # before: nearest values jump
    assert np.abs(np.diff(values[nearest[:, 0]], axis=0)).max() > 0.05


def test_field_is_defined_everywhere() -> None:
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=np.float32)
    values = np.arange(8, dtype=np.float32).reshape(4, 2)
    field = LocalField(places, values)
    np.testing.assert_allclose(field(single([[0.5, 0.5]])), values.mean(axis=0)[None])
    far = field(single([[1e30, 0], [-1e4, 3], [3e38, 3e38]]))
    assert (far >= 0).all()
    assert (far <= 7).all()
    alone = LocalField(places[:1], values[:1])
    np.testing.assert_array_equal(alone(single([[5, 5], [0, 0]])), values[[0, 0]])


def test_values_that_share_a_place_are_averaged() -> None:
    places = single([[0, 0], [0, 0], [1, 1], [2, 0]])
    field = LocalField(places, single([[1], [3], [10], [20]]))
    np.testing.assert_array_equal(field(places), [[2], [2], [10], [20]])


def test_field_weights_follow_their_formula() -> None:
    distance = np.array([[0.5, 1.0, 1.5, 2.0]])
    squared = distance**2
    expected = (np.exp(-squared / (squared[0, -1] / 4)) - np.exp(-4)) / squared
    np.testing.assert_allclose(field_weights(distance), expected / expected.sum())
    np.testing.assert_array_equal(field_weights(np.full((1, 4), 3.0)), 0.25)


def test_map_distance_counts_in_neighbour_distances() -> None:
    grid = np.stack(np.meshgrid(np.arange(10), np.arange(10)), -1).reshape(-1, 2) * 5.0
    distance = MapDistance(np.vstack([grid, grid[:3]]).astype(np.float32))
    assert distance.unit == 5.0
    np.testing.assert_allclose(distance(single([[0, 0], [-10, 0], [47.5, 20]])), [0, 2, 0.5])
