"""Progress on a terminal and in a log file."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from latentscape import progress
from latentscape.progress import ProgressBars, progress_bars
from latentscape.types import Progress, StageChange


class Clock:
    """A time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_log_file_gets_a_line_now_and_then_with_the_time_left(clock: Clock) -> None:
    log = io.StringIO()
    bars = ProgressBars(Console(file=log, width=200))
    bars.start()
    for step in range(0, 41):
        bars(Progress("umap", step, 40))
        clock.now += 1
    bars.stop()
    assert log.getvalue().splitlines() == [
        "  umap  25 %  10 s, about 30 s left",
        "  umap  50 %  20 s, about 20 s left",
        "  umap  75 %  30 s, about 10 s left",
    ]


def test_trainings_of_a_sweep_are_one_line_in_a_log_file(clock: Clock) -> None:
    log = io.StringIO()
    bars = ProgressBars(Console(file=log, width=200))
    bars(Progress("sweep", 0, 2))
    for step in range(40):
        bars(Progress("d2-s0", step, 40))
        clock.now += 1
    bars(Progress("sweep", 1, 2))
    assert log.getvalue().splitlines() == ["  sweep  50 %  40 s, about 40 s left"]
    bars(Progress("sweep", 2, 2))
    bars(Progress("d5-s0", 0, 2))  # begun again alone: the sweep is over
    clock.now += 11
    bars(Progress("d5-s0", 1, 2))
    assert log.getvalue().splitlines()[1:] == ["  d5-s0  50 %  11 s, about 11 s left"]


def test_a_terminal_shows_a_bar_for_each_task_and_is_left_clean() -> None:
    screen = io.StringIO()
    bars = ProgressBars(
        Console(file=screen, width=200, force_terminal=True, force_interactive=True)
    )
    bars.start()
    bars(Progress("d2-s0", 1, 4, {"train_loss": 0.125}))
    bars(Progress("d5-s0", 0, 4))
    bars._bars.refresh()
    shown = screen.getvalue()
    for words in ("d2-s0", "25 %", "d5-s0", "left", "train loss 0.125"):
        assert words in shown
    bars(Progress("d2-s0", 4, 4))
    assert [task.description for task in bars._bars.tasks] == ["d5-s0"]
    bars(Progress("d5-s0", 4, 4))
    assert not bars._bars.tasks
    bars.stop()


def test_a_stage_says_what_became_of_it() -> None:
    log = io.StringIO()
    bars = ProgressBars(Console(file=log, width=200))
    bars(StageChange("sweep", "started"))
    bars(StageChange("sweep", "done", seconds=2.25, note="2 trained, 0 kept"))
    bars(StageChange("codes", "kept"))
    bars(StageChange("maps-lda", "skipped", note="no labels"))
    bars(StageChange("maps-pca", "damaged", note="pca.safetensors is missing"))
    assert log.getvalue().splitlines() == [
        "✓ sweep  2.2 s  2 trained, 0 kept",
        "– maps-lda  skipped:  no labels",
        "! maps-pca  made again:  pca.safetensors is missing",
    ]


def test_who_wants_no_progress_gets_none(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars(0) as show:
        show(StageChange("sweep", "done"))
    assert capsys.readouterr().err == ""
    with progress_bars(1) as show:
        show(StageChange("sweep", "done"))
    assert "✓ sweep" in capsys.readouterr().err
