"""Codes as they come from elsewhere: their shape, their rows, and what is odd about them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentscape.errors import DataError
from latentscape.images.row_hashes import n_distinct, row_hashes
from latentscape.types import DoubleArray, FloatArray

_BLOCK = 1 << 16  # rows looked at together, so that codes on the disk stay there
NAMED_ROWS = 5
_NAMED_COLUMNS = 5
_EVEN_NORMS = 0.1  # coefficient of variation beyond which the lengths carry something


def describe_codes(codes: FloatArray) -> list[str]:
    """Say what whoever maps these codes should know of their columns and lengths.

    Parameters
    ----------
    codes : float32 array of shape (n, d)
        Finite codes.

    Returns
    -------
    list of str
        A sentence on columns that never change, one on repeated rows, and one
        on the spread of the rows' lengths; empty where there is nothing to say.
    """
    seen = CodesSeen(codes.shape[1])
    for start in range(0, len(codes), _BLOCK):
        seen.add(codes[start : start + _BLOCK])
    return seen.notes()


class CodesSeen:
    """What there is to say of codes, gathered block by block.

    Parameters
    ----------
    n_columns : int
        Width of the codes.
    """

    def __init__(self, n_columns: int) -> None:
        self._low = np.full(n_columns, np.inf, np.float32)
        self._high = np.full(n_columns, -np.inf, np.float32)
        self._norms: list[DoubleArray] = []
        self._hashes: list[NDArray[Any]] = []

    def add(self, block: FloatArray) -> None:
        """Look at some rows, float32 of shape (m, d); nothing is kept of them but 24 bytes each."""
        if not len(block):
            return
        np.minimum(self._low, block.min(axis=0), out=self._low)
        np.maximum(self._high, block.max(axis=0), out=self._high)
        wide = block.astype(np.float64)
        self._norms.append(np.sqrt(np.einsum("ij,ij->i", wide, wide)))
        self._hashes.append(row_hashes(block))

    @property
    def zero_rows(self) -> NDArray[np.intp]:
        """Positions of rows that have no direction."""
        return np.flatnonzero(np.concatenate(self._norms) == 0) if self._norms else np.empty(0, int)

    def notes(self) -> list[str]:
        """Return what :func:`describe_codes` says of all rows together."""
        n = sum(map(len, self._norms))
        if n < 2:
            return []
        notes = []
        dead = np.flatnonzero(self._low == self._high)
        if dead.size:
            one = dead.size == 1
            notes.append(
                f"{dead.size} of {len(self._low)} columns never "
                f"{'changes' if one else 'change'} ({'column' if one else 'columns'} "
                f"{listed(dead, _NAMED_COLUMNS)}): dead units, which no map can show."
            )
        distinct = n_distinct(np.concatenate(self._hashes))
        if distinct < n:
            notes.append(repeated(n - distinct, n, "rows"))
        norms = np.concatenate(self._norms)
        mean = float(norms.mean())
        spread = float(norms.std()) / mean if mean > 0 else 0.0
        if spread > _EVEN_NORMS:
            notes.append(
                f"The rows have lengths from {norms.min():.3g} to {norms.max():.3g} (coefficient "
                f"of variation {100 * spread:.0f} %); if only their direction carries meaning, "
                "as with CLIP, --metric cosine compares that alone."
            )
        return notes


def repeated(n_repeated: int, n: int, what: str) -> str:
    """Say how many rows or images are copies of another one."""
    verb = "repeats" if n_repeated == 1 else "repeat"
    return f"{n_repeated:,} of the {n:,} {what} {verb} another one exactly."


def check_codes(codes: ArrayLike) -> FloatArray:
    """Return codes as a float32 array of shape (n, d), or say what they are instead."""
    try:
        array = np.asarray(codes)
    except ValueError as error:  # rows of different lengths
        raise DataError(f"codes must be rows of equally many numbers ({error})") from None
    if array.dtype.kind not in "fiub":
        raise DataError(f"codes must be real numbers, got {array.dtype}")
    if array.ndim != 2:
        raise DataError(f"codes must have the shape (n, d), one row for each, got {array.shape}")
    if array.shape[1] == 0:
        raise DataError(f"codes must have at least one column, got the shape {array.shape}")
    with np.errstate(over="ignore"):  # too large for float32 becomes infinity, reported by row
        return np.ascontiguousarray(array, dtype=np.float32)


def finite_rows(codes: FloatArray) -> NDArray[np.bool_]:
    """Tell which rows hold finite numbers only, a bool array of shape (n,)."""
    good = np.empty(len(codes), dtype=bool)
    for start in range(0, len(codes), _BLOCK):
        part = slice(start, start + _BLOCK)
        np.isfinite(codes[part]).all(axis=1, out=good[part])
    return good


def refuse_nonfinite(codes: FloatArray, name: str) -> None:
    """Raise DataError that names the first rows with NaN or infinity."""
    refuse_rows(np.flatnonzero(~finite_rows(codes)), len(codes), name)


def refuse_rows(bad: NDArray[np.intp], n: int, name: str) -> None:
    """Raise DataError that names the first of the rows that are not finite, if there are any."""
    if bad.size:
        raise DataError(
            f"{bad.size:,} of {n:,} rows of the codes of {name} hold NaN or infinity "
            f"(rows {listed(bad, NAMED_ROWS)}); mend what made them, or set them aside with "
            "drop_nonfinite (--drop-nonfinite)"
        )


def set_aside_note(bad: NDArray[np.intp], n: int) -> str:
    """Say which rows were set aside as they are not finite."""
    return (
        f"{len(bad):,} of {n:,} rows hold NaN or infinity and were set aside (rows "
        f"{listed(bad, NAMED_ROWS)})."
    )


def listed(positions: NDArray[np.intp], most: int) -> str:
    """Write the first few positions with commas between them."""
    named = ", ".join(str(position) for position in positions[:most])
    return named + (", ..." if len(positions) > most else "")
