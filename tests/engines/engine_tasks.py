"""Tasks for the engine tests: in a module, because workers must import them."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

from latentscape.errors import DataError
from latentscape.types import Progress, ProgressCallback


def square(key: int, /, report: ProgressCallback) -> int:
    return key * key


def slow_square(key: int, /, report: ProgressCallback) -> int:
    time.sleep(0.05)
    return key * key


def two_steps(key: str, /, report: ProgressCallback) -> str:
    report(Progress(key, 1, 2, {"loss": 0.5}))
    report(Progress(key, 2, 2))
    return key.upper()


def pid_and_threads(key: int, /, report: ProgressCallback) -> tuple[int, dict[str, str | None]]:
    names = "OMP_NUM_THREADS MKL_NUM_THREADS OPENBLAS_NUM_THREADS NUMBA_NUM_THREADS PYTHONPATH"
    return os.getpid(), {name: os.environ.get(name) for name in names.split()}


def noisy(key: int, /, report: ProgressCallback) -> str:
    print("from Python", key)  # noqa: T201 - what is tested
    os.system("echo from a child")
    os.write(1, b"from C\n" * 100)
    return sys.stdin.read()


class DieOnce:
    """Kills its own process the first time that it meets the key 3."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, key: int, /, report: ProgressCallback) -> int:
        (self.folder / f"{key}-{os.getpid()}").touch()
        if key == 3 and len(list(self.folder.glob("3-*"))) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return key * key


class Wait:
    """Writes its process id into a folder and then waits for a long time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, key: int, /, report: ProgressCallback) -> int:
        (self.folder / str(os.getpid())).touch()
        if key:
            time.sleep(600)
        return key


def always_die(key: str, /, report: ProgressCallback) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(key: int, /, report: ProgressCallback) -> None:
    os._exit(7)


def die_with_a_forked_child(key: int, /, report: ProgressCallback) -> None:
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


class AwkwardError(Exception):
    """Cannot be made again from its pickle."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def fail(key: str, /, report: ProgressCallback) -> None:
    if key == "data":
        raise DataError("the third image is odd")
    if key == "awkward":
        raise AwkwardError("left", "right")
    if key == "exit":
        sys.exit(5)
    time.sleep(600)


def unpicklable_result(key: int, /, report: ProgressCallback) -> Any:
    return threading.Lock()


class Unreadable:
    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("not a number",)


def unreadable_result(key: int, /, report: ProgressCallback) -> Unreadable:
    return Unreadable()


class UnloadableTask:
    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("not a task",)

    def __call__(self, key: int, /, report: ProgressCallback) -> Literal[0]:
        return 0


def big(key: bytes, /, report: ProgressCallback) -> bytes:
    return key[::-1]
