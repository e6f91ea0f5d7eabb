"""What stands in ``atlas.json``, and the fingerprints of settings."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from os import PathLike, fspath
from pathlib import Path, PurePosixPath
from typing import Any, TypedDict

import numpy as np

from latentscape.errors import AtlasError, SettingError, StorageError
from latentscape.files import is_temporary, sha256_of_file, storage_error

SCHEMA_VERSION = 1
MANIFEST = "atlas.json"
MANIFEST_COPY = ".atlas.json"  # what is read where the manifest itself has been damaged
LOCK = ".lock"
HOLDER = ".writer.json"

#: Files that a reader knows by name.
ARTEFACTS = {
    "sweep": "sweep.parquet",
    "history": "history.parquet",
    "points": "points.parquet",
    "codes": "codes.npy",
    "codes2": "codes2.npy",
    "images": "images.npy",
    "reconstructions": "reconstructions.npy",
    "plane": "plane.safetensors",
    "neighbors": "neighbors.safetensors",
    "quality": "quality.json",
    "size_samples": "size_samples.safetensors",
    "sample": "sample.npy",
}

#: What a stage makes, by the names under which a reader asks for it.
PARTS = {
    "sweep": ("sweep", "history"),
    "choice": ("choice",),
    "plane": ("plane", "codes2"),
    "size-samples": ("size_samples",),
}


class FileEntry(TypedDict):
    """One finished file, as it was written."""

    sha256: str
    bytes: int


class StageEntry(TypedDict):
    """One finished stage."""

    fingerprint: str
    finished: str
    seconds: float
    files: dict[str, FileEntry]
    info: dict[str, Any]


class Manifest(TypedDict):
    """The content of ``atlas.json``."""

    schema_version: int
    latentscape_version: str
    versions: dict[str, str]
    data: dict[str, Any]
    settings: dict[str, Any]
    stages: dict[str, StageEntry]


def new_manifest(latentscape_version: str) -> Manifest:
    """Return the manifest of an atlas in which nothing is finished."""
    return Manifest(
        schema_version=SCHEMA_VERSION,
        latentscape_version=latentscape_version,
        versions={},
        data={},
        settings={},
        stages={},
    )


class DamagedManifestError(AtlasError):
    """``atlas.json`` is there, and is not what was written."""


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``atlas.json``; where it is damaged, its copy.

    Raises
    ------
    AtlasError
        If `folder` is no atlas, its manifest and the copy are damaged, or it
        was made by a newer latentscape.
    StorageError
        If the manifest cannot be read.
    """
    try:
        return _read_manifest(folder, folder / MANIFEST)
    except DamagedManifestError:
        with contextlib.suppress(AtlasError, StorageError):
            return _read_manifest(folder, folder / MANIFEST_COPY)
        raise


def manifest_damage(folder: Path) -> str | None:
    """Say what is wrong with ``atlas.json`` itself, or None if nothing is."""
    try:
        _read_manifest(folder, folder / MANIFEST)
    except (AtlasError, StorageError) as error:
        return str(error)
    return None


def _read_manifest(folder: Path, path: Path) -> Manifest:
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        what = "is not an atlas (no atlas.json in it)" if folder.is_dir() else "does not exist"
        if folder.is_file():
            what = "is a file, not an atlas directory"
        raise AtlasError(
            f"{folder} {what}: give the directory that `latentscape run -o DIR` has made"
        ) from None
    except OSError as error:
        raise storage_error(error, path, doing="reading") from error
    except ValueError as error:
        raise DamagedManifestError(_damaged(path, str(error))) from None
    return _checked(content, path)


def _checked(content: Any, path: Path) -> Manifest:
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, bool) or not isinstance(version, int):
        raise DamagedManifestError(
            f"{path} was not written by latentscape (it has no schema_version): give the "
            "directory that `latentscape run -o DIR` has made"
        )
    if version > SCHEMA_VERSION:
        raise AtlasError(
            f"{path.parent} was made by latentscape {content.get('latentscape_version', '?')} with "
            f"atlas schema {version}, and this version reads up to {SCHEMA_VERSION}: "
            "run `pip install --upgrade latentscape`, or make the atlas again in another directory"
        )
    for name in ("versions", "data", "settings", "stages"):
        if not isinstance(content.get(name), dict):
            raise DamagedManifestError(_damaged(path, f"{name!r} is missing"))
    for name, stage in content["stages"].items():
        complete = isinstance(stage, dict) and all(
            isinstance(stage.get(key), kind)
            for key, kind in (("fingerprint", str), ("files", dict), ("info", dict))
        )
        if not complete or not all(_is_file_entry(entry) for entry in stage["files"].values()):
            raise DamagedManifestError(_damaged(path, f"stage {name!r} is incomplete"))
    return content  # type: ignore[no-any-return]  # checked just above


