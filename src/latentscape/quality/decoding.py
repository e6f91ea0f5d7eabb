"""Does a decoder change smoothly, and are the places between two codes still images?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentscape.errors import DataError, SettingError
from latentscape.neighbors import kernel_threads
from latentscape.neighbors.search import nearest_rows
from latentscape.quality.checks import check_count, check_rows, draw_rows
from latentscape.quality.estimates import Estimate, mean_estimate
from latentscape.types import AnyArray, FloatArray

Decode = Callable[[FloatArray], AnyArray]


@dataclass(frozen=True)
class Smoothness:
    """How fast images change along random directions of the latent space.

    Attributes
    ----------
    mean : Estimate
        Of ``|decode(z + e) - decode(z)| / |e|``: root of the summed squares of pixels in [0, 1],
        for a step of 1 in the codes.
    percentiles : dict of int to float
        5, 50, 95 and 99. A 99th percentile far above the median tells of jumps.
    step : float
        Length of the steps.
    """

    mean: Estimate
    percentiles: dict[int, float]
    step: float


def decoder_smoothness(
    decode: Decode,
    codes: Any,
    *,
    step: float = 0.1,
    n_samples: int = 1000,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Smoothness:
    """Measure how fast images change with a small step from a code in a random direction.

    Parameters
    ----------
    decode : callable
        From float32 codes (m, d) to images (m, ...), floats in [0, 1].
    codes : array-like, shape (n, d)
    step : float, default 0.1
        Length of the step, in median distances from a code to its nearest one.
    n_samples : int, default 1000
        Codes that are drawn where there are more.
    random_state : int, default 0
    n_jobs : int or None, default None

    Returns
    -------
    Smoothness

    Raises
    ------
    CodesError
        NaN or infinity in the codes.
    SettingError
        `step` is not positive, or all codes have a copy, so that steps have no measure.
    DataError
        `decode` returns another number of images, NaN or infinity.
    """
    rows = check_rows(codes, "codes", 2)
    if isinstance(step, bool) or not step > 0:
        raise SettingError(f"step must be positive, got {step!r}.")
    check_count("n_samples", n_samples, 2**31, len(rows))
    drawn = rows[draw_rows(len(rows), n_samples, random_state)]
    # The row itself is the first, at distance zero.
    _, squared = nearest_rows(drawn, rows, 2, threads=kernel_threads(n_jobs))
    length = step * float(np.median(np.sqrt(squared[:, 1])))
    if length == 0:
        raise SettingError("half of the codes have a copy, so steps have no measure; drop copies.")
    random = np.random.default_rng([random_state, 1])
    ways = random.normal(size=drawn.shape)
    ways *= length / np.sqrt((ways**2).sum(axis=1, keepdims=True))
    moved = (drawn + ways).astype(np.float32)
    taken = np.sqrt(((moved.astype(np.float64) - drawn) ** 2).sum(axis=1))
    change = _decoded(decode, moved).astype(np.float64) - _decoded(decode, drawn)
    rates = np.sqrt((change**2).sum(axis=1)) / taken
    levels = (5, 50, 95, 99)
    found = np.percentile(rates, levels)
    return Smoothness(
        mean_estimate(rates), dict(zip(levels, map(float, found), strict=True)), length
    )


def interpolation_error(
    decode: Decode,
    codes: Any,
    images: Any,
    *,
    n_pairs: int = 1000,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Estimate:
    """Measure how far decoded midpoints of random pairs of codes are from real images.

    The mean squared distance of a decoded midpoint to the nearest image, divided by that of a
    random image to the nearest other one.

    Parameters
    ----------
    decode : callable
        From float32 codes (m, d) to images (m, ...), floats in [0, 1].
    codes : array-like, shape (n, d)
    images : array-like, shape (n, ...)
        What was encoded: uint8, or floats in [0, 1]. Those are searched for the nearest.
    n_pairs : int, default 1000
        Pairs, and random images, at most n.
    random_state : int, default 0
    n_jobs : int or None, default None

    Returns
    -------
    Estimate
        About 1 or less: midpoints look like images; far above 1: they do not. NaN where all
        random images have a copy.

    Raises
    ------
    CodesError, SettingError
        Rows that do not belong together, NaN or infinity, `n_pairs` is no positive number.
    DataError
        `decode` returns another number of images, NaN or infinity.

    References
    ----------
    Berthelot, Raffel, Roy and Goodfellow 2019 (the idea, with a critic in place of neighbours).
    """
    rows = check_rows(codes, "codes", 3)
    pixels = check_rows(images, "images", 3)
    if len(pixels) != len(rows):
        raise DataError(f"got {len(pixels)} images for {len(rows)} codes; they must match.")
    if np.asarray(images).dtype == np.uint8:
        pixels = pixels / np.float32(255)
    check_count("n_pairs", n_pairs, 2**31, len(rows))
    n_pairs = min(int(n_pairs), len(rows))
    random = np.random.default_rng(random_state)
    one = random.integers(0, len(rows), n_pairs)
    other = random.integers(0, len(rows) - 1, n_pairs)
    other += other >= one
    between = (rows[one] + rows[other]) / np.float32(2)
    drawn = pixels[draw_rows(len(rows), n_pairs, random_state)]
    n_threads = kernel_threads(n_jobs)
    _, off = nearest_rows(_decoded(decode, between), pixels, 1, threads=n_threads)
    _, own = nearest_rows(drawn, pixels, 2, threads=n_threads)
    above, below = mean_estimate(off[:, 0]), mean_estimate(own[:, 1])
    if float(below) == 0:
        return Estimate(np.nan, np.nan)
    ratio = float(above) / float(below)
    spread = np.hypot(
        above.standard_error / max(float(above), 1e-300), below.standard_error / float(below)
    )
    return Estimate(ratio, ratio * float(spread))


def _decoded(decode: Decode, codes: FloatArray) -> FloatArray:
    images = np.asarray(decode(codes))
    if len(images) != len(codes):
        raise DataError(f"decode returned {len(images)} images for {len(codes)} codes.")
    flat = np.ascontiguousarray(images.reshape(len(images), -1), dtype=np.float32)
    if not np.isfinite(flat).all():
        raise DataError("decode returned NaN or infinity.")
    return flat
