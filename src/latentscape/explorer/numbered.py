"""Numbered names in little room: ``train-00000`` to ``train-59999`` is one line."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBERED = re.compile(r"(.*?)([0-9]{1,15})", re.DOTALL)  # 15 digits: exact in the browser too

Run = tuple[str, int, int, int]


def numbered(names: Iterable[str]) -> list[str | Run]:
    """Put runs of names that count up into one entry each.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    list of str or (prefix, first, width, n)
        A name as it is, or `n` names: the prefix with the numbers from `first` on, filled up
        with zeros to `width` digits. ``web/src/numbered.ts`` writes them out again.
    """
    found: list[str | Run] = []
    prefix, first, width, n = "", 0, 0, 0

    def close() -> None:
        if n > 1:
            found.append((prefix, first, width, n))
        elif n == 1:
            found.append(f"{prefix}{first:0{width}d}")

    for name in names:
        if n and name == f"{prefix}{first + n:0{width}d}":
            n += 1
            continue
        close()
        n = 0
        match = _NUMBERED.fullmatch(name)
        if match is None:
            found.append(name)
        else:
            prefix, first, width, n = match[1], int(match[2]), len(match[2]), 1
    close()
    return found
