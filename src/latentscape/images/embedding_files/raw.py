"""What a reader of embeddings has found in a file, before it is checked."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentscape.errors import DataError, LatentscapeError, StorageError
from latentscape.files import storage_error
from latentscape.images.idx import missing_message

LABEL_NAMES = ("label", "labels", "class", "class_name", "category", "target", "y", "cell_type")
ID_NAMES = ("id", "ids", "name", "filename", "file_name", "path", "image_id", "key")
CODE_NAMES = ("codes", "code", "embeddings", "embedding", "vectors", "vector", "features", "z", "x")
IMAGE_NAMES = ("images", "image", "x_images")
SPLIT_NAME = "split"


@dataclass
class RawEmbeddings:
    """Arrays as a file holds them; None where it has none.

    Attributes
    ----------
    codes : array of shape (n, d)
    labels, split, ids : array of shape (n,) or None
    class_names : sequence of str or None
    images : array or None
    columns : mapping of str to array of shape (n,)
    notes : list of str
        What had to be decided on the way.
    """

    codes: Any
    labels: Any = None
    class_names: Sequence[str] | None = None
    images: Any = None
    split: Any = None
    ids: Any = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """What a caller has asked for by name.

    Attributes
    ----------
    key : str or None
        The array, column or obsm entry that holds the codes.
    labels, ids : str or None
        The array or column that holds them.
    """

    key: str | None = None
    labels: str | None = None
    ids: str | None = None


def first_known(known: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the first of `names`, whatever its case, that is one of the `known` ones."""
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[name] for name in known if name in lower), None)


def named(wanted: str, there: Sequence[str], path: Path, what: str) -> str:
    """Return the name that was asked for, or say which ones there are."""
    if wanted not in there:
        listed = ", ".join(there[:12]) + (", ..." if len(there) > 12 else "")
        raise DataError(f"{path} has no {what} {wanted!r}; it has: {listed or 'none'}")
    return wanted


def regular_file(path: Path) -> int:
    """Return the size of a regular file, or say why it cannot be read.

    Raises
    ------
    StorageError
        It does not exist, is no regular file, or may not be looked at.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise StorageError(missing_message(path)) from None
    except OSError as error:
        raise storage_error(error, path, doing="reading") from error
    except ValueError as error:  # a path with a null byte in it
        raise StorageError(f"{str(path)!r} is not a path: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise StorageError(f"{path} is not a regular file; copy its content into one")
    if not os.access(path, os.R_OK):
        raise StorageError(
            f"there is no permission to read {path}; allow it (chmod u+r) or copy the file"
        )
    return status.st_size


class PickledObjectsError(ValueError):
    """An array of Python objects, which only unpickling could load."""

    def __init__(self) -> None:
        super().__init__(
            "holds Python objects (dtype object), which are pickled; pickled objects are never "
            "loaded, as they can run code: make plain numbers of them in Python, such as "
            "np.stack(array).astype('float32'), or words by astype(str), and save those"
        )


@contextmanager
def damage_told(path: Path, kind: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn what a library says about a damaged file into a DataError with its path."""
    try:
        yield
    except LatentscapeError:
        raise
    except PickledObjectsError as error:
        raise DataError(f"{path} {error}") from None
    except MemoryError:
        raise DataError(
            f"{path} holds more than fits into memory; use a part of it or a larger machine"
        ) from None
    except OSError as error:
        if error.errno is not None and error.strerror:
            raise storage_error(error, path, doing="reading") from error
        raise DataError(_damaged(path, kind, error)) from error
    except errors as error:
        raise DataError(_damaged(path, kind, error)) from error


def _damaged(path: Path, kind: str, error: Exception) -> str:
    first = str(error).strip().splitlines()
    said = first[0][:200] if first else type(error).__name__
    return f"{path} is damaged or not {kind} ({said}); make or copy it again"
