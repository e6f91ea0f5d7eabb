"""Do neighbours have the same label?"""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np

from latentscape.errors import CodesError
from latentscape.neighbors import NeighborGraph, kernel_threads
from latentscape.neighbors.search import nearest_rows
from latentscape.quality.checks import check_count, check_labels, check_rows
from latentscape.quality.estimates import BoolArray, Estimate, mean_estimate
from latentscape.quality.ranks import nearest
from latentscape.types import AnyArray, IntArray

_BLOCK = 8192  # rows whose votes are counted at a time


@overload
def knn_label_accuracy(
    X: Any,
    y: Any,
    n_neighbors: int = 10,
    return_per_sample: Literal[False] = False,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
) -> Estimate: ...
@overload
def knn_label_accuracy(
    X: Any,
    y: Any,
    n_neighbors: int = 10,
    *,
    return_per_sample: Literal[True],
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
) -> tuple[Estimate, BoolArray]: ...
def knn_label_accuracy(
    X: Any,
    y: Any,
    n_neighbors: int = 10,
    return_per_sample: bool = False,
    *,
    graph: NeighborGraph | None = None,
    n_jobs: int | None = None,
) -> Estimate | tuple[Estimate, BoolArray]:
    """Share of rows whose label is the most frequent one among their neighbours.

    Leave-one-out: a row is no neighbour of itself, but a copy of it is. Euclidean
    distance, exact. Equally distant rows are taken by index; labels with equally
    many votes by their order (the smaller label wins). Memory stays bounded
    (some ten MB beside the input) and the result is the same on every run.

    Higher on the map than in the codes is not better: it may be invented
    separation (Jeon et al. 2023).

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
    graph : NeighborGraph, optional
        Neighbours of `X`. Used if they are exact and enough.
    n_jobs : int or None, default None
        Threads; None and -1 take all cores.

    Returns
    -------
    accuracy : Estimate
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
    >>> float(knn_label_accuracy([[0.0], [1.0], [9.0], [8.0]], [0, 0, 1, 1], n_neighbors=1))
    1.0
    """
    rows = check_rows(X)
    classes, owner = check_labels(y, len(rows))
    k = check_count("n_neighbors", n_neighbors, len(rows) - 1, len(rows))
    if graph is not None and graph.n_rows != len(rows):
        raise CodesError(
            f"the graph has {graph.n_rows} rows and X {len(rows)}; build it on these rows."
        )
    right = right_by_vote(nearest(rows, k, kernel_threads(n_jobs), graph), owner, len(classes))
    accuracy = mean_estimate(right)
    return (accuracy, right) if return_per_sample else accuracy


@overload
def knn_transfer_accuracy(
    train_X: Any,
    train_y: Any,
    test_X: Any,
    test_y: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: Literal[False] = False,
) -> Estimate: ...
@overload
def knn_transfer_accuracy(
    train_X: Any,
    train_y: Any,
    test_X: Any,
    test_y: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: Literal[True],
) -> tuple[Estimate, BoolArray]: ...
def knn_transfer_accuracy(
    train_X: Any,
    train_y: Any,
    test_X: Any,
    test_y: Any,
    n_neighbors: int = 10,
    *,
    n_jobs: int | None = None,
    return_per_sample: bool = False,
) -> Estimate | tuple[Estimate, BoolArray]:
    """Share of new rows whose label is the most frequent one among their training neighbours.

    Of codes it says what a model kept; of places on a map, those of the new rows being found by
    ``transform``, what the map says about new data. Ties as in :func:`knn_label_accuracy`.

    Parameters
    ----------
    train_X : array-like, shape (n, d)
    train_y : array-like, shape (n,)
    test_X : array-like, shape (m, d)
    test_y : array-like, shape (m,)
        A label that no training row has is never found.
    n_neighbors : int, default 10
        From 1 to n.
    n_jobs : int or None, default None
    return_per_sample : bool, default False
        Also return which new rows were right.

    Returns
    -------
    accuracy : Estimate
        Between 0 and 1.
    right : bool array, shape (m,)
        Only with ``return_per_sample=True``.

    Raises
    ------
    CodesError, LabelsError, SettingError
        As :func:`knn_label_accuracy`.
    """
    rows, asked = check_rows(train_X, "train_X"), check_rows(test_X, "test_X")
    if rows.shape[1] != asked.shape[1]:
        raise CodesError(
            f"train_X has {rows.shape[1]} columns and test_X {asked.shape[1]}; take both from one "
            "model or map."
        )
    classes, owner = check_labels(train_y, len(rows))
    check_labels(test_y, len(asked))
    k = check_count("n_neighbors", n_neighbors, len(rows), len(rows))
    indices, _ = nearest_rows(asked, rows, k, threads=kernel_threads(n_jobs))
    right = np.asarray(classes[vote(owner[indices], len(classes))] == np.asarray(test_y))
    return (mean_estimate(right), right) if return_per_sample else mean_estimate(right)


def right_by_vote(neighbors: AnyArray, owner: IntArray, n_classes: int) -> BoolArray:
    """Tell which rows have the most frequent class of their neighbours."""
    return np.asarray(vote(owner[neighbors], n_classes) == owner)


def vote(ballots: IntArray, n_classes: int) -> IntArray:
    """Return the most frequent class of each row of ballots, the smallest on ties."""
    winners = np.empty(len(ballots), dtype=np.int64)
    step = max(1, _BLOCK * 16 // n_classes)
    for start in range(0, len(ballots), step):
        part = ballots[start : start + step]
        cells = part + n_classes * np.arange(len(part))[:, None]
        counts = np.bincount(cells.ravel(), minlength=n_classes * len(part))
        winners[start : start + step] = counts.reshape(len(part), n_classes).argmax(axis=1)
    return winners
