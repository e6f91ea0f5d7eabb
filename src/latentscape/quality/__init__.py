"""Quality: how far a map, and the model under it, can be trusted.

Plain functions of arrays. Each returns an :class:`Estimate`, a float with its standard error;
:func:`report` computes the default set for one map.
"""

from latentscape.quality.classes import (
    centroid_distance_correlation,
    centroid_triplet_accuracy,
    cluster_agreement,
    silhouette,
)
from latentscape.quality.density import density_preservation
from latentscape.quality.dimension import mle_dimension, two_nn_dimension
from latentscape.quality.distances import scale_free_stress, shepard_correlation, triplet_accuracy
from latentscape.quality.estimates import Estimate
from latentscape.quality.islands import gap_crossing
from latentscape.quality.labels import knn_label_accuracy, knn_transfer_accuracy
from latentscape.quality.measures import MapReport, Measure
from latentscape.quality.neighborhoods import (
    RnxCurve,
    lcmc,
    neighbor_recall,
    r_nx,
    r_nx_auc,
    r_nx_curve,
)
from latentscape.quality.report import report
from latentscape.quality.stability import procrustes_distance, stability
from latentscape.quality.trust import continuity, mrre, trustworthiness

__all__ = [
    "Estimate",
    "MapReport",
    "Measure",
    "RnxCurve",
    "centroid_distance_correlation",
    "centroid_triplet_accuracy",
    "cluster_agreement",
    "continuity",
    "density_preservation",
    "gap_crossing",
    "knn_label_accuracy",
    "knn_transfer_accuracy",
    "lcmc",
    "mle_dimension",
    "mrre",
    "neighbor_recall",
    "procrustes_distance",
    "r_nx",
    "r_nx_auc",
    "r_nx_curve",
    "report",
    "scale_free_stress",
    "shepard_correlation",
    "silhouette",
    "stability",
    "triplet_accuracy",
    "trustworthiness",
    "two_nn_dimension",
]
