"""Checks of the arrays that image sets and embedding sets are made of, and their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentscape.errors import DataError
from latentscape.types import AnyArray, IntArray, UInt8Array

UNLABELLED = -1


def checked_images(images: ArrayLike) -> UInt8Array:
    """Return images as contiguous uint8 of shape (n, H, W) or (n, H, W, C)."""
    array = np.asarray(images)
    if array.dtype != np.uint8:
        raise DataError(
            f"images must be uint8 (0 to 255), got {array.dtype}; scale and round them first"
        )
    if array.ndim not in (3, 4):
        raise DataError(
            f"images must have the shape (n, height, width) or (n, height, width, channels), got "
            f"{array.shape}"
        )
    if 0 in array.shape[1:]:
        raise DataError(f"images must have at least one pixel, got the shape {array.shape}")
    if array.ndim == 4 and array.shape[3] not in (1, 3, 4):
        raise DataError(
            f"images must have 1, 3 or 4 channels in their last axis, got {array.shape[3]} "
            f"(shape {array.shape}); move the channels there"
        )
    return np.ascontiguousarray(array, dtype=np.uint8)


def checked_labels(labels: ArrayLike, n: int) -> IntArray:
    """Return a copy of `n` whole numbers as int64."""
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) != n:
        raise DataError(
            f"there are {n:,} images but the labels have the shape {array.shape}; one label is "
            "needed for each image"
        )
    if n and not np.issubdtype(array.dtype, np.integer):
        raise DataError(f"labels must be integers, got {array.dtype}")
    if n and int(array.max()) > np.iinfo(np.int64).max:
        raise DataError(f"labels must fit into 64 bits, got {array.max()}")
    return array.astype(np.int64)


def checked_strings(values: ArrayLike, n: int, what: str, each: str) -> NDArray[np.str_]:
    """Return `n` strings."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise DataError(
            f"there are {n:,} images but {what} has the shape {array.shape}; {each} is needed for "
            "each image"
        )
    return np.ascontiguousarray(array, dtype=np.str_)


def refuse_other_splits(split: NDArray[np.str_], known: tuple[str, ...], each: str) -> None:
    """Raise DataError for the first entry of a split that is none of the known parts."""
    strange = ~np.isin(split, known)
    if strange.any():
        row = int(strange.argmax())
        raise DataError(
            f"split must be {' or '.join(map(repr, known))} for each {each}, got "
            f"{str(split[row])!r} in row {row:,}"
        )


def refuse_equal_ids(ids: NDArray[np.str_], each: str) -> None:
    """Raise DataError with both counts where ids are not distinct."""
    n, n_distinct = len(ids), len(set(ids.tolist()))
    if n_distinct != n:
        raise DataError(
            f"ids must be distinct, but {n:,} {each}s have only {n_distinct:,} different ids"
        )


def as_index(rows: ArrayLike | slice, n: int, each: str) -> slice | NDArray[np.intp]:
    """Return rows as a slice where they lie together, and as positions otherwise.

    `each` is what one row is called: an image, or a row.
    """
    if isinstance(rows, slice):
        return rows
    array = np.asarray(rows)
    if array.dtype == np.bool_:
        if array.shape != (n,):
            raise DataError(f"there are {n:,} {each}s but the mask has the shape {array.shape}")
        index = np.flatnonzero(array)
    elif array.ndim == 1 and (array.size == 0 or np.issubdtype(array.dtype, np.integer)):
        if array.size and not -n <= int(array.min()) <= int(array.max()) < n:
            raise DataError(
                f"there are {n:,} {each}s, but rows {array.min()} to {array.max()} were asked for"
            )
        index = array.astype(np.intp)
    else:
        raise DataError(
            f"rows must be a mask, positions or a slice, got {array.dtype} of shape {array.shape}"
        )
    first = int(index[0]) if index.size else 0
    if first >= 0 and np.array_equal(index, np.arange(first, first + index.size)):
        return slice(first, first + index.size)  # a view instead of a copy
    return index


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def checked_columns(columns: Mapping[str, Any], n: int) -> Mapping[str, AnyArray]:
    """Return further columns, each of `n` strings or numbers, as read-only arrays."""
    checked: dict[str, AnyArray] = {}
    for name, values in columns.items():
        array = np.asarray(values)
        if array.dtype.kind not in "biufU":
            array = array.astype(np.str_)
        if array.shape != (n,):
            raise DataError(
                f"there are {n:,} images but column {name!r} has the shape {array.shape}; one "
                "value is needed for each image"
            )
        checked[str(name)] = frozen(array)
    return MappingProxyType(checked)


def begun_digest(
    kind: bytes,
    head: Mapping[str, Any],
    in_test: NDArray[np.bool_],
    labels: IntArray | None,
) -> hashlib._Hash:
    """Return a SHA-256 of all that two kinds of sets have in common; arrays are to follow."""
    digest = hashlib.sha256(kind)
    text = json.dumps(head).encode()
    digest.update(len(text).to_bytes(8, "big"))
    digest.update(text)
    digest.update(in_test.tobytes())
    if labels is not None:
        digest.update(labels.astype("<i8", copy=False).tobytes())
    return digest
