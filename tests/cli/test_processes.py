"""The command line as a program: its exit code, its streams and its terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import latentscape as ls
from latentscape.atlas import Atlas

from ..atlas_tools import check_intact, command, environment
from .calls import QUICK


def start(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        command(*arguments),
        **{"env": environment(), "text": True, "stderr": subprocess.PIPE, "timeout": 60, **options},
    )


def test_exit_codes(tmp_path: Path) -> None:
    done = start("--version", stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ls.__version__}\n", "")
    refused = start("info", "nothing", cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("latentscape: nothing does not exist")
    assert refused.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_reader_that_has_seen_enough(finished: Path) -> None:
    """As in ``latentscape info atlas | head -1``."""
    end, other_end = os.pipe()
    os.close(end)
    try:
        done = start("info", finished / "atlas", stdout=other_end)
    finally:
        os.close(other_end)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no device that is full")
def test_an_output_that_is_full(finished: Path) -> None:
    with open("/dev/full", "w") as full:
        done = start("info", finished / "atlas", stdout=full)
    assert done.returncode == 2
    assert done.stderr == (
        "latentscape: the output cannot be written (No space left on device); send it to another "
        "place\n"
    )


def test_an_output_that_knows_no_such_character(finished: Path) -> None:
    narrow = {**environment(), "PYTHONIOENCODING": "ascii"}
    done = start("info", finished / "atlas", stdout=subprocess.PIPE, env=narrow)
    assert (done.returncode, done.stderr) == (0, "")
    assert "400 grey images of 28?28 pixels" in done.stdout
    assert Atlas.open(finished / "atlas").choice["sentence"].isascii()


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals to pretend")
def test_a_terminal_shows_a_bar_with_the_time_left(finished: Path, tmp_path: Path) -> None:
    import pty

    terminal, program = pty.openpty()
    process = subprocess.Popen(
        command("train", finished / "data", "-o", tmp_path / "m", "--epochs", "8"),
        env={**environment(), "TERM": "xterm"},
        stdout=program,
        stderr=program,
    )
    os.close(program)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(terminal)
    assert process.wait(60) == 0
    text = shown.decode()
    for words in ("d32-s0", " %", "left", "loss"):
        assert words in text
    assert text.rstrip().endswith(str(tmp_path / "m"))  # the bar is gone, the result stays


RIVAL = """
import sys
import latentscape.pipeline, latentscape.autoencoder  # what takes seconds comes before the barrier
from latentscape import cli
print("ready", flush=True)
for folder in sys.stdin:
    try:
        cli.main(["run", sys.argv[1], "-o", folder.strip(), *sys.argv[2:]])
    except SystemExit as exit_:
        print(exit_.code, flush=True)
"""


def test_two_runs_begin_in_the_same_new_folder_at_once(finished: Path, tmp_path: Path) -> None:
    """One makes the atlas; the other says so in one sentence and touches nothing."""
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", RIVAL, str(finished / "data"), *QUICK, "--engine", "serial"],
            env=environment(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for rival in rivals:
        assert rival.stdout is not None
        assert rival.stdout.readline() == "ready\n"
    folder = tmp_path / "new"
    for rival in rivals:  # both wait in a read for this line
        assert rival.stdin is not None
        rival.stdin.write(f"{folder}\n")
        rival.stdin.flush()
    said = [rival.communicate(timeout=120) for rival in rivals]
    codes = [int(out.splitlines()[-1]) for out, _ in said]
    assert sorted(codes) == [0, 2], said
    loser = codes.index(2)
    winner = rivals[1 - loser].pid
    out, sentence = said[loser]
    assert out == "2\n"
    assert re.fullmatch(
        rf"latentscape: {re.escape(str(folder))} is being written by "
        rf"(process {winner} on \S+ since \S+|another process): "
        r"wait for it to finish or stop it, or use another directory\n",
        sentence,
    )
    check_intact(folder)
    assert "run" in Atlas.open(folder).stages
