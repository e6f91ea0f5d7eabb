"""Products whose every row has bits of its own."""

from __future__ import annotations

import numpy as np

from latentscape.types import AnyArray, DoubleArray


def rowwise_product(rows: AnyArray, matrix: AnyArray) -> DoubleArray:
    """Multiply (n, d) by (d, m) in float64 so that each row's bits are its own.

    A BLAS product may sum in another order when the number of rows changes;
    adding feature by feature does not.
    """
    columns = np.ascontiguousarray(np.asarray(rows).T, dtype=np.float64)  # (d, n)
    total = np.zeros((len(rows), matrix.shape[1]), dtype=np.float64)
    for column, weights in zip(columns, np.asarray(matrix, dtype=np.float64), strict=True):
        total += column[:, None] * weights
    return total
