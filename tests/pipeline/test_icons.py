"""A folder of several thousand real icons: RGBA, of mixed sizes, by category."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentscape import Atlas
from latentscape.cli.entry import main

from ..atlas_tools import lacking

PACKAGE = "emoji-datasource-twitter@16.0.0"  # 3,786 PNG files of 64 × 64 with an alpha channel


@pytest.fixture(scope="module")
def icons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every icon in the folder of its category; every third one without its empty margins."""
    folder = tmp_path_factory.mktemp("npm")
    npm = shutil.which("npm")
    done = npm and subprocess.run(
        [npm, "pack", "--silent", PACKAGE], cwd=folder, capture_output=True, text=True
    )
    if not done or done.returncode:
        message = f"npm pack {PACKAGE} does not work here: {done.stderr if done else 'no npm'}"
        lacking(message)
    (archive,) = folder.glob("*.tgz")
    target = folder / "icons"
    pictures: dict[str, bytes] = {}
    listed: list[dict[str, Any]] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name)
            file = tar.extractfile(member)
            if file is None:
                continue
            if name.parts[-4:-1] == ("img", "twitter", "64"):
                pictures[name.name] = file.read()
            elif name.name == "emoji.json":
                listed = json.load(file)
    archive.unlink()
    for i, (category, icon) in enumerate(_listed(listed)):
        if icon not in pictures:
            continue
        image = Image.open(BytesIO(pictures[icon])).convert("RGBA")
        if i % 3 == 0:
            image = image.crop(image.getchannel("A").getbbox())
        (target / category).mkdir(parents=True, exist_ok=True)
        image.save(target / category / icon)
    return target


def _listed(emoji: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for entry in emoji:
        for variant in (entry, *entry.get("skin_variations", {}).values()):
            found.append((entry["category"], variant["image"]))
    return found


@pytest.mark.slow
def test_a_folder_of_icons(icons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--size", "24", "--latent-dims", "2,32", "--seeds", "1", "--epochs", "12")
    more = ("--maps", "pca,lda,umap", "--engine", "serial")
    with pytest.raises(SystemExit) as ended:
        main(["run", str(icons), "-o", str(tmp_path / "atlas"), *options, *more])
    assert not ended.value.code
    said = capsys.readouterr()
    n = len(list(icons.rglob("*.png")))
    assert n > 3000
    assert f"icons: {n:,} RGB images of 24×24 pixels" in said.out + said.err
    assert "with transparency laid over white" in said.out + said.err
    atlas = Atlas.open(tmp_path / "atlas")
    assert atlas.map_names == ("direct", "pca", "lda", "umap")
    assert not atlas.lacking
    assert (tmp_path / "atlas" / "explorer.html").stat().st_size > 100_000
    # A picture that one can recognise explains most of what differs from the mean picture.
    real = np.asarray(atlas.images, np.float64) / 255
    rebuilt = np.asarray(atlas.reconstructions, np.float64) / 255
    unexplained = ((real - rebuilt) ** 2).sum() / ((real - real.mean(axis=0)) ** 2).sum()
    assert unexplained < 0.35
