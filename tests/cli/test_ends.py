"""Other ends that a command may take: interrupted, out of memory, a bug."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from latentscape import cli

from ..atlas_tools import files
from .calls import QUICK, Call, check_sentence, events_of


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("train data -o m.safetensors", "interrupted"),
        (
            f"run data -o new {' '.join(QUICK)} --engine serial",
            "interrupted; everything finished is kept, and the same command goes on from there",
        ),
    ],
)
def test_an_interrupted_command(
    call: Call, mine: Path, monkeypatch: pytest.MonkeyPatch, typed: str, words: str
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    before = files(mine)
    monkeypatch.setattr("latentscape.autoencoder.training.Trainer.run", interrupted)
    outcome = call(*shlex.split(typed))
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err.splitlines()[-1] == f"latentscape: {words}"
    outcome = call(*shlex.split(typed), "--json")
    assert outcome.code == 130
    assert events_of(outcome.out)[-1] == {
        "event": "error",
        "kind": "KeyboardInterrupt",
        "message": words,
    }
    after = files(mine)
    assert {name: after.get(name) for name in before} == before
    assert {name for name in after if name not in before} <= {"new/atlas.json"}


def test_too_little_memory(call: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("latentscape.pipeline.run", fail)
    check_sentence(call("run", "data"), "there is not enough memory; use fewer workers or images")


def test_a_bug_is_not_hidden(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its traceback goes to the user, and Python's exit code is 1."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("latentscape.pipeline.run", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["run", "data"])


def test_events_are_json_whatever_they_hold(capsys: pytest.CaptureFixture[str]) -> None:
    from latentscape.cli.output import print_event, print_json
    from latentscape.types import Progress

    print_event(Progress("d2-s0", 1, 2, {"loss": float("nan")}))
    print_json({"event": "result", "path": Path("a\nb"), "values": [float("inf"), {"x": 1.5}]})
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first)["metrics"] == {"loss": None}
    assert json.loads(second) == {"event": "result", "path": "a\nb", "values": [None, {"x": 1.5}]}
