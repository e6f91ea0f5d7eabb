"""A disk that cannot be written or read, and two writers of one atlas: nothing is lost."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latentscape.atlas import Atlas, AtlasWriter
from latentscape.errors import StorageError

from .calls import Call, check_sentence, events_of, everything

WRITERS = [
    ("run data -o atlas --seeds 2 --latent-dims 2,5 --epochs 1 --engine serial", "new/atlas"),
    ("train data -o m.safetensors --latent-dim 2 --epochs 1", "new/m.safetensors"),
    ("encode atlas data -o codes.npy", "new/codes.npy"),
    ("map atlas tsne", ""),
]


class Disk:
    """Stands in for ``os`` in our file module, with writes that fail."""

    def __init__(self, code: int, *calls: str) -> None:
        self._code = code
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        return self._fail if name in self._calls else getattr(os, name)

    def _fail(self, *_: Any) -> None:
        raise OSError(self._code, os.strerror(self._code))


@pytest.mark.parametrize("typed", [typed for typed, _ in WRITERS])
@pytest.mark.parametrize(
    ("code", "call_", "words"),
    [
        (errno.ENOSPC, "write", "no space left on the device while writing"),
        (errno.ENOSPC, "fsync", "no space left on the device while writing"),
        (errno.EDQUOT, "write", "the disk quota is used up"),
        (errno.EIO, "replace", "the device reports an error"),
    ],
)
def test_a_disk_that_takes_nothing_loses_nothing(
    call: Call,
    mine: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    code: int,
    call_: str,
    words: str,
) -> None:
    (mine / "codes.npy").write_bytes(b"older codes")
    before = everything(mine)
    monkeypatch.setattr("latentscape.files.os", Disk(code, call_, "link"))
    outcome = call(*shlex.split(typed), "--json")
    assert outcome.code == 2
    *_, error = events_of(outcome.out)
    assert (error["event"], error["kind"]) == ("error", "StorageError")
    assert words in error["message"]
    assert outcome.err == f"latentscape: {error['message']}\n"
    assert everything(mine) == before
    monkeypatch.undo()


@pytest.fixture
def powerless(finished: Path) -> Iterator[Path]:
    """A copy of everything in a place where this process may not write, root or not."""
    if not hasattr(os, "seteuid"):
        pytest.skip("no users here")
    home = Path(tempfile.mkdtemp())
    try:
        shutil.copytree(finished, home, dirs_exist_ok=True)
        for path in (home, *home.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        was = os.geteuid()
        if was == 0:
            os.seteuid(65534)
        try:
            yield home
        finally:
            os.seteuid(was)
    finally:
        for path in (home, *home.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(home)


@pytest.mark.parametrize(("typed", "elsewhere"), WRITERS)
def test_without_permission_to_write(
    call: Call, powerless: Path, monkeypatch: pytest.MonkeyPatch, typed: str, elsewhere: str
) -> None:
    monkeypatch.chdir(powerless)
    before = everything(powerless)
    words = "no permission for "
    check_sentence(call(*shlex.split(typed)), words)
    if elsewhere:
        command, *arguments = shlex.split(typed)
        arguments[arguments.index("-o") + 1] = elsewhere
        check_sentence(call(command, *arguments), words)
    assert everything(powerless) == before


def test_without_permission_to_read(call: Call, powerless: Path) -> None:
    images = powerless / "data" / "train-images-idx3-ubyte"
    plane = powerless / "atlas" / "plane.safetensors"
    lock_up(images, plane, powerless / "m.safetensors")
    for typed in (
        ("train", powerless / "data", "-o", powerless / "new"),
        ("info", powerless / "m.safetensors"),
        ("encode", powerless / "m.safetensors", powerless / "data"),
    ):
        check_sentence(call(*typed), "permission")
    with pytest.raises(StorageError, match="no permission for reading"):
        _ = Atlas.open(powerless / "atlas").plane
    lock_up(powerless / "atlas")
    check_sentence(call("info", powerless / "atlas"), "permission")


def lock_up(*paths: Path) -> None:
    """Take away the permission to read, as the owner."""
    was = os.geteuid()
    os.seteuid(paths[0].stat().st_uid)
    for path in paths:
        path.chmod(0)
    os.seteuid(was)


def test_a_read_only_disk(call: Call, finished: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        shutil.copytree(finished, disk, dirs_exist_ok=True)
        again = ["mount", "-o", "remount,ro", str(disk)]
        subprocess.run(again, capture_output=True, check=True)
        before = everything(disk)
        words = "read-only file system: use a directory that can be written to"
        data = disk / "data"
        check_sentence(call("run", data, "-o", disk / "atlas", "--seeds", "2"), words)
        check_sentence(call("run", data, "-o", disk / "new"), words)
        check_sentence(call("train", data, "-o", disk / "m.safetensors"), words)
        check_sentence(call("encode", disk / "atlas", data, "-o", disk / "codes.npy"), words)
        check_sentence(call("map", disk / "atlas", "tsne"), words)
        assert call("info", disk / "atlas").code == 0  # which only reads
        assert everything(disk) == before
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_two_writers_of_one_atlas(call: Call, mine: Path) -> None:
    with AtlasWriter.open(mine / "atlas"):
        before = everything(mine)
        words = f"is being written by process {os.getpid()}"
        check_sentence(call("map", "atlas", "tsne"), words)
        check_sentence(call("run", "data", "-o", "atlas", "--seeds", "2"), words)
        assert call("info", "atlas").code == 0
        assert everything(mine) == before
