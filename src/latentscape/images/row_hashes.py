"""Hashes of rows, by which equal rows and equal images are found."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentscape.types import AnyArray

_BYTES = 16  # 128 bits: two of 10^12 different rows meet with a chance of 1 in 10^15


def row_hashes(rows: AnyArray) -> NDArray[Any]:
    """Return a hash of each row's bytes (blake2b), equal for equal rows and for no others.

    Parameters
    ----------
    rows : array of shape (n, ...)
        Numbers of any type and memory order; -0.0 and 0.0 differ, as their bytes do.

    Returns
    -------
    array of dtype V16, shape (n,)
        They can be compared and put into sets, and :func:`n_distinct` counts them.
    """
    found = bytearray()
    for values in rows:
        data = np.ascontiguousarray(values).data
        found += hashlib.blake2b(data, digest_size=_BYTES).digest()
    return np.frombuffer(found, f"V{_BYTES}")


def n_distinct(hashes: NDArray[Any]) -> int:
    """Return how many different hashes there are among those of :func:`row_hashes`."""
    return len(np.unique(hashes))
