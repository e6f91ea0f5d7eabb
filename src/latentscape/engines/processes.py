"""The engine of local processes: fresh interpreters with one thread each.

Workers are started as programs of their own, never forked, and never import the
user's script, so that a script needs no ``if __name__ == "__main__"``. One thread
of this process looks after each worker; everything that the consumer sees (results,
progress, errors) happens in the consumer's own thread.
"""

from __future__ import annotations

import contextlib
import operator
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, cast

from latentscape.engines.frames import (
    END,
    FAILURE,
    KEY,
    PROGRESS,
    RESULT,
    SETUP,
    TASK,
    Failure,
    RemoteTraceback,
    Setup,
    dump,
    load,
    read_frame,
    write_frame,
)
from latentscape.errors import SettingError, WorkerError
from latentscape.types import Key, ProgressCallback, Result, Task

MAX_DEATHS = 3
MOST_WORKERS = 1024  # more is a slip of the finger, and would end with the machine
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
_SECONDS_TO_LEAVE = 10.0  # after END, before a worker is killed


class ProcessEngine:
    """Spreads keys over local worker processes with one thread each.

    Parameters
    ----------
    n_workers : int, optional
        At most this many processes, at least 1; by default one for each
        usable core. There are never more than keys.

    Raises
    ------
    SettingError
        `n_workers` is not a positive integer, or more than 1,024.

    Notes
    -----
    The task and the keys are sent to the workers by pickling, so the task must
    live in a module that can be imported. What a task prints goes to standard
    error.

    Examples
    --------
    >>> ProcessEngine(2)
    ProcessEngine(n_workers=2)
    """

    def __init__(self, n_workers: int | None = None) -> None:
        try:
            n = usable_cores() if n_workers is None else operator.index(n_workers)
        except TypeError:
            n = 0
        if n < 1 or isinstance(n_workers, bool):
            raise SettingError(
                f"the number of workers must be an integer of at least 1, got {n_workers!r}; "
                "leave it out to use every core"
            )
        if n > MOST_WORKERS:
            raise SettingError(
                f"the number of workers must be at most {MOST_WORKERS:,}, got {n:,}; each is a "
                "process with a copy of the data, so take about one for each core"
            )
        self.n_workers = n

    def __repr__(self) -> str:
        return f"ProcessEngine(n_workers={self.n_workers})"

    def map(
        self,
        task: Task[Key, Result],
        keys: Iterable[Key],
        *,
        on_progress: ProgressCallback | None = None,
    ) -> Iterator[tuple[Key, Result]]:
        """Yield ``(key, task(key, report))`` for each key, in order of completion.

        The workers start with the first result asked for. They end when the
        last result is there, when the iterator is closed, and when anything
        is raised, which stops work under way.

        Parameters
        ----------
        task : callable
            Called in a worker with a key and the function to which it reports
            progress. An exception that it raises is raised here, with the
            worker's traceback as its cause.
        keys : iterable
            What to call it with; each is worked on once.
        on_progress : callable, optional
            Receives each :class:`~latentscape.types.Progress`, in the thread
            that iterates.

        Yields
        ------
        key, result
            One pair for each key.

        Raises
        ------
        WorkerError
            Workers have died three times over the same key; or a worker could
            not be started, or its answer could not be read.
        SettingError
            The task or a key cannot be sent to a worker.
        """
        listed = list(keys)
        payload = _pickled(task, "the task")
        jobs = [_pickled(key, f"the key {key!r}") for key in listed]
        pool = _Pool(payload, jobs, [repr(key) for key in listed], on_progress is not None)
        return _results(pool, listed, min(self.n_workers, len(listed)), on_progress)


