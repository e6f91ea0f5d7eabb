"""An atlas from a stranger: nothing outside of its folder is read, written or removed."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentscape.atlas import Atlas, AtlasWriter
from latentscape.errors import AtlasError
from latentscape.pipeline.recorder import Recorder

SECRET = "secret.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An atlas, and beside it a file and a folder that are none of its business."""
    (tmp_path / SECRET).write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    path = tmp_path / "atlas"
    with AtlasWriter.open(path) as writer:
        with writer.stage("codes", "f") as stage:
            writer.write_array("codes.npy", np.zeros((8, 3), np.float32))
            stage.info.update(model="model/d3-s0-abc.safetensors")
        with writer.stage("plane", "f"):
            tensors = {name: np.zeros(2, np.float32) for name in ("images", "x", "y")}
            writer.write_tensors("plane.safetensors", tensors)
        with writer.stage("points", "f"):
            writer.write_table("points.parquet", pd.DataFrame({"label": np.arange(8)}))
    (path / ".atlas.json").unlink()  # an attacker would change the copy as well
    return path


def forge(folder: Path, change: Any) -> None:
    manifest = json.loads((folder / "atlas.json").read_bytes())
    change(manifest["stages"])
    (folder / "atlas.json").write_text(json.dumps(manifest))


def untouched(folder: Path) -> bool:
    home = folder.parent
    return (
        (home / SECRET).read_text() == "mine"
        and (home / "mine" / "thesis.txt").read_text() == "years of work"
        and sorted(os.listdir(home / "mine")) == ["thesis.txt"]
    )


OUTSIDE = [
    f"../{SECRET}",
    f"maps/../../{SECRET}",
    "/etc/passwd",
    "//server/share/model.safetensors",
    "\\\\server\\share\\model.safetensors",
    "C:\\secret.txt",
    ".lock",
    "atlas.json",
    "",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_manifest_that_names_a_file_outside_is_refused(folder: Path, name: str) -> None:
    entry = {"sha256": "0" * 64, "bytes": 4}
    forge(folder, lambda stages: stages["codes"]["files"].update({name: entry}))
    for use in (Atlas.open, AtlasWriter.open):
        with pytest.raises(AtlasError, match="which cannot be part of an atlas"):
            use(folder)
    assert untouched(folder)


@pytest.mark.parametrize("name", [*OUTSIDE, 7, ["model"], {"a": 1}])
def test_a_manifest_that_names_a_model_outside_is_refused(folder: Path, name: Any) -> None:
    forge(folder, lambda stages: stages["codes"]["info"].update(model=name))
    with pytest.raises(AtlasError, match="names the file"):
        Atlas.open(folder)


def test_links_that_lead_out_are_not_followed(folder: Path) -> None:
    codes = folder / "codes.npy"
    elsewhere = folder.parent / "codes.npy"
    codes.rename(elsewhere)
    codes.symlink_to(elsewhere)
    with pytest.raises(AtlasError, match="leads out of the atlas by a link"):
        _ = Atlas.open(folder).codes
    (folder / "maps").symlink_to(folder.parent / "mine", target_is_directory=True)
    with AtlasWriter.open(folder) as writer:
        with pytest.raises(AtlasError, match="by a link"), writer.stage("maps-pca", "f"):
            writer.write_bytes("maps/thesis.txt", b"worthless")
        with pytest.raises(AtlasError, match="by a link"), writer.stage("maps-pca", "f"):
            writer.adopt("maps/thesis.txt")
    assert untouched(folder)
    # One that stays inside is.
    codes.unlink()
    elsewhere.rename(folder / "real.npy")
    codes.symlink_to("real.npy")
    assert Atlas.open(folder).codes.shape == (8, 3)
    codes.unlink()
    codes.symlink_to("codes.npy")  # a circle
    with pytest.raises(AtlasError):
        _ = Atlas.open(folder).codes


def test_nothing_is_removed_through_a_link(folder: Path) -> None:
    (folder / "maps").symlink_to(folder.parent / "mine", target_is_directory=True)
    entry = {"sha256": "0" * 64, "bytes": 4}
    stage = {"fingerprint": "f", "finished": "", "seconds": 0, "files": {}, "info": {}}
    stage["files"] = {"maps/thesis.txt": entry}
    forge(folder, lambda stages: stages.update({"maps-pca": stage}))
    with AtlasWriter.open(folder) as writer:
        recorder = Recorder(writer, lambda event: None)
        with pytest.raises(AtlasError, match="by a link"):
            recorder.is_current("maps-pca", "f", remove_damaged=True)
        writer.damaged.clear()
        writer.drop_stage("maps-pca")
        assert "maps-pca" not in writer.stages
    assert untouched(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "\x00" * 1000, "9" * 10_000])
def test_a_manifest_that_is_a_trap_is_only_damaged(folder: Path, text: str) -> None:
    (folder / "atlas.json").write_text(text)
    with pytest.raises(AtlasError, match=r"atlas\.json (is damaged|was not written)"):
        Atlas.open(folder)


def test_a_manifest_of_absurd_size_is_not_read(folder: Path) -> None:
    with (folder / "atlas.json").open("r+b") as file:
        file.truncate(2**40)  # holes only
    with pytest.raises(AtlasError, match="far too large"):
        Atlas.open(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("codes", b"\x93NUMPY\x01\x00" + struct.pack("<H", 65_535) + b"{" * 65_535),
        ("codes", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{"),
        (
            "codes",
            b"\x93NUMPY\x01\x00\x46\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        ),
        ("codes", b"\x93NUMPY\x01\x00\x0b\x00{'descr': #" + b" " * 40),
        ("codes", b"\x80\x04\x95" + b"cos\nsystem\n(S'true'\ntR."),  # a pickle
        ("plane", struct.pack("<Q", 2**63) + b"{}"),
        ("plane", struct.pack("<Q", 2**40) + b"{}"),
        ("plane", struct.pack("<Q", 60_000) + b"[" * 60_000),
        ("plane", struct.pack("<Q", 2) + b"{}"),
        ("points", b"PAR1" + b"\xff" * 200 + b"PAR1"),
    ],
)
def test_headers_that_mean_harm_are_damage(folder: Path, name: str, content: bytes) -> None:
    file = {"codes": "codes.npy", "plane": "plane.safetensors", "points": "points.parquet"}[name]
    (folder / file).write_bytes(content)
    forge(folder, lambda stages: stages[name]["files"][file].update(bytes=len(content)))
    with pytest.raises(AtlasError, match="is damaged"):
        getattr(Atlas.open(folder), name)
