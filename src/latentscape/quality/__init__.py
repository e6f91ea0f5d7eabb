"""Quality: how far a map, and the model under it, can be trusted.

Plain functions of arrays. Each returns an :class:`Estimate`, a float with its standard error;
:func:`report` computes the default set for one map, :func:`reports` for several.
"""

from latentscape.quality.cards import MapCard, Sentence, map_card
from latentscape.quality.classes import (
    centroid_distance_correlation,
    centroid_triplet_accuracy,
    cluster_agreement,
    silhouette,
)
from latentscape.quality.decoding import Smoothness, decoder_smoothness, interpolation_error
from latentscape.quality.density import density_preservation
from latentscape.quality.dimension import mle_dimension, two_nn_dimension
from latentscape.quality.distances import scale_free_stress, shepard_correlation, triplet_accuracy
from latentscape.quality.estimates import Estimate
from latentscape.quality.honesty import DecodeHonesty, decode_honesty
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
from latentscape.quality.reconstruction import (
    mse_by_class,
    mse_percentiles,
    pca_reconstruction,
    psnr,
    r_squared,
    reconstruction_mse,
    skill,
    ssim,
)
from latentscape.quality.report import report, reports
from latentscape.quality.sampling import frechet_distance
from latentscape.quality.stability import procrustes_distance, stability
from latentscape.quality.steadiness import cohesiveness, steadiness
from latentscape.quality.trust import continuity, mrre, trustworthiness
from latentscape.quality.utilization import (
    active_units,
    code_spectrum,
    dead_units,
    entropy_dimension,
    linear_probe_accuracy,
    n_components_for,
    participation_ratio,
)

__all__ = [
    "DecodeHonesty",
    "Estimate",
    "MapCard",
    "MapReport",
    "Measure",
    "RnxCurve",
    "Sentence",
    "Smoothness",
    "active_units",
    "centroid_distance_correlation",
    "centroid_triplet_accuracy",
    "cluster_agreement",
    "code_spectrum",
    "cohesiveness",
    "continuity",
    "dead_units",
    "decode_honesty",
    "decoder_smoothness",
    "density_preservation",
    "entropy_dimension",
    "frechet_distance",
    "gap_crossing",
    "interpolation_error",
    "knn_label_accuracy",
    "knn_transfer_accuracy",
    "lcmc",
    "linear_probe_accuracy",
    "map_card",
    "mle_dimension",
    "mrre",
    "mse_by_class",
    "mse_percentiles",
    "n_components_for",
    "neighbor_recall",
    "participation_ratio",
    "pca_reconstruction",
    "procrustes_distance",
    "psnr",
    "r_nx",
    "r_nx_auc",
    "r_nx_curve",
    "r_squared",
    "reconstruction_mse",
    "report",
    "reports",
    "scale_free_stress",
    "shepard_correlation",
    "silhouette",
    "skill",
    "ssim",
    "stability",
    "steadiness",
    "triplet_accuracy",
    "trustworthiness",
    "two_nn_dimension",
]
