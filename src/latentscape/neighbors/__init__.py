"""Neighbours: who lies next to whom, found once and read by all maps and measures."""

from latentscape.neighbors.graph import NeighborGraph, kernel_threads, shared_neighbors

__all__ = ["NeighborGraph", "kernel_threads", "shared_neighbors"]
