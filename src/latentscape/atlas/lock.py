"""Only one process writes to an atlas at a time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from latentscape.atlas.encoding import encode_json
from latentscape.atlas.schema import HOLDER, LOCK
from latentscape.errors import AtlasLockedError, StorageError
from latentscape.files import storage_error, write_atomically


class WriterLock:
    """The right to write to one atlas; the system takes it back from a killed process.

    Parameters
    ----------
    folder : Path
        An existing directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / LOCK, timeout=0)

    def acquire(self) -> None:
        """Take the lock, or say who holds it.

        Raises
        ------
        AtlasLockedError
            If another process (or another writer of this one) holds it.
        StorageError
            If the lock file cannot be made.
        """
        try:
            self._lock.acquire(blocking=False)
        except Timeout:  # is an OSError, so it comes first
            raise AtlasLockedError(
                f"{self.folder} is being written by {self._holder()}: wait for it to finish or "
                "stop it, or use another directory"
            ) from None
        except OSError as error:
            raise storage_error(error, self.folder / LOCK) from error
        except NotImplementedError as error:
            raise StorageError(
                f"{self.folder} lies on a file system without file locks: use a directory on a "
                "local disk"
            ) from error
        try:
            note = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
            write_atomically(self.folder / HOLDER, encode_json(note))
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Give the lock back."""
        with contextlib.suppress(OSError):
            os.unlink(self.folder / HOLDER)
        self._lock.release()

    def _holder(self) -> str:
        try:
            note = json.loads((self.folder / HOLDER).read_bytes())
            return f"process {note['pid']} on {note['host']} since {note['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"  # it has the lock and has not yet left its note


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
