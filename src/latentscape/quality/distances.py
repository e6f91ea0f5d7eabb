"""Does the map keep distances? Triplets, Shepard correlation and stress of random pairs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from latentscape.errors import SettingError
from latentscape.quality.checks import check_count, check_pair
from latentscape.quality.estimates import Estimate, batch_estimate, correlation, mean_estimate
from latentscape.types import DoubleArray, FloatArray, IntArray

_BLOCK = 65_536  # pairs whose differences are held at a time


def triplet_accuracy(
    codes: Any, embedding: Any, *, n_triplets: int = 1_000_000, random_state: int = 0
) -> Estimate:
    """Share of random triplets whose nearer partner is the same on the map.

    For random rows i, j, l, all different: is ``d(i, j) < d(i, l)`` in the codes as on the map?
    Triplets that are tied in the codes are left out.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embedding : array-like, shape (n, 2)
        The map, or any other space of the same rows.
    n_triplets : int, default 1000000
    random_state : int, default 0
        Seed. Equal seeds give equal triplets, so differences between maps are paired.

    Returns
    -------
    Estimate
        From 0 to 1; 1 is best, a random map has .5. NaN where all triplets are tied.

    Raises
    ------
    CodesError
        Rows that do not belong together, NaN or infinity, fewer than 3 rows.
    SettingError
        `n_triplets` is no positive number.

    References
    ----------
    Wang, Huang, Rudin and Shaposhnik 2021 (PaCMAP), section 4.
    """
    reference, places = check_pair(codes, embedding)
    m = check_count("n_triplets", n_triplets, 2**31, len(places))
    i, j, k = draw_triplets(len(places), m, random_state)
    near, far = pair_distances(reference, i, j), pair_distances(reference, i, k)
    agree = (near < far) == (pair_distances(places, i, j) < pair_distances(places, i, k))
    untied = near != far
    return mean_estimate(agree[untied]) if untied.any() else Estimate(np.nan, np.nan)


def shepard_correlation(
    codes: Any,
    embedding: Any,
    *,
    method: Literal["spearman", "pearson"] = "spearman",
    n_pairs: int = 1_000_000,
    random_state: int = 0,
) -> Estimate:
    """Correlation of distances in the codes and on the map, over random pairs of rows.

    Parameters
    ----------
    codes : array-like, shape (n, d)
    embedding : array-like, shape (n, 2)
    method : {"spearman", "pearson"}, default "spearman"
        Of the ranks, or of the distances themselves.
    n_pairs : int, default 1000000
    random_state : int, default 0
        Seed. Equal seeds give equal pairs.

    Returns
    -------
    Estimate
        From -1 to 1; 1 is best, a random map has 0. Its error is that of drawing the pairs,
        from 20 batches of them.

    Raises
    ------
    CodesError, SettingError
        As :func:`triplet_accuracy`.

    References
    ----------
    Shepard 1962, "The analysis of proximities", I and II.
    """
    if method not in ("spearman", "pearson"):
        raise SettingError(f'method must be "spearman" or "pearson", got {method!r}.')
    a, b = random_distances(codes, embedding, n_pairs, random_state)
    return shepard_of(a, b, method)


def scale_free_stress(
    codes: Any, embedding: Any, *, n_pairs: int = 1_000_000, random_state: int = 0
) -> Estimate:
    """Error of the map's distances as a share of the true ones, at the best scale of the map.

    ``min_a sqrt(sum (d_codes - a d_map)^2 / sum d_codes^2)``, with
    ``a = sum d_codes d_map / sum d_map^2``; plain stress would depend on the unit of the map.
    Parameters and errors as :func:`shepard_correlation`.

    Returns
    -------
    Estimate
        From 0, which is best, to 1.

    References
    ----------
    Kruskal 1964; Smelser, Miller and Kobourov 2024, "Normalized stress is not normalized".
    """
    a, b = random_distances(codes, embedding, n_pairs, random_state)
    return stress_of(a, b)


def random_distances(
    codes: Any, embedding: Any, n_pairs: int, random_state: int
) -> tuple[DoubleArray, DoubleArray]:
    """Return the distances of the same random pairs of different rows in both spaces."""
    reference, places = check_pair(codes, embedding)
    m = check_count("n_pairs", n_pairs, 2**31, len(places))
    i, j, _ = draw_triplets(len(places), m, random_state)
    return pair_distances(reference, i, j), pair_distances(places, i, j)


def shepard_of(a: DoubleArray, b: DoubleArray, method: str) -> Estimate:
    """Correlate two lists of distances."""
    if method == "spearman":
        a, b = rankdata(a), rankdata(b)
        # Batches see the ranks among all pairs: sorting each again would add next to nothing.
    return batch_estimate(lambda part: correlation(a[part], b[part]), len(a))


def stress_of(a: DoubleArray, b: DoubleArray) -> Estimate:
    """Return the scale-free stress of two lists of distances."""

    def stress(part: slice) -> float:
        x, y = a[part], b[part]
        true, own = float((x * x).sum()), float((y * y).sum())
        if true == 0 or own == 0:
            return 0.0 if true == own else 1.0
        return float(np.sqrt(max(0.0, 1 - float((x * y).sum()) ** 2 / (true * own))))

    return batch_estimate(stress, len(a))


def draw_triplets(
    n_rows: int, n_triplets: int, random_state: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Draw triplets of three different rows."""
    random = np.random.default_rng(random_state)
    i = random.integers(0, n_rows, n_triplets)
    j = random.integers(0, n_rows - 1, n_triplets)
    j += j >= i
    k = random.integers(0, n_rows - 2, n_triplets)
    k += k >= np.minimum(i, j)
    k += k >= np.maximum(i, j)
    return i, j, k


def pair_distances(rows: FloatArray, i: IntArray, j: IntArray) -> DoubleArray:
    """Return the Euclidean distances of pairs of rows, in float64."""
    found = np.empty(len(i))
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        difference = rows[i[part]].astype(np.float64)
        difference -= rows[j[part]]
        found[part] = np.einsum("ij,ij->i", difference, difference)
    return np.sqrt(found)
