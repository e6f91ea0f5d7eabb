"""``latentscape export`` as users meet it."""

from __future__ import annotations

from pathlib import Path

from .calls import Call, check_sentence, events_of, result_of


def test_all_formats_and_the_differences_are_told(here: Path, call: Call, tmp_path: Path) -> None:
    outcome = call("export", "atlas", "-o", tmp_path / "out")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert any(line.startswith(f"{tmp_path / 'out' / 'encoder.onnx'}  ") for line in lines)
    told = [line for line in lines if "the largest difference from torch is" in line]
    assert [line.split(":")[0].split()[-1] for line in told] == ["encode", "decode"]
    assert not [line for line in lines if line.startswith("left out")]


def test_json_lines(here: Path, call: Call, tmp_path: Path) -> None:
    outcome = call("export", "atlas", "-o", tmp_path / "out", "--format", "npz,csv", "--json")
    assert outcome.code == 0
    result = result_of(outcome.out)
    assert set(result["files"]) == {"points.csv", "atlas.npz"}
    progress = [event for event in events_of(outcome.out) if event["event"] == "progress"]
    assert [event["step"] for event in progress] == [0, 1, 2]


def test_refusals_are_one_sentence(here: Path, call: Call, tmp_path: Path) -> None:
    check_sentence(call("export", "atlas", "--format", "pdf"), "there is no format 'pdf'")
    check_sentence(call("export", "data", "-o", tmp_path), "is not an atlas")
    check_sentence(call("export", "atlas", "-o", ""), "an empty path was given")
    (tmp_path / "points.csv").write_text("mine")
    outcome = call("export", "atlas", "-o", tmp_path, "--format", "csv")
    check_sentence(outcome, "was not written by `latentscape export`")
