"""Files that appear whole or not at all.

Everything latentscape stores goes through here: the bytes are written to a
temporary file in the same folder, brought to the disk, and only then given
their name. Whoever reads sees the old file or the new one, never half of one;
a run that is killed leaves at most a temporary file, which
:func:`sweep_temporaries` removes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from latentscape.errors import StorageError

Buffer = bytes | bytearray | memoryview

_TEMPORARY = re.compile(r"^\..+\.[0-9a-f]{16}\.tmp$")
_NO_HARD_LINKS = {
    errno.EPERM,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EMLINK,
    errno.EXDEV,
}
_REASONS = {
    errno.ENOSPC: "no space left on the device while {doing} {path}{need}: free some space and run "
    "the same command again; everything finished is kept",
    errno.EDQUOT: "the disk quota is used up while {doing} {path}{need}: free some space and run "
    "the same command again; everything finished is kept",
    errno.EFBIG: "{path} is larger than this file system allows{need}: use a directory on another "
    "file system",
    errno.EACCES: "no permission for {doing} {path}: change its permissions or use a directory of "
    "your own",
    errno.EPERM: "{doing} {path} is not permitted: change its permissions or use a directory of "
    "your own",
    errno.EROFS: "{path} lies on a read-only file system: use a directory that can be written to",
    errno.ENOTDIR: "a part of the path {path} is a file where a directory is needed: move that "
    "file away or use another directory",
    errno.EISDIR: "{path} is a directory where a file is needed: move it away or use another "
    "directory",
    errno.ENOENT: "{path} does not exist (any more): check the path and run the same command again",
    errno.ENAMETOOLONG: "the name {path} is too long for this file system: use a shorter path",
    errno.EIO: "the device reports an error while {doing} {path}: check the disk, or use another "
    "directory",
}


def storage_error(
    error: OSError, path: str | Path, *, doing: str = "writing", needed: int | None = None
) -> StorageError:
    """Say in one sentence what went wrong with a file, and the way out.

    Parameters
    ----------
    error : OSError
        What the operating system reported.
    path : str or Path
        The file or directory that the user knows (not a temporary name).
    doing : str
        ``"writing"``, ``"reading"`` or another verb in that form.
    needed : int, optional
        How many bytes were to be written.

    Returns
    -------
    StorageError
        With the errno of `error`; to be raised ``from error``.
    """
    code = error.errno
    # NotADirectoryError and friends carry an errno; a few libraries raise OSError without one.
    text = _REASONS.get(
        code if code is not None else -1,
        f"{{doing}} {{path}} failed ({error.strerror or error}): check the path and the disk, "
        "then run the same command again",
    )
    need = f" (needs about {_readable(needed)})" if needed else ""
    message = text.format(doing=doing, path=path, need=need)
    result = StorageError(message)
    result.errno = code
    return result


def _readable(n_bytes: int) -> str:
    """Write a number of bytes for people, rounded up: ``"31 MB"``."""
    if n_bytes < 1_000_000:
        return f"{-(-n_bytes // 1000)} kB"
    return f"{-(-n_bytes // 1_000_000)} MB"


class AtomicFile:
    """A binary file that takes its name only when it is complete.

    Use as a context manager. Leaving it normally makes the file durable and
    renames it over `path`; leaving it by an exception removes what was written
    and leaves an older `path` untouched. With ``hold=True`` a normal exit keeps
    the complete file under its temporary name until :meth:`publish`.

    Parameters
    ----------
    path : str or Path
        Final name; missing parent folders are made.
    needed : int, optional
        Expected size in bytes, for the message when the disk is full.
    hold : bool
        Wait for :meth:`publish` or :meth:`discard` after the ``with`` block.

    Attributes
    ----------
    size : int
        Bytes written so far.

    Raises
    ------
    StorageError
        If anything cannot be created, written or renamed, or if `path` is a
        directory, a device or a pipe.
    """

    def __init__(self, path: str | Path, *, needed: int | None = None, hold: bool = False) -> None:
        self.path = Path(path)
        self.temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}.tmp")
        self.needed = needed
        self.hold = hold
        self.size = 0
        self._digest = hashlib.sha256()
        self._handle = -1

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of what was written so far."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        _refuse_to_replace(self.path)
        make_folder(self.path.parent)
        try:
            self._handle = os.open(self.temporary, flags, 0o666)
        except OSError as error:
            raise self._explain(error) from error
        return self

    def write(self, data: Buffer) -> int:
        """Append `data` and return its length in bytes."""
        view = memoryview(data).cast("B")
        try:
            done = 0
            while done < len(view):  # the system may take less than it was given
                done += os.write(self._handle, view[done:])
        except OSError as error:
            raise self._explain(error) from error
        self._digest.update(view)
        self.size += len(view)
        return len(view)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        handle, self._handle = self._handle, -1
        try:
            try:
                if kind is None:
                    os.fsync(handle)
            finally:
                os.close(handle)
            if kind is None and not self.hold:
                os.replace(self.temporary, self.path)
        except BaseException as failure:
            self.discard()
            if isinstance(failure, OSError):
                raise self._explain(failure) from failure
            raise
        if kind is not None:
            self.discard()
        elif not self.hold:
            sync_folder(self.path.parent)

    def publish(self) -> None:
        """Give the complete file its final name, replacing an older one."""
        try:
            os.replace(self.temporary, self.path)
        except OSError as error:
            self.discard()
            raise self._explain(error) from error
        sync_folder(self.path.parent)

    def publish_if_absent(self) -> bool:
        """Give the file its name unless that is taken; the first one wins."""
        try:
            won = _link_exclusively(self.temporary, self.path)
        except OSError as error:
            raise self._explain(error) from error
        finally:
            self.discard()
        if won:
            sync_folder(self.path.parent)
        return won

    def discard(self) -> None:
        """Remove the temporary file, if it is still there."""
        with contextlib.suppress(OSError):
            os.unlink(self.temporary)

    def _explain(self, error: OSError) -> StorageError:
        return storage_error(error, self.path, needed=self.needed or self.size)


def write_atomically(path: str | Path, data: Buffer) -> None:
    """Replace the file `path` by `data`, whole or not at all.

    Raises
    ------
    StorageError
        If it cannot be written; an older file is then untouched.
    """
    with AtomicFile(path, needed=memoryview(data).nbytes) as file:
        file.write(data)


def publish_exclusively(path: str | Path, data: Buffer) -> bool:
    """Store `data` under a name that nobody has used yet; the first writer wins.

    Parameters
    ----------
    path : str or Path
        Final name. It never shows a half-written file.
    data : bytes-like
        The whole content.

    Returns
    -------
    bool
        True if this call stored the file, False if one was already there
        (which is then left as it is).

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    path = Path(path)
    if path.exists():
        return False
    with AtomicFile(path, needed=memoryview(data).nbytes, hold=True) as file:
        file.write(data)
    return file.publish_if_absent()


