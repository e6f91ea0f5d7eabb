"""From what a reader has found to an image set: checked, made equal, described."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from latentscape.errors import DataError
from latentscape.images.audit import audit
from latentscape.images.equalize import Changes, equalize
from latentscape.images.imageset import TEST, ImageSet, numbered_ids, set_aside
from latentscape.images.labels import index_labels
from latentscape.images.options import ReadingOptions
from latentscape.images.sentence import describe, describe_sizes
from latentscape.images.source import Source
from latentscape.types import AnyArray, IntArray, ProgressCallback


def assemble(source: Source, options: ReadingOptions, report: ProgressCallback) -> ImageSet:
    """Read the images of a source and put everything together.

    Raises
    ------
    DataError
        Counts do not fit together, or too much cannot be read.
    """
    n = len(source)
    labels = _labels_of(source, options, n)
    for what, values in {"ids": source.ids, "split": source.split, **source.columns}.items():
        if values is not None and len(values) != n:
            raise DataError(
                f"{source.where} holds {n:,} images but {len(values):,} values of {what}"
            )
    made = equalize(source, options, report)
    kept, notes = made.kept, [*source.notes, *made.changes.notes]
    split = None if source.split is None else np.asarray(source.split, np.str_)[kept]
    if options.fixed:
        split = np.full(len(kept), TEST)
    elif split is None or len(set(split.tolist())) < 2:
        split, note = set_aside(len(kept), source.name)
        notes.append(note)
    indices: IntArray | None = None
    names: tuple[str, ...] = ()
    if labels is not None:
        of_kept = [labels[row] for row in kept.tolist()]
        indices, names = index_labels(of_kept, source.class_names, source.where)
    ids = numbered_ids("image", n) if source.ids is None else np.asarray(source.ids, np.str_)
    images = ImageSet(
        images=made.images,
        labels=indices,
        class_names=names,
        split=split,
        ids=ids[kept],
        name=source.name,
        columns={name: _column(values)[kept] for name, values in source.columns.items()},
        quarantine=(*source.refused, *made.refused, *source.ignored),
        preprocessing=_preprocessing(made.changes, options),
    )
    sentence = describe(images, made.changes, options)
    notes += describe_sizes(made.changes, source.name)
    if not options.fixed:
        notes += audit(images)
    return replace(images, sentence=sentence, notes=tuple(notes))


def _labels_of(source: Source, options: ReadingOptions, n: int) -> list[Any] | None:
    """Return the labels that were given by the caller, or those that were found."""
    given = options.labels
    if isinstance(given, str | os.PathLike) and not source.has_columns:
        raise DataError(
            f"{source.where} has no column {os.fspath(given)!r} of labels, and there is no such "
            "file; give the labels as an .npy file, or leave the option out"
        )
    found: Any = source.labels if given is None or isinstance(given, str | os.PathLike) else given
    if found is None:
        return None
    labels: list[Any] = found.tolist() if isinstance(found, np.ndarray) else list(found)
    if len(labels) != n:
        raise DataError(
            f"{source.where} holds {n:,} images but there are {len(labels):,} labels; one label "
            "is needed for each image"
        )
    return labels


def _column(values: Sequence[Any] | AnyArray) -> AnyArray:
    """Return whole numbers, numbers or words, whichever all values are."""
    if isinstance(values, np.ndarray):
        return values
    words = ["" if value is None else str(value) for value in values]
    for kind in (np.int64, np.float64):
        try:
            return np.array(words, np.str_).astype(kind)
        except (ValueError, OverflowError):
            continue
    return np.array(words, np.str_)


def _preprocessing(changes: Changes, options: ReadingOptions) -> dict[str, Any]:
    return {
        "size": list(changes.size),
        "mode": changes.mode,
        "background": options.background,
        "value_ranges": {kind: list(values) for kind, values in changes.ranges.items()},
    }
