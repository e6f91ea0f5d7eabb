"""Killed at random moments, a run ends with the bytes of an undisturbed one."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from latentscape.atlas import Atlas
from latentscape.images import ImageSet

from ..atlas_tools import arrays, check_intact, command, environment, write_folder

N_KILLS = 10

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@pytest.fixture
def data(few: ImageSet, tmp_path: Path) -> Path:
    return write_folder(few, tmp_path / "data")


SERIAL = ("--engine", "serial")
PROCESSES = ("--engine", "processes", "--workers", "2")


def start(data: Path, atlas: Path, engine: tuple[str, ...], *more: str) -> subprocess.Popen[bytes]:
    """Start a run in a session of its own; what it says goes to a file beside the atlas."""
    options = ("--latent-dims", "2,5", "--seeds", "1", "--epochs", "1", "--maps", "pca")
    with atlas.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(
            command("run", data, "-o", atlas, *options, *engine, *more),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )


def said(atlas: Path) -> str:
    return atlas.with_suffix(".log").read_text()


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


@needs_proc
@pytest.mark.slow
def test_ten_kills_in_a_row(data: Path, tmp_path: Path) -> None:
    """Nothing is lost, nothing differs, nobody is left behind, whichever engine works."""
    atlas, undisturbed = tmp_path / "atlas", tmp_path / "undisturbed"
    began = time.monotonic()
    assert start(data, undisturbed, SERIAL).wait() == 0, said(undisturbed)
    duration = time.monotonic() - began
    expected = arrays(undisturbed)

    rng = random.Random(0)
    moments = [(number + rng.random()) / N_KILLS for number in range(N_KILLS)]
    rng.shuffle(moments)
    n_stages = set()
    while moments:
        anew = not atlas.exists()
        process = start(data, atlas, PROCESSES if len(moments) % 3 == 0 else SERIAL)
        try:
            process.wait(moments[-1] * duration)
        except subprocess.TimeoutExpired:
            process.kill()  # the parent alone, by SIGKILL
            assert process.wait() == -signal.SIGKILL
            moments.pop()
            wait_until(lambda: not session(process.pid), 20)  # noqa: B023  (called at once)
            if (atlas / "atlas.json").exists():
                arrays(atlas)  # every file is whole
                n_stages.add(len(Atlas.open(atlas).stages))
        else:  # there was less left to do than that moment allows: begin again from nothing
            assert process.returncode == 0, said(atlas)
            assert arrays(atlas) == expected
            shutil.rmtree(atlas)
            if anew:  # the machine has become faster since the first run
                duration *= 0.9
    assert start(data, atlas, SERIAL).wait() == 0, said(atlas)
    assert arrays(atlas) == expected
    check_intact(atlas)
    assert len(n_stages) > 1  # the kills came at different places of the journey


@needs_proc
@pytest.mark.slow
def test_a_killed_worker_and_an_interrupt(data: Path, tmp_path: Path) -> None:
    """A worker's death is mended; Ctrl-C ends everything, with a word how to go on."""
    atlas = tmp_path / "atlas"
    process = start(data, atlas, PROCESSES)
    wait_until(lambda: len(session(process.pid)) == 3)
    os.kill(max(session(process.pid) - {process.pid}), signal.SIGKILL)
    wait_until(lambda: list(atlas.glob("model/*.safetensors")))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    assert process.wait(60) == 130, said(atlas)
    assert "Traceback" not in said(atlas)
    last = said(atlas).splitlines()[-1]
    assert last.startswith("latentscape: interrupted;")
    assert "same command" in last
    wait_until(lambda: not session(process.pid), 20)
    check_intact(atlas)
    n_models = len(list(atlas.glob("model/*.safetensors")))

    assert start(data, atlas, SERIAL).wait() == 0
    if n_models < 2:
        assert f"{2 - n_models} trained, {n_models} kept" in said(atlas)


@needs_proc
@pytest.mark.parametrize("engine", [SERIAL, PROCESSES], ids=["serial", "processes"])
def test_a_polite_request_to_end(data: Path, tmp_path: Path, engine: tuple[str, ...]) -> None:
    """SIGTERM ends a run as Ctrl-C does: a sentence, no half files, no workers, and it goes on."""
    atlas = tmp_path / "atlas"
    process = start(data, atlas, engine, "--epochs", "4")
    wait_until(lambda: "memory" in said(atlas))
    wait_until(lambda: list(atlas.glob("model/*.safetensors")))
    process.terminate()
    assert process.wait(60) == 143, said(atlas)
    assert said(atlas).splitlines()[-1] == (
        "latentscape: terminated by SIGTERM; everything finished is kept, and the same command "
        "goes on from there"
    )
    assert "Traceback" not in said(atlas)
    assert not session(process.pid)
    check_intact(atlas)  # and no temporary file is left
    kept = arrays(atlas)
    assert any(name.startswith("model/") for name in kept)
    if engine is SERIAL:
        assert start(data, atlas, engine, "--epochs", "4").wait() == 0, said(atlas)
        finished = arrays(atlas)
        assert {name: finished[name] for name in kept} == kept
