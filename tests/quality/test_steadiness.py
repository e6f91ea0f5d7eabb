"""Steadiness and cohesiveness against their authors' program, slow loops and known answers."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from latentscape.errors import CodesError, SettingError
from latentscape.neighbors import NeighborGraph
from latentscape.quality import Estimate, cohesiveness, steadiness
from latentscape.quality.ranks import nearest
from latentscape.quality.steadiness import _groups, _Space, _Walks
from latentscape.types import DoubleArray, IntArray

OWNER = np.repeat(np.arange(3), 200)
CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def clusters() -> DoubleArray:
    return CENTERS[OWNER] + np.random.default_rng(0).normal(size=(600, 2))


def torn() -> DoubleArray:
    """Half of the first cluster is taken elsewhere."""
    places = clusters()
    places[(OWNER == 0) & (places[:, 0] > 0), 0] -= 40
    return places


def glued() -> DoubleArray:
    """The second cluster is pushed against the first."""
    places = clusters()
    places[OWNER == 1, 0] -= 7.5
    return places


def both(codes: DoubleArray, places: DoubleArray, **settings: Any) -> tuple[Estimate, Estimate]:
    settings = {"n_neighbors": 20, "n_walks": 60} | settings
    return steadiness(codes, places, **settings), cohesiveness(codes, places, **settings)


def test_the_same_neighbourhoods_are_perfect() -> None:
    codes = clusters()
    turned = 3 * codes @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 7
    for places in (codes, turned):
        for measure in (steadiness, cohesiveness):
            value, single = measure(codes, places, 20, n_walks=60, return_per_sample=True)
            assert value == 1.0
            assert value.standard_error == 0.0
            assert (single[np.isfinite(single)] == 1).all()
            assert np.isfinite(single).mean() > 0.8  # outliers are in few lists, and seldom met


def test_a_torn_cluster_costs_cohesiveness_alone() -> None:
    steady, cohesive = both(clusters(), torn())
    assert steady > 0.85
    assert cohesive < 0.55


def test_glued_clusters_cost_steadiness_alone() -> None:
    steady, cohesive = both(clusters(), glued())
    assert steady < 0.4
    assert cohesive > 0.85


def test_rows_of_a_torn_cluster_are_the_ones_to_blame() -> None:
    _, single = cohesiveness(clusters(), torn(), 20, return_per_sample=True)
    assert single.shape == (600,)
    assert np.nanmax(single) <= 1
    assert np.nanmin(single) >= 0
    assert np.nanmean(single[OWNER == 0]) < 0.6
    others = single[OWNER != 0]
    assert (others[np.isfinite(others)] == 1).all()
    assert np.isfinite(others).mean() > 0.8


def test_a_random_map_is_far_below_a_good_one() -> None:
    codes = np.hstack([clusters(), np.random.default_rng(1).normal(size=(600, 1)) / 4])
    good = both(codes, codes[:, :2])
    dealt_out = np.random.default_rng(2).permutation(600)
    bad = both(codes, codes[dealt_out, :2])
    for one, other in zip(good, bad, strict=True):
        assert one > 0.75
        assert other < 0.4


def test_the_measures_are_each_other_with_the_spaces_exchanged() -> None:
    a, b = clusters(), torn()
    assert steadiness(a, b, 20, n_walks=20) == cohesiveness(b, a, 20, n_walks=20)


# snc 0.2.1 of Jeon et al. on the rows and maps of the test, with numpy's seeds 0 to 3, each
#   SNC(codes, map, iteration=300, dist_parameter={"alpha": 0.1, "k": 50}); fit()
# Means of the four runs and their standard errors: steadiness, then cohesiveness. It weighs ranks
# from k + 1 to 2, where this package goes from k to 1.
AUTHORS = {
    "pca": ((0.5185, 0.0088), (0.7049, 0.0036)),
    "shuffled": ((0.3066, 0.0033), (0.3330, 0.0050)),
}


@pytest.mark.parametrize("name", AUTHORS)
def test_the_authors_program_finds_the_same(name: str) -> None:
    codes = load_digits().data[:600]
    centred = codes - codes.mean(axis=0)
    places = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    if name == "shuffled":
        places = places[np.random.default_rng(0).permutation(600)]
    found = both(codes, places, n_neighbors=50, n_walks=150)
    for mine, (theirs, error) in zip(found, AUTHORS[name], strict=True):
        assert abs(mine - theirs) < 4 * np.hypot(mine.standard_error, error)
        assert mine.standard_error < 0.03  # or the line above would say little


def test_similarity_is_that_of_shared_neighbours() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    k = 6
    near = nearest(rows, k, 1)
    space = _Space.of(near)
    slow = np.zeros((40, 40))
    for i in range(40):
        for j in range(40):
            for a in range(k):
                for b in range(k):
                    if near[i, a] == near[j, b]:
                        slow[i, j] += (k - a) * (k - b)
    slow /= slow[0, 0]
    np.testing.assert_allclose(space.similarity.toarray(), slow, rtol=1e-12)
    np.testing.assert_allclose(space.to_neighbors, np.take_along_axis(slow, near, 1), rtol=1e-12)
    assert (space.to_neighbors == 0).any()  # pairs that are not stored at all are looked up too


def slow_distortion(
    asking: DoubleArray, answering: DoubleArray, group: IntArray, alpha: float, worst: float
) -> tuple[DoubleArray, float]:
    """Sum over pairs of groups in plain loops: by row, and the largest single distortion."""
    sums, largest = np.zeros((len(group), 2)), 0.0
    for one, other in combinations(range(group.max() + 1), 2):
        a, b = np.flatnonzero(group == one), np.flatnonzero(group == other)
        near = 1 / (np.mean([asking[i, j] for i in a for j in b]) + alpha)
        far = 1 / (np.mean([answering[i, j] for i in a for j in b]) + alpha)
        if far <= near:
            continue
        largest = max(largest, (far - near) / worst)
        for mine, theirs in ((a, b), (b, a)):
            sums[mine] += [min((far - near) / worst, 1) * len(theirs), len(theirs)]
    return sums, largest


def test_distortions_are_those_of_plain_loops() -> None:
    k, alpha = 12, 0.1
    near, far = (
        _Space.of(nearest(rows.astype(np.float32), k, 1)) for rows in (glued(), clusters())
    )
    walks = _Walks.checked(600, k, 2, 0.3, alpha, 600)
    worst = walks._largest_difference(near, far)
    distances = [1 / (space.similarity.toarray() + alpha) for space in (near, far)]
    assert worst == pytest.approx((distances[1] - distances[0]).max(), rel=1e-12)
    cluster = near.walk(0, 200, np.random.default_rng(0))
    asking, answering = near.block(cluster), far.block(cluster)
    group = _groups(1 / (answering + alpha))
    sizes = np.bincount(group)
    assert sizes.max() >= 5  # a cluster
    assert sizes.min() == 1  # and rows that belong nowhere
    for scale in (worst, worst / 20):  # with the second, distortions are cut at 1
        slow, largest = slow_distortion(asking, answering, group, alpha, scale)
        assert (largest > 1) == (scale < worst)
        np.testing.assert_allclose(walks._distortion(asking, answering, scale), slow, rtol=1e-9)


def test_a_walk_stays_in_its_cluster_and_keeps_its_length() -> None:
    space = _Space.of(nearest(clusters().astype(np.float32), 20, 1))
    random = np.random.default_rng(0)
    met = space.walk(5, 10_000, random)
    assert 100 < len(met) <= 200  # but for outliers, which are in few lists
    assert (met < 200).all()
    assert 1 < len(space.walk(5, 1, random)) <= 21


def test_the_measure_is_the_mean_over_rows_by_their_pairs() -> None:
    codes, places = clusters(), torn()
    walks = _Walks.checked(600, 20, 40, 0.3, 0.1, 5_000)
    in_codes, on_map = walks.spaces(
        codes.astype(np.float32), places.astype(np.float32), None, 0, None
    )
    found = walks.compare(in_codes, on_map, 0)
    distortion, pairs = found.by_row.sum(axis=0)
    assert found.estimate() == pytest.approx(1 - distortion / pairs, rel=1e-12)
    np.testing.assert_allclose(found.by_walk.sum(axis=0) * 2, [distortion, pairs], rtol=1e-12)


def test_the_error_is_that_of_drawing_the_walks() -> None:
    values = [
        cohesiveness(clusters(), torn(), 20, n_walks=20, random_state=seed) for seed in range(12)
    ]
    spread = np.std([float(value) for value in values], ddof=1)
    told = np.mean([value.standard_error for value in values])
    assert 0.4 < spread / told < 2.5


def test_seeds_threads_and_graphs() -> None:
    codes, places = clusters(), torn()
    first = both(codes, places)
    assert first == both(codes, places, n_jobs=1)
    assert first == both(codes, places, graph=NeighborGraph.build(codes, 30))
    assert first == both(codes, places, graph=NeighborGraph.build(codes, 10))  # too few: found anew
    assert first != both(codes, places, random_state=1)


def test_a_sample_of_rows_is_judged_as_if_it_were_all() -> None:
    codes, places = clusters(), torn()
    graph = NeighborGraph.build(codes, 30)
    value, single = cohesiveness(
        codes, places, 20, n_walks=60, n_samples=300, graph=graph, return_per_sample=True
    )
    drawn = np.sort(np.random.default_rng(0).permutation(600)[:300])
    assert value == cohesiveness(codes[drawn], places[drawn], 20, n_walks=60)
    left_out = np.setdiff1d(np.arange(600), drawn)
    assert np.isnan(single[left_out]).all()
    assert np.isfinite(single[drawn]).mean() > 0.8
    assert value < 0.55


def test_rows_whose_neighbours_share_none_cannot_be_judged() -> None:
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    line = np.arange(4.0)[:, None]
    value, single = steadiness(line, square, 2, return_per_sample=True)
    assert np.isnan(value)
    assert np.isnan(value.standard_error)
    assert np.isnan(single).all()
    assert 0 <= cohesiveness(line, square, 2) <= 1


def test_few_rows_and_copies() -> None:
    assert both(np.arange(5.0)[:, None], np.arange(5.0)[:, None], n_neighbors=3) == (1.0, 1.0)
    for value in both(np.zeros((30, 2)), clusters()[:30], n_neighbors=5):
        assert 0 <= value <= 1


@pytest.mark.parametrize("measure", [steadiness, cohesiveness])
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"n_neighbors": 1}, "n_neighbors must be a whole number from 2 to 599"),
        ({"n_neighbors": 600}, "n_neighbors must be a whole number from 2 to 599"),
        ({"n_neighbors": 40, "n_samples": 40}, "from 2 to 39 for 40 rows"),
        ({"n_walks": 1}, "n_walks must be a whole number from 2"),
        ({"n_samples": 2}, "n_samples must be a whole number from 3"),
        ({"walk_length": 0.0}, "walk_length must be a positive number"),
        ({"walk_length": "far"}, "walk_length must be a positive number, got 'far'"),
        ({"walk_length": True}, "walk_length must be a positive number"),
        ({"alpha": -0.1}, "alpha must be a positive number"),
        ({"alpha": float("nan")}, "alpha must be a positive number"),
        ({"alpha": float("inf")}, "alpha must be a positive number"),
    ],
)
def test_settings_out_of_range(measure: Any, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        measure(clusters(), clusters(), **settings)


@pytest.mark.parametrize("measure", [steadiness, cohesiveness])
def test_rows_that_do_not_belong_together(measure: Any) -> None:
    codes, places = clusters(), clusters()
    with pytest.raises(CodesError, match="do not belong together"):
        measure(codes, places[:-1])
    places[3, 1] = np.nan
    with pytest.raises(CodesError, match="rows 3"):
        measure(codes, places)
    with pytest.raises(CodesError, match="the graph has 50 rows"):
        measure(codes, codes, graph=NeighborGraph.build(codes[:50], 10))
