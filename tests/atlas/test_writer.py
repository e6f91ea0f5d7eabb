"""An atlas survives kills, full disks, faults and rivals."""

from __future__ import annotations

import errno
import functools
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentscape.atlas import Atlas, AtlasWriter, fingerprint
from latentscape.errors import AtlasError, AtlasLockedError, StorageError

N_STAGES = 6


def fill(path: Path, size: int = 2_000, seed: int = 0, n_stages: int = N_STAGES) -> list[str]:
    """Do what is missing of a small journey; return the stages that were worked on."""
    done = []
    with AtlasWriter.open(path) as writer:
        writer.set_header(data={"name": "made up"}, settings={"seed": seed})
        for number in range(n_stages):
            name = f"stage{number}"
            made_from = fingerprint(number=number, size=size, seed=seed)
            if writer.is_current(name, made_from):
                continue
            rng = np.random.default_rng([seed, number])
            with writer.stage(name, made_from) as stage:
                writer.write_array(f"{name}/codes.npy", rng.normal(size=(size, 4)))
                writer.write_table(f"{name}.parquet", pd.DataFrame({"x": rng.normal(size=size)}))
                writer.write_tensors(f"{name}/map.safetensors", {"a": rng.normal(size=size)})
                stage.info["number"] = number
            done.append(name)
    return done


