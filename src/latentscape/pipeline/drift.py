"""Whether new data are of the kind that an atlas was made from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from latentscape.maps.placement import nearest_rows
from latentscape.types import AnyArray, DoubleArray, FloatArray

MOST_SHIFT = 3.0  # standard deviations, of the mean and between the spreads
_QUANTILE = 0.99
_MOST_OUTSIDE = 0.05  # five times as many as the atlas's own rows
_ROWS = 10_000  # rows whose distances are looked at
_NAMED = 5
_FEWEST_FOR_SPREAD = 10  # the spread of fewer rows says nothing


@dataclass(frozen=True)
class Drift:
    """How new codes differ from those of an atlas.

    Attributes
    ----------
    n_rows : int
        New rows whose distances were looked at, evenly spread over all of them.
    largest_shift : float
        Largest difference between the means of a dimension, in standard
        deviations of the atlas's codes.
    largest_spread : float
        Largest ratio between the standard deviations of a dimension, at least 1.
    share_far : float
        Share of the new rows that lie farther from the atlas's codes than 99 %
        of those lie from each other: about .01 for data of the same kind.
    share_badly_rebuilt : float or None
        Share of the new rows whose reconstruction error exceeds that of 99 % of
        the atlas's rows; None where there is no such error.
    warnings : tuple of str
        A sentence for each of these that is out of the ordinary.
    """

    n_rows: int
    largest_shift: float
    largest_spread: float
    share_far: float
    share_badly_rebuilt: float | None
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "warnings": list(self.warnings)}


def measure_drift(
    codes: FloatArray,
    errors: AnyArray | None,
    own_codes: FloatArray,
    own_errors: AnyArray | None,
) -> Drift:
    """Compare new codes and reconstruction errors with those of an atlas.

    Parameters
    ----------
    codes, own_codes : float32 arrays of shape (m, d) and (n, d)
        New ones, and the atlas's.
    errors, own_errors : float arrays of shape (m,) and (n,), or None
        Reconstruction errors.

    Returns
    -------
    Drift
    """
    warnings: list[str] = []
    shift, spread = _moments(codes, own_codes, warnings)
    some = np.unique(np.linspace(0, len(codes) - 1, min(_ROWS, len(codes))).astype(np.intp))
    far = _share_far(np.ascontiguousarray(codes[some]), own_codes)
    if far > _MOST_OUTSIDE:
        warnings.append(
            f"{100 * far:.0f} % of the new rows lie farther from the atlas's codes than "
            f"{100 * _QUANTILE:.0f} % of those lie from each other: their places on the maps are "
            "guesses"
        )
    badly = None
    if errors is not None and own_errors is not None and np.isfinite(own_errors).any():
        limit = float(np.nanquantile(own_errors, _QUANTILE))
        badly = float((np.asarray(errors) > limit).mean())
        if badly > _MOST_OUTSIDE:
            warnings.append(
                f"{100 * badly:.0f} % of the new images have a reconstruction error above "
                f"{limit:.4g}, which {100 * _QUANTILE:.0f} % of the atlas's images stay below: the "
                "model has not learned such images"
            )
    return Drift(len(some), shift, spread, far, badly, tuple(warnings))


def _moments(codes: FloatArray, own_codes: FloatArray, warnings: list[str]) -> tuple[float, float]:
    """Compare means and standard deviations, dimension by dimension."""
    own_mean, own_sd = _mean_and_sd(own_codes)
    mean, sd = _mean_and_sd(codes)
    # A dead unit's deviation is rounding; that of a real one is far above this.
    least = 1e-6 * np.maximum(1.0, np.abs(own_mean))
    unit = np.maximum(own_sd, least)
    shift = np.abs(mean - own_mean) / unit
    moved = np.flatnonzero(shift > MOST_SHIFT)
    if moved.size:
        warnings.append(
            f"the mean of {_dimensions(moved)} lies up to {shift.max():.1f} standard deviations "
            f"from that of the atlas's codes; more than {MOST_SHIFT:g} means other data, or data "
            "that were prepared in another way"
        )
    ratio = np.ones(1)
    if len(codes) >= _FEWEST_FOR_SPREAD:
        now = np.maximum(sd, least)
        ratio = np.maximum(now / unit, unit / now)
        spread = np.flatnonzero(ratio > MOST_SHIFT)
        if spread.size:
            warnings.append(
                f"the standard deviation of {_dimensions(spread)} differs by a factor of up to "
                f"{ratio.max():.1f} from that of the atlas's codes"
            )
    return float(shift.max()), float(ratio.max())


def _mean_and_sd(codes: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    return codes.mean(axis=0, dtype=np.float64), codes.std(axis=0, dtype=np.float64)


def _share_far(codes: FloatArray, own_codes: FloatArray) -> float:
    """Return the share of codes beyond the usual distance to the nearest row of the atlas."""
    if len(own_codes) < 2:
        return 0.0
    own = np.ascontiguousarray(own_codes)
    some = np.unique(np.linspace(0, len(own) - 1, min(_ROWS, len(own))).astype(np.intp))
    _, squared = nearest_rows(own[some], own, 2)  # each finds itself first
    limit = float(np.quantile(squared[:, 1], _QUANTILE))
    _, nearest = nearest_rows(codes, own, 1)
    return float((nearest[:, 0] > limit).mean())


def _dimensions(positions: AnyArray) -> str:
    named = ", ".join(f"z{position}" for position in positions[:_NAMED])
    more = ", ..." if len(positions) > _NAMED else ""
    return f"{len(positions)} dimension{'' if len(positions) == 1 else 's'} ({named}{more})"
