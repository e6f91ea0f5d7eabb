"""A map as one safetensors file; nothing is ever unpickled.

The arrays are tensors; class, settings and fitted numbers stand as JSON under one
key of the header (one key, because the order of several is not fixed), together
with the format's version and a checksum of the arrays.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError
from sklearn.utils.validation import check_is_fitted

from latentscape.errors import ModelFileError, StorageError
from latentscape.maps.base import Map2D
from latentscape.types import AnyArray

FORMAT_VERSION = 1
_KEY = "latentscape_map"
_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def map_to_bytes(fitted: Map2D) -> bytes:
    """Write a fitted map as the bytes of one safetensors file.

    Equal maps give equal bytes. A progress callback is left out, and a
    `random_state` that is a generator is stored as None.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        The map has not been fitted.
    """
    check_is_fitted(fitted)
    settings = fitted.get_params(deep=False)
    settings.pop("progress", None)
    if isinstance(settings.get("random_state"), np.random.RandomState | np.random.Generator):
        settings["random_state"] = None
    if settings.get("metric", "") is None:  # as it was before there was one
        del settings["metric"]
    names = sorted({"embedding_", *fitted._stored_arrays})
    arrays = {name: np.ascontiguousarray(getattr(fitted, name)) for name in names}
    header = {
        "format_version": FORMAT_VERSION,
        "class": type(fitted).__name__,
        "settings": settings,
        "fitted": {
            name: getattr(fitted, name)
            for name in fitted._stored_values
            if name not in fitted._assumed_values
            or getattr(fitted, name) != fitted._assumed_values[name]
        },
        "n_features_in": fitted.n_features_in_,
        "feature_names_in": getattr(fitted, "feature_names_in_", None),
        "sha256": _checksum(arrays),
    }
    text = json.dumps(header, sort_keys=True, default=_plain)
    return bytes(safetensors.numpy.save(arrays, metadata={_KEY: text}))


def map_from_bytes(data: bytes) -> Map2D:
    """Rebuild a map that transforms and inverts as the saved one, bit for bit.

    Raises
    ------
    ModelFileError
        The bytes are damaged, hold something else, or come from a newer version.
    """
    try:
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        arrays = safetensors.numpy.load(data)
        header = json.loads(metadata[_KEY])
        version = header["format_version"]
    except (SafetensorError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ModelFileError(
            f"this is no map written by latentscape, or it is damaged ({error}); fit and save the "
            "map again."
        ) from error
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"this map has format version {version!r}, this latentscape reads {FORMAT_VERSION}; "
            "use the latentscape that wrote it, or fit the map again."
        )
    try:
        return _rebuild(header, arrays)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelFileError(
            f"this map is damaged ({error}); fit and save the map again."
        ) from error


def save_map(fitted: Map2D, path: str | os.PathLike[str]) -> None:
    """Write a fitted map to `path`; a reader never sees half a file.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    data = map_to_bytes(fitted)
    target = _given(path)
    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)  # mkstemp makes private files; give it the usual rights
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except OSError as error:
        raise StorageError(
            f"cannot write the map to {target}: {error.strerror or error}; check the folder, its "
            "permissions and the free space."
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


def load_map(path: str | os.PathLike[str]) -> Map2D:
    """Read a map written by :func:`save_map`.

    Raises
    ------
    StorageError
        The file cannot be read.
    ModelFileError
        It holds no map, or a damaged one.
    """
    try:
        data = _given(path).read_bytes()
    except OSError as error:
        raise StorageError(
            f"cannot read the map {path}: {error.strerror or error}; check the path."
        ) from error
    try:
        return map_from_bytes(data)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error


def _given(path: str | os.PathLike[str]) -> Path:
    """Return a path, unless it is empty: Python would take that for the current directory."""
    if not os.fspath(path):
        raise StorageError("an empty path was given; give the name of a map's file.")
    return Path(path)


def _rebuild(header: dict[str, Any], arrays: dict[str, AnyArray]) -> Map2D:
    from latentscape.maps import MAPS

    kinds = {kind.__name__: kind for kind in MAPS.values()}
    if header["class"] not in kinds:
        raise ModelFileError(f"unknown kind of map {header['class']!r}; update latentscape.")
    loaded = kinds[header["class"]](**header["settings"])
    expected = {"embedding_", *loaded._stored_arrays}
    fitted = {**loaded._assumed_values, **header["fitted"]}
    if set(arrays) != expected or set(fitted) != set(loaded._stored_values):
        raise ValueError("its arrays are not those of such a map")
    if header["sha256"] != _checksum(arrays):
        raise ValueError("its checksum differs")
    for name, array in arrays.items():
        if array.dtype not in _DTYPES or not np.isfinite(array).all():
            raise ValueError(f"{name} holds no finite numbers")
        setattr(loaded, name, array)
    for name, value in fitted.items():
        setattr(loaded, name, np.asarray(value) if isinstance(value, list) else value)
    loaded.n_features_in_ = int(header["n_features_in"])
    if header["feature_names_in"] is not None:
        loaded.feature_names_in_ = np.asarray(header["feature_names_in"], dtype=object)
    loaded._check_loaded()
    loaded._prepare()
    return loaded


def _checksum(arrays: dict[str, AnyArray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays, as settings may hold them, for JSON."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    message = f"cannot store {value!r} in a map file"
    raise TypeError(message)