def content(path: Path) -> dict[str, str]:
    """Hash every file but the manifest and its copy, which hold times."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in ("atlas.json", ".atlas.json", ".lock")
    }


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        made = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    assert len(fill(tmp_path / "atlas")) == N_STAGES
    before = (tmp_path / "atlas" / "atlas.json").stat().st_mtime_ns
    assert fill(tmp_path / "atlas") == []
    assert (tmp_path / "atlas" / "atlas.json").stat().st_mtime_ns == before


KILLED = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("filler", sys.argv[1])
filler = importlib.util.module_from_spec(spec)
spec.loader.exec_module(filler)
print("ready", flush=True)
filler.fill(Path(sys.argv[2]), size=60_000)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_at_random_moments_it_ends_with_the_bytes_of_an_undisturbed_run(
    tmp_path: Path,
) -> None:
    fill(tmp_path / "undisturbed", size=60_000)
    killed = 0
    moments = random.Random(20)
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, __file__, str(tmp_path / "atlas")],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        if (tmp_path / "atlas" / "atlas.json").exists():
            atlas = Atlas.open(tmp_path / "atlas")  # a reader is never in trouble
            for stage in atlas.stages.values():
                for name, record in stage["files"].items():
                    data = (atlas.path / name).read_bytes()
                    assert hashlib.sha256(data).hexdigest() == record["sha256"]
    assert killed > 0
    fill(tmp_path / "atlas", size=60_000)
    assert content(tmp_path / "atlas") == content(tmp_path / "undisturbed")


def test_a_fault_at_each_single_write_in_turn_loses_nothing_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "undisturbed", size=50, n_stages=3)
    fill(tmp_path / "older", size=50, seed=1, n_stages=3)  # to be replaced stage by stage
    prints = [fingerprint(number=number, size=50, seed=0) for number in range(3)]
    raised = 0
    for target in itertools.count():
        folder = tmp_path / f"atlas{target}"
        shutil.copytree(tmp_path / "older", folder)
        calls = 0

        def faulty(real: Callable[..., Any], *args: Any, at: int = target) -> Any:
            nonlocal calls
            calls += 1
            if calls == at + 1:
                raise OSError(errno.ENOSPC, "injected")
            return real(*args)

        with monkeypatch.context() as patch:
            for call in ("write", "fsync", "replace"):
                patch.setattr(os, call, functools.partial(faulty, getattr(os, call)))
            try:
                fill(folder, size=50, n_stages=3)
            except StorageError as error:
                raised += 1
                assert "everything finished is kept" in str(error)  # noqa: PT017
        if calls <= target:
            break  # every write has had its turn
        assert not list(folder.rglob("*.tmp"))
        stages = Atlas.open(folder).stages
        assert len(stages) == 3
        with AtlasWriter.open(folder) as writer:
            for number in range(3):
                entry = stages[f"stage{number}"]
                if entry["fingerprint"] == prints[number]:
                    assert writer.is_current(f"stage{number}", prints[number])
        fill(folder, size=50, n_stages=3)
        assert content(folder) == content(tmp_path / "undisturbed")
    assert raised > 30


def test_a_full_disk_keeps_what_is_finished(small_disk: Path) -> None:
    with pytest.raises(StorageError, match=r"no space left on the device while writing .* [kM]B\)"):
        fill(small_disk / "atlas", size=4_000)
    finished = Atlas.open(small_disk / "atlas").stages
    assert 0 < len(finished) < N_STAGES
    assert not list(small_disk.rglob("*.tmp"))
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert fill(small_disk / "atlas", size=4_000) == [
        f"stage{number}" for number in range(len(finished), N_STAGES)
    ]


READ_ONLY = """
import os, sys
from latentscape.atlas import AtlasWriter
from latentscape.errors import StorageError
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    AtlasWriter.open(sys.argv[1])
except StorageError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no write permission there")
@pytest.mark.parametrize("inside", ["", "new"])
def test_a_folder_without_write_permission_is_named(tmp_path: Path, inside: str) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    for parent in folder.parents:  # root gives up its powers, and must still get here
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    result = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(folder / inside)], capture_output=True, text=True
    )
    assert result.stderr == ""
    assert "no permission for" in result.stdout
    assert str(folder) in result.stdout


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "atlas"):
        with pytest.raises(StorageError, match="is a file where a directory is needed"):
            AtlasWriter.open(path)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_with_other_things_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(AtlasError, match=r"holds thesis\.tex"):
        AtlasWriter.open(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.tex"]


HOLD = """
import sys
from latentscape.atlas import AtlasWriter
with AtlasWriter.open(sys.argv[1]):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_two_writers_at_once_are_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    with (
        AtlasWriter.open(tmp_path),
        pytest.raises(AtlasLockedError, match=f"process {os.getpid()}"),
    ):
        AtlasWriter.open(tmp_path)  # also within one process
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(AtlasLockedError, match=f"process {process.pid} on .*: wait"):
        AtlasWriter.open(tmp_path)
    Atlas.open(tmp_path)  # readers are always welcome
    process.kill()  # the system gives the lock back
    process.communicate()
    AtlasWriter.open(tmp_path).close()


RIVAL = """
import sys
from latentscape.atlas import AtlasWriter
from latentscape.errors import AtlasLockedError
print("ready", flush=True)
for folder in sys.stdin:
    try:
        with AtlasWriter.open(folder.strip()):
            print("mine", flush=True)
            sys.stdin.readline()
    except AtlasLockedError:
        print("taken", flush=True)
        sys.stdin.readline()
"""


def test_of_writers_that_make_the_same_folder_at_once_one_gets_it(tmp_path: Path) -> None:
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", RIVAL],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]

    def told(text: str) -> list[str]:
        """Let all go on at once, and hear what each has to say."""
        for rival in rivals:
            assert rival.stdin is not None
            rival.stdin.write(f"{text}\n")
            rival.stdin.flush()
        return heard()

    def heard() -> list[str]:
        return [rival.stdout.readline().strip() for rival in rivals if rival.stdout]

    assert heard() == ["ready"] * 3
    for number in range(30):
        folder = tmp_path / f"atlas{number}"
        assert sorted(told(str(folder))) == ["mine", "taken", "taken"]
        for rival in rivals:
            assert rival.stdin is not None
            rival.stdin.write("go on\n")
            rival.stdin.flush()
    for rival in rivals:
        rival.communicate(timeout=20)
    for number in range(30):
        assert Atlas.open(tmp_path / f"atlas{number}").stages == {}


def test_a_flipped_byte_makes_only_its_stage_not_current(tmp_path: Path) -> None:
    fill(tmp_path)
    victim = tmp_path / "stage2" / "codes.npy"
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    with AtlasWriter.open(tmp_path) as writer:
        current = [
            writer.is_current(f"stage{i}", fingerprint(number=i, size=2_000, seed=0))
            for i in range(N_STAGES)
        ]
        assert current == [i != 2 for i in range(N_STAGES)]
        assert writer.damaged == {"stage2/codes.npy": "has other content than was written"}
    assert fill(tmp_path) == ["stage2"]


def test_an_exception_in_a_stage_leaves_the_older_version_whole(tmp_path: Path) -> None:
    fill(tmp_path)
    before = content(tmp_path)
    with AtlasWriter.open(tmp_path) as writer:
        with pytest.raises(ZeroDivisionError), writer.stage("stage0", "new"):  # noqa: PT012
            writer.write_array("stage0/codes.npy", np.zeros(3))
            raise ZeroDivisionError
        assert writer.is_current("stage0", fingerprint(number=0, size=2_000, seed=0))
    assert content(tmp_path) == before


def test_redoing_or_dropping_a_stage_removes_what_it_no_longer_has(tmp_path: Path) -> None:
    with AtlasWriter.open(tmp_path) as writer:
        for names in (["figures/a.png", "figures/b.png"], ["figures/b.png"]):
            with writer.stage("figures", fingerprint(names=names)):
                for name in names:
                    writer.write_bytes(name, name.encode())
        assert os.listdir(tmp_path / "figures") == ["b.png"]
        writer.drop_stage("figures")
        writer.drop_stage("figures")
        assert not (tmp_path / "figures").exists()
        assert writer.stages == ()


def test_a_file_belongs_to_one_stage_only(tmp_path: Path) -> None:
    with AtlasWriter.open(tmp_path) as writer:
        with writer.stage("codes", "f"):
            writer.write_array("codes.npy", np.zeros(3))
        with (
            pytest.raises(AtlasError, match="belongs to the stage 'codes'"),
            writer.stage("b", "f"),
        ):
            writer.write_array("./codes.npy", np.ones(3))
        with pytest.raises(RuntimeError, match="inside"):
            writer.write_json("x.json", {})


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "atlas.json", ".lock", "", "a\\b"])
def test_names_that_leave_the_atlas_are_refused(tmp_path: Path, name: str) -> None:
    with AtlasWriter.open(tmp_path / "atlas") as writer:
        with pytest.raises(AtlasError, match="cannot be the name"), writer.stage("s", "f"):
            writer.write_bytes(name, b"x")
        assert writer.stages == ()


def test_equal_tensors_give_equal_bytes_and_strided_ones_their_values(tmp_path: Path) -> None:
    table = np.arange(12.0).reshape(3, 4)
    metadata = {str(i): str(i) for i in range(20)}
    with AtlasWriter.open(tmp_path) as writer, writer.stage("s", "f"):
        writer.write_tensors("a.safetensors", {"x": table.T, "y": table}, metadata)
        writer.write_tensors(
            "b.safetensors", {"y": table, "x": table.T}, dict(reversed(metadata.items()))
        )
        writer.write_array("t.npy", table.T)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    from safetensors.numpy import load_file

    np.testing.assert_array_equal(load_file(tmp_path / "a.safetensors")["x"], table.T)
    loaded = np.load(tmp_path / "t.npy", mmap_mode="r")
    assert loaded.flags.c_contiguous
    np.testing.assert_array_equal(loaded, table.T)
    with AtlasWriter.open(tmp_path) as writer:
        with pytest.raises(ValueError, match="Object arrays"), writer.stage("o", "f"):
            writer.write_array("o.npy", np.array([{}], dtype=object))
        assert not list(tmp_path.rglob("*.tmp"))


def test_a_finished_file_of_a_worker_can_be_adopted(tmp_path: Path) -> None:
    with AtlasWriter.open(tmp_path) as writer:
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "d2-s0-abc.safetensors").write_bytes(b"weights")
        with writer.stage("sweep", "f"):
            writer.adopt("model/d2-s0-abc.safetensors")
        with pytest.raises(StorageError, match="does not exist"), writer.stage("other", "f"):
            writer.adopt("model/absent.safetensors")
    manifest = json.loads((tmp_path / "atlas.json").read_text())
    assert manifest["stages"]["sweep"]["files"] == {
        "model/d2-s0-abc.safetensors": {
            "sha256": hashlib.sha256(b"weights").hexdigest(),
            "bytes": 7,
        }
    }
