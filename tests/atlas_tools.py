"""What the tests of the pipeline and of the command line share."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from latentscape.atlas import Atlas
from latentscape.files import is_temporary, sha256_of_file
from latentscape.images import ImageSet
from latentscape.types import AnyArray, Progress, ProgressCallback, StageChange


def command(*arguments: object) -> list[str]:
    """Return a command line of latentscape in a process of its own."""
    return [sys.executable, "-m", "latentscape", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return the environment for it, with the source tree on the path."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def write_idx(path: Path, array: AnyArray) -> None:
    """Store bytes as an IDX file."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def write_folder(images: ImageSet, folder: Path) -> Path:
    """Store an image set as the four files in which MNIST comes, or two without labels."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, name in ((images.train, "train"), (images.test, "t10k")):
        write_idx(folder / f"{name}-images-idx3-ubyte", part.images)
        if part.labels is not None:
            write_idx(folder / f"{name}-labels-idx1-ubyte", part.labels)
    return folder


def files(path: Path) -> dict[str, tuple[int, bytes]]:
    """Return time of change and content of every file, but the lock's and the manifest's copy."""
    return {
        str(file.relative_to(path)): (file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.name.startswith((".lock", ".atlas.json"))
    }


def arrays(path: Path) -> dict[str, bytes]:
    """Return the bytes of every array of an atlas; what a clock has measured is left out."""
    found: dict[str, bytes] = {}
    for file in sorted(path.rglob("*")):
        name = str(file.relative_to(path))
        if is_temporary(file.name):  # left by a killed run
            continue
        if file.suffix == ".parquet":
            table = pd.read_parquet(file)
            for column in table.columns.drop("seconds", errors="ignore"):
                values = table[column].to_numpy()
                plain = (
                    repr(values.tolist()).encode() if values.dtype == object else values.tobytes()
                )
                found[f"{name}:{column}"] = plain
        elif file.parent.name == "model":
            for tensor, values in load_file(file).items():
                found[f"{name}:{tensor}"] = values.tobytes()
        elif file.suffix in (".npy", ".safetensors", ".png", ".svg") or name == "quality.json":
            found[name] = file.read_bytes()
    return found


def check_intact(path: Path, *, killed: bool = False) -> int:
    """Make sure that all that an atlas says it has is there; return the number of its stages.

    Only a killed run may leave temporary files.
    """
    assert killed or not [file for file in path.rglob("*") if is_temporary(file.name)]
    if not (path / "atlas.json").exists():
        return 0
    stages = json.loads((path / "atlas.json").read_bytes())["stages"]
    for entry in stages.values():
        for name, record in entry["files"].items():
            assert sha256_of_file(path / name) == record["sha256"], name
    return len(stages)


def lacking(what: str) -> NoReturn:
    """Skip the test for want of a browser, npm or the like; fail it where all tests must run."""
    if os.environ.get("LATENTSCAPE_REQUIRE_ALL") == "1":
        pytest.fail(f"{what}, and LATENTSCAPE_REQUIRE_ALL is 1", pytrace=False)
    pytest.skip(what)


class Listener:
    """Keeps the events of a run."""

    def __init__(self) -> None:
        self.events: list[Progress | StageChange] = []

    def __call__(self, event: Progress | StageChange) -> None:
        self.events.append(event)

    @property
    def changes(self) -> list[StageChange]:
        return [event for event in self.events if isinstance(event, StageChange)]

    def stages(self, state: str) -> set[str]:
        return {change.stage for change in self.changes if change.state == state}

    @property
    def n_trained(self) -> int:
        """Trainings that were run."""
        notes = [c.note for c in self.changes if (c.stage, c.state) == ("training", "done")]
        return sum(int(note.split()[0]) for note in notes)


def quick_render(
    atlas: Atlas, on_progress: ProgressCallback | None = None
) -> Iterator[tuple[str, bytes]]:
    """Stand in for the figures where a test is not about them."""
    for name in ("direct", *atlas.settings["maps"]):
        yield f"figures/map_{name}.png", f"{name} of {len(atlas.points)}".encode()


SMALL: dict[str, Any] = {
    "latent_dims": (2, 5),
    "n_seeds": 1,
    "maps": ("pca", "lda"),
    "training": {"n_epochs": 1},
    "engine": "serial",
    "verbose": 0,
}
