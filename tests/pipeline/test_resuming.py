"""What is finished is kept; whatever happens, the next run ends with the same bytes."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import latentscape as ls
from latentscape import files
from latentscape.errors import AtlasLockedError, StorageError
from latentscape.images import ImageSet
from latentscape.types import Progress, StageChange

from .conftest import SMALL, arrays, command, environment, latentscape, stamps

SETTINGS: dict[str, Any] = {
    "latent_dims": (2, 5), "n_seeds": 1, "training": {"n_epochs": 1}, "maps": ("pca", "lda"),
}  # fmt: skip


def run(images: ImageSet, path: Path, **changes: Any) -> list[StageChange]:
    """Run in this process and return what happened to the stages."""
    events: list[StageChange] = []

    def listen(event: Progress | StageChange) -> None:
        if isinstance(event, StageChange):
            events.append(event)

    ls.run(
        images, path, engine="serial", verbose=0, callbacks=[listen], **{**SETTINGS, **changes}
    )
    return events


def names(events: list[StageChange], state: str) -> set[str]:
    return {event.stage for event in events if event.state == state}


@pytest.fixture(scope="module")
def finished(digit_set: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finished") / "atlas"
    run(digit_set, path)
    return path


@pytest.fixture
def atlas(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished atlas, to be played with."""
    return Path(shutil.copytree(finished, tmp_path / "atlas"))


def test_a_second_run_does_nothing(digit_set: ImageSet, atlas: Path) -> None:
    before = stamps(atlas)
    assert [(event.stage, event.state) for event in run(digit_set, atlas)] == [("run", "kept")]
    assert stamps(atlas) == before


def test_more_seeds_and_sizes_train_only_what_is_missing(digit_set: ImageSet, atlas: Path) -> None:
    models = stamps(atlas / "model")
    events = run(digit_set, atlas, n_seeds=2)
    (training,) = [e for e in events if e.stage == "training" and e.state == "done"]
    assert training.note == "2 trained, 2 kept"
    events = run(digit_set, atlas, latent_dims=(2, 3, 5), n_seeds=2)
    (training,) = [e for e in events if e.stage == "training" and e.state == "done"]
    assert training.note == "2 trained, 4 kept"
    now = stamps(atlas / "model")
    assert len(now) == 6
    assert {name: now[name] for name in models} == models
    assert "training" not in {e.stage for e in run(digit_set, atlas)}  # fewer lose nothing
    assert len(stamps(atlas / "model")) == 6


def test_another_setting_of_a_map_redoes_only_that_map(digit_set: ImageSet, atlas: Path) -> None:
    run(digit_set, atlas, maps=("pca", "tsne"), map_settings={"tsne": {"n_iter": 260}})
    before = stamps(atlas)
    events = run(
        digit_set, atlas, maps=("pca", "tsne"),
        map_settings={"tsne": {"n_iter": 260, "perplexity": 10}},
    )  # fmt: skip
    assert names(events, "done") == {"maps-tsne", "points", "figures"}
    changed = {name for name, stamp in stamps(atlas).items() if before.get(name) != stamp}
    assert {name for name in changed if name.startswith("maps/")} == {"maps/tsne.safetensors"}
    assert not {name for name in changed if name.startswith("model/")}
    assert not changed & {"codes.npy", "images.npy", "plane.safetensors", "sweep.parquet"}


def test_one_map_anew_and_then_a_run_with_the_same_settings(
    digit_set: ImageSet, atlas: Path
) -> None:
    ls.add_map(atlas, "tsne", verbose=0, n_iter=260, perplexity=8)
    again = run(
        digit_set, atlas, maps=("pca", "lda", "tsne"),
        map_settings={"tsne": {"n_iter": 260, "perplexity": 8}},
    )  # fmt: skip
    assert [(event.stage, event.state) for event in again] == [("run", "kept")]
    assert ls.Atlas.open(atlas).load_map("tsne").get_params()["perplexity"] == 8


