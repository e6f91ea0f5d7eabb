"""Progress bars with the time left, for terminals and notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as RichProgress,
)

from latentscape.types import EventCallback, Progress, StageChange

# A notebook or a pipe can take a few updates a second; more only cost time.
_UPDATES_PER_SECOND = 4


class ProgressBars:
    """One bar for each task at work, and one for a whole stage above them."""

    def __init__(self, console: Console | None = None) -> None:
        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[metrics]}", style="dim"),
            console=console or Console(stderr=True),
            refresh_per_second=_UPDATES_PER_SECOND,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def start(self) -> None:
        """Begin to draw."""
        self._bars.start()

    def stop(self) -> None:
        """Draw no more, and leave the terminal clean."""
        self._bars.stop()

    def __call__(self, event: Progress | StageChange) -> None:
        """Move the bar of ``event.task``; a finished task's bar goes away."""
        if isinstance(event, StageChange):
            self._say(event)
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

    def _say(self, change: StageChange) -> None:
        """Print a line above the bars for what is finished or needs a word."""
        note = f"  {change.note}" if change.note else ""
        lines = {
            "done": f"✓ {change.stage}  {change.seconds:.1f} s{note}",
            "skipped": f"– {change.stage}  skipped:{note}",
            "damaged": f"! {change.stage}  made again:{note}",
        }
        if change.state in lines:
            self._bars.console.print(lines[change.state], highlight=False, markup=False)


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
