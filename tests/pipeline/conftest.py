"""A small data set on disk, runs of the command line on it, and a look at every byte."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from latentscape.images import ImageSet, load_mnist

from .atlas_tools import quick_render

MAGIC = {3: b"\x00\x00\x08\x03", 1: b"\x00\x00\x08\x01"}
SMALL = ("--latent-dims", "2,5", "--seeds", "1", "--epochs", "1", "--maps", "pca,lda")


def write_idx(path: Path, array: np.ndarray[Any, Any]) -> None:
    """Write an array as an IDX file of bytes."""
    sizes = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    path.write_bytes(MAGIC[array.ndim] + sizes + array.astype(np.uint8).tobytes())


def write_digits(folder: Path, *, n_train: int = 600, n_test: int = 200) -> Path:
    """Write the first digits of MNIST as a folder of IDX files."""
    mnist = load_mnist()
    folder.mkdir(exist_ok=True)
    for part, rows, n in (("train", mnist.train, n_train), ("t10k", mnist.test, n_test)):
        assert rows.labels is not None
        write_idx(folder / f"{part}-images-idx3-ubyte", rows.images[:n])
        write_idx(folder / f"{part}-labels-idx1-ubyte", rows.labels[:n])
    return folder


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 600 training and 200 test digits."""
    return write_digits(tmp_path_factory.mktemp("data") / "digits")


@pytest.fixture(scope="session")
def digit_set(mnist: ImageSet) -> ImageSet:
    """The same digits in memory."""
    return mnist.select([*range(600), *range(60_000, 60_200)])


def command(*arguments: object) -> list[str]:
    """Return a command line of latentscape in a process of its own."""
    return [sys.executable, "-m", "latentscape", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return the environment for it, with the source tree on the path."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def latentscape(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, env=environment(), cwd=cwd, timeout=300
    )


def arrays(atlas: Path) -> dict[str, bytes]:
    """Return the bytes of every array of an atlas, but for how long things took."""
    found: dict[str, bytes] = {}
    for path in sorted(atlas.rglob("*")):
        name = str(path.relative_to(atlas))
        if path.suffix == ".npy":
            found[name] = path.read_bytes()
        elif path.suffix == ".safetensors":
            for key, array in load_file(path).items():
                found[f"{name}:{key}"] = array.tobytes()
        elif path.suffix == ".parquet":
            table = pd.read_parquet(path)
            for column in table.columns.drop("seconds", errors="ignore"):
                found[f"{name}:{column}"] = repr(table[column].tolist()).encode()
        elif path.suffix in (".png", ".svg"):
            found[name] = path.read_bytes()
    return found


def stamps(folder: Path, names: Sequence[str] | None = None) -> dict[str, tuple[int, bytes]]:
    """Return modification time and content of the files in a folder."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock" and (names is None or path.parent.name in names)
    }


@pytest.fixture(scope="session")
def few(digit_set: ImageSet) -> ImageSet:
    """Of these, 300 training and 100 test digits."""
    return digit_set.select([*range(300), *range(600, 700)])


@pytest.fixture
def quick_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two words instead of drawing."""
    import latentscape.figures

    monkeypatch.setattr(latentscape.figures, "render_all", quick_render)


@pytest.fixture
def coarse_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw everything, but in few pixels."""
    monkeypatch.setattr("latentscape.figures.render.DPI", 20)
