"""The engine that spreads nothing: everything in this process, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from latentscape.types import Key, Progress, ProgressCallback, Result, Task


class SerialEngine:
    """Calls the task in this process, one key after the other.

    Examples
    --------
    >>> def double(key, report):
    ...     return 2 * key
    >>> list(SerialEngine().map(double, [1, 2]))
    [(1, 2), (2, 4)]
    """

    def __repr__(self) -> str:
        return "SerialEngine()"

    def map(
        self,
        task: Task[Key, Result],
        keys: Iterable[Key],
        *,
        on_progress: ProgressCallback | None = None,
    ) -> Iterator[tuple[Key, Result]]:
        """Yield ``(key, task(key, report))`` for each key, in their order.

        Parameters
        ----------
        task : callable
            Called with a key and the function to which it reports progress.
        keys : iterable
            What to call it with. Each key is worked on when its result is
            asked for.
        on_progress : callable, optional
            Receives each :class:`~latentscape.types.Progress`.

        Yields
        ------
        key, result
            One pair for each key.
        """
        report = _ignore if on_progress is None else on_progress
        for key in keys:
            yield key, task(key, report)


def _ignore(progress: Progress, /) -> None:
    """Take a progress report that nobody wants to see."""
