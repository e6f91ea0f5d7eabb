"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from latentscape.errors import StorageError
from latentscape.files import (
    AtomicFile,
    check_writable,
    is_temporary,
    publish_exclusively,
    storage_error,
    sweep_temporaries,
    write_atomically,
)


def test_a_write_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.bin"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["file.bin"]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "close", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO])
def test_a_fault_at_any_step_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    path = tmp_path / "file.bin"
    write_atomically(path, b"old")
    real = getattr(os, call)

    def fail(*args: object, **options: object) -> None:
        if call == "close":
            real(*args)  # the handle is gone in any case
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StorageError, match=r"file\.bin") as caught:
            write_atomically(path, b"x" * 31_000_000)
    assert caught.value.errno == code
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.bin"]


def test_a_full_disk_says_how_much_is_needed_and_what_to_do() -> None:
    error = storage_error(OSError(errno.ENOSPC, ""), "codes.npy", needed=30_100_000)
    assert str(error) == (
        "no space left on the device while writing codes.npy (needs about 31 MB): free some "
        "space and run the same command again; everything finished is kept"
    )


def test_an_exception_or_a_stop_inside_the_block_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    write_atomically(path, b"old")
    with pytest.raises(KeyboardInterrupt), AtomicFile(path) as file:  # noqa: PT012
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.bin"]


def test_short_writes_of_the_system_are_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data[:7])))
    write_atomically(tmp_path / "file.bin", bytes(range(100)))
    assert (tmp_path / "file.bin").read_bytes() == bytes(range(100))


@pytest.mark.parametrize("hard_links", [True, False])
def test_the_first_to_publish_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    if not hard_links:

        def refuse(source: object, target: object) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "model" / "d2-s0.safetensors"
    assert publish_exclusively(path, b"first") is True
    assert publish_exclusively(path, b"second") is False
    late = AtomicFile(path, hold=True)  # began before the first was there
    with late:
        late.write(b"third")
    assert late.publish_if_absent() is False
    assert path.read_bytes() == b"first"
    assert os.listdir(path.parent) == [path.name]


RACE = """
import sys, time
from latentscape.files import publish_exclusively
while time.time() < float(sys.argv[2]):
    pass
data = sys.argv[3].encode() * 100
print(sum(publish_exclusively(f"{sys.argv[1]}/{i}.bin", data) for i in range(200)))
"""


def test_of_racing_processes_exactly_one_publishes_each_file(tmp_path: Path) -> None:
    import time

    start = str(time.time() + 0.7)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path), start, name], stdout=subprocess.PIPE
        )
        for name in ("a", "b")
    ]
    wins = [int(racer.communicate(timeout=60)[0]) for racer in racers]
    assert sum(wins) == 200
    contents = [(tmp_path / f"{i}.bin").read_bytes() for i in range(200)]
    assert sorted([contents.count(b"a" * 100), contents.count(b"b" * 100)]) == sorted(wins)
    assert len(os.listdir(tmp_path)) == 200


def test_only_our_own_temporary_files_are_swept(tmp_path: Path) -> None:
    stale = tmp_path / "maps" / f".tsne.safetensors.{'0a' * 8}.tmp"
    stale.parent.mkdir()
    foreign = tmp_path / ".notes.tmp"
    for path in (stale, foreign):
        path.write_bytes(b"x")
    assert is_temporary(stale.name)
    assert not is_temporary(foreign.name)
    assert sweep_temporaries(tmp_path) == 1
    assert foreign.exists()
    assert not stale.exists()


def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path) -> None:
    (tmp_path / "maps").write_text("a file")
    with pytest.raises(StorageError, match="is a file where a directory is needed"):
        write_atomically(tmp_path / "maps" / "tsne.safetensors", b"x")


def test_looking_whether_a_file_can_be_written_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old.bin").write_bytes(b"old")
    (tmp_path / "empty").mkdir()
    check_writable(tmp_path / "old.bin")
    check_writable(tmp_path / "empty" / "new.bin")
    check_writable(tmp_path / "deep" / "er" / "new.bin")
    monkeypatch.chdir(tmp_path)
    check_writable(Path("relative") / "new.bin")
    with pytest.raises(StorageError, match="is a file where a directory is needed"):
        check_writable(tmp_path / "old.bin" / "new.bin")
    with pytest.raises(StorageError, match="is a directory where a file is needed"):
        check_writable(tmp_path / "empty")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="no space left on the device"):
        check_writable(tmp_path / "deep" / "er" / "new.bin")
    assert sorted(os.listdir(tmp_path)) == ["empty", "old.bin"]
    assert not os.listdir(tmp_path / "empty")
    assert (tmp_path / "old.bin").read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_or_a_device_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        for write in (check_writable, lambda path: write_atomically(path, b"x")):
            with pytest.raises(StorageError, match="is not a regular file and stays as it is"):
                write(path)
    assert pipe.is_fifo()
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]