def _refuse_to_replace(path: Path) -> None:
    """Refuse a name behind which stands anything but a file: a rename would do away with it."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return  # there is nothing; whether there can be something will be seen
    if stat.S_ISDIR(mode):
        raise storage_error(IsADirectoryError(errno.EISDIR, ""), path)
    if not stat.S_ISREG(mode):
        raise StorageError(
            f"{path} is not a regular file and stays as it is: give the name of a new file"
        )


def _link_exclusively(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
        return True
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
    except AttributeError:  # a platform without os.link
        pass
    # No hard links here (FAT, some network shares): check and rename under a lock on the folder.
    with _folder_lock(target.parent):
        if target.exists():
            return False
        os.rename(source, target)
        return True


@contextlib.contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows, where os.rename itself refuses an existing target
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # the rename below stays atomic without it
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder and its parents.

    Raises
    ------
    StorageError
        If that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise storage_error(NotADirectoryError(errno.ENOTDIR, ""), path) from error
    except OSError as error:
        raise storage_error(error, path, doing="making") from error


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk, as far as the system can do that.

    A failure is no error: the file is whole and visible already, only a power
    cut in the next seconds could still bring the old name back.
    """
    with contextlib.suppress(OSError):  # Windows cannot open folders, some shares cannot sync them
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_temporary(name: str) -> bool:
    """Tell whether a file name is one of our temporary names."""
    return _TEMPORARY.match(name) is not None


def sweep_temporaries(folder: str | Path) -> int:
    """Remove what killed runs left in `folder` and below, and count it.

    Only call this while nobody else writes there.
    """
    count = 0
    for root, _, names in os.walk(folder):
        for name in filter(is_temporary, names):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(root, name))
                count += 1
    return count


def sha256_of_file(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's content.

    Raises
    ------
    StorageError
        If it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise storage_error(error, path, doing="reading") from error


def check_writable(path: str | Path) -> None:
    """Make sure, before long work begins, that a file can be written in the end.

    Nothing stays behind: folders that had to be made for it go again.

    Raises
    ------
    StorageError
        If `path` is a directory, a device or a pipe, or nothing can be
        written beside it.
    """
    path = Path(path)
    missing = [folder for folder in path.parents if not os.path.exists(folder)]
    try:
        with AtomicFile(path, hold=True) as file:
            file.write(b"")
        file.discard()
    finally:
        for folder in missing:  # the innermost first
            with contextlib.suppress(OSError):  # it was not made, or someone else uses it by now
                os.rmdir(folder)
