"""Embeddings in .npy and .npz files; what is stored as Python objects is refused."""

from __future__ import annotations

import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from latentscape.errors import DataError
from latentscape.images.embedding_files.raw import (
    CODE_NAMES,
    ID_NAMES,
    IMAGE_NAMES,
    LABEL_NAMES,
    SPLIT_NAME,
    PickledObjectsError,
    RawEmbeddings,
    Wanted,
    damage_told,
    first_known,
    named,
    regular_file,
)
from latentscape.types import AnyArray

# What numpy and zipfile raise for headers that are no headers.
NPY_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    OverflowError,
    SyntaxError,
    RecursionError,
    AttributeError,
    tokenize.TokenError,
    struct.error,
)
ZIP_ERRORS = (*NPY_ERRORS, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
_MOST_RATIO = 1032  # deflate cannot do better
_CLASS_NAMES = "class_names"


def read_npy(path: Path, wanted: Wanted) -> RawEmbeddings:
    """Read one array of shape (n, d), mapped from the disk, and ``<name>-labels.npy`` beside it."""
    asked = wanted.key or wanted.labels or wanted.ids
    if asked:
        raise DataError(
            f"{path} holds one array without names, so {asked!r} is not in it; give labels as a "
            "file or put all arrays into an .npz file"
        )
    codes = mapped_npy(path)
    if codes.ndim != 2 or codes.dtype.kind not in "fiub":
        raise DataError(
            f"{path} holds {codes.dtype} values of the shape {codes.shape}, but embeddings are "
            "numbers of the shape (n, d)"
        )
    beside = path.with_name(f"{path.stem}-labels.npy")
    return RawEmbeddings(codes, mapped_npy(beside) if beside.is_file() else None)


def mapped_npy(path: Path) -> AnyArray:
    """Return the array of an .npy file, mapped from the disk, after its size was checked."""
    size = regular_file(path)
    with damage_told(path, "an .npy file", *NPY_ERRORS):
        with path.open("rb") as file:
            shape, fortran, dtype = read_npy_header(file)
            start = file.tell()
        expected = start + math.prod(shape) * dtype.itemsize
        if expected != size:
            raise DataError(
                f"{path}: expected {expected:,} bytes, got {size:,}; "
                f"{'the file is cut short' if size < expected else 'more follows its last value'}, "
                "so make or copy it again"
            )
        if math.prod(shape) == 0:
            return np.empty(shape, dtype)
        return np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")


def read_npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, Fortran order and type that the header of an .npy stream gives.

    Raises
    ------
    ValueError
        It is no such header, or it describes Python objects or records.
    """
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version[0]}.{version[1]} of the format is not known")
    with _quiet():
        shape, fortran, dtype = readers[version](file)
    if dtype.hasobject:
        raise PickledObjectsError
    if dtype.fields:
        raise ValueError("it holds records, not plain numbers or words")
    if any(side < 0 for side in shape) or dtype.itemsize == 0:
        raise ValueError(f"its header gives the shape {shape}")
    return shape, fortran, dtype  # numpy refuses headers above 10,000 bytes, and runs nothing


@contextmanager
def _quiet() -> Iterator[None]:
    """Take headers as Python 2 wrote them without numpy's word that they are slow to read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def read_npz(path: Path, wanted: Wanted) -> RawEmbeddings:
    """Read codes and what belongs to them from an .npz archive."""
    regular_file(path)
    with (
        damage_told(path, "an .npz file", *ZIP_ERRORS),
        path.open("rb") as file,
        zipfile.ZipFile(file) as archive,
    ):
        heads = npz_heads(archive)
        names = list(heads)
        key = wanted.key and named(wanted.key, names, path, "array")
        key = key or npz_codes(heads)
        if key is None:
            raise DataError(
                f"{path} holds no array that is plainly one of codes (it holds: "
                f"{', '.join(names) or 'nothing'}); name it with key=, or call it 'codes'"
            )
        found = {
            name: npz_array(archive, name)
            for name in names
            if name == key or len(heads[name][0]) == 1 or name.lower() in IMAGE_NAMES
        }
        return _arrange(path, found, key, wanted)


def npz_heads(archive: zipfile.ZipFile) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Return shape and type of each array, after their sizes were checked."""
    heads = {}
    for info in archive.infolist():
        if not info.filename.endswith(".npy"):
            continue
        if info.file_size > max(1, info.compress_size) * _MOST_RATIO:
            raise ValueError(f"{info.filename} promises more than its bytes can hold")
        with archive.open(info) as stream:
            shape, _, dtype = read_npy_header(stream)
            if stream.tell() + math.prod(shape) * dtype.itemsize != info.file_size:
                raise ValueError(f"{info.filename} has not the size that its header gives")
        heads[info.filename.removesuffix(".npy")] = (shape, dtype)
    return heads


def npz_codes(heads: dict[str, tuple[tuple[int, ...], np.dtype[Any]]]) -> str | None:
    """Return the name of the array that holds codes, if that is plain."""
    tables = [name for name, (s, t) in heads.items() if len(s) == 2 and t.kind in "fiu"]
    known = first_known(CODE_NAMES, tables)
    if known is not None:
        return known
    floats = [name for name in tables if heads[name][1].kind == "f"]
    return floats[0] if len(floats) == 1 else None


def npz_array(archive: zipfile.ZipFile, name: str) -> AnyArray:
    """Return an array of an archive, read to its end, where the checksum is."""
    with archive.open(f"{name}.npy") as stream, _quiet():
        array: AnyArray = npy.read_array(stream, allow_pickle=False)
        if stream.read(1):  # reading to the end compares the checksum
            raise ValueError(f"{name} goes on after its last value")
    return array


def _arrange(path: Path, found: dict[str, AnyArray], key: str, wanted: Wanted) -> RawEmbeddings:
    codes = found.pop(key)
    if codes.ndim != 2 or codes.dtype.kind not in "fiub":
        raise DataError(
            f"{path}: the array {key!r} holds {codes.dtype} values of the shape {codes.shape}, but "
            "embeddings are numbers of the shape (n, d)"
        )
    names = list(found)
    raw = RawEmbeddings(codes)
    labels = wanted.labels and named(wanted.labels, names, path, "array")
    labels = labels or first_known(LABEL_NAMES, names)
    ids = wanted.ids and named(wanted.ids, names, path, "array")
    ids = ids or first_known(ID_NAMES, names)
    images = first_known(IMAGE_NAMES, names)
    if labels is not None:
        raw.labels = found.pop(labels)
    if ids is not None and ids in found:
        raw.ids = found.pop(ids)
    if images is not None:
        raw.images = found.pop(images)
    if _CLASS_NAMES in found:
        raw.class_names = [str(name) for name in found.pop(_CLASS_NAMES).tolist()]
    if SPLIT_NAME in found:
        raw.split = found.pop(SPLIT_NAME)
    raw.columns = {
        name: values
        for name, values in found.items()
        if values.shape == (len(codes),) and values.dtype.kind in "fiubU"
    }
    return raw
