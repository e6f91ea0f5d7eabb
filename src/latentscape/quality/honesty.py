"""Is what a place of the map decodes to, and would be mapped to, what it claims to be?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from latentscape.errors import CodesError, DataError
from latentscape.maps import Map2D
from latentscape.neighbors import Metric, kernel_threads, measured_rows
from latentscape.neighbors.search import nearest_rows
from latentscape.quality.checks import check_count, check_pair, check_rows
from latentscape.quality.estimates import Estimate, mean_estimate
from latentscape.types import AnyArray, DoubleArray, FloatArray, IntArray

Decode = Callable[[FloatArray], AnyArray]
Encode = Callable[[AnyArray], AnyArray]

_AT_ONCE = 250  # images in memory: some are large
N_APART = 10_000
"""Of so many random rows at most the median distance to the nearest other code is taken."""


@dataclass(frozen=True)
class DecodeHonesty:
    """How far decoded places of a map can be believed.

    Attributes
    ----------
    off : Estimate
        Distance of a place's code to the nearest code of the data, in medians of the distance
        from a code to its nearest other one: up to about 1 it lies among the data.
    round_trip : Estimate
        Distance on the map between a place and where its decoded and again encoded image is put,
        in standard deviations of the map. 0: the image belongs where it is shown.
    random_off : float, default NaN
        What a random map has: `off` of midpoints between the codes of two random rows.
    random_round_trip : float, default NaN
        What a random map has: the distance between a place and that of a random row.
    n_places : int, default 0
        How many places were looked at.
    """

    off: Estimate
    round_trip: Estimate
    random_off: float = float("nan")
    random_round_trip: float = float("nan")
    n_places: int = 0


@overload
def decode_honesty(
    fitted: Map2D,
    codes: Any,
    decode: Decode,
    encode: Encode,
    *,
    places: Any = None,
    n_places: int = 1000,
    random_state: int = 0,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> DecodeHonesty: ...
@overload
def decode_honesty(
    fitted: Map2D,
    codes: Any,
    decode: Decode,
    encode: Encode,
    *,
    places: Any = None,
    n_places: int = 1000,
    random_state: int = 0,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[DecodeHonesty, DoubleArray, DoubleArray]: ...
def decode_honesty(
    fitted: Map2D,
    codes: Any,
    decode: Decode,
    encode: Encode,
    *,
    places: Any = None,
    n_places: int = 1000,
    random_state: int = 0,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> DecodeHonesty | tuple[DecodeHonesty, DoubleArray, DoubleArray]:
    """Decode places of a map, encode the images, and place them again.

    For a place y with the code ``z(y)`` of the map's inverse, and the place y' of the code that
    the encoder finds in the decoded image:

    ``off = |z(y) - nearest code| / median distance of a code to its nearest other one``,
    ``round_trip = |y' - y| / s``, where ``s^2`` is the mean variance of the map's two columns.
    Codes of a map by cosine distance are divided by their lengths before they are compared.

    Parameters
    ----------
    fitted : Map2D
        A fitted map.
    codes : array-like, shape (n, d)
        The codes that it was fitted on.
    decode : callable
        From float32 codes (m, d) to images (m, ...).
    encode : callable
        From such images to codes (m, d).
    places : array-like, shape (m, 2), optional
        Where to look. By default midpoints between a random row's place and that of its nearest
        other one on the map: places among the data, of which no image is known.
    n_places : int, default 1000
        How many midpoints; all n where there are no more rows.
    random_state : int, default 0
    n_jobs : int or None, default None
    return_per_sample : bool, default False
        Also return the two values of each place.

    Returns
    -------
    honesty : DecodeHonesty
    off, round_trip : float64 arrays, shape (m,)
        Only with ``return_per_sample=True``.

    Raises
    ------
    CodesError
        Codes that are not those of the map, half of all codes have a copy, or places that are no
        finite numbers.
    DataError
        `decode` or `encode` return another number of rows, NaN or infinity.
    """
    rows, embedding = check_pair(codes, fitted.embedding_, least=3)
    metric: Metric = getattr(fitted, "metric_", "euclidean")  # linear maps have none
    rows = measured_rows(rows, metric)
    n, threads = len(rows), kernel_threads(n_jobs)
    check_count("random_state", random_state, 2**63, n, least=0)
    order = np.random.default_rng(random_state).permutation(n)
    if places is None:
        drawn = order[: check_count("n_places", n_places, 2**31, n)]
        beside, _ = _nearest_others(embedding, drawn, threads)
        wanted = (embedding[drawn] + embedding[beside]) / np.float32(2)
    else:
        wanted = check_rows(places, "places")
    inverse = np.ascontiguousarray(fitted.inverse_transform(wanted))
    apart = float(np.median(_nearest_others(rows, order[:N_APART], threads)[1]))
    spread = float(np.sqrt(embedding.var(axis=0, dtype=np.float64).mean()))
    if apart == 0 or spread == 0:
        raise CodesError(
            "half of the codes have a copy, so distances have no measure; drop copies."
        )
    _, away = nearest_rows(measured_rows(inverse, metric), rows, 1, threads=threads)
    again = np.concatenate(
        [
            _round(inverse[start : start + _AT_ONCE], decode, encode)
            for start in range(0, len(inverse), _AT_ONCE)
        ]
    )
    moved = fitted.transform(again).astype(np.float64) - wanted
    off = np.asarray(np.sqrt(away[:, 0]) / apart)
    trip = np.asarray(np.sqrt((moved**2).sum(axis=1)) / spread)
    one, other, third = (np.roll(order, shift)[: len(wanted)] for shift in (0, 1, 2))
    between = (rows[one] + rows[other]) / np.float32(2)
    _, random_away = nearest_rows(between, rows, 1, threads=threads)
    across = embedding[np.resize(third, len(wanted))].astype(np.float64) - wanted
    honesty = DecodeHonesty(
        off=mean_estimate(off),
        round_trip=mean_estimate(trip),
        random_off=float(np.sqrt(random_away[:, 0]).mean() / apart),
        random_round_trip=float(np.sqrt((across**2).sum(axis=1)).mean() / spread),
        n_places=len(wanted),
    )
    return (honesty, off, trip) if return_per_sample else honesty


def _nearest_others(
    points: FloatArray, chosen: IntArray, threads: int
) -> tuple[IntArray, DoubleArray]:
    """Return the nearest other row of each chosen one, and its distance."""
    asked = np.ascontiguousarray(points[chosen])
    rows, squared = nearest_rows(asked, points, 2, threads=threads)
    # The row itself comes first, unless it has copies, of which those of smaller index come first.
    column = (rows[:, 0] == chosen).astype(np.int64)
    each = np.arange(len(chosen))
    return rows[each, column].astype(np.int64), np.asarray(np.sqrt(squared[each, column]))


def _round(codes: FloatArray, decode: Decode, encode: Encode) -> AnyArray:
    images = _finite(decode(codes), len(codes), "decode")
    return _finite(encode(images), len(codes), "encode")


def _finite(values: Any, count: int, name: str) -> AnyArray:
    array: AnyArray = np.asarray(values)
    if array.ndim < 2 or len(array) != count:
        raise DataError(f"{name} returned an array of shape {array.shape} for {count} places.")
    if not np.isfinite(array).all():
        raise DataError(f"{name} returned NaN or infinity.")
    return array
