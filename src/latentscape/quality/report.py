"""The default set of measures for one map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from latentscape.errors import CodesError
from latentscape.maps import PCA
from latentscape.neighbors import NeighborGraph, kernel_threads
from latentscape.quality.checks import (
    check_count,
    check_labels,
    check_pair,
    check_rows,
    draw_rows,
)
from latentscape.quality.definitions import DEFINITIONS
from latentscape.quality.estimates import Estimate, mean_estimate
from latentscape.quality.gathering import (
    N_LOCAL,
    N_SILHOUETTE,
    Figures,
    add_distances,
    add_gaps,
    add_labels,
    add_neighbors,
    add_neighbors_by_anchors,
    add_stability,
    hop_of,
    pixel_accuracy,
)
from latentscape.quality.measures import HEADLINES, MapReport, Measure
from latentscape.quality.neighborhoods import RnxCurve
from latentscape.quality.ranks import coranks, log_sizes

EXACT_ROWS = 200_000
"""Up to here each row is ranked in every space, a matter of seconds or minutes."""

_LEAST_ROWS = 8


def report(
    codes: Any,
    embedding: Any,
    *,
    labels: Any = None,
    images: Any = None,
    graph: NeighborGraph | None = None,
    others: Sequence[Any] = (),
    baselines: bool = True,
    n_anchors: int = 1000,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> MapReport:
    """Measure how far one map can be trusted.

    Kept, false and missing neighbours are exact for all rows, up to 200,000 of them. R_NX, the hops
    and all that concerns pixels are seen from anchor rows that look at all others; distances are
    compared on random triplets, silhouettes on 5,000 and k-means on 10,000 rows at most. All of
    these are fixed by the seed alone, so that reports on maps of the same codes are paired.

    Parameters
    ----------
    codes : array-like, shape (n, d)
        What was mapped; 8 rows or more.
    embedding : array-like, shape (n, 2)
        The map.
    labels : array-like, shape (n,), optional
    images : array-like, shape (n, ...), optional
        What was encoded; adds the hops from pixels.
    graph : NeighborGraph, optional
        Neighbours of the codes, in its metric. Exact ones save a part of the time; approximate ones
        are used above 200,000 rows only.
    others : sequence of array-like, each of shape (n, 2), optional
        Maps of the same codes with other seeds; adds the stability.
    baselines : bool, default True
        Whether the PCA map of the codes is measured as well.
    n_anchors : int, default 1000
    random_state : int, default 0
    n_jobs : int or None, default None
        Threads; they do not change a bit of the result.

    Returns
    -------
    MapReport

    Raises
    ------
    CodesError, LabelsError, SettingError
        Input that does not belong together, NaN or infinity, missing labels, settings out of
        range.
    """
    reference, places = check_pair(codes, embedding, graph, _LEAST_ROWS)
    n, n_threads = len(places), kernel_threads(n_jobs)
    check_count("n_anchors", n_anchors, 2**31, n, least=2)
    check_count("random_state", random_state, 2**63, n, least=0)
    maps = {"map": places}
    if baselines and not (reference == reference[0]).all():
        maps["pca"] = PCA().fit(reference).embedding_
    pixels = None if images is None else check_rows(images, "images")
    if pixels is not None and len(pixels) != n:
        raise CodesError(f"got {len(pixels)} images for {n} rows of codes; they must match.")
    owner = None if labels is None else check_labels(labels, n)[1]
    seeds = [check_pair(reference, other)[1] for other in others]
    figures = {name: Figures() for name in maps}
    shuffled = Figures()
    k, exact = min(N_LOCAL, (n - 1) // 2 - 1), n <= EXACT_ROWS

    anchors = draw_rows(n, n_anchors, random_state)
    ranked = coranks(reference, list(maps.values()), anchors, log_sizes(n, also=(k,)), n_threads)
    curves = {}
    for name, ranks in zip(maps, ranked, strict=True):
        curves[name] = RnxCurve.of(ranks)
        figures[name].add("r_nx_auc", ranks.auc())
    chance = np.zeros(len(curves["map"].sizes))
    curves["random"] = RnxCurve(curves["map"].sizes, chance, chance, Estimate(0.0))
    if exact:
        near, in_codes = add_neighbors(reference, maps, k, graph, n_threads, figures)
    else:
        near, in_codes = add_neighbors_by_anchors(
            reference, maps, ranked, k, graph, n_jobs, figures
        )
    order = np.random.default_rng(random_state).permutation(n)
    add_distances(reference, maps, order, random_state, figures, shuffled)
    n_islands = add_gaps(near, in_codes, figures, shuffled)
    beside: dict[str, dict[str, float]] = {"codes": {}, "pixels": {}}
    if owner is not None:
        spaces, found = {"codes": reference, **maps}, {"codes": in_codes, **near}
        beside["codes"] = add_labels(
            spaces, found, owner, k, order, random_state, figures, shuffled
        )
    hops = {"codes_map": hop_of(ranked[0], k)}
    if pixels is not None:
        to_codes, to_map = coranks(
            pixels, [reference, places], anchors, np.array([k], dtype=np.int32), n_threads
        )
        hops = {"pixels_codes": hop_of(to_codes, k), **hops, "pixels_map": hop_of(to_map, k)}
        if owner is not None:
            beside["pixels"]["label_accuracy"] = pixel_accuracy(
                pixels, anchors, owner, k, n_threads
            )
    if seeds:
        add_stability(places, seeds, near["map"].indices, n_threads, figures["map"])
    shuffled.values.update(_expected(n, k, near["map"].indices.shape[1]))
    own = figures["map"].rows
    return MapReport(
        measures=_measures(figures, shuffled, beside),
        curves=curves,
        per_sample={
            name: own[name].astype(np.float32)
            for name in ("recall", "trustworthiness", "continuity")
            if len(own[name]) == n
        },
        hops=hops,
        n_rows=n,
        n_neighbors=k,
        n_anchors=len(anchors),
        n_islands=n_islands,
        random_state=random_state,
        notes=_notes(n, len(anchors), pixels is not None, owner is not None, bool(seeds)),
    )


def _expected(n: int, k: int, k_stability: int) -> dict[str, Estimate]:
    """Return what a random map is expected to have."""
    trust = 1 - (n - 1 - k) * (n - k) / ((n - 1) * (2 * n - 3 * k - 1))
    ranks = np.arange(1, n)
    own = np.arange(1, k + 1)
    scale = (np.abs(n - 2 * own + 1) / own).sum()
    relative = 1 - sum(np.abs(ranks - m).mean() / m for m in own) / scale
    values = {
        "recall": k / (n - 1),
        "trustworthiness": trust,
        "continuity": trust,
        "mrre_false": relative,
        "mrre_missing": relative,
        "density": 0.0,
        "r_nx_auc": 0.0,
        "triplets": 0.5,
        "shepard_spearman": 0.0,
        "shepard_pearson": 0.0,
        "centroid_triplets": 0.5,
        "centroid_distances": 0.0,
        "stability": k_stability / (n - 1),
        "procrustes": 1.0,
    }
    return {name: Estimate(value) for name, value in values.items()}


def _measures(
    figures: dict[str, Figures], shuffled: Figures, beside: dict[str, dict[str, float]]
) -> dict[str, Measure]:
    """Put the figures of all maps together."""
    own, pca = figures["map"], figures.get("pca")
    found = {}
    for name, about in DEFINITIONS.items():
        if name not in own.values:
            continue
        value = own.values[name]
        theirs = pca.values.get(name) if pca else None
        gain = gain_error = None
        if theirs is not None and pca is not None:
            gain = float(value) - float(theirs)
            gain_error = float(np.hypot(value.standard_error, theirs.standard_error))
            if name in own.rows and name in pca.rows:
                gain_error = mean_estimate(own.rows[name] - pca.rows[name]).standard_error
        found[name] = Measure(
            value=float(value),
            standard_error=value.standard_error,
            random=float(shuffled.values[name]),
            pca=None if theirs is None else float(theirs),
            pca_error=None if theirs is None else theirs.standard_error,
            best=about.best,
            scope=about.scope,
            title=about.title,
            definition=about.definition,
            codes=beside["codes"].get(name),
            pixels=beside["pixels"].get(name),
            headline=name in HEADLINES,
            gain=gain,
            gain_error=gain_error,
        )
    return found


def _notes(
    n: int, n_anchors: int, with_pixels: bool, with_labels: bool, with_seeds: bool
) -> tuple[str, ...]:
    sampled = n_anchors < n
    notes = ["Triplets and distances: random pairs, a million of them for maps of some size."]
    if sampled:
        notes.append(f"R_NX and hops: {n_anchors} random rows, each compared with all {n}.")
    if n > EXACT_ROWS:
        notes.append("Kept, false and missing neighbours: the same rows; others: a fast search.")
    if with_pixels and with_labels and sampled:
        notes.append("Label accuracy in pixels: the same rows.")
    if with_labels and n > N_SILHOUETTE:
        notes.append(f"Silhouettes: {N_SILHOUETTE} random rows; k-means: 10000 at most.")
    if not with_seeds:
        notes.append("Stability was not measured; give maps with other seeds.")
    if not with_labels:
        notes.append("Nothing is said about labels; none were given.")
    return tuple(notes)