def test_a_damaged_file_is_named_and_only_its_stage_is_redone(
    digit_set: ImageSet, finished: Path, atlas: Path
) -> None:
    path = atlas / "codes.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    events = run(digit_set, atlas)
    (damage,) = [event for event in events if event.state == "damaged"]
    assert damage.stage == "codes"
    assert "codes.npy has other content" in damage.note
    assert names(events, "done") == {"codes"}
    assert arrays(atlas) == arrays(finished)

    model = next((atlas / "model").iterdir())
    model.write_bytes(model.read_bytes()[:-4])
    events = run(digit_set, atlas)
    assert {event.note for event in events if event.stage == "training" and event.note} == {
        "1 trained, 1 kept"
    }
    assert arrays(atlas) == arrays(finished)


def test_sweep_then_run_trains_nothing_again(
    digit_set: ImageSet, finished: Path, tmp_path: Path
) -> None:
    path = tmp_path / "atlas"
    assert "codes" not in names(run(digit_set, path, until="sweep"), "done")
    assert ls.Atlas.open(path).choice["latent_dim"] in (2, 5)
    events = run(digit_set, path)
    assert "training" not in {event.stage for event in events}
    assert arrays(path) == arrays(finished)


def test_two_writers_at_once(digit_set: ImageSet, atlas: Path) -> None:
    with ls.atlas.AtlasWriter.open(atlas), pytest.raises(AtlasLockedError, match="process"):
        run(digit_set, atlas)
    run(digit_set, atlas)


def workers_of(session: int) -> list[int]:
    """Return the processes of a session that are latentscape workers."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getsid(int(entry.name)) == session:
                    found.append(int(entry.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_killed_ten_times_the_run_ends_with_the_same_bytes(digits: Path, tmp_path: Path) -> None:
    undisturbed, path = tmp_path / "undisturbed", tmp_path / "atlas"
    started = time.monotonic()
    assert latentscape("run", digits, "-o", undisturbed, *SMALL).returncode == 0
    duration = time.monotonic() - started
    moments = random.Random(0)
    n_killed = 0
    for _ in range(10):
        process = subprocess.Popen(
            command("run", digits, "-o", path, *SMALL), env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(timeout=moments.uniform(0.2, 1.0) * duration)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            n_killed += 1
        deadline = time.monotonic() + 20
        while workers_of(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not workers_of(process.pid), "workers outlive the run"
    assert n_killed >= 2  # the moments did hit a run at work
    final = latentscape("run", digits, "-o", path, *SMALL)
    assert final.returncode == 0, final.stderr
    assert arrays(path) == arrays(undisturbed)
    assert not [file for file in path.rglob("*") if file.suffix == ".tmp"]


class Disk:
    """Lets a number of writes through, then is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        self.calls = 0
        for name in ("write", "replace", "link"):
            monkeypatch.setattr(files.os, name, self.guarded(getattr(os, name)))

    def guarded(self, honest: Any) -> Any:
        def call(*arguments: Any, **keywords: Any) -> Any:
            self.calls += 1
            if self.left == 0:
                raise OSError(28, "No space left on device")
            self.left -= 1
            return honest(*arguments, **keywords)

        return call


@pytest.mark.slow
def test_a_full_disk_at_any_write_loses_nothing(
    digit_set: ImageSet, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "atlas"
    disk = Disk(monkeypatch)
    n_faults = 0
    reached: set[str] = set()
    for room in [0, 1, 2, 3, 5, 8, *range(9, 400, 7)]:
        disk.left = room
        try:
            run(digit_set, path)
        except StorageError as error:
            n_faults += 1
            assert "no space left on the device" in str(error)
            assert "free some space" in str(error)
        else:
            break
        if (path / "atlas.json").exists():
            atlas = ls.Atlas.open(path)  # always opens, and what was finished is still there
            assert reached <= set(atlas.stages)
            reached = set(atlas.stages)
    disk.left = -1
    run(digit_set, path)
    assert n_faults > 6
    assert arrays(path) == arrays(finished)
