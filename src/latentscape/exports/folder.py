"""A folder of exported files, in which nobody else's file is ever replaced."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from latentscape.errors import StorageError
from latentscape.files import (
    AtomicFile,
    check_writable,
    make_folder,
    sha256_of_file,
    storage_error,
    write_atomically,
)

RECORD = "latentscape-export.json"
_FORMAT = "latentscape-export"
_CHUNK = 1 << 20


class ExportFolder:
    """A folder and the record of what was exported into it.

    A file is only replaced when the record says, by its SHA-256, that an
    earlier export has written it as it stands there.

    Parameters
    ----------
    path : Path
        The folder; made when the first file is written.

    Raises
    ------
    StorageError
        It is a file, or its record is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, list[str]] = _read_record(path)

    def check(self, names: Iterable[str]) -> None:
        """Refuse, before long work begins, to replace a file of somebody else.

        Raises
        ------
        StorageError
            With the name of the file.
        """
        for name in names:
            target = self.path / name
            if target.is_symlink() or (target.exists() and not self._is_ours(name)):
                raise StorageError(
                    f"{target} exists already and was not written by `latentscape export`, or was "
                    "changed since: move it away or give another directory; nothing was changed"
                )
        check_writable(self.path / RECORD)

    def write(self, name: str, produce: Callable[[Path], None]) -> int:
        """Write one file, whole or not at all.

        Parameters
        ----------
        name : str
            Relative to the folder.
        produce : callable
            Writes the content to the path that it is given.

        Returns
        -------
        int
            Size in bytes.

        Raises
        ------
        StorageError
            It cannot be written, or somebody else's file has its name.
        """
        target = self.path / name
        self.check([name])
        make_folder(target.parent)
        try:
            # Libraries write to a name of their own; only what is complete is copied.
            with tempfile.TemporaryDirectory(prefix=".export-", dir=self.path) as scratch:
                made = Path(scratch) / target.name
                produce(made)
                file = AtomicFile(target, needed=made.stat().st_size, hold=True)
                with file, made.open("rb") as content:
                    while chunk := content.read(_CHUNK):
                        file.write(chunk)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise storage_error(error, target) from error
        try:
            before = [sha256_of_file(target)] if target.exists() else []
            # Both may stand there if the power fails between this and the next line.
            self._remember(name, sorted({*before, file.sha256}))
        except BaseException:
            file.discard()
            raise
        file.publish()
        return file.size

    def _is_ours(self, name: str) -> bool:
        target = self.path / name
        return target.is_file() and sha256_of_file(target) in self._known.get(name, [])

    def _remember(self, name: str, hashes: list[str]) -> None:
        self._known[name] = hashes
        record = {"format": _FORMAT, "files": dict(sorted(self._known.items()))}
        write_atomically(self.path / RECORD, (json.dumps(record, indent=1) + "\n").encode())


def _read_record(folder: Path) -> dict[str, list[str]]:
    path = folder / RECORD
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise storage_error(error, path, doing="reading") from error
    except OSError as error:
        raise storage_error(error, path, doing="reading") from error
    except ValueError:
        content = None
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict) or content.get("format") != _FORMAT:
        raise StorageError(
            f"{path} is damaged or not written by `latentscape export`: move it away or give "
            "another directory; nothing was changed"
        )
    return {
        str(name): [str(digest) for digest in hashes]
        for name, hashes in files.items()
        if isinstance(hashes, list)
    }
