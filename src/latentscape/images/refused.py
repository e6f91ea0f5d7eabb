"""What was set aside while data were read, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """A file or row that could not be used.

    Attributes
    ----------
    path : str
        The file, or the file and the row in it.
    reason : str
        Why it was set aside.
    """

    path: str
    reason: str
