"""The program that a worker process runs: ``python -m latentscape.engines.worker``.

It reads keys from standard input, calls the task and writes the results to what
was standard output. It ends as soon as standard input closes, even in the middle
of a task, so that no worker outlives its parent.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
import types
from typing import Any, NoReturn

from latentscape.engines.frames import (
    END,
    FAILURE,
    KEY,
    PROGRESS,
    RESULT,
    SETUP,
    TASK,
    UNLOADABLE,
    Failure,
    Setup,
    dump,
    load,
    read_frame,
    write_frame,
)
from latentscape.types import Progress


def main() -> None:
    """Serve the parent until it says END or is gone."""
    _leave_interrupts_to_the_parent()
    source, sink = _take_the_pipes()
    # A pickle that names __main__ means the user's script, not this module:
    # let it fail to load instead of finding something of the same name here.
    sys.modules["__main__"] = types.ModuleType("__main__")
    inbox: queue.SimpleQueue[tuple[bytes, bytearray]] = queue.SimpleQueue()
    threading.Thread(target=_watch, args=(source, inbox), daemon=True).start()
    worker = _Worker(sink)
    if hasattr(os, "register_at_fork"):
        # A process that a task forks must not keep the pipes open, or the
        # parent would not see that this one has died.
        os.register_at_fork(after_in_child=lambda: worker.forget_pipes(source))
    worker.serve(inbox)


class _Worker:
    def __init__(self, sink: int) -> None:
        self._sink = sink
        self._lock = threading.Lock()  # a task may report from threads of its own
        self._wants_progress = False
        self._task: Any = None

    def serve(self, inbox: queue.SimpleQueue[tuple[bytes, bytearray]]) -> None:
        while True:
            kind, payload = inbox.get()
            if kind == SETUP:
                self._set_up(load(payload))
            elif kind == TASK:
                self._task = self._load(payload, "task")
            elif kind == KEY:
                self._work(payload)
            elif kind == END:
                return

    def forget_pipes(self, source: int) -> None:
        os.close(source)
        os.close(self._sink)
        self._sink = -1

    def _set_up(self, setup: Setup) -> None:
        sys.path[:] = setup.sys_path
        # PYTHONPATH was set only to start this process.
        if setup.python_path is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = setup.python_path
        self._wants_progress = setup.wants_progress

    def _work(self, payload: bytearray) -> None:
        key = self._load(payload, "key")
        try:
            answer = dump(self._task(key, self._report))
        except BaseException as error:
            # Also SystemExit and KeyboardInterrupt: the parent raises what the
            # task has raised, as if it had been called there.
            self._send(FAILURE, dump(_failure(error)))
        else:
            self._send(RESULT, answer)

    def _load(self, payload: bytearray, what: str) -> Any:
        try:
            return load(payload)
        except Exception as error:
            self._send(UNLOADABLE, dump(f"the {what} ({type(error).__name__}: {error})"))
            sys.exit(1)

    def _report(self, progress: Progress, /) -> None:
        if self._wants_progress:
            self._send(PROGRESS, dump(progress))

    def _send(self, kind: bytes, payload: bytes) -> None:
        try:
            with self._lock:
                write_frame(self._sink, kind, payload)
        except OSError:  # nobody is there to read it
            _leave_now()


def _watch(source: int, inbox: queue.SimpleQueue[tuple[bytes, bytearray]]) -> None:
    """Pass frames on; end the process when the parent is gone or gives up."""
    try:
        while (frame := read_frame(source)) is not None:
            inbox.put(frame)
    except Exception:  # without this thread the process would never end
        traceback.print_exc()
    _leave_now()


def _leave_now() -> NoReturn:
    # sys.exit would only end this thread, and wait for the task.
    os._exit(1)


def _leave_interrupts_to_the_parent() -> None:
    # Ctrl-C reaches every process of the terminal; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":  # the parent has blocked it until here
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _take_the_pipes() -> tuple[int, int]:
    """Move the protocol away from descriptors 0 and 1.

    What a task prints, from Python or from C, then goes to standard error, and
    what it reads from standard input is empty: neither can damage a frame.
    """
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


def _failure(error: BaseException) -> Failure:
    pickled = None
    try:
        pickled = dump(error)
        # Many exceptions can be pickled but not made again from it.
        if type(load(pickled)) is not type(error):
            pickled = None
    except Exception:
        pickled = None
    return Failure(
        pickled=pickled,
        summary=f"{type(error).__name__}: {error}",
        traceback="".join(traceback.format_exception(error)),
    )


if __name__ == "__main__":
    main()