def _is_file_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and isinstance(entry.get("bytes"), int)
    )


def _damaged(path: Path, what: str) -> str:
    return (
        f"{path} is damaged ({what}): restore it from a copy, or make the atlas again in another "
        "directory"
    )


def fingerprint(**settings: Any) -> str:
    """Reduce settings to a short name that changes whenever one of them does.

    Parameters
    ----------
    **settings
        Numbers, strings, booleans, None, paths, numpy scalars and arrays,
        bytes, dataclasses, and lists, tuples and mappings (with string keys) of
        them. The order of keys does not matter; lists and tuples are alike, so
        are a path and its text; 1, 1.0 and True are three different values.
        Floats count to the last bit.

    Returns
    -------
    str
        64 hexadecimal digits: SHA-256 of the settings as canonical JSON.

    Raises
    ------
    SettingError
        If a value is of another kind.

    Examples
    --------
    >>> fingerprint(perplexity=30, seed=0) == fingerprint(seed=0, perplexity=30)
    True
    >>> fingerprint(perplexity=30) == fingerprint(perplexity=31)
    False
    """
    text = json.dumps(
        {name: _canonical(value, name) for name, value in settings.items()},
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any, where: str) -> Any:
    if isinstance(value, np.generic) and not isinstance(value, np.void):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float)):
        return value  # json writes floats by repr, which keeps every bit
    if isinstance(value, str):
        return str(value)
    if isinstance(value, PathLike):
        return Path(fspath(value)).as_posix()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": hashlib.sha256(value).hexdigest()}
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"$array": [value.dtype.str, list(value.shape), content]}
    if is_dataclass(value) and not isinstance(value, type):
        return _canonical(asdict(value), where)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise SettingError(
                f"the setting {where!r} has a key that is no string: use strings as keys"
            )
        return {key: _canonical(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item, where) for item in value]
    raise SettingError(
        f"the setting {where!r} has a value of type {type(value).__name__}, which has no "
        "fingerprint: use numbers, strings, arrays, lists or mappings"
    )


def checked_name(name: str) -> str:
    """Return the relative file name `name` in canonical form.

    Raises
    ------
    AtlasError
        If it leaves the atlas or is a name that the atlas uses itself.
    """
    path = PurePosixPath(name)
    parts = path.parts
    if (
        not parts
        or path.is_absolute()
        or "\\" in name
        or any(part == ".." or part.startswith(".") for part in parts)
        or str(path) == MANIFEST
        or is_temporary(path.name)
    ):
        raise AtlasError(
            f"{name!r} cannot be the name of a file in an atlas: use a relative name like "
            "'maps/tsne.safetensors', without leading dots"
        )
    return str(path)


def refuse_foreign(path: Path) -> None:
    """Refuse a directory that holds other things than an atlas, and change nothing.

    Raises
    ------
    AtlasError
        With the name of one of them.
    """
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, path, doing="opening") from error
    if MANIFEST in names:
        return
    own = (LOCK, HOLDER, MANIFEST_COPY)
    foreign = [name for name in names if name not in own and not is_temporary(name)]
    if foreign:
        raise AtlasError(
            f"{path} is not empty and not an atlas (it holds {foreign[0]}"
            f"{f' and {len(foreign) - 1} more' if len(foreign) > 1 else ''}): "
            "give a new or an empty directory; nothing was changed"
        )


def compare_file(path: Path, record: FileEntry) -> str | None:
    """Say how a file differs from what was written, or None if it does not."""
    try:
        size = path.stat().st_size
        if size != record["bytes"]:
            return f"has {size:,} bytes instead of {record['bytes']:,}"
        if sha256_of_file(path) != record["sha256"]:
            return "has other content than was written"
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except StorageError as error:
        return str(error)
    except OSError as error:
        return str(storage_error(error, path, doing="reading"))
    return None
