"""The measures again, slow and plain: what the tests compare with."""

from __future__ import annotations

import numpy as np

from latentscape.types import AnyArray, DoubleArray, IntArray


def distances(X: AnyArray) -> DoubleArray:
    wide = np.asarray(X, dtype=np.float64)
    return np.asarray(np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(axis=-1)))


def ranks(X: AnyArray) -> IntArray:
    """r[i, j], 1 for the nearest; ties by index; 0 on the diagonal."""
    squared = ((np.asarray(X, float)[:, None] - np.asarray(X, float)[None]) ** 2).sum(axis=-1)
    n = len(squared)
    found = np.zeros((n, n), dtype=np.int64)
    for i in range(n):
        others = sorted((j for j in range(n) if j != i), key=lambda j: (squared[i, j], j))
        for place, j in enumerate(others):
            found[i, j] = place + 1
    return found


def recall(A: AnyArray, B: AnyArray, k: int) -> DoubleArray:
    a, b = ranks(A), ranks(B)
    return np.asarray(((a > 0) & (a <= k) & (b > 0) & (b <= k)).sum(axis=1) / k)


def trust(A: AnyArray, B: AnyArray, k: int) -> DoubleArray:
    """Each row's part of the trustworthiness of map B of A."""
    a, b = ranks(A), ranks(B)
    n = len(a)
    false = (b > 0) & (b <= k) & (a > k)
    depths = np.where(false, a - k, 0).sum(axis=1)
    return np.asarray(1 - 2 / (k * (2 * n - 3 * k - 1)) * depths)


def relative_error(A: AnyArray, B: AnyArray, k: int) -> float:
    """MRRE of the neighbours in B, turned so that 1 is best."""
    a, b = ranks(A), ranks(B)
    n, total = len(a), 0.0
    for i in range(n):
        for j in np.flatnonzero((b[i] > 0) & (b[i] <= k)):
            total += abs(a[i, j] - b[i, j]) / b[i, j]
    return 1 - total / (n * sum(abs(n - 2 * m + 1) / m for m in range(1, k + 1)))


def r_nx(A: AnyArray, B: AnyArray) -> DoubleArray:
    """R_NX(K) for K = 1 .. n - 2."""
    a, b = ranks(A), ranks(B)
    n = len(a)
    values = []
    for K in range(1, n - 1):
        q = ((a > 0) & (b > 0) & (a <= K) & (b <= K)).sum() / (n * K)
        values.append(((n - 1) * q - K) / (n - 1 - K))
    return np.array(values)
