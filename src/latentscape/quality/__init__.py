"""Quality: how far a map can be trusted."""

from latentscape.quality.labels import knn_label_accuracy

__all__ = ["knn_label_accuracy"]
