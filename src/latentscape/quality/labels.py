"""Do neighbours on a map have the same label?"""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np

from latentscape.errors import CodesError, LabelsError, SettingError
from latentscape.maps.nearest import NearestRows
from latentscape.types import IntArray

_BLOCK = 8192  # rows whose votes are counted at a time


@overload
def knn_label_accuracy(
    X: Any, y: Any, n_neighbors: int = 10, return_per_sample: Literal[False] = False
) -> float: ...
@overload
def knn_label_accuracy(
    X: Any, y: Any, n_neighbors: int = 10, *, return_per_sample: Literal[True]
) -> tuple[float, np.ndarray[Any, np.dtype[np.bool_]]]: ...
def knn_label_accuracy(
    X: Any, y: Any, n_neighbors: int = 10, return_per_sample: bool = False
) -> float | tuple[float, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Share of rows whose label is the most frequent one among their neighbours.

    Leave-one-out: a row is no neighbour of itself, but a copy of it is. Euclidean
    distance, exact. Equally distant rows are taken by index; labels with equally
    many votes by their order (the smaller label wins). Memory stays bounded
    (some ten MB beside the input) and the result is the same on every run.

    Parameters
    ----------
    X : array-like, shape (n, d)
        Positions on a map, codes or flattened images; read as float32.
    y : array-like, shape (n,)
        Labels of any sortable type.
    n_neighbors : int, default 10
        Voters for each row, from 1 to ``n - 1``.
    return_per_sample : bool, default False
        Also return which rows were right.

    Returns
    -------
    accuracy : float
        Between 0 and 1; 1 is perfect, the share of the commonest label is chance.
    right : bool array, shape (n,)
        Only with ``return_per_sample=True``.

    Raises
    ------
    CodesError
        `X` is not two-dimensional or holds NaN or infinity.
    LabelsError
        The number of labels differs from the number of rows.
    SettingError
        `n_neighbors` is out of range.

    Examples
    --------
    >>> knn_label_accuracy([[0.0], [1.0], [9.0], [8.0]], [0, 0, 1, 1], n_neighbors=1)
    1.0
    """
    rows = np.ascontiguousarray(X, dtype=np.float32)
    if rows.ndim != 2 or rows.size == 0:
        raise CodesError(f"expected rows of shape (n, d), got {rows.shape}.")
    if not np.isfinite(rows).all():
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))[:5]
        raise CodesError(
            f"rows {', '.join(map(str, bad))} hold NaN or infinity; leave such rows out."
        )
    labels = np.asarray(y)
    if labels.shape != (len(rows),):
        raise LabelsError(f"got labels of shape {labels.shape} for {len(rows)} rows.")
    whole = isinstance(n_neighbors, int | np.integer) and not isinstance(n_neighbors, bool)
    if not whole or not 1 <= n_neighbors < len(rows):
        raise SettingError(
            f"n_neighbors must be a whole number from 1 to {len(rows) - 1} for {len(rows)} rows, "
            f"got {n_neighbors!r}."
        )
    classes, owner = np.unique(labels, return_inverse=True)
    indices, _ = NearestRows(rows).graph(int(n_neighbors))
    right = _vote(owner[indices], len(classes)) == owner
    accuracy = float(right.mean())
    return (accuracy, right) if return_per_sample else accuracy


def _vote(ballots: IntArray, n_classes: int) -> IntArray:
    """Return the most frequent class of each row of ballots, the smallest on ties."""
    winners = np.empty(len(ballots), dtype=np.int64)
    step = max(1, _BLOCK * 16 // n_classes)
    for start in range(0, len(ballots), step):
        part = ballots[start : start + step]
        cells = part + n_classes * np.arange(len(part))[:, None]
        counts = np.bincount(cells.ravel(), minlength=n_classes * len(part))
        winners[start : start + step] = counts.reshape(len(part), n_classes).argmax(axis=1)
    return winners
