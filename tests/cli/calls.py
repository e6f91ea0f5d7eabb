"""What a call of the command line comes to, and how to look at it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer.main

from latentscape.cli import entry

from ..atlas_tools import files


@dataclass(frozen=True)
class Outcome:
    """What a command line has come to."""

    code: int
    out: str
    err: str


Call = Callable[..., Outcome]


COMMANDS = ("run", "sweep", "train", "map", "judge", "explore", "encode", "export", "info")
QUICK = ("--latent-dims", "2,5", "--seeds", "1", "--epochs", "1", "--maps", "pca,lda")
ALONE = ("--engine", "serial")

GROUP: Any = typer.main.get_command(entry.app)


def refuse_nan(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def events_of(out: str) -> list[dict[str, Any]]:
    """Parse what --json has printed; each line must be an object with an event."""
    lines = [json.loads(line, parse_constant=refuse_nan) for line in out.splitlines()]
    assert all(isinstance(line["event"], str) for line in lines)
    return lines


def result_of(out: str) -> dict[str, Any]:
    """Return the result, which is the last event and the only one of its kind."""
    *before, last = events_of(out)
    assert last["event"] == "result"
    assert "result" not in {event["event"] for event in before}
    return last


def everything(folder: Path) -> tuple[dict[str, tuple[int, bytes]], set[str]]:
    """Return every file with its time and content, and every directory."""
    folders = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir()}
    return files(folder), folders


def check_sentence(outcome: Outcome, words: str) -> None:
    """One line on standard error with these words and nothing else; exit code 2."""
    assert outcome.code == 2, outcome
    (line,) = outcome.err.splitlines()
    assert line.startswith("latentscape: ")
    assert words in line
    assert outcome.out == ""
