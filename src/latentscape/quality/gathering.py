"""The steps of a report: each measures one side of all maps and adds its figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import rankdata

from latentscape.neighbors import NeighborGraph, shared_neighbors
from latentscape.neighbors.graph import without_self
from latentscape.neighbors.search import nearest_rows
from latentscape.quality import classes as of_classes
from latentscape.quality.density import radius_correlation
from latentscape.quality.distances import draw_triplets, pair_distances, shepard_of, stress_of
from latentscape.quality.estimates import Estimate, mean_estimate
from latentscape.quality.islands import crossing, map_islands, random_crossing
from latentscape.quality.labels import right_by_vote, vote
from latentscape.quality.ranks import CoRanks, Neighbors, depth_scale, nearest, ranks_of
from latentscape.quality.stability import agreement, procrustes_distance
from latentscape.quality.trust import relative_rank_error
from latentscape.types import FloatArray, Int32Array, IntArray

N_LOCAL = 10
"""Neighbours of recall, trustworthiness, continuity and label accuracy."""
N_DENSITY = 15
N_STABILITY = 30
N_PAIRS = 1_000_000
PAIR_DRAWS = 4  # times n², of few rows: each pair eight times
N_SILHOUETTE = 5000
IN_CODES = "the codes themselves"
BASELINE = "PCA of the codes"
"""The name among the maps of the one that all others are compared with."""


@dataclass
class Figures:
    """Figures of one map while they are gathered; `rows` are single values, for paired errors."""

    values: dict[str, Estimate] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, rows: Any) -> None:
        """Keep single values and their mean."""
        self.rows[name] = np.asarray(rows, dtype=np.float64)
        self.values[name] = mean_estimate(rows)


def add_neighbors(
    reference: FloatArray,
    maps: dict[str, FloatArray],
    k: int,
    graph: NeighborGraph | None,
    n_threads: int,
    figures: dict[str, Figures],
) -> tuple[dict[str, Neighbors], Neighbors]:
    """Measure all that is made of neighbours and their ranks, exactly: two passes for each space.

    Returns
    -------
    on_maps : dict of str to Neighbors
    in_codes : Neighbors
    """
    n = len(reference)
    wanted = min(N_DENSITY, n - 1)
    near = {
        name: Neighbors.find(rows, min(_n_found(name, wanted), n - 1), n_threads)
        for name, rows in maps.items()
    }
    false, in_codes = ranks_of(
        reference,
        [near[name].first(k) for name in maps],
        wanted,
        n_threads,
        Neighbors.of_graph(graph, wanted),
    )
    for (name, rows), ranked in zip(maps.items(), false, strict=True):
        (missing,), _ = ranks_of(rows, [in_codes.first(k)], k, n_threads, near[name])
        here = figures[name]
        here.add("recall", shared_neighbors(in_codes.first(k), near[name].first(k)) / k)
        here.add("trustworthiness", 1 - ranked.depths() * depth_scale(n, k))
        here.add("continuity", 1 - missing.depths() * depth_scale(n, k))
        here.values["mrre_false"] = mean_estimate(relative_rank_error(ranked.ranks))
        here.values["mrre_missing"] = mean_estimate(relative_rank_error(missing.ranks))
        here.values["density"] = _density(in_codes, near[name], wanted)
    return near, in_codes


def add_neighbors_by_anchors(
    reference: FloatArray,
    maps: dict[str, FloatArray],
    ranked: list[CoRanks],
    k: int,
    graph: NeighborGraph | None,
    n_jobs: int | None,
    figures: dict[str, Figures],
) -> tuple[dict[str, Neighbors], Neighbors]:
    """Measure the same where ranking each row would take too long: from the anchors.

    Neighbours come from graphs, which search approximately.

    Returns
    -------
    on_maps : dict of str to Neighbors
    in_codes : Neighbors
    """
    wanted = N_DENSITY
    if graph is None or graph.n_neighbors < wanted:
        graph = NeighborGraph.build(reference, wanted, n_jobs=n_jobs)
    in_codes = Neighbors.of_graph(graph, wanted, exact=False)
    assert in_codes is not None  # it was just made sure that they are enough
    near = {}
    for (name, rows), ranks in zip(maps.items(), ranked, strict=True):
        found = NeighborGraph.build(rows, _n_found(name, wanted), n_jobs=n_jobs)
        near[name] = Neighbors(found.indices, found.distances.astype(np.float64))
        here = figures[name]
        here.add("recall", ranks.recall(k))
        here.add("trustworthiness", ranks.trustworthiness(k))
        here.add("continuity", ranks.continuity(k))
        here.values["density"] = _density(in_codes, near[name], wanted)
    return near, in_codes


def _n_found(name: str, wanted: int) -> int:
    """Return how many neighbours on a map are looked for."""
    return wanted if name == BASELINE else N_STABILITY


def _density(one: Neighbors, other: Neighbors, count: int) -> Estimate:
    radii = [each.distances[:, :count].mean(axis=1) for each in (one, other)]
    return radius_correlation(*radii)


def add_distances(
    reference: FloatArray,
    maps: dict[str, FloatArray],
    random_order: IntArray,
    random_state: int,
    figures: dict[str, Figures],
    shuffled: dict[str, Figures],
) -> None:
    """Compare distances on the same random triplets and their first pairs."""
    n = len(reference)
    # Of few rows a pair would only be drawn again and again.
    i, j, far = draw_triplets(n, min(N_PAIRS, PAIR_DRAWS * n * n), random_state)
    one, other = pair_distances(reference, i, j), pair_distances(reference, i, far)
    ranks = rankdata(one)  # the same for all maps
    untied = one != other
    for name, rows in maps.items():
        here, own = figures[name], pair_distances(rows, i, j)
        agree = (one < other) == (own < pair_distances(rows, i, far))
        if untied.any():
            here.add("triplets", agree[untied])
        here.values["shepard_spearman"] = shepard_of(ranks, rankdata(own), "pearson")
        here.values["shepard_pearson"] = shepard_of(one, own, "pearson")
        here.values["stress"] = stress_of(one, own)
        if name in shuffled:
            dealt = pair_distances(rows[random_order], i, j)
            shuffled[name].values["stress"] = stress_of(one, dealt)


def add_gaps(
    near: dict[str, Neighbors],
    in_codes: Neighbors,
    figures: dict[str, Figures],
    shuffled: dict[str, Figures],
) -> dict[str, int]:
    """Measure whether neighbouring codes lie on different islands; count those of each map."""
    counts = {}
    for name, neighbors in near.items():
        first = slice(0, N_LOCAL)
        islands = map_islands(Neighbors(neighbors.indices[:, first], neighbors.distances[:, first]))
        figures[name].values["gap_crossing"] = crossing(islands, in_codes.indices[:, first])
        if name in shuffled:
            counts[name] = int(islands.max()) + 1
            shuffled[name].values["gap_crossing"] = Estimate(random_crossing(islands))
    return counts


def add_labels(
    spaces: dict[str, FloatArray],
    neighbors: dict[str, Neighbors],
    owner: IntArray,
    k: int,
    random_order: IntArray,
    random_state: int,
    figures: dict[str, Figures],
    shuffled: dict[str, Figures],
) -> dict[str, float]:
    """Measure what has to do with labels on the maps; return the same figures of the codes."""
    in_codes: dict[str, float] = {}
    n_classes = int(owner.max()) + 1
    dealt = owner[random_order]
    for name, rows in spaces.items():
        right = right_by_vote(neighbors[name].first(k), owner, n_classes)
        found = {"label_accuracy": mean_estimate(right)}
        if n_classes > 1:
            found["silhouette"] = of_classes.silhouette(
                rows, owner, n_samples=N_SILHOUETTE, random_state=random_state
            )
            rand, v_measure = of_classes.cluster_agreement(rows, owner, random_state=random_state)
            found["adjusted_rand"] = Estimate(rand, np.nan)
            found["v_measure"] = Estimate(v_measure, np.nan)
        if name == IN_CODES:
            in_codes = {key: float(value) for key, value in found.items()}
            continue
        here = figures[name]
        here.values.update(found)
        here.rows["label_accuracy"] = right.astype(np.float64)
        if n_classes > 2:
            codes = spaces[IN_CODES]
            here.values["centroid_triplets"] = of_classes.centroid_triplet_accuracy(
                codes, rows, owner
            )
            here.values["centroid_distances"] = of_classes.centroid_distance_correlation(
                codes, rows, owner
            )
        if name not in shuffled:
            continue
        chance = shuffled[name].values
        chance["label_accuracy"] = mean_estimate(
            right_by_vote(neighbors[name].first(k), dealt, n_classes)
        )
        if n_classes > 1:
            chance |= {"adjusted_rand": Estimate(0.0), "v_measure": Estimate(0.0)}
            chance["silhouette"] = of_classes.silhouette(
                rows, dealt, n_samples=N_SILHOUETTE, random_state=random_state
            )
    return in_codes


def pixel_accuracy(
    pixels: FloatArray, anchors: Int32Array, owner: IntArray, k: int, n_threads: int
) -> float:
    """Return the label accuracy of the anchors among all images."""
    asked = np.ascontiguousarray(pixels[anchors])
    found, _ = nearest_rows(asked, pixels, k + 1, threads=n_threads)
    ballots = without_self(found, anchors)
    n_classes = int(owner.max()) + 1
    return float((vote(owner[ballots], n_classes) == owner[anchors]).mean())


def hop_of(ranks: CoRanks, k: int) -> dict[str, Estimate]:
    """Return what one step keeps of the neighbours, seen from the anchors."""
    return {
        "recall": mean_estimate(ranks.recall(k)),
        "r_nx_auc": mean_estimate(ranks.auc()),
        "trustworthiness": mean_estimate(ranks.trustworthiness(k)),
        "continuity": mean_estimate(ranks.continuity(k)),
    }


def add_stability(
    places: FloatArray,
    seeds: list[FloatArray],
    neighbors: Int32Array,
    n_threads: int,
    here: Figures,
) -> None:
    """Compare the map with maps of other seeds."""
    graphs = [neighbors] + [nearest(rows, neighbors.shape[1], n_threads) for rows in seeds]
    here.values["stability"] = agreement(list(combinations(graphs, 2)))
    here.values["procrustes"] = Estimate(procrustes_distance([places, *seeds]), np.nan)
