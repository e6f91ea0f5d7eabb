"""Titles and definitions of the measures in a report, in the order in which they are shown."""

from __future__ import annotations

from typing import NamedTuple

from latentscape.quality.measures import Scope


class Definition(NamedTuple):
    """What a measure is called, what it says, where it belongs and what is best."""

    title: str
    definition: str
    scope: Scope
    best: float = 1.0


DEFINITIONS: dict[str, Definition] = {
    "recall": Definition(
        "kept neighbours",
        "Share of the nearest codes that are among the nearest on the map.",
        "local",
    ),
    "r_nx_auc": Definition(
        "R_NX AUC",
        "Kept neighbours above chance, over all sizes of neighbourhood, small ones weighing most.",
        "local",
    ),
    "trustworthiness": Definition(
        "trustworthiness",
        "1 minus the ranks of false neighbours on the map: near there, but not in the codes.",
        "local",
    ),
    "continuity": Definition(
        "continuity",
        "1 minus the ranks of missing neighbours: near in the codes, but not on the map.",
        "local",
    ),
    "mrre_false": Definition(
        "relative ranks, false",
        "1 minus the relative error of the ranks of the neighbours on the map.",
        "local",
    ),
    "mrre_missing": Definition(
        "relative ranks, missing",
        "1 minus the relative error of the ranks, on the map, of neighbouring codes.",
        "local",
    ),
    "gap_crossing": Definition(
        "neighbours across gaps",
        "Share of neighbouring codes that lie on different islands of the map.",
        "local",
        0.0,
    ),
    "density": Definition(
        "density",
        "Correlation of the logarithms of local radii in the codes and on the map.",
        "local",
    ),
    "triplets": Definition(
        "triplets",
        "Share of random triplets of which the same partner is nearer in the codes and on the map.",
        "global",
    ),
    "shepard_spearman": Definition(
        "Shepard, ranks",
        "Rank correlation of distances in the codes and on the map, over random pairs.",
        "global",
    ),
    "shepard_pearson": Definition(
        "Shepard, linear",
        "Linear correlation of distances in the codes and on the map, over random pairs.",
        "global",
    ),
    "stress": Definition(
        "stress",
        "Error of the map's distances, as a share of the true ones, at the map's best scale.",
        "global",
        0.0,
    ),
    "centroid_triplets": Definition(
        "triplets of classes",
        "Share of triplets of class centroids of which the same partner is nearer.",
        "global",
    ),
    "centroid_distances": Definition(
        "distances of classes",
        "Rank correlation of the distances between class centroids.",
        "global",
    ),
    "label_accuracy": Definition(
        "label accuracy",
        "Share of rows whose label most of their neighbours have; above that of the codes it is "
        "invented separation.",
        "label",
    ),
    "silhouette": Definition(
        "silhouette of classes",
        "How much nearer rows are to their own class than to the next one; above that of the codes "
        "it is invented separation.",
        "label",
    ),
    "adjusted_rand": Definition(
        "k-means, adjusted Rand",
        "Agreement of labels and k-means clusters beyond chance.",
        "label",
    ),
    "v_measure": Definition(
        "k-means, V-measure",
        "How far k-means clusters hold one class each, and classes one cluster each.",
        "label",
    ),
    "stability": Definition(
        "kept by other seeds",
        "Share of the nearest on the map that are among the nearest on maps with other seeds.",
        "stability",
    ),
    "procrustes": Definition(
        "Procrustes distance",
        "What is left between maps of different seeds after the best shift, turn and scale.",
        "stability",
        0.0,
    ),
    "round_trip": Definition(
        "round trip of decoded places",
        "Distance on the map, in its standard deviations, between a place and where its decoded "
        "and again encoded image is put.",
        "decoding",
        0.0,
    ),
    "off_data": Definition(
        "decoded places, off the data",
        "Distance of a place's code to the nearest code of the data; 1 is the median distance of "
        "a code to its nearest other one.",
        "decoding",
        0.0,
    ),
}
