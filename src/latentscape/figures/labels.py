"""Where a class's label stands best on a map."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from latentscape.types import AnyArray, IntArray

_NEARER = (1.0, 0.8, 0.65)  # of the wanted distance: there labels nearly touch
_AS_GOOD = 0.2  # of the best place's score
_ENOUGH = 1500  # points of a class that tell where it is dense

_MOST_KNOWN = 8  # maps of one atlas
_SCORES: dict[bytes, list[tuple[AnyArray, AnyArray]]] = {}


def label_places(
    xy: AnyArray, labels: IntArray, classes: Sequence[int], *, gap: float
) -> list[tuple[float, float]]:
    """Find a point of each class that is dense in it, and apart from the other labels.

    Parameters
    ----------
    xy : array (n, 2)
        Positions.
    labels : int array (n,)
        Class numbers.
    classes : sequence of int
        The classes to be labelled, the most important first.
    gap : float
        Wanted distance between labels, as a share of the map's larger side.

    Returns
    -------
    list of (x, y)
        One place for each of `classes`: the point of the class at which its own
        density times its share among the neighbours is highest, so the label
        sits where the class can be seen.
    """
    extent = float(np.ptp(xy, axis=0).max()) or 1.0 if len(xy) else 1.0
    placed: list[tuple[float, float]] = []
    for points, score in _known_scores(xy, labels, classes, extent):
        if placed:
            distance = np.min(
                [np.hypot(points[:, 0] - x, points[:, 1] - y) for x, y in placed], axis=0
            )
            score = _clear_score(score, distance, gap * extent)
        best = points[int(np.argmax(score))]
        placed.append((float(best[0]), float(best[1])))
    return placed


def _known_scores(
    xy: AnyArray, labels: IntArray, classes: Sequence[int], extent: float
) -> list[tuple[AnyArray, AnyArray]]:
    """Return the scores of a map, which is drawn by itself, on a sheet and on the plane."""
    digest = hashlib.blake2b(repr((tuple(classes), xy.dtype, extent)).encode())
    digest.update(np.ascontiguousarray(xy).data)
    digest.update(np.ascontiguousarray(labels).data)
    key = digest.digest()
    if key not in _SCORES:
        if len(_SCORES) >= _MOST_KNOWN:
            _SCORES.pop(next(iter(_SCORES)), None)
        _SCORES[key] = _scores(xy, labels, classes, extent)
    return _SCORES[key]


def _scores(
    xy: AnyArray, labels: IntArray, classes: Sequence[int], extent: float
) -> list[tuple[AnyArray, AnyArray]]:
    """Return, for each class, points of it and how well its label would stand on each."""
    rng = np.random.default_rng(0)
    own = {}
    for number in classes:
        rows = np.flatnonzero(labels == number)
        own[number] = rows if len(rows) <= _ENOUGH else rng.choice(rows, _ENOUGH, replace=False)
    if not own:
        return []
    everyone = np.concatenate(list(own.values()))
    tree = cKDTree(xy[everyone])
    n_near = min(50, len(everyone))
    found = []
    for number in classes:
        points = xy[own[number]]
        k = min(max(3, len(points) // 5), len(points))
        radius = np.asarray(cKDTree(points).query(points, [k])[0]).reshape(-1)
        near = np.asarray(tree.query(points, range(1, n_near + 1))[1]).reshape(len(points), -1)
        share = (labels[everyone][near] == number).mean(axis=1)
        found.append((points, share / (radius + 1e-3 * extent) ** 2))
    return found


def _clear_score(score: AnyArray, distance: AnyArray, gap: float) -> AnyArray:
    """Keep the scores of points that are far enough from other labels.

    A label stands a little nearer to others before it stands where its class is thin.
    """
    for share in _NEARER:
        clear = distance >= share * gap
        if clear.any() and score[clear].max() >= _AS_GOOD * score.max():
            return np.where(clear, score, -1.0)
    clear = distance >= gap
    return np.where(clear, score, -1.0) if clear.any() else distance
