"""Why rows of float32 are not finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentscape.types import IntArray


def only_too_large(given: Any, bad: IntArray) -> bool:
    """Tell whether rows that are not finite in float32 were so in what they were read from.

    Parameters
    ----------
    given : array-like, shape (n, ...)
    bad : int array
        The rows.
    """
    try:
        wide = np.asarray(given, dtype=np.float64)[bad]
    except (TypeError, ValueError):  # a kind of matrix that only scikit-learn reads
        return False
    return bool(np.isfinite(wide).all())
