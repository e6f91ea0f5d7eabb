"""WebDataset: pictures and what belongs to them in tar archives, grouped by their keys.

Nothing is ever unpacked to the disk, so that no name in an archive matters.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from latentscape.errors import DataError
from latentscape.images.embedding_files.raw import damage_told, regular_file
from latentscape.images.options import ReadingOptions
from latentscape.images.readers.folder import SPLITS, as_two_parts
from latentscape.images.readers.tables import LABEL_COLUMNS
from latentscape.images.readers.tree import IMAGE_SUFFIXES, printable
from latentscape.images.refused import Refused
from latentscape.images.source import Picture, Source

_TAR_ERRORS = (
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    OverflowError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_BLOCK = 512
_LARGEST_MEMBER = 1 << 28  # 256 MiB in one picture
_MOST_UNPACKED = 1 << 34  # 16 GiB of a compressed archive, held in memory
_LABEL_SUFFIXES = (".cls", ".txt", ".label")
_OPENERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZ": bz2.open,
    b"\xfd7": lzma.open,
}


@dataclass(frozen=True, slots=True)
class _InArchive:
    """Where in an archive the bytes of a picture lie."""

    path: Path
    start: int
    size: int

    def __call__(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)


def read_shards(paths: list[Path], name: str, options: ReadingOptions) -> Source:
    """Read pictures and labels from one or more tar archives.

    Files whose names differ only after the first dot belong together:
    ``0001.png``, ``0001.cls`` (a number or a word), ``0001.json`` (an object
    with ``label``; its other values become columns).

    Raises
    ------
    DataError
        An archive is damaged, cut short, or holds a key twice.
    """
    source = Source(
        name, str(paths[0] if len(paths) == 1 else paths[0].parent), pictures=[], has_columns=True
    )
    pictures: list[Picture] = []
    labels: list[Any] = []
    facts: list[dict[str, Any]] = []
    parts: list[str | None] = []
    seen: set[str] = set()
    for path in sorted(paths):
        part = next((SPLITS[w] for w in _words(path.name) if w in SPLITS), None)
        for key, files in _groups(path, source.ignored).items():
            picture = next((s for s in files if f".{s.rpartition('.')[2]}" in IMAGE_SUFFIXES), None)
            if picture is None:
                listed = ", ".join(files)
                source.ignored.append(Refused(f"{path.name}: {key}", f"has no image ({listed})"))
                continue
            shown = key if len(paths) == 1 else f"{path.stem}/{key}"
            if shown in seen:
                raise DataError(f"{path} holds the key {shown} more than once; keep one of them")
            seen.add(shown)
            label, told = _told(files, path, key, options)
            pictures.append(Picture(shown, files[picture]))
            labels.append(label)
            facts.append(told)
            parts.append(part)
    if not pictures:
        raise DataError(f"{source.where} holds no images: no name in it ends in .png, .jpg, ...")
    source.pictures = pictures
    source.ids = [picture.name for picture in pictures]
    source.labels = labels if any(label is not None for label in labels) else None
    names = dict.fromkeys(n for told in facts for n in told)
    source.columns = {n: [told.get(n) for told in facts] for n in names}
    if None not in parts and "train" in parts:
        source.split, source.notes = as_two_parts([str(part) for part in parts], name)
    return source


def _groups(path: Path, ignored: list[Refused]) -> dict[str, dict[str, Any]]:
    """Return what belongs to each key, by the rest of the name: bytes, or where they lie."""
    groups: dict[str, dict[str, Any]] = {}
    size = regular_file(path)
    with damage_told(path, "a tar archive", *_TAR_ERRORS):
        with path.open("rb") as raw:
            opener = _OPENERS.get(raw.read(2))
        compressed = opener is not None
        with opener(path, "rb") if opener is not None else path.open("rb") as file:
            unpacked = 0
            for member in _members(file, path):
                text = member.name.removeprefix("./")
                shown = f"{path.name}: {printable(text)}"
                hidden = any(p.startswith((".", "__MACOSX")) for p in text.split("/") if p != "..")
                if hidden or member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    ignored.append(Refused(shown, "is a link or a device, not a file"))
                    continue
                key, dot, suffix = _parted(text)
                if not dot or not _is_wanted(suffix):
                    ignored.append(Refused(shown, "is neither an image nor a label by its name"))
                    continue
                if member.size > _LARGEST_MEMBER:
                    ignored.append(Refused(shown, f"is {member.size:,} bytes large"))
                    continue
                if suffix in groups.setdefault(key, {}):
                    raise DataError(f"{path} holds {printable(text)} twice; keep one of them")
                is_picture = f".{suffix.rpartition('.')[2]}" in IMAGE_SUFFIXES
                if is_picture and not compressed:
                    if member.offset_data + member.size > size:
                        raise DataError(_cut_short(path))
                    content: Any = _InArchive(path, member.offset_data, member.size)
                else:
                    unpacked += member.size
                    if unpacked > _MOST_UNPACKED:
                        raise DataError(
                            f"{path} holds more than {_MOST_UNPACKED >> 30} GiB when it is "
                            "unpacked; store it without compression"
                        )
                    file.seek(member.offset_data)
                    content = file.read(member.size)
                    if len(content) < member.size:
                        raise DataError(_cut_short(path))
                groups[key][suffix] = content
    return groups


def _members(file: IO[bytes], path: Path) -> Iterator[tarfile.TarInfo]:
    """Yield the members one by one, and make sure that the archive is complete."""
    with tarfile.open(fileobj=file, mode="r:") as archive:
        before = -1
        end = 0
        while (member := archive.next()) is not None:
            if member.offset <= before or member.size < 0:
                raise DataError(f"{path} is damaged: its members overlap; make or copy it again")
            before = member.offset
            yield member
            end = max(end, archive.offset)
            archive.members.clear()  # type: ignore[attr-defined]
        # What follows the last member must be the mark of the end: Python takes the end of the
        # file, and even a damaged header, for it.
        file.seek(end)
        if file.read(_BLOCK) != bytes(_BLOCK):
            raise DataError(_cut_short(path))
        while file.read(1 << 20):  # to the end, where compression has its checksum
            pass


def _cut_short(path: Path) -> str:
    return (
        f"{path} is cut short or damaged: the mark that ends an archive is missing; make or copy "
        "it again"
    )


def _parted(name: str) -> tuple[str, str, str]:
    """Return key, dot and the rest, parted at the first dot of the last name."""
    folder, slash, last = name.rpartition("/")
    stem, dot, rest = last.partition(".")
    return printable(folder + slash + stem), dot, rest.lower()


def _is_wanted(suffix: str) -> bool:
    last = f".{suffix.rpartition('.')[2]}"
    return last in IMAGE_SUFFIXES or last in (*_LABEL_SUFFIXES, ".json")


def _told(
    files: dict[str, Any], path: Path, key: str, options: ReadingOptions
) -> tuple[Any, dict[str, Any]]:
    """Return the label and the further values of one key."""
    told: dict[str, Any] = {}
    label = None
    for suffix, content in files.items():
        if not isinstance(content, bytes) or f".{suffix}" in IMAGE_SUFFIXES:
            continue
        where = f"{path}: {key}.{suffix}"
        try:
            text = content.decode()
            if suffix == "json":
                record = json.loads(text)
                if not isinstance(record, dict):
                    raise ValueError("no object")
                told |= {n: v for n, v in record.items() if isinstance(v, str | int | float)}
            elif suffix in ("cls", "label"):
                label = text.strip() or None
            else:
                told[suffix] = text
        except (ValueError, RecursionError):
            raise DataError(
                f"{where} is not the text or the JSON object that it should be"
            ) from None
    column = options.labels if isinstance(options.labels, str) else None
    if column is not None:
        return told.pop(column, None), told
    known = next((n for n in LABEL_COLUMNS if n in told), None)
    if label is None and known is not None:
        label = told.pop(known)
    return label, told


def _words(name: str) -> list[str]:
    return PurePosixPath(name).name.lower().replace("-", "_").replace(".", "_").split("_")
