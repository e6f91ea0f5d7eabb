"""Reader for IDX files, the format in which MNIST and its relatives come.

An IDX file is two zero bytes, a code for the number type, the number of
dimensions, each dimension as a big-endian uint32, and then the values, the last
dimension running fastest (http://yann.lecun.com/exdb/mnist/).

The reader trusts nothing in a file: memory is taken only after the byte count
that the header promises has been compared with what the file can hold.
"""

from __future__ import annotations

import contextlib
import difflib
import gzip
import io
import math
import os
import stat
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from latentscape.errors import DataError, IdxFormatError, StorageError
from latentscape.types import AnyArray

# Number types by their code in the third byte; every one of them is big-endian.
_NUMBER_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_MAX_DIMENSIONS = 32  # what every version of numpy can hold
_GZIP_MAGIC = b"\x1f\x8b"
# Deflate cannot do better: 258 bytes for two bits.
_GZIP_MAX_RATIO = 1032
_CHUNK = 1 << 20

_Stream: TypeAlias = io.BufferedReader | gzip.GzipFile


def read_idx(path: str | os.PathLike[str]) -> AnyArray:
    """Read one IDX file, plain or gzipped.

    Compression is recognised by the first bytes of the file, not by its name.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    ndarray
        The values in the shape that the header gives, in native byte order:
        uint8, int8, int16, int32, float32 or float64.

    Raises
    ------
    IdxFormatError
        The file is empty, cut short, too long, damaged or no IDX file.
    StorageError
        There is no such file, it is a directory, or it may not be read.
    DataError
        The values do not fit into memory.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(file)
    array([7, 2, 1], dtype=uint8)
    """
    return read_header_and_values(Path(path))[1]


def read_header_and_values(path: Path) -> tuple[bytes, AnyArray]:
    """Read one IDX file as :func:`read_idx` does, and keep its header's bytes."""
    with _open_file(path) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            magic = file.read(2)
            file.seek(0)
            if magic == _GZIP_MAGIC:
                with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                    return _parse(path, stream, file_size=size, gzipped=True)
            return _parse(path, file, file_size=size, gzipped=False)
        except EOFError:
            raise IdxFormatError(
                f"{path}: the gzip stream ends too early; copy or download the file again"
            ) from None
        except (gzip.BadGzipFile, zlib.error) as error:  # before OSError, BadGzipFile's parent
            raise IdxFormatError(
                f"{path}: the gzip stream is damaged ({error}); copy or download the file again"
            ) from error
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error


def missing_message(path: Path, known_names: Iterable[str] = ()) -> str:
    """Say that `path` does not exist, and name what may have been meant.

    Parameters
    ----------
    path : Path
        The path that was asked for.
    known_names : iterable of str
        Names besides the files around it that would have been understood.

    Returns
    -------
    str
        One sentence.
    """
    folder = path.parent
    if not folder.is_dir():
        existing = next((p for p in folder.parents if p.is_dir()), None)
        where = f"; {existing} is the part of its path that exists" if existing else ""
        return f"there is no file or directory {path}{where}"
    names = {name: name for name in known_names}
    # A folder may be entered but not listed: then there is no suggestion from it.
    with contextlib.suppress(OSError):
        names |= {entry.name: str(folder / entry.name) for entry in folder.iterdir()}
    by_lower = {name.lower(): shown for name, shown in names.items()}
    near = difflib.get_close_matches(path.name.lower(), by_lower, n=3, cutoff=0.6)
    if near:
        choices = " or ".join(repr(by_lower[name]) for name in near)
        return f"there is no file or directory {path}; did you mean {choices}?"
    return f"there is no file or directory {path}; check the path"


