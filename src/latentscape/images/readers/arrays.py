"""NumPy's files: one array, or an archive of them; never Python objects."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from latentscape.errors import DataError
from latentscape.images.embedding_files.arrays import (
    ZIP_ERRORS,
    mapped_npy,
    npz_array,
    npz_heads,
)
from latentscape.images.embedding_files.raw import damage_told, regular_file
from latentscape.images.options import ReadingOptions
from latentscape.images.readers.stack import roles_of, source_of_parts
from latentscape.images.source import Source

_CLASS_NAMES = "class_names"


def read_npy(paths: list[Path], name: str, options: ReadingOptions) -> Source:
    """Read ``images.npy`` with ``labels.npy`` beside it, or the files of a folder by their names.

    Arrays are mapped from the disk, so images larger than the memory can be read.

    Raises
    ------
    DataError
        A file is damaged, or they do not fit together.
    """
    given = paths[0]
    if len(paths) == 1:
        images = {"": given}
        part = next((p for (kind, p), n in roles_of([given.stem]).items() if kind == "images"), "")
        beside = roles_of(path.stem for path in given.parent.glob("*.npy") if path != given)
        found = beside.get(("labels", part))
        labels = {"": given.with_name(f"{found}.npy")} if found else {}
    else:
        by_stem = {path.stem: path for path in paths}
        roles = roles_of(by_stem)
        images = {part: by_stem[n] for (kind, part), n in roles.items() if kind == "images"}
        labels = {part: by_stem[n] for (kind, part), n in roles.items() if kind == "labels"}
        if not images:
            raise DataError(
                f"{given.parent} holds {len(paths)} .npy files, and none is called images.npy; "
                "give the one that holds the images"
            )
    _only_parts(images, labels, given)
    return source_of_parts(
        name,
        str(given if len(paths) == 1 else given.parent),
        {part: mapped_npy(path) for part, path in _in_order(images).items()},
        {part: mapped_npy(path) for part, path in labels.items()},
        options,
    )


def read_npz(paths: list[Path], name: str, options: ReadingOptions) -> Source:
    """Read an archive with ``images`` and ``labels``, or ``x_train`` and its like.

    Raises
    ------
    DataError
        It is damaged, holds Python objects, or no array of images.
    """
    path = _only_one(paths, ".npz")
    regular_file(path)
    with (
        damage_told(path, "an .npz file", *ZIP_ERRORS),
        path.open("rb") as file,
        zipfile.ZipFile(file) as archive,
    ):
        heads = npz_heads(archive)
        roles = roles_of(heads)
        images = {part: n for (kind, part), n in roles.items() if kind == "images"}
        labels = {part: n for (kind, part), n in roles.items() if kind == "labels"}
        if isinstance(options.labels, str):
            if options.labels not in heads:
                raise DataError(
                    f"{path} has no array {options.labels!r}; it has {', '.join(heads)}"
                )
            labels = {"": options.labels}
        if not images:
            stacks = [n for n, (shape, _) in heads.items() if len(shape) in (3, 4)]
            if len(stacks) != 1:
                raise DataError(
                    f"{path} holds no array that is plainly one of images (it holds "
                    f"{', '.join(heads) or 'nothing'}); call it 'images'"
                )
            images = {"": stacks[0]}
        _only_parts(images, labels, path)
        class_names = None
        if _CLASS_NAMES in heads:
            class_names = [str(n) for n in npz_array(archive, _CLASS_NAMES).tolist()]
        source = source_of_parts(
            name.removesuffix(".npz"),
            str(path),
            {part: npz_array(archive, n) for part, n in _in_order(images).items()},
            {part: npz_array(archive, n) for part, n in labels.items()},
            options,
            class_names=class_names,
        )
        source.has_columns = True
        return source


def _in_order(images: dict[str, Any]) -> dict[str, Any]:
    """Return train before validation before test."""
    order = ("", "train", "validation", "test")
    return {part: images[part] for part in order if part in images}


def _only_parts(images: dict[str, Any], labels: dict[str, Any], path: Path) -> None:
    """Drop nothing silently: labels need the images that they belong to."""
    if len(images) > 1 and "" in images:
        raise DataError(
            f"{path} holds images of a part and others of none ({', '.join(images.values())}); "
            "name them alike, such as x_train and x_test"
        )
    orphans = sorted(labels.keys() - images.keys())
    if orphans:
        raise DataError(
            f"{path} holds labels {labels[orphans[0]]!s} without the images that they belong to"
        )


def _only_one(paths: list[Path], suffix: str) -> Path:
    if len(paths) > 1:
        raise DataError(
            f"{paths[0].parent} holds {len(paths)} {suffix} files; give the one that is wanted"
        )
    return paths[0]
