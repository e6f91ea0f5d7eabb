"""Find and load image sets by name or path."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import numpy as np

from latentscape.errors import DataError, StorageError
from latentscape.images.idx import missing_message, read_idx
from latentscape.images.imageset import TEST, TRAIN, ImageSet, numbered_ids
from latentscape.images.mnist import load_mnist
from latentscape.types import AnyArray, UInt8Array

# MNIST, Fashion-MNIST, KMNIST: train-images-idx3-ubyte; EMNIST puts a name in
# front and says "test"; some copies have a dot before "idx".
_FILE_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)[-_]"
    r"(?P<kind>images|labels)[-.]idx\d-ubyte(?:\.gz)?",
    re.IGNORECASE,
)


def load_images(data: str | os.PathLike[str]) -> ImageSet:
    """Load an image set by its name or from a path.

    Parameters
    ----------
    data : str or path
        The string ``"mnist"`` for the bundled digits (a file or directory of
        that name is given as ``"./mnist"`` or as a path object), or

        - a directory with IDX files named as MNIST's are, plain or gzipped:
          ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, the same
          with ``t10k``; or
        - an IDX file of images; labels are taken from the file beside it whose
          name has ``labels`` in place of ``images``.

    Returns
    -------
    ImageSet
        Without labels where there are no label files. Where there are no test
        images, one image in seven is set aside for testing and a sentence in
        `notes` says so.

    Raises
    ------
    StorageError
        The path does not exist or may not be read.
    IdxFormatError
        A file is damaged.
    DataError
        The files do not hold what they should, or do not fit together.
    """
    if isinstance(data, str) and data == "mnist":
        return load_mnist()
    if not os.fspath(data):
        raise StorageError("an empty path was given; give 'mnist', a directory or an IDX file")
    path = Path(data)
    try:
        is_directory = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise StorageError(missing_message(path, known_names=["mnist"])) from None
    except (OSError, ValueError):
        return load_idx(path)  # which says what is wrong with it
    if is_directory:
        return _load_directory(path)
    return load_idx(path, _labels_beside(path), name=_name_of(path))


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
        return ImageSet.from_arrays(images, labels, name=name)
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
    return ImageSet.from_arrays(
        np.concatenate([images, more]),
        labels,
        split=np.repeat(np.array([TRAIN, TEST]), [len(images), len(more)]),
        ids=np.concatenate([numbered_ids(TRAIN, len(images)), numbered_ids(TEST, len(more))]),
        name=name,
    )


def _load_directory(path: Path) -> ImageSet:
    found: dict[str, dict[tuple[str, str], Path]] = {}
    # Plain files come last and so win over gzipped ones: they are read faster.
    try:
        files = [file for file in path.iterdir() if file.is_file()]
    except OSError as error:
        raise StorageError(
            f"there is no permission to read {path} ({error.strerror}); allow it (chmod u+rx) or "
            "copy the files"
        ) from None
    for file in sorted(files, key=lambda file: (file.suffix.lower() != ".gz", file.name)):
        match = _FILE_NAME.fullmatch(file.name)
        if match:
            part = TRAIN if match["part"].lower() == "train" else TEST
            found.setdefault(match["prefix"], {})[part, match["kind"].lower()] = file
    sets = {prefix: of for prefix, of in found.items() if any("images" in kind for kind in of)}
    if not sets:
        raise DataError(
            f"{path} holds no images that can be read: a file named train-images-idx3-ubyte, "
            "plain or with .gz, is needed (or give the IDX file itself)"
        )
    if len(sets) > 1:
        names = ", ".join(sorted(file.name for of in sets.values() for file in of.values()))
        raise DataError(
            f"{path} holds more than one data set ({names}); move the one wanted into a directory "
            "of its own"
        )
    (files_of,) = sets.values()
    if (TRAIN, "images") not in files_of:
        return load_idx(
            files_of[TEST, "images"], files_of.get((TEST, "labels")), name=_name_of(path)
        )
    has_test = (TEST, "images") in files_of
    return load_idx(
        files_of[TRAIN, "images"],
        files_of.get((TRAIN, "labels")),
        files_of.get((TEST, "images")),
        files_of.get((TEST, "labels")) if has_test else None,
        name=_name_of(path),
    )


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


def _name_of(path: Path) -> str:
    name = path.resolve().name.removesuffix(".gz")
    return name or "images"
