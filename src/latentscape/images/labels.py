"""Raw labels, words or numbers, and the classes that they name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from latentscape.errors import DataError
from latentscape.images.checks import UNLABELLED
from latentscape.types import IntArray

_NONE = {"", "nan", "none", "null", "n/a", "na", "<na>"}


def index_labels(
    values: Sequence[Any], class_names: Sequence[str] | None, where: str
) -> tuple[IntArray, tuple[str, ...]]:
    """Turn raw labels into positions in the class names.

    Parameters
    ----------
    values : sequence
        A word or a whole number for each image; None, NaN, an empty word or -1
        where there is no label.
    class_names : sequence of str, optional
        When given, numbers are positions in it and words must be in it.
        Otherwise every distinct value is a class: numbers in their order, then
        words in alphabetical order.
    where : str
        What the labels belong to, for messages.

    Returns
    -------
    labels : int64 array of shape (n,)
        -1 for no label.
    class_names : tuple of str

    Raises
    ------
    DataError
        A label is a fraction, or is not among the class names.
    """
    words = [_word(value, where) for value in values]
    if class_names is None:
        found = {word for word in words if word is not None}
        names = tuple(sorted(found, key=_order))
        places = {name: place for place, name in enumerate(names)}
    else:
        names = tuple(str(name) for name in class_names)
        places = {str(place): place for place in range(len(names))}
        places |= {name: place for place, name in enumerate(names) if not _is_whole(name)}
        strange = {word for word in words if word is not None} - places.keys()
        if strange:
            raise DataError(
                f"the label {min(strange)!r} in {where} is none of its {len(names)} classes"
            )
    labels = np.array([UNLABELLED if word is None else places[word] for word in words], np.int64)
    return labels, names


def _word(value: Any, where: str) -> str | None:
    """Return a label as the name of its class, or None for no label."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if value is None:
        return None
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if not math.isfinite(value) or value != math.floor(value):
            raise DataError(
                f"the labels of {where} hold the number {value:g}, but classes are words or whole "
                "numbers; choose another column (labels, --labels)"
            )
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        if isinstance(value, bool):
            return str(value)
        raise DataError(
            f"the labels of {where} hold a {type(value).__name__}, but one word or whole number "
            "is needed for each image"
        )
    text = str(value).strip()
    return None if text.lower() in _NONE or text == str(UNLABELLED) else text


def _is_whole(text: str) -> bool:
    return text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 19


def _order(text: str) -> tuple[bool, int, str]:
    whole = _is_whole(text)
    return not whole, int(text) if whole else 0, text
