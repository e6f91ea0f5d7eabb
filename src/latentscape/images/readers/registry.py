"""Which reader reads a path."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latentscape.errors import DataError, StorageError
from latentscape.images.idx import missing_message
from latentscape.images.options import ReadingOptions
from latentscape.images.readers.arrays import read_npy, read_npz
from latentscape.images.readers.columnar import read_columnar
from latentscape.images.readers.folder import read_folder
from latentscape.images.readers.idx_files import idx_file, idx_folder
from latentscape.images.readers.pixel_rows import read_csv
from latentscape.images.readers.shards import TAR_SUFFIXES, read_shards
from latentscape.images.readers.tree import IMAGE_SUFFIXES, walk
from latentscape.images.source import Picture, Source

_IDX_MAGIC = (b"\0\0", b"\x1f\x8b")


@dataclass(frozen=True)
class FileReader:
    """A reader of one kind of files.

    Attributes
    ----------
    what : str
        What it reads, for messages.
    suffixes : tuple of str
        How names of such files end, in small letters.
    read : callable
        Takes a path (or several, where `many`), a name and the options.
    """

    what: str
    suffixes: tuple[str, ...]
    read: Callable[[list[Path], str, ReadingOptions], Source]


def _read_picture(paths: list[Path], name: str, options: ReadingOptions) -> Source:
    return Source(
        name,
        str(paths[0]),
        pictures=[Picture(path.name, path) for path in paths],
        ids=[path.name for path in paths],
    )


FILE_READERS = (
    FileReader("pictures", tuple(sorted(IMAGE_SUFFIXES)), _read_picture),
    FileReader("WebDataset shards", TAR_SUFFIXES, read_shards),
    FileReader("Parquet", (".parquet", ".pq"), read_columnar),
    FileReader("Arrow or Feather", (".arrow", ".feather", ".ipc"), read_columnar),
    FileReader(".npz", (".npz",), read_npz),
    FileReader(".npy", (".npy",), read_npy),
    FileReader("CSV", (".csv", ".csv.gz", ".tsv"), read_csv),
)


def describe_forms() -> str:
    """Name everything that can be read, for messages."""
    forms = [reader.what for reader in FILE_READERS[1:]]
    return f"a folder of pictures, IDX, {', '.join(forms[:-1])} or {forms[-1]} files"


def source_from_path(path: Path, options: ReadingOptions) -> Source:
    """Read a file or a folder with the reader that is made for it.

    Raises
    ------
    StorageError
        It does not exist or may not be read.
    DataError
        No reader is made for it, or what it holds cannot be used.
    """
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise StorageError(missing_message(path, known_names=["mnist"])) from None
    except (OSError, ValueError):
        return idx_file(path, "images")  # which says what is wrong with the path
    name = path.resolve().name.removesuffix(".gz") or "images"
    if is_folder:
        return _read_folder(path, name, options)
    lower = path.name.lower()
    for reader in FILE_READERS:
        if lower.endswith(reader.suffixes):
            return reader.read([path], name, options)
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(2)
        if head and not head.startswith(_IDX_MAGIC) and "idx" not in lower:
            raise DataError(
                f"{path} is not an IDX file nor another one that can be read; give "
                f"{describe_forms()}"
            )
    return idx_file(path, name)


def _read_folder(path: Path, name: str, options: ReadingOptions) -> Source:
    try:
        files = [file for file in path.iterdir() if file.is_file()]
    except OSError as error:
        raise StorageError(
            f"there is no permission to read {path} ({error.strerror}); allow it (chmod u+rx) or "
            "copy the files"
        ) from None
    idx = idx_folder(path, files, name)
    if idx is not None:
        return idx
    tree = walk(path)
    if tree.images:
        return read_folder(tree, name, options)
    for reader in FILE_READERS:
        found = [path / file for file in tree.others if file.name.lower().endswith(reader.suffixes)]
        if found:
            return reader.read(found, name, options)
    raise DataError(
        f"{path} holds no images that can be read: pictures, or files of them such as "
        f"train-images-idx3-ubyte, are needed (what can be read: {describe_forms()})"
    )
