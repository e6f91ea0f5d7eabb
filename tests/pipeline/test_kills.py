"""Killed at random moments, a run ends with the bytes of an undisturbed one."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import latentscape
from latentscape.images import ImageSet

from .atlas_tools import arrays, check_intact, write_folder

SOURCE = str(Path(latentscape.__file__).parents[1])
N_KILLS = 10

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@pytest.fixture
def data(few: ImageSet, tmp_path: Path) -> Path:
    return write_folder(few, tmp_path / "data")


def start(data: Path, atlas: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a run in a session of its own."""
    command = [sys.executable, "-m", "latentscape", "run", str(data), "-o", str(atlas)]
    command += ["--latent-dims", "2,5", "--seeds", "1", "--epochs", "1", "--maps", "pca"]
    command += ["--engine", "processes", "--workers", "2", *options]
    environment = {**os.environ, "PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def session(pid: int) -> set[int]:
    """Return the processes of a session that still run."""
    found = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            state, _, _, number = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(number) == pid and state != "Z":
                found.add(int(folder.name))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def check_nobody_is_left(process: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: not session(process.pid), 20)


@needs_proc
@pytest.mark.slow
def test_ten_kills_in_a_row(data: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    undisturbed = start(data, tmp_path / "undisturbed")
    assert undisturbed.wait() == 0, undisturbed.communicate()
    duration = time.monotonic() - began
    expected = arrays(tmp_path / "undisturbed")

    rng = random.Random(0)
    moments = [(number + rng.random()) / N_KILLS for number in range(N_KILLS)]
    rng.shuffle(moments)
    atlas = tmp_path / "atlas"
    seen_at_kill = set()
    while moments:
        process = start(data, atlas)
        try:
            process.wait(moments[-1] * duration)
        except subprocess.TimeoutExpired:
            process.kill()  # the parent alone, by SIGKILL
            assert process.wait() == -signal.SIGKILL
            check_nobody_is_left(process)
            moments.pop()
            if (atlas / "atlas.json").exists():
                arrays(atlas)  # every file is whole
                seen_at_kill.add((atlas / "atlas.json").read_text().count('"fingerprint"'))
        else:  # it had less to do than that moment allows: begin again from nothing
            assert process.returncode == 0, process.communicate()
            assert arrays(atlas) == expected
            shutil.rmtree(atlas)
    process = start(data, atlas)
    assert process.wait() == 0, process.communicate()
    assert arrays(atlas) == expected
    check_intact(atlas)
    assert len(seen_at_kill) > 1  # the kills came at different places of the journey


@needs_proc
@pytest.mark.slow
def test_a_killed_worker_and_an_interrupt(data: Path, tmp_path: Path) -> None:
    """A worker's death is mended; Ctrl-C ends everything, with a word how to go on."""
    atlas = tmp_path / "atlas"
    process = start(data, atlas)
    wait_until(lambda: len(session(process.pid)) == 3)
    worker = max(session(process.pid) - {process.pid})
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: list(atlas.glob("model/*.safetensors")))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in said
    last = said.decode().splitlines()[-1]
    assert last.startswith("latentscape: interrupted;")
    assert "same command" in last
    check_nobody_is_left(process)
    check_intact(atlas)
    n_models = len(list(atlas.glob("model/*.safetensors")))

    process = start(data, atlas, "--workers", "1")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    if n_models < 2:
        assert f"{2 - n_models} trained, {n_models} kept" in said.decode()
