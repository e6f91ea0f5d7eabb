"""How much of a map stays with another seed?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from latentscape.errors import SettingError
from latentscape.neighbors import kernel_threads, shared_neighbors
from latentscape.quality.checks import check_count, check_pair
from latentscape.quality.estimates import Estimate, mean_estimate
from latentscape.quality.ranks import nearest
from latentscape.types import FloatArray, Int32Array


def stability(
    embeddings: Sequence[Any], n_neighbors: int = 30, *, n_jobs: int | None = None
) -> Estimate:
    """Share of neighbours on a map that are neighbours on the maps of other seeds, S_K.

    The mean over all pairs of maps of their recall of each other, ``Q_NX(K)``.

    Parameters
    ----------
    embeddings : sequence of array-like, each of shape (n, 2)
        Maps of the same codes with different seeds, two or more.
    n_neighbors : int, default 30
        K, from 1 to ``n - 1``.
    n_jobs : int or None, default None

    Returns
    -------
    Estimate
        From 0 to 1; 1 is best, unrelated maps have ``K / (n - 1)``. Its error is over rows.

    Raises
    ------
    SettingError
        Fewer than two maps, or `n_neighbors` is out of range.
    CodesError
        Maps with different numbers of rows, NaN or infinity.
    """
    maps = _checked(embeddings)
    k = check_count("n_neighbors", n_neighbors, len(maps[0]) - 1, len(maps[0]))
    graphs = [nearest(places, k, kernel_threads(n_jobs)) for places in maps]
    return agreement(list(combinations(graphs, 2)))


def agreement(pairs: list[tuple[Int32Array, Int32Array]]) -> Estimate:
    """Average the share of common neighbours over pairs of graphs; the error is over rows."""
    k = pairs[0][0].shape[1]
    return mean_estimate(
        np.mean([shared_neighbors(one, other) / k for one, other in pairs], axis=0)
    )


def procrustes_distance(embeddings: Sequence[Any]) -> float:
    """Distance of maps after the best shift, scale, rotation and reflection.

    ``sqrt(1 - (sum of singular values of A'B)^2)`` for two maps A and B that are centred and
    scaled to norm 1; the mean over all pairs of maps.

    Parameters
    ----------
    embeddings : sequence of array-like, each of shape (n, 2)
        Two maps or more.

    Returns
    -------
    float
        From 0 (the same picture) to 1.

    Raises
    ------
    SettingError, CodesError
        As :func:`stability`.

    References
    ----------
    Gower 1975; McInnes, Healy and Melville 2018 (UMAP), section 5.3.
    """
    shapes = []
    for places in _checked(embeddings):
        centred = places.astype(np.float64) - places.mean(axis=0, dtype=np.float64)
        norm = float(np.sqrt((centred * centred).sum()))
        shapes.append(centred / (norm or 1.0))
    found = []
    for one, other in combinations(shapes, 2):
        # einsum, not BLAS: its bits do not depend on threads.
        product = np.einsum("ni,nj->ij", one, other)
        fit = float(np.linalg.svd(product, compute_uv=False).sum())
        found.append(np.sqrt(max(0.0, 1 - fit**2)))
    return float(np.mean(found))


def _checked(embeddings: Sequence[Any]) -> list[FloatArray]:
    if len(embeddings) < 2:
        raise SettingError(
            f"stability compares two maps or more, got {len(embeddings)}; fit the map again with "
            "another random_state."
        )
    return [check_pair(embeddings[0], places)[1] for places in embeddings]
