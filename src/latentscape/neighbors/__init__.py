"""Neighbours: who lies next to whom, found once and read by all maps and measures."""

from latentscape.neighbors.finite import only_too_large
from latentscape.neighbors.graph import NeighborGraph, kernel_threads, shared_neighbors
from latentscape.neighbors.metric import METRICS, Metric, check_metric, measured_rows

__all__ = [
    "METRICS",
    "Metric",
    "NeighborGraph",
    "check_metric",
    "kernel_threads",
    "measured_rows",
    "only_too_large",
    "shared_neighbors",
]
