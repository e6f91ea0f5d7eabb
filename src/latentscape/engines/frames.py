"""The protocol between a process and the workers that it has started.

A frame is one letter for its kind, the length of its payload as a big-endian
uint64, and the payload, a pickle. Pickle is used here and nowhere else: both ends
are the same program on the same machine, joined by an anonymous pipe that one of
them has opened for the other. Frames are never written to disk, and nothing that
comes from elsewhere is ever unpickled.
"""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any, Final, NamedTuple

from latentscape.errors import WorkerError

# To the worker.
SETUP: Final = b"S"  # Setup, first of all
TASK: Final = b"T"  # the task, once
KEY: Final = b"K"  # a key to work on
END: Final = b"E"  # leave in good order
# From the worker.
PROGRESS: Final = b"P"  # Progress of the current key
RESULT: Final = b"R"  # its result
FAILURE: Final = b"F"  # Failure: the task has raised an exception
UNLOADABLE: Final = b"U"  # text: task or key cannot be loaded in the worker

_KINDS = frozenset((SETUP, TASK, KEY, END, PROGRESS, RESULT, FAILURE, UNLOADABLE))
_HEADER = struct.Struct(">cQ")


class Setup(NamedTuple):
    """What a worker must know before it can load a task."""

    sys_path: list[str]
    python_path: str | None  # the parent's own PYTHONPATH
    wants_progress: bool


class Failure(NamedTuple):
    """An exception on its way from a worker to its parent."""

    pickled: bytes | None  # None when the exception does not survive pickling
    summary: str
    traceback: str


class RemoteTraceback(Exception):  # noqa: N818 - a cause to show, never an error by itself
    """Where an exception was raised in the worker: the cause of its copy here."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def dump(value: object) -> bytes:
    """Pickle `value` for the other end."""
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def load(payload: bytes | bytearray) -> Any:
    """Unpickle what :func:`dump` has made at the other end."""
    return pickle.loads(payload)


def write_frame(descriptor: int, kind: bytes, payload: bytes = b"") -> None:
    """Write one frame, all of it.

    Raises
    ------
    OSError
        The other end is gone.
    """
    _write_all(descriptor, _HEADER.pack(kind, len(payload)))
    _write_all(descriptor, payload)


def read_frame(descriptor: int) -> tuple[bytes, bytearray] | None:
    """Read one frame; None when the other end is gone, between frames or in one.

    Raises
    ------
    WorkerError
        What arrives is not a frame: something else has written to the pipe.
    """
    header = _read_exactly(descriptor, _HEADER.size)
    if header is None:
        return None
    kind, size = _HEADER.unpack(header)
    if kind not in _KINDS:
        raise WorkerError(
            f"a worker process sent {bytes(header)!r}, which is not a message; something prints to "
            "standard output while Python starts (a .pth file or sitecustomize?)"
        )
    payload = _read_exactly(descriptor, size)
    return None if payload is None else (kind, payload)


# Straight on the descriptors: a buffered reader's lock, held by a thread that
# waits for input, would abort the interpreter when it shuts down.


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _read_exactly(descriptor: int, size: int) -> bytearray | None:
    data = bytearray()
    while len(data) < size:
        chunk = os.read(descriptor, min(size - len(data), 1 << 20))
        if not chunk:
            return None
        data += chunk
    return data
