"""Layouts by openTSNE and umap-learn: the only module that knows these libraries.

Both are imported inside the functions, as umap-learn takes seconds to load.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from latentscape.maps.affinities import joint_affinities
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

_INTERPOLATION_ROWS = 10_000  # from here FFT interpolation is quicker than Barnes-Hut
_EXAGGERATED = 250


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


def tsne_layout(
    codes: FloatArray,
    *,
    perplexity: float,
    n_iter: int,
    early_exaggeration: float,
    learning_rate: float | None,
    init: str,
    seed: int,
    n_jobs: int,
    verbose: bool,
    progress: ProgressCallback | None,
) -> tuple[FloatArray, float]:
    """Lay out distinct codes by t-SNE.

    Returns
    -------
    embedding : float32 array, shape (n, 2)
    kl : float
        Kullback-Leibler divergence at the end.
    """
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities

    n = len(codes)
    n_neighbors = max(1, min(n - 1, int(3 * perplexity)))
    indices, squared = neighbor_graph(codes, n_neighbors, seed=seed, n_jobs=n_jobs)
    affinities = joint_affinities(indices, squared, perplexity)
    if init == "pca":
        start = pca_start(codes, seed)
    else:
        start = np.random.default_rng(seed).normal(size=(n, 2))
    layout = TSNEEmbedding(
        start * 1e-4,  # small, so that the first steps are not dominated by repulsion
        PrecomputedAffinities(_csr_matrix(affinities), normalize=False),
        negative_gradient_method="fft" if n >= _INTERPOLATION_ROWS else "bh",
    )
    exaggerated = min(_EXAGGERATED, n_iter // 3)
    for exaggeration, done, steps in (
        (early_exaggeration, 0, exaggerated),
        (1.0, exaggerated, n_iter - exaggerated),
    ):
        if steps == 0:
            continue
        layout.optimize(
            n_iter=steps,
            exaggeration=exaggeration,
            # Few rows would hardly move at the rate of Belkina et al., which is n / exaggeration.
            learning_rate=learning_rate or max(n / exaggeration, 50.0),
            momentum=0.8,
            n_jobs=n_jobs,
            inplace=True,
            verbose=verbose,
            callbacks=None if progress is None else [_iterations(progress, done, n_iter)],
            callbacks_every_iters=max(1, n_iter // 100),
        )
    # No further step, only the divergence: summed by several threads, its last bits would vary.
    layout.optimize(n_iter=0, learning_rate=1.0, n_jobs=1, inplace=True)
    kl = float(layout.kl_divergence)
    if progress is not None:
        progress(Progress("tsne", n_iter, n_iter, {"kl": kl}))
    return np.array(layout, dtype=np.float32), kl


def _csr_matrix(affinities: Any) -> Any:
    """Return the matrix class and the index type that openTSNE's kernels take."""
    from scipy.sparse import csr_matrix

    matrix = csr_matrix(affinities)
    matrix.indices = matrix.indices.astype(np.int32)
    matrix.indptr = matrix.indptr.astype(np.int32)
    return matrix


def _iterations(progress: ProgressCallback, done: int, total: int) -> Callable[..., bool]:
    def report(iteration: int, error: float, embedding: object) -> bool:
        if done + iteration < total:  # the last one is reported with the final divergence
            progress(Progress("tsne", done + iteration, total, {"kl": float(error)}))
        return False  # go on

    return report


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
