"""Rows of a .npy file that stay on the disk: read batch by batch into a buffer of the caller's.

Mapping the file into memory would be shorter, but every page that was touched counts as resident
memory, and so do its neighbours; reading into a buffer keeps to the buffer.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from latentscape.errors import DataError
from latentscape.files import storage_error
from latentscape.images.embedding_files.arrays import NPY_ERRORS, read_npy_header
from latentscape.images.embedding_files.raw import PickledObjectsError
from latentscape.types import AnyArray, IntArray

UNREADABLE = (*NPY_ERRORS, MemoryError)


class NotInBatchesError(DataError):
    """A file or folder cannot be read in batches; another way of reading may take it."""


@dataclass(frozen=True)
class NpyRows:
    """The array of one .npy file, in C order, of which rows are read when they are asked for.

    Attributes
    ----------
    path : Path
    offset : int
        Where in the file the first row begins.
    shape : tuple of int
        (n, ...).
    dtype : dtype
        As the file has it, in its byte order.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def open(cls, path: Path, what: str = "rows") -> NpyRows:
        """Look at the header and the size of a file; read no row.

        Raises
        ------
        NotInBatchesError
            If it is no array in C order, or cut short.
        StorageError
            If it cannot be read.
        """
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise NotInBatchesError(f"{path} is not a regular file; give a .npy file of {what}")
            with path.open("rb") as file:
                shape, fortran, dtype = _header(file, path)
                offset = file.tell()
            size = path.stat().st_size
        except OSError as error:
            raise storage_error(error, path, doing="reading") from error
        if not shape:
            raise NotInBatchesError(f"{path} holds a single number; give a .npy file of {what}")
        if fortran and len(shape) > 1:
            raise NotInBatchesError(
                f"{path} holds {dtype} in Fortran order; {what} that are read in batches must be "
                "in C order"
            )
        expected = offset + math.prod(shape) * dtype.itemsize
        if size < expected:
            raise NotInBatchesError(
                f"{path} is cut short: expected {expected:,} bytes for {shape[0]:,} {what}, got "
                f"{size:,}; copy it again"
            )
        return cls(path, offset, shape, dtype)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def new_buffer(self, n: int) -> AnyArray:
        """Return room for `n` rows, for :meth:`batches`."""
        return np.empty((n, *self.shape[1:]), self.dtype)

    def batches(self, buffer: AnyArray) -> Iterator[tuple[slice, AnyArray]]:
        """Yield row numbers and rows, in order; the rows lie in `buffer`, which is used again.

        Raises
        ------
        DataError
            If the file has become shorter.
        StorageError
            If it cannot be read.
        """
        with self._opened() as file:
            for start in range(0, len(self), len(buffer)):
                part = buffer[: min(len(buffer), len(self) - start)]
                self._fill(file, part)
                yield slice(start, start + len(part)), part

    def read(self, rows: IntArray) -> AnyArray:
        """Return the given rows.

        Raises
        ------
        DataError, StorageError
            As :meth:`batches`.
        """
        found = self.new_buffer(len(rows))
        with self._opened() as file:
            for place, row in enumerate(rows.tolist()):
                file.seek(self.offset + row * self.row_bytes)
                self._fill(file, found[place : place + 1])
        return found

    def _opened(self) -> BinaryIO:
        try:
            file = self.path.open("rb", buffering=0)
            file.seek(self.offset)
        except OSError as error:
            raise storage_error(error, self.path, doing="reading") from error
        return file

    def _fill(self, file: Any, part: AnyArray) -> None:
        """Read until `part` is full; the system may give less at a time."""
        view = part.reshape(-1).view(np.uint8).data
        done = 0
        while done < len(view):
            try:
                got = file.readinto(view[done:])
            except OSError as error:
                raise storage_error(error, self.path, doing="reading") from error
            if not got:
                raise DataError(f"{self.path} has become shorter while it was read; copy it again")
            done += got


def _header(file: BinaryIO, path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        return read_npy_header(file)
    except PickledObjectsError as error:
        raise NotInBatchesError(f"{path} {error}") from None
    except UNREADABLE as error:
        text = " ".join(str(error).split())
        raise NotInBatchesError(f"{path} is no .npy file that can be read ({text})") from error
