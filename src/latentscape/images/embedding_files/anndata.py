"""Embeddings in AnnData's .h5ad files."""

from __future__ import annotations

import importlib
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.errors import DataError, SettingError
from latentscape.images.embedding_files.raw import (
    ID_NAMES,
    LABEL_NAMES,
    RawEmbeddings,
    Wanted,
    damage_told,
    first_known,
    named,
    regular_file,
)
from latentscape.images.embedding_files.tables import place_columns
from latentscape.types import AnyArray

_MOST_RATIO = 1032  # deflate cannot do better
_MOST_DENSE = 1 << 31  # bytes that a sparse matrix may take when it is spelled out
_MAP_WIDTH = 3  # an obsm entry no wider than this is a picture, not codes


def need_anndata() -> Any:
    """Import anndata, or say how to get it.

    Raises
    ------
    SettingError
        It is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies
            return importlib.import_module("anndata")
    except ImportError as error:
        msg = '.h5ad files need the package anndata: pip install "latentscape[anndata]"'
        raise SettingError(msg) from error


def read_h5ad(path: Path, wanted: Wanted) -> RawEmbeddings:
    """Read an entry of obsm, or X, with the columns of obs; nothing else is loaded."""
    regular_file(path)
    # anndata and h5py raise errors of many kinds, their own among them, for a damaged file.
    read_elem = need_anndata().io.read_elem
    h5py = importlib.import_module("h5py")
    with (
        damage_told(path, "an .h5ad file", Exception),
        warnings.catch_warnings(),
        h5py.File(path, "r") as file,
    ):
        warnings.simplefilter("ignore")  # older files are read all the same
        key = _chosen(file, path, wanted.key)
        _check_size(file[key], key, path)
        codes = _dense(read_elem(file[key]))
        obs = read_elem(file["obs"])
        if len(obs) != len(codes):
            raise DataError(
                f"{path}: there are {len(codes):,} rows in {key} but {len(obs):,} in obs; write "
                "the file again"
            )
        raw = RawEmbeddings(codes)
        names = [str(name) for name in obs.columns]
        labels = wanted.labels and named(wanted.labels, names, path, "column of obs")
        labels = labels or first_known(LABEL_NAMES, names)
        ids = wanted.ids and named(wanted.ids, names, path, "column of obs")
        ids = ids or first_known(ID_NAMES, [name for name in names if name != labels])
        if ids is None and obs.index.is_unique:
            raw.ids = [str(name) for name in obs.index]
        place_columns(raw, {name: _plain(obs[name]) for name in names}, labels, ids)
        if wanted.key is None and key != "X":
            raw.notes.append(f"The codes are {key} of {path.name}.")
    return raw


def _chosen(file: Any, path: Path, wanted: str | None) -> str:
    """Return where in the file the codes stand."""
    entries = {name: _width(file["obsm"][name]) for name in file["obsm"]} if "obsm" in file else {}
    if wanted is not None:
        if wanted == "X" and "X" in file:
            return "X"
        return f"obsm/{named(wanted, [*entries, 'X'], path, 'entry of obsm')}"
    wide = [name for name, width in entries.items() if width > _MAP_WIDTH]
    if len(wide) == 1:
        return f"obsm/{wide[0]}"
    if wide:
        raise DataError(
            f"{path} has several embeddings in obsm ({', '.join(wide)}); name the one that is "
            "meant with key="
        )
    if "X" not in file:
        raise DataError(f"{path} has neither X nor codes in obsm")
    return "X"


def _check_size(entry: Any, key: str, path: Path) -> None:
    """Refuse, before it is read, what a small file promises to be large."""
    if hasattr(entry, "nbytes"):
        if entry.nbytes > _MOST_RATIO * path.stat().st_size:
            raise ValueError(f"{key} promises more than the file's bytes can hold")
        return
    shape = [int(side) for side in entry.attrs.get("shape", ())]
    if 4 * math.prod(shape) > _MOST_DENSE:
        raise DataError(
            f"{path}: {key} is a sparse matrix of {shape[0]:,} × {shape[1]:,}, too large to be "
            "codes; put embeddings of it into obsm (by PCA, for example)"
        )


def _width(entry: Any) -> int:
    shape: tuple[int, ...] = getattr(entry, "shape", ())
    return int(shape[1]) if len(shape) == 2 else 0


def _dense(values: Any) -> AnyArray:
    if hasattr(values, "toarray"):
        values = values.toarray()
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise DataError(f"codes must be numbers of the shape (n, d), got {array.shape}")
    return array


def _plain(column: Any) -> AnyArray:
    """Return a column of obs as numbers or as words; missing words are empty."""
    values = column.to_numpy()
    if values.dtype.kind in "fiub":
        return np.asarray(values)
    missing = column.isna().to_numpy()
    words = ["" if gone else str(v) for v, gone in zip(values.tolist(), missing, strict=True)]
    return np.array(words, dtype=np.str_)
