"""SIGTERM ends a command as Ctrl-C does: what is finished is kept, and nothing else is left."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self


class Termination:
    """While it is entered, the first SIGTERM is a KeyboardInterrupt, and further ones are ignored.

    A program that handles the signal already, or ignores it, is left to it.

    Attributes
    ----------
    asked : bool
        Whether the signal came.
    """

    def __init__(self) -> None:
        self.asked = False
        self._entered = False

    def __enter__(self) -> Self:
        if (
            threading.current_thread() is threading.main_thread()  # the only one that may do this
            and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        ):
            signal.signal(signal.SIGTERM, self._interrupt)
            self._entered = True
        return self

    def __exit__(self, *_: Any) -> None:
        if self._entered:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # clearing up takes a moment
        self.asked = True
        raise KeyboardInterrupt
