"""Every format read back by the library that it is made for, and compared with the atlas."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from google.protobuf import text_format
from numpy.testing import assert_array_equal
from PIL import Image

import latentscape as ls
from latentscape.errors import AtlasError, ExportError, SettingError, StorageError
from latentscape.exports import FORMATS, ExportReport
from latentscape.exports import onnx as onnx_export
from latentscape.exports.projector import make_sprite
from latentscape.images import ImageSet
from latentscape.pipeline import run
from latentscape.types import Progress

from ..atlas_tools import SMALL, files, quick_render


@pytest.fixture(scope="module")
def atlas(few: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> ls.Atlas:
    path = tmp_path_factory.mktemp("export") / "atlas"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", quick_render)
        return run(few, path, **{**SMALL, "latent_dim": 5})


@pytest.fixture(scope="module")
def exported(atlas: ls.Atlas, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return ls.export(atlas, tmp_path_factory.mktemp("export") / "out")


def places(atlas: ls.Atlas, name: str) -> Any:
    return atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy()


def words(atlas: ls.Atlas) -> list[str]:
    return [atlas.data["class_names"][label] for label in atlas.points["label"]]


def test_everything_is_written_by_default(exported: ExportReport) -> None:
    assert set(exported.files) == {
        "encoder.onnx",
        "decoder.onnx",
        "points.parquet",
        "points.csv",
        "projector/vectors.tsv",
        "projector/metadata.tsv",
        "projector/sprite.png",
        "projector/projector_config.pbtxt",
        "projector/projector_config.json",
        "atlas.h5ad",
        "atlas.npz",
    }
    assert exported.lacking == {}
    on_disk = {
        str(p.relative_to(exported.folder)) for p in exported.folder.rglob("*") if p.is_file()
    }
    assert on_disk == {*exported.files, "latentscape-export.json"}
    for name, size in exported.files.items():
        assert (exported.folder / name).stat().st_size == size > 0


def test_onnx_gives_the_numbers_of_the_model(atlas: ls.Atlas, exported: ExportReport) -> None:
    assert set(exported.onnx_differences) == {"encode", "decode"}
    assert all(0 <= value < 1e-4 for value in exported.onnx_differences.values())
    assert any(value > 0 for value in exported.onnx_differences.values())  # it was measured
    images = atlas.images[:, None].astype(np.float32) / np.float32(255)
    encoder = onnxruntime.InferenceSession(exported.folder / "encoder.onnx")
    decoder = onnxruntime.InferenceSession(exported.folder / "decoder.onnx")
    for rows in (slice(0, 1), slice(0, 3), slice(0, 100)):  # any number of rows
        (codes,) = encoder.run(["codes"], {"images": images[rows]})
        np.testing.assert_allclose(codes, atlas.codes[rows], atol=1e-4)
        (rebuilt,) = decoder.run(["images"], {"codes": codes})
        assert rebuilt.shape == (len(codes), 1, 28, 28)
        levels = np.abs(rebuilt[:, 0] * 255 - atlas.reconstructions[rows])
        assert levels.max() < 0.6  # rounded to whole levels there
    model = onnx.load(str(exported.folder / "encoder.onnx"))
    facts = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert facts["latentscape.image_shape"] == [28, 28]
    assert facts["latentscape.latent_dim"] == 5


def test_a_model_that_comes_out_wrong_is_refused(
    atlas: ls.Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = onnx.load

    def spoiled(path: str) -> Any:
        model = load(path)
        weights = model.graph.initializer[-1]
        values = onnx.numpy_helper.to_array(weights) + np.float32(1e-2)
        weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
        return model

    monkeypatch.setattr(onnx, "load", spoiled)
    with pytest.raises(ExportError, match=r"encoder\.onnx gives other numbers than torch: they"):
        ls.export(atlas, tmp_path / "out", ["onnx"])
    assert not list((tmp_path / "out").glob("*.onnx"))


def test_the_difference_is_relative_to_large_outputs_only() -> None:
    assert onnx_export.largest_difference(np.array([0.5]), np.array([0.4])) == pytest.approx(0.1)
    assert onnx_export.largest_difference(np.array([99.0]), np.array([100.0])) == 0.01
    assert onnx_export.largest_difference(np.zeros(2), np.zeros(3)) == np.inf
    assert np.isnan(onnx_export.largest_difference(np.array([np.nan]), np.zeros(1)))


@pytest.mark.parametrize("name", ["points.parquet", "points.csv"])
def test_the_table(name: str, atlas: ls.Atlas, exported: ExportReport) -> None:
    path = exported.folder / name
    read = pd.read_parquet if name.endswith("parquet") else pd.read_csv
    table = read(path)
    assert table["id"].tolist() == atlas.points["id"].tolist()
    assert table["class_name"].astype(str).tolist() == words(atlas)
    codes = table[[f"z{i}" for i in range(5)]].to_numpy(np.float32)
    assert_array_equal(codes, atlas.codes)
    for column in atlas.points.columns.drop(["id", "split"]):
        wanted = atlas.points[column].to_numpy()
        assert_array_equal(table[column].to_numpy().astype(wanted.dtype), wanted, err_msg=column)


def test_tables_of_several_blocks(
    atlas: ls.Atlas, exported: ExportReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latentscape.exports.tables._BLOCK", 33)
    ls.export(atlas, tmp_path, ["csv", "parquet"])
    assert (tmp_path / "points.csv").read_bytes() == (exported.folder / "points.csv").read_bytes()
    whole = pd.read_parquet(exported.folder / "points.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "points.parquet"), whole)


def test_the_archive(atlas: ls.Atlas, exported: ExportReport) -> None:
    with np.load(exported.folder / "atlas.npz", allow_pickle=False) as stored:
        assert_array_equal(stored["codes"], atlas.codes)
        assert_array_equal(stored["images"], atlas.images)
        assert_array_equal(stored["reconstructions"], atlas.reconstructions)
        assert_array_equal(stored["labels"], atlas.points["label"])
        assert stored["class_names"].tolist() == atlas.data["class_names"]
        for name in atlas.map_names:
            assert_array_equal(stored[name], places(atlas, name))


def test_anndata(atlas: ls.Atlas, exported: ExportReport) -> None:
    made = anndata.read_h5ad(exported.folder / "atlas.h5ad")
    assert_array_equal(made.X, atlas.codes)
    assert set(made.obsm) == {f"X_{name}" for name in atlas.map_names}
    for name in atlas.map_names:
        assert_array_equal(made.obsm[f"X_{name}"], places(atlas, name))
    assert made.obs["label"].tolist() == words(atlas)
    assert made.obs_names.tolist() == atlas.points["id"].tolist()
    assert made.obs["split"].tolist() == atlas.points["split"].tolist()
    wanted = atlas.points["reconstruction_mse"]
    assert_array_equal(made.obs["reconstruction_mse"].to_numpy(), wanted)


def test_the_projector(atlas: ls.Atlas, exported: ExportReport) -> None:
    from tensorboard.plugins.projector import projector_config_pb2

    folder = exported.folder / "projector"
    text = (folder / "projector_config.pbtxt").read_text()
    config = text_format.Parse(text, projector_config_pb2.ProjectorConfig())
    (entry,) = config.embeddings
    vectors = np.loadtxt(folder / entry.tensor_path, delimiter="\t", dtype=np.float32)
    assert_array_equal(vectors, atlas.codes)
    metadata = pd.read_csv(folder / entry.metadata_path, sep="\t", dtype=str)
    assert metadata["label"].tolist() == words(atlas)
    assert metadata["id"].tolist() == atlas.points["id"].tolist()
    width, height = entry.sprite.single_image_dim
    sprite = np.asarray(Image.open(folder / entry.sprite.image_path))
    per_row = sprite.shape[1] // width
    for i in (0, 1, 9, 10, 57, 99):
        top, left = i // per_row * height, i % per_row * width
        assert_array_equal(sprite[top : top + height, left : left + width], atlas.images[i])
    (listed,) = json.loads((folder / "projector_config.json").read_text())["embeddings"]
    assert listed["tensorShape"] == [100, 5]
    assert listed["sprite"] == {"imagePath": "sprite.png", "singleImageDim": [28, 28]}


def test_a_sprite_is_never_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 4, 3), np.uint8)
    sprite, size = make_sprite(images)
    assert size == (8, 4)
    assert sprite.shape == (32, 16, 3)
    monkeypatch.setattr("latentscape.exports.projector._LARGEST_SPRITE", 16)
    sprite, size = make_sprite(images)
    assert size == (4, 2)
    assert sprite.shape == (16, 8, 3)
    assert_array_equal(sprite[::4, ::2, 0].ravel()[:10], np.arange(10))


@pytest.mark.parametrize("form", ["atlas.npz", "atlas.h5ad", "points.parquet", "points.csv"])
def test_what_is_exported_can_be_read_as_embeddings(
    form: str, atlas: ls.Atlas, exported: ExportReport
) -> None:
    table = ls.read_embeddings(exported.folder / form)
    assert_array_equal(table.codes, atlas.codes)
    assert table.ids.tolist() == atlas.points["id"].tolist()
    assert table.labels is not None
    read = np.array(table.class_names)[table.labels].tolist()
    assert read == words(atlas)


def test_a_second_export_replaces_its_own_files_and_no_others(
    atlas: ls.Atlas, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ls.export(atlas, out, ["csv", "npz"])
    before = files(out)
    ls.export(atlas, out, ["csv"])
    assert {name: content for name, (_, content) in files(out).items()} == {
        name: content for name, (_, content) in before.items()
    }
    (out / "points.csv").write_text("mine\n")
    with pytest.raises(StorageError) as raised:
        ls.export(atlas, out, ["parquet", "csv"])
    assert str(raised.value) == (
        f"{out / 'points.csv'} exists already and was not written by `latentscape export`, or was "
        "changed since: move it away or give another directory; nothing was changed"
    )
    assert (out / "points.csv").read_text() == "mine\n"
    assert not (out / "points.parquet").exists()


def test_files_that_were_there_before_stay(atlas: ls.Atlas, tmp_path: Path) -> None:
    (tmp_path / "atlas.npz").write_bytes(b"mine")
    (tmp_path / "other.txt").write_bytes(b"mine too")
    with pytest.raises(StorageError, match=r"atlas\.npz exists already"):
        ls.export(atlas, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"atlas.npz", "other.txt"}
    ls.export(atlas, tmp_path, ["csv"])
    assert (tmp_path / "other.txt").read_bytes() == b"mine too"


def test_an_interruption_leaves_no_half_file_and_the_next_export_goes_through(
    atlas: ls.Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    ls.export(atlas, out, ["npz"])
    whole = (out / "atlas.npz").read_bytes()
    real = np.savez_compressed

    def half(path: Path, **arrays: Any) -> None:
        Path(path).write_bytes(whole[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", half)
    with pytest.raises(KeyboardInterrupt):
        ls.export(atlas, out, ["npz"])
    assert (out / "atlas.npz").read_bytes() == whole
    assert {path.name for path in out.iterdir()} == {"atlas.npz", "latentscape-export.json"}
    monkeypatch.setattr(np, "savez_compressed", real)

    # Between the record and the file's name: both contents are known as ours.
    monkeypatch.setattr("latentscape.files.AtomicFile.publish", lambda file: file.discard())
    monkeypatch.setattr("latentscape.exports.tables.class_names", lambda atlas: [])
    ls.export(atlas, out, ["npz"])
    monkeypatch.undo()
    assert (out / "atlas.npz").read_bytes() == whole
    ls.export(atlas, out, ["npz"])
    assert (out / "atlas.npz").read_bytes() == whole


def test_a_full_disk_is_told(
    atlas: ls.Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("latentscape.exports.tables.write_csv", full)
    with pytest.raises(StorageError, match=r"no space left on the device while writing .*points"):
        ls.export(atlas, tmp_path / "out", ["csv"])
    assert not list((tmp_path / "out").glob("*.csv"))


def test_packages_that_are_missing(
    atlas: ls.Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("anndata", "onnxruntime"):
        monkeypatch.setitem(sys.modules, module, None)
    report = ls.export(atlas, tmp_path / "out")
    assert report.lacking == {
        "onnx": 'ONNX files need onnx and onnxruntime: pip install "latentscape[onnx]"',
        "anndata": '.h5ad files need the package anndata: pip install "latentscape[anndata]"',
    }
    assert "atlas.npz" in report.files
    for name in report.lacking:
        with pytest.raises(SettingError, match="pip install"):
            ls.export(atlas, tmp_path / "out", [name])


def test_what_makes_no_sense_is_refused(atlas: ls.Atlas, tmp_path: Path) -> None:
    with pytest.raises(SettingError) as raised:
        ls.export(atlas, tmp_path, ["csv", "xls"])
    assert str(raised.value) == f"there is no format 'xls'; choose from {', '.join(FORMATS)}"
    with pytest.raises(SettingError, match="there is no format nothing"):
        ls.export(atlas, tmp_path, [])
    with pytest.raises(SettingError, match="an empty path"):
        ls.export(atlas, "")
    with pytest.raises(AtlasError, match="does not exist"):
        ls.export(tmp_path / "none", tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="is a file where a directory is needed"):
        ls.export(atlas, tmp_path / "file", ["csv"])
    (tmp_path / "latentscape-export.json").write_text("{}")
    with pytest.raises(StorageError, match=r"latentscape-export\.json is damaged or not written"):
        ls.export(atlas, tmp_path, ["csv"])


def test_an_unfinished_atlas(atlas: ls.Atlas, tmp_path: Path) -> None:
    copy = tmp_path / "atlas"
    shutil.copytree(atlas.path, copy)
    manifest = json.loads((copy / "atlas.json").read_text())
    del manifest["stages"]["points"]
    (copy / "atlas.json").write_text(json.dumps(manifest))
    with pytest.raises(AtlasError, match="has no points yet; let `latentscape run` finish"):
        ls.export(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_progress_is_told(atlas: ls.Atlas, tmp_path: Path) -> None:
    events: list[Progress] = []
    ls.export(atlas, tmp_path, ["csv", "npz"], on_progress=events.append)
    assert events == [Progress("export", step, 2) for step in range(3)]
