"""Read embeddings from a file or a folder, by what it is."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.errors import DataError, StorageError
from latentscape.images.embedding_files.arrays import (
    NPY_ERRORS,
    ZIP_ERRORS,
    mapped_npy,
    npz_codes,
    npz_heads,
    read_npy,
    read_npy_header,
    read_npz,
)
from latentscape.images.embedding_files.raw import RawEmbeddings, Wanted, regular_file
from latentscape.images.embedding_files.tables import (
    VECTOR_NAMES,
    csv_looks_like_embeddings,
    parquet_looks_like_embeddings,
    read_csv,
    read_parquet,
)
from latentscape.images.embeddings import EmbeddingSet
from latentscape.images.imageset import ImageSet


def _read_h5ad(path: Path, wanted: Wanted) -> RawEmbeddings:
    from latentscape.images.embedding_files.anndata import read_h5ad

    return read_h5ad(path, wanted)


_READERS: dict[str, Callable[[Path, Wanted], RawEmbeddings]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".parquet": read_parquet,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".h5ad": _read_h5ad,
}
_CODE_FILES = ("codes", "embeddings")


def read_embeddings(
    path: str | os.PathLike[str],
    *,
    key: str | None = None,
    labels: str | os.PathLike[str] | Sequence[Any] | None = None,
    ids: str | Sequence[str] | None = None,
    images: Any = None,
    drop_nonfinite: bool = False,
    name: str | None = None,
) -> EmbeddingSet:
    """Read codes that were made elsewhere, with what is known of each row.

    Parameters
    ----------
    path : str or path
        - ``.npy``: numbers of shape (n, d), with labels in
          ``<name>-labels.npy`` beside it, if they are there;
        - ``.npz``: an array ``codes`` (or the only float one of two
          dimensions), and ``labels``, ``class_names``, ``ids``, ``split``,
          ``images`` and further columns where they are there;
        - ``.parquet``: a column of lists, or numbered columns (``z0``,
          ``z1``, ...), or all numeric ones; other columns go along;
        - ``.csv``, ``.tsv``: the same as columns, with or without a header;
          ``vectors.tsv`` of TensorBoard's projector takes ``metadata.tsv``
          from beside it;
        - ``.h5ad`` of AnnData: an entry of obsm, or X, with the columns of obs
          (needs ``latentscape[anndata]``); or
        - a folder with ``vectors.tsv``, or with ``codes`` or ``embeddings`` in
          one of these forms and, if there are any, ``labels.npy``,
          ``images.npy`` and ``ids.npy`` beside it.
    key : str, optional
        Name of the array, column or entry that holds the codes, where it is
        not plain; of numbered columns, what stands before the number.
    labels : str, path or sequence, optional
        Name of the array or column with the labels, an ``.npy`` file of them,
        or one label for each row.
    ids : str or sequence of str, optional
        Name of the array or column with a name for each row, or the names.
    images : optional
        The pictures behind the rows: a uint8 array, an
        :class:`~latentscape.ImageSet`, or what
        :func:`latentscape.load_images` reads.
    drop_nonfinite : bool, default False
        Set rows with NaN or infinity aside instead of refusing the file.
    name : str, optional
        What the data are called; by default as the file.

    Returns
    -------
    EmbeddingSet

    Raises
    ------
    StorageError
        The path does not exist or may not be read.
    DataError
        The file is damaged, does not hold codes, or counts do not fit.
    SettingError
        A package is missing that the format needs.
    """
    source = Path(path)
    is_name = isinstance(labels, str) and not _is_array_file(labels)
    wanted = Wanted(
        key=key,
        labels=labels if is_name and isinstance(labels, str) else None,
        ids=ids if isinstance(ids, str) else None,
    )
    raw = _read_folder(source, wanted) if source.is_dir() else _read_file(source, wanted)
    if labels is not None and not is_name:
        given = mapped_npy(Path(labels)) if isinstance(labels, str | os.PathLike) else labels
        raw.labels, raw.class_names = given, None
    if ids is not None and not isinstance(ids, str):
        raw.ids = list(ids)
    if images is not None:
        _add_images(raw, images)
    return EmbeddingSet.from_arrays(
        raw.codes,
        raw.labels,
        images=raw.images,
        class_names=raw.class_names,
        split=raw.split,
        ids=raw.ids,
        columns=raw.columns,
        name=name or source.resolve().name or "embeddings",
        notes=raw.notes,
        drop_nonfinite=drop_nonfinite,
        source=str(source),
    )


def looks_like_embeddings(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path holds codes rather than images, without reading all of it.

    Parameters
    ----------
    path : str or path
        Anything; what cannot be read is no embeddings.

    Returns
    -------
    bool
        True for a two-dimensional float array, a table of real numbers or of
        lists, an ``.h5ad`` file, or a folder that
        :func:`read_embeddings` reads.
    """
    source = Path(path)
    try:
        if source.is_dir():
            return _inside(source) is not None
        regular_file(source)
        return _looks(source)
    except (OSError, ValueError, DataError, StorageError):
        return False


def _looks(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix == ".h5ad":
        return True
    if suffix == ".parquet":
        return parquet_looks_like_embeddings(path)
    if suffix in (".csv", ".tsv"):
        return path.name.lower() in VECTOR_NAMES or csv_looks_like_embeddings(path)
    try:
        if suffix == ".npy":
            with path.open("rb") as file:
                shape, _, dtype = read_npy_header(file)
            return len(shape) == 2 and dtype.kind == "f"
        if suffix == ".npz":
            with path.open("rb") as file, zipfile.ZipFile(file) as archive:
                return npz_codes(npz_heads(archive)) is not None
    except (*NPY_ERRORS, *ZIP_ERRORS):
        return False
    return False


def _read_file(path: Path, wanted: Wanted) -> RawEmbeddings:
    regular_file(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"{path} is of no kind that embeddings are read from; give one of {', '.join(_READERS)}"
        )
    return reader(path, wanted)


def _inside(folder: Path) -> Path | None:
    """Return the file with the codes in a folder of embeddings."""
    names = [*VECTOR_NAMES, *(f"{stem}{suffix}" for stem in _CODE_FILES for suffix in _READERS)]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_folder(folder: Path, wanted: Wanted) -> RawEmbeddings:
    path = _inside(folder)
    if path is None:
        raise DataError(
            f"{folder} holds no embeddings: a file vectors.tsv, or codes or embeddings with one of "
            f"the endings {', '.join(_READERS)} is needed"
        )
    raw = _read_file(path, wanted)
    for part in ("labels", "images", "ids"):
        beside = folder / f"{part}.npy"
        if getattr(raw, part) is None and beside.is_file():
            setattr(raw, part, mapped_npy(beside))
    return raw


def _add_images(raw: RawEmbeddings, images: Any) -> None:
    """Add pictures, and what their own source knows of them and the codes' does not."""
    if isinstance(images, np.ndarray):
        raw.images = images
        return
    if not isinstance(images, ImageSet):
        from latentscape.images.load import load_images

        images = load_images(images)
    if len(images) != len(raw.codes):
        raise DataError(
            f"there are {len(raw.codes):,} rows of codes but {len(images):,} images in "
            f"{images.name}; give the two that belong together"
        )
    raw.images = images.images
    raw.split = images.split if raw.split is None else raw.split
    raw.ids = images.ids if raw.ids is None else raw.ids
    if raw.labels is None and images.labels is not None:
        raw.labels, raw.class_names = images.labels, images.class_names


def _is_array_file(text: str) -> bool:
    return text.lower().endswith(".npy")
