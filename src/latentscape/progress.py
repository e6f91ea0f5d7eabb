"""Progress bars with the time left, for terminals and notebooks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as RichProgress,
)
from rich.text import Text

from latentscape.types import EventCallback, Progress, StageChange

# A terminal or a notebook can take a few updates a second; more only cost time.
_UPDATES_PER_SECOND = 4
# Before this share of a task is done, how long it takes is anybody's guess.
_SHARE_THAT_TELLS = 0.02
# In a log file, one line for each task that takes longer than this, and again.
_SECONDS_BETWEEN_LINES = 10.0


class _TimeLeft(TimeRemainingColumn):
    """The time left, once enough is done to tell."""

    def render(self, task: Task) -> Text:
        if task.percentage < 100 * _SHARE_THAT_TELLS:
            return Text("-:--:--", style="progress.remaining")
        return super().render(task)


class ProgressBars:
    """One bar for each task at work, and one for a whole stage above them.

    Where nothing can be redrawn (a pipe, a log file) a line now and then tells
    how far the work is.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to draw; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._draws = console.is_interactive or console.is_jupyter
        self._said: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            _TimeLeft(),
            TextColumn("{task.fields[metrics]}", style="dim"),
            console=console,
            refresh_per_second=_UPDATES_PER_SECOND,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def start(self) -> None:
        """Begin to draw."""
        if self._draws:
            self._bars.start()

    def stop(self) -> None:
        """Draw no more, and leave the terminal clean."""
        if self._draws:
            self._bars.stop()

    def __call__(self, event: Progress | StageChange) -> None:
        """Move the bar of ``event.task``; a finished task's bar goes away."""
        if isinstance(event, StageChange):
            self._say(event)
            return
        if not self._draws:
            self._log(event)
            return
        if event.task not in self._tasks:
            self._tasks[event.task] = self._bars.add_task(event.task, metrics="")
        task = self._tasks[event.task]
        metrics = "  ".join(
            f"{name.replace('_', ' ')} {value:.4g}" for name, value in event.metrics.items()
        )
        self._bars.update(task, completed=event.step, total=event.total, metrics=metrics)
        if event.step >= event.total:
            self._bars.remove_task(self._tasks.pop(event.task))

    def _log(self, event: Progress) -> None:
        """Print a line for a task that goes on, not more often than every few seconds."""
        now = time.monotonic()
        began = self._began.setdefault(event.task, now)
        if event.step >= event.total:
            self._began.pop(event.task)
            self._said.pop(event.task, None)
        elif event.task != "sweep" and "sweep" in self._began:
            return  # the line of all trainings together says enough
        elif now - self._said.setdefault(event.task, began) >= _SECONDS_BETWEEN_LINES:
            self._said[event.task] = now
            left = (now - began) * (event.total - event.step) / max(event.step, 1)
            told = event.step >= _SHARE_THAT_TELLS * event.total and event.step > 0
            self._print(
                f"  {event.task}  {100 * event.step / event.total:.0f} %  {now - began:.0f} s"
                + (f", about {left:.0f} s left" if told else "")
            )

    def _print(self, line: str) -> None:
        self._bars.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _say(self, change: StageChange) -> None:
        """Print a line above the bars for what is finished or needs a word."""
        note = f"  {change.note}" if change.note else ""
        lines = {
            "done": f"✓ {change.stage}  {change.seconds:.1f} s{note}",
            "skipped": f"– {change.stage}  skipped:{note}",
            "damaged": f"! {change.stage}  made again:{note}",
            "planned": f"  {change.stage}  {change.note}",
            "reset": f"! {change.stage}  made anew:{note}",
        }
        if change.state in lines:
            self._print(lines[change.state])


@contextmanager
def progress_bars(verbose: int) -> Iterator[EventCallback]:
    """Yield a callback that draws bars, or one that does nothing."""
    if not verbose:
        yield lambda event: None
        return
    bars = ProgressBars()
    bars.start()
    try:
        yield bars
    finally:
        bars.stop()
