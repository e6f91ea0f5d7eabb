"""The files below a folder, each once, whatever links there are."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from latentscape.errors import StorageError
from latentscape.images.refused import Refused

IMAGE_SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".ico", ".tga", ".jp2", ".avif"),
}
_NOBODYS = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"}
_MAGIC = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")


@dataclass
class Tree:
    """What lies below a folder.

    Attributes
    ----------
    root : Path
    images : list of Path
        Relative to the root, in the order of their names.
    others : list of Path
        Files that are no images by their names.
    refused : list of Refused
        What may not be read.
    """

    root: Path
    images: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def walk(root: Path) -> Tree:
    """Find the files below a folder; hidden ones and the systems' own are left out.

    Raises
    ------
    StorageError
        The folder itself may not be read.
    """
    tree = Tree(root)
    seen: dict[tuple[int, int], Path] = {}
    todo = [Path()]
    while todo:
        folder = todo.pop()
        try:
            status = (root / folder).stat()
            key = (status.st_dev, status.st_ino)
            if key in seen:  # a link to a folder above or beside
                tree.refused.append(
                    Refused(printable(folder), f"is {printable(seen[key])} again, by a link")
                )
                continue
            seen[key] = folder
            names = sorted(entry.name for entry in (root / folder).iterdir())
        except OSError as error:
            if folder == Path():
                raise StorageError(
                    f"there is no permission to read {root} ({error.strerror}); allow it "
                    "(chmod u+rx) or copy the files"
                ) from None
            tree.refused.append(
                Refused(printable(folder), f"cannot be opened: {error.strerror or error}")
            )
            continue
        folders = []
        for name in names:
            if name.startswith(".") or name.lower() in _NOBODYS:
                continue
            path = folder / name
            if (root / path).is_dir():
                folders.append(path)
            elif _looks_like_an_image(root / path):
                tree.images.append(path)
            else:
                tree.others.append(path)
        todo += reversed(folders)
    tree.images.sort(key=lambda path: path.parts)
    tree.others.sort(key=lambda path: path.parts)
    return tree


def printable(path: Path | str) -> str:
    """Return a path with slashes, and with names that are no text written out."""
    text = path.as_posix() if isinstance(path, Path) else path
    return os.fsencode(text).decode(errors="backslashreplace")


def _looks_like_an_image(path: Path) -> bool:
    if path.suffix:
        return path.suffix.lower() in IMAGE_SUFFIXES
    try:
        if not path.is_file():  # a pipe would keep us waiting
            return False
        with path.open("rb") as file:
            return file.read(8).startswith(_MAGIC)
    except OSError:
        return False
