"""Reading an atlas needs little and says clearly what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentscape.atlas import Atlas, AtlasWriter
from latentscape.errors import AtlasError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "atlas"
    with AtlasWriter.open(path) as writer:
        writer.set_header(
            data={"name": "made <up>", "n_train": 1200, "n_test": 8}, settings={"seed": 0}
        )
        with writer.stage("sweep", "f"):
            rows = [
                {"model": "autoencoder", "latent_dim": 2, "seed": 0, "key": "abcdef012345" * 5},
                {"model": "pca", "latent_dim": 2, "seed": -1, "key": ""},
            ]
            writer.write_table("sweep.parquet", pd.DataFrame(rows))
            for stem in ("d2-s0-abcdef012345", "d2-s0-000000000000", "d4-s0-111111111111"):
                writer.write_bytes(f"model/{stem}.safetensors", b"weights")
        with writer.stage("codes", "f") as stage:
            writer.write_array("codes.npy", rng.normal(size=(8, 3)).astype(np.float32))
            writer.write_array("images.npy", np.zeros((8, 5, 4), np.uint8))
            stage.info.update(latent_dim=np.int64(3), seed=0)
        with writer.stage("points", "f"):
            frame = pd.DataFrame({"label": np.arange(8)})
            for name in ("tsne_x", "tsne_y", "own_x", "own_y", "pca_x", "pca_y", "half_x"):
                frame[name] = np.zeros(8, np.float32)
            writer.write_table("points.parquet", frame)
        with writer.stage("plane", "f"):
            writer.write_tensors(
                "plane.safetensors",
                {
                    "images": np.zeros((2, 3, 5, 4), np.uint8),
                    "x": np.arange(3, dtype=np.float32),
                    "y": np.arange(2, dtype=np.float32),
                },
            )
        with writer.stage("quality", "f"):
            writer.write_json("quality.json", {"k": 10, "bad": float("nan")})
        with writer.stage("figures", "f"):
            writer.write_bytes("figures/loss_curve.png", b"png")
        with writer.stage("choice", "f") as stage:
            stage.info.update(latent_dim=3, band=(2, 4))
    return path


def test_everything_comes_back(folder: Path) -> None:
    atlas = Atlas.open(folder)
    assert atlas.map_names == ("pca", "tsne", "own")
    assert isinstance(atlas.codes, np.memmap)
    assert atlas.codes.shape == (8, 3)
    assert atlas.images.dtype == np.uint8
    assert atlas.choice == {"latent_dim": 3, "band": [2, 4]}
    assert atlas.quality == {"k": 10, "bad": None}
    assert atlas.plane.images.shape == (2, 3, 5, 4)
    assert atlas.data["n_train"] == 1200
    assert atlas.settings == {"seed": 0}
    assert list(atlas.figure_paths) == ["loss_curve.png"]
    assert atlas.has("codes")
    assert atlas.has("choice")
    assert not atlas.has("codes2")


def test_the_model_of_the_sweep_is_found_among_older_ones(folder: Path) -> None:
    atlas = Atlas.open(folder)
    assert atlas.model_path(2).name == "d2-s0-abcdef012345.safetensors"
    with pytest.raises(AtlasError, match=r"latent size 4 and seed 0 \(it has: 2 \(seed 0\)\)"):
        atlas.model_path(4)


def test_it_introduces_itself(folder: Path) -> None:
    atlas = Atlas.open(folder)
    assert "1,200 train + 8 test images" in repr(atlas)
    assert "made &lt;up&gt;" in atlas._repr_html_()
    assert "made <up>" not in atlas._repr_html_()


def test_reading_needs_neither_torch_nor_plotting(folder: Path) -> None:
    code = (
        "import sys; from latentscape.atlas import Atlas; a = Atlas.open(sys.argv[1]);"
        "a.codes, a.points, a.plane, a.quality, repr(a);"
        "print([m for m in ('torch', 'matplotlib', 'sklearn', 'umap') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_what_is_no_atlas_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path, message in [
        (tmp_path, "is not an atlas"),
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path / "file", "is a file"),
    ]:
        with pytest.raises(AtlasError, match=message):
            Atlas.open(path)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"schema_version": 1}', '{"schema_version": true}']
)
def test_a_damaged_manifest_is_an_atlas_error(folder: Path, text: str) -> None:
    (folder / "atlas.json").write_text(text)
    (folder / ".atlas.json").unlink()  # or else it would be read instead
    for use in (Atlas.open, AtlasWriter.open):
        with pytest.raises(AtlasError, match=r"atlas\.json (is damaged|was not written)"):
            use(folder)


def test_a_damaged_manifest_is_read_from_its_copy(folder: Path) -> None:
    content = (folder / "atlas.json").read_bytes()
    (folder / "atlas.json").write_bytes(content[:200] + b"\xff" + content[201:])
    assert Atlas.open(folder).choice["latent_dim"] == 3
    with AtlasWriter.open(folder) as writer:
        told = writer.damaged["atlas.json"]
    assert "restored from its copy, as " in told
    assert "again in another directory" not in told  # there is nothing left to do
    assert (folder / "atlas.json").read_bytes() == content
    with AtlasWriter.open(folder) as writer:
        assert not writer.damaged


def test_a_newer_schema_says_which_and_what_to_do(folder: Path) -> None:
    manifest = json.loads((folder / "atlas.json").read_text())
    manifest |= {"schema_version": 7, "latentscape_version": "9.1"}
    (folder / "atlas.json").write_text(json.dumps(manifest))
    for use in (Atlas.open, AtlasWriter.open):
        with pytest.raises(AtlasError, match=r"latentscape 9\.1 with atlas schema 7.*pip install"):
            use(folder)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("codes.npy", "codes"),
        ("points.parquet", "points"),
        ("plane.safetensors", "plane"),
        ("quality.json", "quality"),
    ],
)
@pytest.mark.parametrize("harm", ["remove", "truncate", "scramble"])
def test_a_damaged_part_is_named_and_the_rest_still_reads(
    folder: Path, file: str, name: str, harm: str
) -> None:
    path = folder / file
    data = path.read_bytes()
    path.unlink()
    if harm == "truncate":
        path.write_bytes(data[:-5])
    elif harm == "scramble":
        path.write_bytes(bytes(b ^ 0x5A for b in data))
    atlas = Atlas.open(folder)
    with pytest.raises(AtlasError, match=file.replace(".", r"\.") + " is damaged"):
        getattr(atlas, name)
    assert atlas.choice["latent_dim"] == 3
    assert len(atlas.sweep) == 2


def test_a_part_that_is_not_there_yet_is_named(folder: Path) -> None:
    with pytest.raises(AtlasError, match=r"has no codes2 \(codes2\.npy\) yet"):
        _ = Atlas.open(folder).codes2
    with pytest.raises(AtlasError, match=r"no fitted map 'umap' \(it has: none\)"):
        Atlas.open(folder).load_map("umap")


def test_a_reader_follows_a_writer_that_redoes_a_stage(folder: Path) -> None:
    atlas = Atlas.open(folder)  # its manifest gets old
    with AtlasWriter.open(folder) as writer, writer.stage("quality", "g"):
        writer.write_json("quality.json", {"k": 10, "more": list(range(50))})
    assert atlas.quality["more"][-1] == 49