def _open_file(path: Path) -> io.BufferedReader:
    """Open a regular file for reading, or say why that cannot be done."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise StorageError(
                f"{path} is a directory, but one IDX file is needed here; name the file inside it"
            )
        if not stat.S_ISREG(mode):
            # Opening a pipe would wait for ever, and a device has no size.
            raise StorageError(f"{path} is not a regular file; copy its content into one")
        return path.open("rb")
    except StorageError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise StorageError(missing_message(path)) from None
    except PermissionError:
        raise StorageError(
            f"there is no permission to read {path}; allow it (chmod u+r) or copy the file"
        ) from None
    except OSError as error:
        raise StorageError(f"{path} cannot be opened: {error.strerror or error}") from error
    except ValueError as error:  # a path with a null byte in it
        raise StorageError(f"{str(path)!r} is not a path: {error}") from error


def _parse(path: Path, stream: _Stream, *, file_size: int, gzipped: bool) -> tuple[bytes, AnyArray]:
    header, dtype, shape = _read_header(path, stream)
    n_bytes = math.prod(shape) * dtype.itemsize
    total = len(header) + n_bytes
    if gzipped and total > _GZIP_MAX_RATIO * file_size:
        raise IdxFormatError(
            f"{path}: the header promises {total:,} bytes, more than {file_size:,} gzipped bytes "
            "can hold; the file is damaged or not an IDX file"
        )
    if not gzipped and total != file_size:
        swapped = [int.from_bytes(n.to_bytes(4, "big"), "little") for n in shape]
        if len(header) + math.prod(swapped) * dtype.itemsize == file_size:
            listed = ", ".join(map(str, swapped))
            raise IdxFormatError(
                f"{path}: the dimensions ({listed}) are stored in the wrong byte order; IDX files "
                "are big-endian, so write the most significant byte of each number first"
            )
        raise IdxFormatError(_count_message(path, total, file_size))
    if math.prod(n for n in shape if n) * dtype.itemsize > np.iinfo(np.intp).max:
        # An empty array promises no bytes, whatever its other dimensions say.
        raise IdxFormatError(f"{path}: the dimensions {shape} are larger than an array can be")
    try:
        values = np.empty(n_bytes, dtype=np.uint8)
    except MemoryError:
        raise DataError(
            f"{path} holds {n_bytes / 2**30:,.1f} GiB of values, which do not fit into memory; "
            "use a part of the file or a larger machine"
        ) from None
    view = values.data
    done = 0
    while done < n_bytes:
        n_read = stream.readinto(view[done : done + _CHUNK])
        if not n_read:
            raise IdxFormatError(_count_message(path, total, len(header) + done))
        done += n_read
    # One byte beyond the end shows that there are more; it also makes gzip
    # compare its checksum. Nothing further is ever decompressed.
    if stream.read(1):
        raise IdxFormatError(_count_message(path, total, total + 1, at_least=True))
    array = values.view(dtype).reshape(shape)
    return header, array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(path: Path, stream: _Stream) -> tuple[bytes, np.dtype[Any], tuple[int, ...]]:
    """Return the header's bytes, the number type and the dimensions."""
    magic = stream.read(4)
    if not magic:
        raise IdxFormatError(f"{path} is empty; copy or download the file again")
    if magic[:2] != b"\0\0"[: len(magic)]:
        raise IdxFormatError(
            f"{path} is not an IDX file: it starts with the bytes {magic[:2].hex(' ')} instead of "
            "00 00"
        )
    if len(magic) < 4:
        raise IdxFormatError(
            f"{path} is not an IDX file: {len(magic)} bytes are too few for a header"
        )
    code, n_dimensions = magic[2], magic[3]
    if code not in _NUMBER_TYPES:
        known = ", ".join(f"0x{known:02x}" for known in _NUMBER_TYPES)
        raise IdxFormatError(
            f"{path} is not an IDX file: its third byte, the number type, is 0x{code:02x} and not "
            f"one of {known}"
        )
    if not 1 <= n_dimensions <= _MAX_DIMENSIONS:
        raise IdxFormatError(
            f"{path} is not an IDX file: its fourth byte, the number of dimensions, is "
            f"{n_dimensions} and not between 1 and {_MAX_DIMENSIONS}"
        )
    dimensions = stream.read(4 * n_dimensions)
    if len(dimensions) < 4 * n_dimensions:
        raise IdxFormatError(
            f"{path}: expected a header of {4 + 4 * n_dimensions:,} bytes for {n_dimensions} "
            f"dimensions, got {4 + len(dimensions):,} bytes; copy or download the file again"
        )
    shape: tuple[int, ...] = struct.unpack(f">{n_dimensions}I", dimensions)
    return magic + dimensions, _NUMBER_TYPES[code], shape


def _count_message(path: Path, expected: int, got: int, *, at_least: bool = False) -> str:
    kind = "the file is cut short" if got < expected else "the file goes on after its last value"
    return (
        f"{path}: expected {expected:,} bytes, got {'at least ' if at_least else ''}{got:,}; "
        f"{kind}, so copy or download it again"
    )
