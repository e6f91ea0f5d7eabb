"""Image sets from IDX files, named as MNIST's are."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from latentscape.errors import DataError
from latentscape.images.idx import read_idx
from latentscape.images.imageset import TEST, TRAIN, ImageSet, numbered_ids
from latentscape.images.source import Source
from latentscape.types import AnyArray, UInt8Array

# MNIST, Fashion-MNIST, KMNIST: train-images-idx3-ubyte; EMNIST puts a name in
# front and says "test"; some copies have a dot before "idx".
_FILE_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)[-_]"
    r"(?P<kind>images|labels)[-.]idx\d-ubyte(?:\.gz)?",
    re.IGNORECASE,
)


def load_idx(
    train_images: str | os.PathLike[str],
    train_labels: str | os.PathLike[str] | None = None,
    test_images: str | os.PathLike[str] | None = None,
    test_labels: str | os.PathLike[str] | None = None,
    *,
    name: str = "images",
) -> ImageSet:
    """Load an image set from IDX files, plain or gzipped.

    Parameters
    ----------
    train_images, test_images : path
        IDX files of uint8 images, (n, H, W) or (n, H, W, C). Without test
        images one training image in seven is set aside, drawn with a fixed
        seed, and a sentence in `notes` says so.
    train_labels, test_labels : path, optional
        IDX files of integers, one for each image. The class names are the
        sorted distinct labels as strings.
    name : str
        What the data are called.

    Returns
    -------
    ImageSet
        Training images first, each part in the order of its file.

    Raises
    ------
    StorageError
        A file does not exist or may not be read.
    IdxFormatError
        A file is damaged.
    DataError
        A file is of the wrong kind, or counts or sizes do not fit together.
    """
    source = idx_source(train_images, train_labels, test_images, test_labels, name=name)
    assert source.array is not None
    return ImageSet.from_arrays(
        source.array,
        None if source.labels is None else np.asarray(source.labels),
        split=None if source.split is None else np.asarray(source.split),
        ids=None if source.ids is None else np.asarray(source.ids),
        name=name,
    )


def idx_source(
    train_images: str | os.PathLike[str],
    train_labels: str | os.PathLike[str] | None = None,
    test_images: str | os.PathLike[str] | None = None,
    test_labels: str | os.PathLike[str] | None = None,
    *,
    name: str = "images",
) -> Source:
    """Read what :func:`load_idx` reads, without a split where there is none."""
    images = _read_images(Path(train_images))
    labels = None
    if train_labels is not None:
        labels = _read_labels(Path(train_labels), Path(train_images), len(images))
    if test_images is None:
        if test_labels is not None:
            raise DataError(
                f"{test_labels} was given as test labels without test images; add the images or "
                "leave the labels out"
            )
        return Source(name, str(train_images), array=images, labels=labels)
    if (train_labels is None) != (test_labels is None):
        lacking = train_images if train_labels is None else test_images
        raise DataError(
            f"there are no labels for {lacking}, but for the other images there are; add them or "
            "leave both out"
        )
    more = _read_images(Path(test_images))
    if more.shape[1:] != images.shape[1:]:
        raise DataError(
            f"{train_images} holds images of shape {images.shape[1:]} but {test_images} of "
            f"{more.shape[1:]}; both need the same"
        )
    if test_labels is not None and labels is not None:
        more_labels = _read_labels(Path(test_labels), Path(test_images), len(more))
        labels = np.concatenate([labels, more_labels])
    return Source(
        name,
        str(Path(train_images).parent),
        array=np.concatenate([images, more]),
        labels=labels,
        split=np.repeat(np.array([TRAIN, TEST]), [len(images), len(more)]),
        ids=np.concatenate([numbered_ids(TRAIN, len(images)), numbered_ids(TEST, len(more))]),
    )


def idx_folder(path: Path, files: list[Path], name: str) -> Source | None:
    """Read a directory with IDX files; None when there are none."""
    found: dict[str, dict[tuple[str, str], Path]] = {}
    # Plain files come last and so win over gzipped ones: they are read faster.
    for file in sorted(files, key=lambda file: (file.suffix.lower() != ".gz", file.name)):
        match = _FILE_NAME.fullmatch(file.name)
        if match:
            part = TRAIN if match["part"].lower() == "train" else TEST
            found.setdefault(match["prefix"], {})[part, match["kind"].lower()] = file
    sets = {prefix: of for prefix, of in found.items() if any("images" in kind for kind in of)}
    if not sets:
        return None
    if len(sets) > 1:
        names = ", ".join(sorted(file.name for of in sets.values() for file in of.values()))
        raise DataError(
            f"{path} holds more than one data set ({names}); move the one wanted into a directory "
            "of its own"
        )
    (files_of,) = sets.values()
    if (TRAIN, "images") not in files_of:
        return idx_source(files_of[TEST, "images"], files_of.get((TEST, "labels")), name=name)
    has_test = (TEST, "images") in files_of
    return idx_source(
        files_of[TRAIN, "images"],
        files_of.get((TRAIN, "labels")),
        files_of.get((TEST, "images")),
        files_of.get((TEST, "labels")) if has_test else None,
        name=name,
    )


def idx_file(path: Path, name: str) -> Source:
    """Read one IDX file, with the labels from the file beside it."""
    return idx_source(path, _labels_beside(path), name=name)


def _labels_beside(path: Path) -> Path | None:
    """Return the labels file that belongs to an images file, if there is one."""
    if "images" not in path.name:
        return None
    name = path.name.removesuffix(".gz").replace("images", "labels")
    name = re.sub(r"idx\d", "idx1", name)
    for candidate in (path.with_name(name), path.with_name(name + ".gz")):
        if candidate.is_file():
            return candidate
    return None


def _read_images(path: Path) -> UInt8Array:
    array = read_idx(path)
    if array.ndim == 1:
        raise DataError(
            f"{path} holds {len(array):,} labels, not images; give the images file, whose name "
            "usually says so"
        )
    if array.dtype != np.uint8:
        raise DataError(f"{path} holds {array.dtype} values, but images must be uint8 (0 to 255)")
    if array.ndim not in (3, 4):
        raise DataError(
            f"{path} holds an array of shape {array.shape}, but images need the shape "
            "(n, height, width) or (n, height, width, channels)"
        )
    if array.size == 0:
        raise DataError(f"{path} holds no images: its header gives the shape {array.shape}")
    return array


def _read_labels(path: Path, images_path: Path, n_images: int) -> AnyArray:
    array = read_idx(path)
    if array.ndim != 1:
        raise DataError(
            f"{path} holds an array of shape {array.shape}, not labels; give the labels file, "
            "whose name usually says so"
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise DataError(f"{path} holds {array.dtype} values, but labels must be integers")
    if len(array) != n_images:
        raise DataError(
            f"{images_path} holds {n_images:,} images but {path} holds {len(array):,} labels; "
            "give the two files that belong together"
        )
    return array
