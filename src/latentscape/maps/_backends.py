"""Layouts by openTSNE: the only module that knows this library."""

from __future__ import annotations

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
