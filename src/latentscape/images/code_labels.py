"""Labels of rows of codes: words or integers to positions in the class names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from latentscape.errors import DataError
from latentscape.images.checks import UNLABELLED
from latentscape.types import AnyArray, IntArray


def index_labels(
    labels: ArrayLike | None, class_names: Sequence[str] | None, n: int
) -> tuple[IntArray | None, Sequence[str]]:
    """Return positions in the class names, and the names."""
    if labels is None:
        return None, class_names or ()
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) != n:
        raise DataError(count_message(n, "labels", array.shape, "one label"))
    if array.dtype.kind in "iub":
        if class_names is not None:
            return check_labels(array, n), class_names
        known = np.ones(n, bool) if array.dtype.kind != "i" else array != UNLABELLED
        words = array
    elif array.dtype.kind == "f" and _whole_or_nan(array):
        known = ~np.isnan(array) & (array != UNLABELLED)
        words = np.where(known, array, 0).astype(np.int64)
        if class_names is not None:
            return np.where(known, words, UNLABELLED).astype(np.int64), class_names
    elif array.dtype.kind in "UO":
        known = np.array([isinstance(v, str) and bool(v.strip()) for v in array.tolist()], bool)
        strange = [v for v in array.tolist() if not isinstance(v, str) and not is_nothing(v)]
        if strange:
            raise DataError(f"labels must be integers or strings, got {strange[0]!r} among them")
        words = np.array([v if k else "" for v, k in zip(array.tolist(), known, strict=True)])
    else:
        raise DataError(f"labels must be integers or strings, got {array.dtype}")
    values, places = np.unique(words[known], return_inverse=True)
    if class_names is None:
        class_names = [str(value) for value in values]
    else:
        position = {name: number for number, name in enumerate(class_names)}
        missing = [value for value in values.tolist() if value not in position]
        if missing:
            raise DataError(f"the label {missing[0]!r} is none of the class names {class_names}")
        places = np.array([position[value] for value in values.tolist()], np.int64)[places]
    found = np.full(n, UNLABELLED, np.int64)
    found[known] = places.reshape(-1)
    return found, class_names


def _whole_or_nan(array: AnyArray) -> bool:
    finite = array[~np.isnan(array)]
    return bool(np.all(np.abs(finite) < 2**53) and np.all(finite == np.floor(finite)))


def is_nothing(value: object) -> bool:
    """Tell whether a cell of a table is empty: None or NaN."""
    return value is None or (isinstance(value, float) and np.isnan(value))


def check_labels(labels: ArrayLike, n: int) -> IntArray:
    """Return labels as an int64 array of shape (n,), or say what they are instead."""
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) != n:
        raise DataError(count_message(n, "labels", array.shape, "one label"))
    if n and array.dtype.kind not in "iub":
        raise DataError(f"labels must be integers, got {array.dtype}")
    if n and int(array.max()) > np.iinfo(np.int64).max:
        raise DataError(f"labels must fit into 64 bits, got {array.max()}")
    return array.astype(np.int64)


def labels_in_words(labels: IntArray | None, n_classes: int) -> str:
    """Say how many classes there are, and how many rows have none."""
    if labels is None:
        return "no labels"
    missing = int(np.count_nonzero(labels == UNLABELLED))
    words = f"{n_classes} class{'' if n_classes == 1 else 'es'}"
    return f"{words} ({missing:,} rows without a label)" if missing else words


def count_message(n: int, what: str, shape: tuple[int, ...], each: str) -> str:
    """Say that something does not have one entry for each of n rows."""
    got = f"{shape[0]:,} {what}" if len(shape) == 1 and what == "labels" else None
    said = got or f"{what} of the shape {shape}"
    return f"there are {n:,} rows of codes but {said}; {each} is needed for each row"