def usable_cores() -> int:
    """Return the number of cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _results(
    pool: _Pool, keys: list[Key], n_workers: int, on_progress: ProgressCallback | None
) -> Iterator[tuple[Key, Any]]:
    n_open = len(keys)
    try:
        pool.start(n_workers)
        while n_open:
            kind, job, value = pool.events.get()
            if kind == "progress":
                if on_progress is not None:
                    on_progress(value)
            elif kind == "result":
                n_open -= 1
                yield keys[job], value
            else:
                error, cause = cast(tuple[BaseException, BaseException | None], value)
                # The worker's traceback is the cause; without one, the error's own stays.
                raise error from (cause or error.__cause__)
        pool.join()
    finally:
        pool.stop()


class _Pool:
    """The workers of one ``map`` call, and the threads that look after them."""

    def __init__(self, task: bytes, jobs: list[bytes], names: list[str], progress: bool) -> None:
        self.events: queue.SimpleQueue[tuple[str, int, Any]] = queue.SimpleQueue()
        self._task = task
        self._jobs = jobs
        self._names = names
        self._waiting = deque(range(len(jobs)))
        self._import_path = _absolute_import_path()
        self._setup = dump(
            Setup(
                sys_path=self._import_path,
                python_path=os.environ.get("PYTHONPATH"),
                wants_progress=progress,
            )
        )
        self._lock = threading.Lock()  # guards the two below
        self._stopping = False
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._threads: list[threading.Thread] = []

    def start(self, n_workers: int) -> None:
        for i in range(n_workers):
            thread = threading.Thread(target=self._look_after, name=f"worker-{i}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """Wait until every worker has left in good order."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Kill what still runs; harmless when nothing does."""
        with self._lock:
            self._stopping = True
            for process in self._processes:
                # Stores are written so that this loses nothing that is finished.
                process.kill()
        self.join()

    def _look_after(self) -> None:
        """Feed one worker, in a thread of its own, as long as keys are left."""
        if sys.platform != "win32":
            # Processes inherit the mask: a Ctrl-C cannot hit a worker before
            # it has begun to ignore it.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process: subprocess.Popen[bytes] | None = None
        job = -1
        try:
            while self._waiting and not self._stopping:
                try:
                    job = self._waiting.popleft()
                except IndexError:  # another thread was faster
                    break
                handed_over, process = process, None
                process = self._work_on(job, handed_over)
                if process is None:
                    return
        except BaseException as error:
            self.events.put(("error", job, (error, None)))
        finally:
            if process is not None:
                self._dismiss(process)

    def _work_on(
        self, job: int, process: subprocess.Popen[bytes] | None
    ) -> subprocess.Popen[bytes] | None:
        """Have a job done; return the worker that lives on, None to give up."""
        for death in range(1, MAX_DEATHS + 1):
            if process is None:
                process = self._start_worker()
                if process is None:
                    return None
            try:
                if self._converse(process, job):
                    return process
            except BaseException:
                process.kill()
                self._bury(process)
                raise
            code = self._bury(process)
            process = None
            if self._stopping:
                return None
            if death == MAX_DEATHS:
                error = WorkerError(
                    f"the worker for {self._names[job]} died {MAX_DEATHS} times, the last time by "
                    f"{_way_to_die(code)}; if memory is short use fewer workers, or the serial "
                    "engine to see what happens"
                )
                self.events.put(("error", job, (error, None)))
        return None

    def _converse(self, process: subprocess.Popen[bytes], job: int) -> bool:
        """Send a job and pass the answers on; False when the worker has died."""
        # A worker that is gone cannot be written to, but may have left word why.
        with contextlib.suppress(OSError):
            write_frame(_descriptor(process.stdin), KEY, self._jobs[job])
        while (frame := read_frame(_descriptor(process.stdout))) is not None:
            kind, payload = frame
            if kind == PROGRESS:
                self.events.put(("progress", job, load(payload)))
            elif kind == RESULT:
                self.events.put(("result", job, self._load_result(payload, job)))
                return True
            elif kind == FAILURE:
                self._waiting.clear()  # nobody will ask for the rest
                self.events.put(("error", job, self._revive(load(payload), job)))
                return True
            else:
                raise SettingError(
                    f"a worker process cannot load {load(payload)}; define it in a module that can "
                    "be imported, not in a script or notebook, or use the serial engine"
                )
        return False

    def _load_result(self, payload: bytearray, job: int) -> Any:
        try:
            return load(payload)
        except Exception as error:
            raise WorkerError(
                f"the result for {self._names[job]} cannot be read back "
                f"({type(error).__name__}: {error}); let the task return plain values"
            ) from error

    def _revive(self, failure: Failure, job: int) -> tuple[BaseException, BaseException]:
        error: BaseException = WorkerError(
            f"the task failed for {self._names[job]}: {failure.summary}"
        )
        if failure.pickled is not None:
            try:
                error = load(failure.pickled)
            except Exception as unreadable:
                error.add_note(f"The exception itself could not be read back: {unreadable}")
        return error, RemoteTraceback(failure.traceback)

    def _start_worker(self) -> subprocess.Popen[bytes] | None:
        """Start a worker and tell it the task; None when all are to stop."""
        environment = {
            **os.environ,
            **_ONE_THREAD,
            "PYTHONPATH": os.pathsep.join(self._import_path),
        }
        with self._lock:
            if self._stopping:
                return None
            try:
                process = subprocess.Popen(
                    # -P: files in the current directory must not shadow modules.
                    [sys.executable, "-P", "-m", "latentscape.engines.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    bufsize=0,
                    env=environment,
                )
            except OSError as error:
                raise WorkerError(
                    f"a worker process could not be started ({error}); use fewer workers or the "
                    "serial engine"
                ) from error
            self._processes.add(process)
        # If it is dead already, the first conversation will notice.
        with contextlib.suppress(OSError):
            write_frame(_descriptor(process.stdin), SETUP, self._setup)
            write_frame(_descriptor(process.stdin), TASK, self._task)
        return process

    def _bury(self, process: subprocess.Popen[bytes]) -> int:
        """Close the pipes of a worker that has closed its own; return its exit code."""
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            code = process.wait(_SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        with self._lock:
            self._processes.discard(process)
        return code

    def _dismiss(self, process: subprocess.Popen[bytes]) -> None:
        """Let a worker leave in good order, or kill it when all are to stop."""
        try:
            write_frame(_descriptor(process.stdin), END)
            process.wait(_SECONDS_TO_LEAVE)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
        self._bury(process)


def _pickled(value: object, what: str) -> bytes:
    try:
        return dump(value)
    except Exception as error:
        raise SettingError(
            f"{what} cannot be sent to a worker process ({type(error).__name__}: {error}); define "
            "it in a module that can be imported, or use the serial engine"
        ) from error


def _absolute_import_path() -> list[str]:
    """Return sys.path as a worker needs it, which may start in another directory."""
    return [os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)]


def _descriptor(pipe: Any) -> int:
    return cast(int, pipe.fileno())


def _way_to_die(code: int) -> str:
    if code >= 0:
        return f"leaving with exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
