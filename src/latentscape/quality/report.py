"""The default set of measures for one map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latentscape.errors import CodesError
from latentscape.maps import PCA
from latentscape.neighbors import Metric, NeighborGraph, kernel_threads, measured_rows
from latentscape.quality.checks import (
    check_count,
    check_labels,
    check_pair,
    check_rows,
    check_same_metric,
    draw_rows,
)
from latentscape.quality.definitions import DEFINITIONS
from latentscape.quality.estimates import Estimate, mean_estimate
from latentscape.quality.gathering import (
    BASELINE,
    IN_CODES,
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
from latentscape.quality.honesty import DecodeHonesty
from latentscape.quality.measures import HEADLINES, MapReport, Measure
from latentscape.quality.neighborhoods import RnxCurve
from latentscape.quality.ranks import CoRanks, coranks, log_sizes

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
    metric: Metric | None = None,
    others: Sequence[Any] = (),
    decoding: DecodeHonesty | None = None,
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
        Neighbours of the codes. Exact ones save a part of the time; approximate ones are used above
        200,000 rows only.
    metric : {"euclidean", "cosine"} or None, default None
        Of the codes, for neighbours and distances alike; None takes the graph's, and without one
        "euclidean". Under "cosine" codes are divided by their lengths: the Euclidean distance
        between such rows has the order of the cosine one. The map and the images are compared by
        Euclidean distance in any case, and the PCA map is that of the codes as they are.
    others : sequence of array-like, each of shape (n, 2), optional
        Maps of the same codes with other seeds; adds the stability.
    decoding : DecodeHonesty, optional
        What :func:`decode_honesty` found on this map; adds how far decoded places can be believed.
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
    made = reports(
        codes,
        {"map": embedding},
        labels=labels,
        images=images,
        graph=graph,
        metric=metric,
        others={"map": others},
        decoding={} if decoding is None else {"map": decoding},
        baselines=baselines,
        n_anchors=n_anchors,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    return made["map"]


def reports(
    codes: Any,
    embeddings: Mapping[str, Any],
    *,
    labels: Any = None,
    images: Any = None,
    graph: NeighborGraph | None = None,
    metric: Metric | None = None,
    others: Mapping[str, Sequence[Any]] | None = None,
    decoding: Mapping[str, DecodeHonesty] | None = None,
    baselines: bool = True,
    n_anchors: int = 1000,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> dict[str, MapReport]:
    """Measure several maps of the same codes: :func:`report` for each, in less time.

    What they have in common (ranks in the codes and among the pixels, the PCA map) is computed
    once; no bit of a report depends on the other maps.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embeddings : mapping of str to array-like, each of shape (n, 2)
        Maps by their names.
    others : mapping of str to sequence of array-like, optional
        Maps with other seeds, by the name of the map they belong to.
    decoding : mapping of str to DecodeHonesty, optional
        What :func:`decode_honesty` found, by the name of the map.
    labels, images, graph, metric, baselines, n_anchors, random_state, n_jobs
        As in :func:`report`.

    Returns
    -------
    dict of str to MapReport

    Raises
    ------
    CodesError, LabelsError, SettingError
        As :func:`report`.
    """
    measured_by = check_same_metric(metric, graph)
    own = {
        name: check_pair(codes, rows, graph, _LEAST_ROWS)[1] for name, rows in embeddings.items()
    }
    if not own:
        return {}
    plain = check_rows(codes, "codes")
    reference = measured_rows(plain, measured_by)
    n, n_threads = len(reference), kernel_threads(n_jobs)
    check_count("n_anchors", n_anchors, 2**31, n, least=2)
    check_count("random_state", random_state, 2**63, n, least=0)
    maps = dict(own)
    if baselines and not (plain == plain[0]).all():
        maps[BASELINE] = PCA().fit(plain).embedding_
    pixels = None if images is None else check_rows(images, "images")
    if pixels is not None and len(pixels) != n:
        raise CodesError(f"got {len(pixels)} images for {n} rows of codes; they must match.")
    owner = None if labels is None else check_labels(labels, n)[1]
    seeds = {
        name: [check_pair(reference, other)[1] for other in (others or {}).get(name, ())]
        for name in own
    }
    figures = {name: Figures() for name in maps}
    shuffled = {name: Figures() for name in own}
    k, exact = min(N_LOCAL, (n - 1) // 2 - 1), n <= EXACT_ROWS

    anchors = draw_rows(n, n_anchors, random_state)
    found = coranks(reference, list(maps.values()), anchors, log_sizes(n, also=(k,)), n_threads)
    ranked = dict(zip(maps, found, strict=True))
    for name, ranks in ranked.items():
        figures[name].add("r_nx_auc", ranks.auc())
    if exact:
        near, in_codes = add_neighbors(reference, maps, k, graph, n_threads, figures)
    else:
        near, in_codes = add_neighbors_by_anchors(reference, maps, found, k, graph, n_jobs, figures)
    order = np.random.default_rng(random_state).permutation(n)
    add_distances(reference, maps, order, random_state, figures, shuffled)
    n_islands = add_gaps(near, in_codes, figures, shuffled)
    beside: dict[str, dict[str, float]] = {"codes": {}, "pixels": {}}
    if owner is not None:
        spaces, known = {IN_CODES: reference, **maps}, {IN_CODES: in_codes, **near}
        beside["codes"] = add_labels(
            spaces, known, owner, k, order, random_state, figures, shuffled
        )
    hops = {name: {"codes_map": hop_of(ranked[name], k)} for name in own}
    if pixels is not None:
        to_codes, *to_maps = coranks(
            pixels, [reference, *own.values()], anchors, np.array([k], dtype=np.int32), n_threads
        )
        first = hop_of(to_codes, k)
        for name, ranks in zip(own, to_maps, strict=True):
            hops[name] = {"pixels_codes": first, **hops[name], "pixels_map": hop_of(ranks, k)}
        if owner is not None:
            beside["pixels"]["label_accuracy"] = pixel_accuracy(
                pixels, anchors, owner, k, n_threads
            )
    made = {}
    for name, places in own.items():
        here, theirs = figures[name], figures.get(BASELINE)
        if seeds[name]:
            add_stability(places, seeds[name], near[name].indices, n_threads, here)
        honesty = (decoding or {}).get(name)
        if honesty is not None:
            _add_decoding(honesty, here, shuffled[name])
        shuffled[name].values.update(_expected(n, k, near[name].indices.shape[1]))
        made[name] = MapReport(
            measures=_measures(here, theirs, shuffled[name], beside),
            curves=_curves(ranked, name),
            per_sample={
                key: here.rows[key].astype(np.float32)
                for key in ("recall", "trustworthiness", "continuity")
                if len(here.rows[key]) == n
            },
            hops=hops[name],
            n_rows=n,
            n_neighbors=k,
            n_anchors=len(anchors),
            n_islands=n_islands[name],
            random_state=random_state,
            notes=(
                *_of_metric(measured_by),
                *_notes(n, len(anchors), pixels is not None, owner is not None, bool(seeds[name])),
                *([] if honesty is None else [f"Decoded places: {honesty.n_places} of them."]),
            ),
            metric=measured_by,
        )
    return made


def _add_decoding(honesty: DecodeHonesty, here: Figures, shuffled: Figures) -> None:
    """Add how far decoded places can be believed."""
    here.values.update(round_trip=honesty.round_trip, off_data=honesty.off)
    shuffled.values.update(
        round_trip=Estimate(honesty.random_round_trip), off_data=Estimate(honesty.random_off)
    )


def _curves(ranked: Mapping[str, CoRanks], name: str) -> dict[str, RnxCurve]:
    """Return R_NX of a map, of PCA and of a random map."""
    curves = {"map": RnxCurve.of(ranked[name])}
    if BASELINE in ranked:
        curves["pca"] = RnxCurve.of(ranked[BASELINE])
    chance = np.zeros(len(curves["map"].sizes))
    curves["random"] = RnxCurve(curves["map"].sizes, chance, chance, Estimate(0.0))
    return curves


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
    own: Figures,
    pca: Figures | None,
    shuffled: Figures,
    beside: dict[str, dict[str, float]],
) -> dict[str, Measure]:
    """Put the figures of a map beside those it can be compared with."""
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


def _of_metric(metric: Metric) -> tuple[str, ...]:
    """Say by what codes are compared, unless it is what everybody expects."""
    if metric == "euclidean":
        return ()
    return ("Neighbours and distances of the codes: by cosine distance, their lengths left out.",)


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
