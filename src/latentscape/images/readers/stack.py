"""Arrays of pixels: rows or images, channels first or last, in parts or whole."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from latentscape.errors import DataError
from latentscape.images.options import ReadingOptions
from latentscape.images.readers.folder import SPLITS, as_two_parts
from latentscape.images.source import Source
from latentscape.types import AnyArray

CHANNELS = (1, 2, 3, 4)
_KINDS = {
    **dict.fromkeys(("x", "image", "images", "img", "imgs", "data", "pixels"), "images"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets", "class", "classes"), "labels"),
}


def as_stack(array: AnyArray, where: str, options: ReadingOptions) -> AnyArray:
    """Return pixels in the shape (n, H, W) or (n, H, W, C).

    Parameters
    ----------
    array : array of shape (n, pixels), (n, H, W), (n, H, W, C) or (n, C, H, W)
        Real numbers. Four axes are taken as channels last when the last is 1
        to 4 long, and as channels first otherwise.
    where : str
        What it is, for messages.
    options : ReadingOptions
        `shape` says what rows of pixels are; without it they must be squares.

    Raises
    ------
    DataError
        It is no stack of images.
    """
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where} holds {array.dtype} values, but pixels are numbers")
    if array.ndim == 2:
        return array.reshape(len(array), *shape_of_rows(array.shape[1], where, options))
    if array.ndim == 3:
        return array
    if array.ndim == 4:
        if array.shape[3] in CHANNELS:
            return array
        if array.shape[1] in CHANNELS:
            return np.moveaxis(array, 1, 3)
        raise DataError(
            f"{where} has the shape {array.shape}, but images need 1 to 4 channels in the second "
            "or in the last axis"
        )
    raise DataError(
        f"{where} has the shape {array.shape}, but images need the shape (n, height, width), "
        "(n, height, width, channels) or (n, channels, height, width)"
    )


def shape_of_rows(n_pixels: int, where: str, options: ReadingOptions) -> tuple[int, ...]:
    """Return the shape of an image whose pixels lie in a row of this length."""
    if options.shape is not None:
        if math.prod(options.shape) != n_pixels:
            raise DataError(
                f"{where} has {n_pixels:,} pixels in a row, but the shape "
                f"{'×'.join(map(str, options.shape))} has {math.prod(options.shape):,}; give the "
                "shape that it has (shape, --shape)"
            )
        return options.shape
    for channels in (1, 3):
        side = math.isqrt(n_pixels // channels)
        if n_pixels and side * side * channels == n_pixels:
            return (side, side) if channels == 1 else (side, side, channels)
    raise DataError(
        f"{where} has {n_pixels:,} pixels in a row, which is no square image; say what shape they "
        "have (shape, --shape 20x30)"
    )


def as_labels(values: Any, n: int | None, where: str) -> list[Any]:
    """Return `n` raw labels (None: any number); one column of them is as good as a row."""
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"the labels of {where} have the shape {array.shape}, but one word or whole number is "
            "needed for each image"
        )
    if n is not None and len(array) != n:
        raise DataError(
            f"{where} holds {n:,} images but {len(array):,} labels; one label is needed for each "
            "image"
        )
    found: list[Any] = array.tolist()
    return found


def roles_of(names: Iterable[str]) -> dict[tuple[str, str], str]:
    """Tell by their names which arrays are images and labels, of which part.

    ``x_train``, ``test_labels``, ``images`` and their like: returns names by
    ("images" or "labels", a part or "").
    """
    roles: dict[tuple[str, str], str] = {}
    for name in names:
        words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
        kinds = {_KINDS[word] for word in words if word in _KINDS}
        parts = {SPLITS[word] for word in words if word in SPLITS}
        if len(kinds) == 1 and len(parts) <= 1:
            roles.setdefault((kinds.pop(), parts.pop() if parts else ""), name)
    return roles


def source_of_parts(
    name: str,
    where: str,
    images: Mapping[str, AnyArray],
    labels: Mapping[str, Any],
    options: ReadingOptions,
    *,
    class_names: Sequence[str] | None = None,
) -> Source:
    """Put arrays of images and labels together, by the part that they are of.

    Raises
    ------
    DataError
        Parts differ in shape, or labels in number.
    """
    stacks = {part: as_stack(array, where, options) for part, array in images.items()}
    shapes = {stack.shape[1:] for stack in stacks.values()}
    if len(shapes) > 1:
        raise DataError(
            f"the parts of {where} hold images of different shapes: "
            + ", ".join(f"{part} {stack.shape[1:]}" for part, stack in stacks.items())
        )
    found: list[Any] = []
    for part, stack in stacks.items():
        if part in labels:
            found += as_labels(labels[part], len(stack), f"{where} ({part})" if part else where)
        else:
            found += [None] * len(stack)
    split: list[str] | None = None
    notes: list[str] = []
    if set(stacks) != {""}:
        parts = [part for part, stack in stacks.items() for _ in range(len(stack))]
        split, notes = as_two_parts(parts, name)
    arrays = list(stacks.values())
    return Source(
        name,
        where,
        array=arrays[0] if len(arrays) == 1 else np.concatenate(arrays),
        labels=found if labels else None,
        class_names=class_names,
        split=split,
        notes=notes,
    )
