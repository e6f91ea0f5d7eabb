"""Layout by umap-learn: the only module that knows this library.

It is imported inside the functions, as it takes seconds to load.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from latentscape.maps.nearest import NearestRows
from latentscape.maps.pca import pca_start
from latentscape.types import (
    DoubleArray,
    FloatArray,
    IntArray,
    Progress,
    ProgressCallback,
)

EXACT_ROWS = 30_000
"""Up to here the exact neighbours take seconds; beyond, they are approximate."""


def neighbor_graph(
    codes: FloatArray, n_neighbors: int, *, seed: int, n_jobs: int
) -> tuple[IntArray, DoubleArray]:
    """Find the nearest other rows of each row.

    Parameters
    ----------
    codes : float32 array, shape (n, d)
        Distinct rows.
    n_neighbors : int
        How many, at most ``n - 1``.
    seed : int
        Seed of the approximate search.
    n_jobs : int
        Threads of the exact search.

    Returns
    -------
    indices : int64 array, shape (n, n_neighbors)
    squared : float64 array, shape (n, n_neighbors)
        Squared distances, ascending.
    """
    if len(codes) <= EXACT_ROWS:
        with threadpool_limits(limits=n_jobs, user_api="blas"):
            return NearestRows(codes).graph(n_neighbors)
    from openTSNE.nearest_neighbors import Annoy

    # One thread: Annoy's trees depend on the number of threads that grow them.
    index = Annoy(codes, n_neighbors, metric="euclidean", n_jobs=1, random_state=seed % 2**31)
    found, distances = index.build()
    return np.asarray(found, dtype=np.int64), np.asarray(distances, dtype=np.float64) ** 2


def umap_layout(
    codes: FloatArray,
    *,
    n_neighbors: int,
    min_dist: float,
    spread: float,
    n_epochs: int | None,
    negative_sample_rate: int,
    seed: int,
    n_jobs: int,
    verbose: bool,
    progress: ProgressCallback | None,
) -> FloatArray:
    """Lay out distinct codes by UMAP.

    Returns
    -------
    embedding : float32 array, shape (n, 2)
    """
    n = len(codes)
    epochs = n_epochs or (500 if n <= 10_000 else 200)
    if progress is not None:  # loading and compiling umap-learn takes most of a minute
        progress(Progress("umap", 0, epochs))
    indices, squared = neighbor_graph(codes, n_neighbors - 1, seed=seed, n_jobs=n_jobs)
    # umap-learn counts a row as its own first neighbour. Its constants suppose distances near 1.
    own = np.arange(n)[:, None]
    distances = np.sqrt(np.hstack([np.zeros((n, 1)), squared]))
    distances /= float(np.median(distances[:, -1])) or 1.0
    start = pca_start(codes, seed).astype(np.float32)

    numba, layouts, umap_ = _import_umap()
    random_state = np.random.RandomState(seed)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)  # its parallel sums differ with the number of threads
    try:
        graph, _, _ = umap_.fuzzy_simplicial_set(
            codes,
            n_neighbors,
            random_state,
            "euclidean",
            knn_indices=np.hstack([own, indices]).astype(np.int32),
            knn_dists=distances.astype(np.float32),
        )
        a, b = umap_.find_ab_params(spread, min_dist)
        embedding, _ = umap_.simplicial_set_embedding(
            codes,
            graph,
            2,
            1.0,  # initial learning rate
            a,
            b,
            1.0,  # weight of the repulsion
            negative_sample_rate,
            epochs,
            start,
            random_state,
            "euclidean",
            {},
            False,  # densMAP
            {},
            False,
            tqdm_kwds=_epoch_bar(layouts.tqdm, progress, verbose),
        )
    finally:
        numba.set_num_threads(threads)
    if progress is not None:
        progress(Progress("umap", epochs, epochs))
    return np.ascontiguousarray(embedding, dtype=np.float32)


def _import_umap() -> tuple[Any, Any, Any]:
    with warnings.catch_warnings():
        # umap-learn mentions on import that its variant on TensorFlow is not available.
        warnings.filterwarnings(
            "ignore", category=ImportWarning, message="Tensorflow not installed"
        )
        import numba
        from umap import layouts, umap_
    return numba, layouts, umap_


def _epoch_bar(tqdm: type, progress: ProgressCallback | None, verbose: bool) -> dict[str, Any]:
    """Set up the bar that umap-learn shows; it is the only way to hear of its epochs."""
    in_notebook = any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)
    if progress is None or in_notebook:  # a notebook's bar writes to no file
        return {"disable": not verbose}
    return {
        "disable": False,
        "file": _EpochReader(progress),
        "bar_format": "{n_fmt}/{total_fmt}",
        "mininterval": 0,
        "miniters": 1,
    }


class _EpochReader(io.TextIOBase):
    """A text file that turns what a tqdm bar writes into progress events."""

    def __init__(self, progress: ProgressCallback) -> None:
        self._progress = progress
        self._last = 0

    def write(self, text: str) -> int:
        counts = re.search(r"(\d+)/(\d+)", text)
        if counts:
            step, total = int(counts[1]), int(counts[2])
            if self._last < step < total:  # the last epoch is reported when all is done
                self._last = step
                self._progress(Progress("umap", step, total))
        return len(text)
