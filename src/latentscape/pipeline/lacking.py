"""What data cannot have, and why: told before anything is tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from latentscape.types import IntArray

LEAST_ROWS = 4  # a map of fewer has no shape
LEAST_FOR_ALL_MAPS = 10  # with fewer rows only PCA says something

NO_TRAINING = "the data are codes already, so no autoencoder was trained"
NO_MODEL = "the data are codes without the model that made them"
NO_IMAGES = "the data are codes without images"
NO_LABELS = "the data have no labels"
NEEDS_LABELS = f"needs labels: {NO_LABELS}"


def known_labels(labels: IntArray | None) -> IntArray:
    """Return which rows have a label, as their positions."""
    if labels is None:
        return np.empty(0, np.int64)
    return np.flatnonzero(labels >= 0).astype(np.int64)


def why_no_label_measures(labels: IntArray | None, class_names: Sequence[str]) -> str | None:
    """Say why nothing can be measured with these labels; None where something can.

    Parameters
    ----------
    labels : int array, shape (n,), or None
        Of the mapped rows; -1 where a row has none.
    class_names : sequence of str
        By label.
    """
    known = known_labels(labels)
    if labels is None or not len(known):
        return NEEDS_LABELS
    classes = np.unique(labels[known])
    if len(classes) == 1:
        number = int(classes[0])
        name = class_names[number] if number < len(class_names) else str(number)
        every = "all rows" if len(known) == len(labels) else f"all {len(known):,} labelled rows"
        return f"needs two classes or more, and {every} have the label “{name}”"
    return None


def why_no_map(
    name: str, n_rows: int, labels: IntArray | None, class_names: Sequence[str], *, has_plane: bool
) -> str | None:
    """Say why these data have no such map; None where they may have one."""
    if name == "direct":
        return None if has_plane else f"needs a model of two neurons: {NO_TRAINING}"
    if n_rows < LEAST_ROWS:
        return f"needs {LEAST_ROWS} rows or more, and there are {n_rows}"
    if name != "pca" and n_rows < LEAST_FOR_ALL_MAPS:
        return (
            f"needs {LEAST_FOR_ALL_MAPS} rows or more, and there are {n_rows}: "
            "so few are mapped by PCA alone"
        )
    if name == "lda":
        return why_no_label_measures(labels, class_names) or _why_no_spread(labels)
    return None


def _why_no_spread(labels: IntArray | None) -> str | None:
    assert labels is not None  # or there would have been a reason already
    known = labels[known_labels(labels)]
    if len(np.unique(known)) == len(known):
        return "needs classes of more than one row, and each labelled row has a class of its own"
    return None


def map_reasons(
    names: Sequence[str],
    n_rows: int,
    labels: IntArray | None,
    class_names: Sequence[str],
    *,
    has_plane: bool,
) -> Mapping[str, str]:
    """Return the reason for each map that these data cannot have."""
    found = {
        name: why_no_map(name, n_rows, labels, class_names, has_plane=has_plane) for name in names
    }
    return {name: reason for name, reason in found.items() if reason is not None}
