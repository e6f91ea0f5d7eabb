"""A full disk costs nothing that was finished."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latentscape import cli
from latentscape.atlas import Atlas
from latentscape.errors import StorageError
from latentscape.images import ImageSet
from latentscape.pipeline import run

from ..atlas_tools import (
    SMALL,
    Listener,
    arrays,
    check_intact,
    environment,
    files,
    write_folder,
)
from .broken_disks import BrokenDisk, disk_is_full

SETTINGS: dict[str, Any] = {**SMALL, "latent_dims": (2,), "maps": ("pca",)}


@pytest.mark.slow
@pytest.mark.usefixtures("quick_figures")
def test_a_fault_at_each_single_write(
    few: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = few.select([*range(60), *range(300, 340)])
    atlas = tmp_path / "atlas"
    run(tiny, tmp_path / "undisturbed", **SETTINGS)
    disk = BrokenDisk(atlas, disk_is_full, set())
    monkeypatch.setattr("latentscape.files.os", disk)
    said: list[str] = []
    n_stages = 0
    kept: dict[str, bytes] = {}
    while True:
        try:
            run(tiny, atlas, **SETTINGS)
        except StorageError as error:
            said.append(str(error))
        else:
            break
        # What was finished is there, and stays what it was.
        assert check_intact(atlas) >= n_stages
        n_stages = check_intact(atlas)
        now = arrays(atlas)
        assert {name: now.get(name) for name in kept} == kept
        kept = now
    # Every file fails at least three times: written, brought to the disk, and given its name.
    # That a folder cannot be brought to the disk is no error.
    n_files = len({name for kind, name, *_ in disk.failed if kind in ("replace", "link")})
    assert len(said) >= 3 * n_files > 50
    for text in said:
        assert re.fullmatch(r"no space left .* writing .*everything finished is kept", text), text
    assert {kind for kind, *_ in disk.failed} == {"write", "fsync", "replace", "link"}
    assert arrays(atlas) == arrays(tmp_path / "undisturbed")
    check_intact(atlas)


@pytest.mark.usefixtures("quick_figures")
def test_a_fault_while_a_finished_atlas_grows(
    few: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = few.select([*range(60), *range(300, 340)])
    atlas = tmp_path / "atlas"
    run(tiny, atlas, **SETTINGS)
    models = {name: each for name, each in arrays(atlas).items() if name.startswith("model/")}
    grown = {**SETTINGS, "latent_dims": (2, 3), "maps": ("pca", "lda")}
    run(tiny, tmp_path / "undisturbed", **grown)
    disk = BrokenDisk(atlas, disk_is_full, set())
    monkeypatch.setattr("latentscape.files.os", disk)
    for _ in range(300):
        try:
            run(tiny, atlas, **grown)
        except StorageError:
            check_intact_or_redone(atlas)
            now = arrays(atlas)
            assert {name: now[name] for name in models} == models
        else:
            break
    assert len(disk.failed) > 20
    assert arrays(atlas) == arrays(tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads how a child has ended")
def test_killed_at_each_single_write(few: ImageSet, tmp_path: Path) -> None:
    """Like a full disk, but by SIGKILL: no exception, no clearing up."""
    tiny = few.select([*range(60), *range(300, 340)])
    data, log = write_folder(tiny, tmp_path / "data"), tmp_path / "log"
    settings = {**SETTINGS, "latent_dims": [2], "maps": ["pca"]}
    script = Path(__file__).with_name("broken_disks.py")
    run_it = [sys.executable, script, data, tmp_path / "atlas", json.dumps(settings), log]
    done = subprocess.run(
        [str(each) for each in run_it], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    calls = [json.loads(line) for line in log.read_text().splitlines()]
    assert {kind for kind, *_ in calls} >= {"write", "fsync", "replace", "link"}
    stood = [n_stages for *_, n_stages in calls]
    assert stood == sorted(stood)  # no stage was lost
    assert len(set(stood)) > 8
    assert arrays(tmp_path / "atlas") == arrays(tmp_path / "undisturbed")
    assert check_intact(tmp_path / "atlas") == max(stood)


@pytest.mark.usefixtures("quick_figures")
def test_a_flipped_byte_in_each_file(few: ImageSet, tmp_path: Path) -> None:
    """The file is named, and its stage alone is made again."""
    tiny = few.select([*range(60), *range(300, 340)])
    settings = {**SETTINGS, "latent_dims": (2, 3), "maps": ("pca", "tsne")}
    settings["map_settings"] = {"tsne": {"n_iter": 20}}
    atlas = tmp_path / "atlas"
    run(tiny, atlas, **settings)
    stages = Atlas.open(atlas).stages
    whole = arrays(atlas)
    kinds = set()
    for stage, entry in stages.items():
        for name in entry["files"]:
            content = bytearray((atlas / name).read_bytes())
            content[len(content) // 2] ^= 1
            (atlas / name).write_bytes(content)
            listener = Listener()
            run(tiny, atlas, **settings, callbacks=[listener])
            said = {c.stage: c.note for c in listener.changes if c.state == "damaged"}
            assert list(said) == [stage]
            assert said[stage].startswith(f"{name} has other content than was written")
            assert listener.stages("done") - {"training", "run"} == {stage}, name
            kinds.add((Path(name).suffix, stage.split("-")[0]))
        assert arrays(atlas) == whole
    assert len(kinds) > 12
    before = files(atlas)
    content = bytearray((atlas / "atlas.json").read_bytes())
    content[300] |= 0x80
    (atlas / "atlas.json").write_bytes(content)
    assert Atlas.open(atlas).stages == Atlas.open(atlas).stages
    listener = Listener()
    run(tiny, atlas, **settings, callbacks=[listener])
    changes = [(c.stage, c.state) for c in listener.changes]
    assert changes == [("atlas.json", "damaged"), ("run", "kept")]
    assert {n: each[1] for n, each in files(atlas).items()} == {
        n: each[1] for n, each in before.items()
    }


def check_intact_or_redone(path: Path) -> None:
    """A reader never finds half a file, at most one that is newer than the manifest."""
    arrays(path)  # reads and parses everything
    Atlas.open(path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)]
    try:
        made = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.usefixtures("quick_figures")
def test_a_disk_that_is_really_full(
    few: ImageSet, tmp_path: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_folder(few, tmp_path / "data")
    options = ["--latent-dims", "2,5", "--seeds", "1", "--epochs", "1", "--maps", "pca,lda"]

    def command(output: Path) -> tuple[int, str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main(["run", str(data), "-o", str(output), *options, "--engine", "serial"])
        return int(str(exit_.value.code)), capsys.readouterr().err

    code, said = command(small_disk / "atlas")
    assert code == 2
    last = said.splitlines()[-1]
    assert last.startswith("latentscape: no space left on the device while writing")
    assert check_intact(small_disk / "atlas") > 0
    kept = arrays(small_disk / "atlas")
    larger = ["mount", "-o", "remount,size=64m", str(small_disk)]
    subprocess.run(larger, check=True, capture_output=True)
    assert command(small_disk / "atlas")[0] == 0
    assert command(tmp_path / "undisturbed")[0] == 0
    finished = arrays(small_disk / "atlas")
    assert finished == arrays(tmp_path / "undisturbed")
    assert {name: finished[name] for name in kept} == kept
