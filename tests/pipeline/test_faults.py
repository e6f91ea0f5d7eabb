"""A full disk costs nothing that was finished."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latentscape import cli
from latentscape.atlas import Atlas
from latentscape.errors import StorageError
from latentscape.images import ImageSet
from latentscape.pipeline import run

from ..atlas_tools import SMALL, arrays, check_intact, write_folder

SETTINGS: dict[str, Any] = {**SMALL, "latent_dims": (2,), "maps": ("pca",)}


class FullDisk:
    """Stands in for ``os``: each write, rename and link fails when it comes for the first time."""

    def __init__(self, atlas: Path) -> None:
        self._atlas = atlas
        self._open: dict[int, list[Any]] = {}
        self.failed: set[tuple[Any, ...]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, *arguments: Any) -> int:
        handle = os.open(path, *arguments)
        self._open[handle] = [path, 0]
        return handle

    def write(self, handle: int, data: Any) -> int:
        self._open[handle][1] += 1
        self._fail("write", *self._open[handle])
        return os.write(handle, data)

    def replace(self, source: Any, target: Any) -> None:
        self._fail("replace", target)
        os.replace(source, target)

    def link(self, source: Any, target: Any) -> None:
        self._fail("link", target)
        os.link(source, target)

    def _fail(self, kind: str, path: Any, number: int = 0) -> None:
        name = os.path.basename(path)
        if name.endswith(".tmp"):
            name = name.lstrip(".").rsplit(".", 2)[0]
        n_stages = 0
        if name == "atlas.json":  # written once for each stage
            with contextlib.suppress(StorageError, ValueError):
                n_stages = len(Atlas.open(self._atlas).stages)
        call = (kind, name, number, n_stages)
        if call not in self.failed:
            self.failed.add(call)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


@pytest.mark.slow
@pytest.mark.usefixtures("quick_figures")
def test_a_fault_at_each_single_write(
    few: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = few.select([*range(60), *range(300, 340)])
    atlas = tmp_path / "atlas"
    run(tiny, tmp_path / "undisturbed", **SETTINGS)
    disk = FullDisk(atlas)
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
    # Every file fails at least twice, when it is written and when it gets its name.
    assert len(said) == len(disk.failed) > 50
    for text in said:
        assert re.fullmatch(r"no space left .* writing .*everything finished is kept", text), text
    assert {kind for kind, *_ in disk.failed} == {"write", "replace", "link"}
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
    disk = FullDisk(atlas)
    monkeypatch.setattr("latentscape.files.os", disk)
    for _ in range(200):
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
