"""How the page places codes on a map and goes back, in the map's normalised units."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from latentscape.explorer.numbers import rounded
from latentscape.maps import LDA, PCA, Direct, Map2D
from latentscape.maps.neighbor_map import NeighborMap
from latentscape.maps.placement import island_reach
from latentscape.types import AnyArray, DoubleArray

_MEASURED_EXACTLY = 100_000  # places; of more, a sample tells as much in a tenth of the time
_SAMPLED_PLACES = 20_000
_TWINS = 8  # nearest ones that are looked at, in case some lie on the very place


def frame(positions: AnyArray) -> tuple[DoubleArray, float]:
    """Return the centre (2,) and the scale that bring positions into [-1, 1]."""
    low = positions.min(axis=0).astype(np.float64)
    high = positions.max(axis=0).astype(np.float64)
    return (low + high) / 2, float((high - low).max()) / 2 or 1.0


def map_rules(fitted: Map2D, center: DoubleArray, scale: float) -> dict[str, Any] | None:
    """Describe a fitted map's two directions; None for a kind that the page does not know."""
    rules = _directions(fitted, center, scale)
    if rules is None:
        return None
    near = nearest_distances(fitted.embedding_) / scale
    rules["unit"] = float(np.median(near)) or 1.0
    rules["percentiles"] = rounded(np.percentile(near, np.arange(101)))
    return rules


def nearest_distances(places: AnyArray) -> DoubleArray:
    """Return the distances of places (n, 2) to their nearest other ones; of many, a sample's."""
    if len(places) <= _MEASURED_EXACTLY:
        distinct = np.unique(places, axis=0).astype(np.float64)
        if len(distinct) < 2:
            return np.zeros(1)
        found: DoubleArray = cKDTree(distinct).query(distinct, k=2)[0][:, 1]
        return found
    rows = np.linspace(0, len(places) - 1, _SAMPLED_PLACES).astype(np.int64)
    exact = places.astype(np.float64)
    # Not balanced: it is asked little, and built once.
    tree = cKDTree(exact, leafsize=32, compact_nodes=False, balanced_tree=False)
    apart = tree.query(exact[rows], k=_TWINS)[0]
    # Rows on one place have no distance that would tell anything.
    apart[apart == 0] = np.inf
    found = apart.min(axis=1)
    found = found[np.isfinite(found)]
    return found if len(found) else np.zeros(1)


def _directions(fitted: Map2D, center: DoubleArray, scale: float) -> dict[str, Any] | None:
    if isinstance(fitted, NeighborMap):
        reach = island_reach(fitted.positions_) / scale
        return {
            "place": {"kind": "votes", "reach": reach},
            "inverse": {"local": True, "linear": None},
        }
    if isinstance(fitted, Direct):
        mean: AnyArray = np.zeros(2)
        forward: AnyArray = np.eye(2)
        backward: AnyArray = np.eye(2)
    elif isinstance(fitted, PCA):
        mean, forward, backward = fitted.mean_, fitted.components_.T, fitted.components_
    elif isinstance(fitted, LDA):
        # The regression of the codes on their positions, as in the map's own inverse.
        places = fitted.embedding_.astype(np.float64)
        mean, forward = fitted.mean_, fitted.scalings_
        backward = np.linalg.lstsq(places, fitted.codes_ - fitted.mean_, rcond=None)[0]
    else:
        return None
    place = _affine(forward / scale, (-mean @ forward - center) / scale)
    inverse = _affine(backward * scale, mean + center @ backward)
    return {
        "place": {"kind": "affine", **place},
        "inverse": {"local": isinstance(fitted, LDA), "linear": inverse},
    }


def _affine(axes: AnyArray, origin: AnyArray) -> dict[str, list[float]]:
    return {"axes": rounded(axes, 9), "origin": rounded(origin, 9)}
