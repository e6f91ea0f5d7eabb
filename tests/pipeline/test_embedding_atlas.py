"""An atlas made from embeddings: new ones are placed on it, and it is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest

import latentscape as ls
from latentscape.errors import AtlasError
from latentscape.images import EmbeddingSet, ImageSet
from latentscape.pipeline import run
from latentscape.pipeline.encode import encode_images

from ..atlas_tools import quick_render

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(3, 8)) * 4
WORDS = np.array(["cat", "dog", "emu"])


def embeddings(n: int, seed: int) -> EmbeddingSet:
    rng = np.random.default_rng(seed)
    kinds = np.arange(n) % 3
    codes = CENTRES[kinds] + rng.normal(size=(n, 8))
    return EmbeddingSet.from_arrays(codes, WORDS[kinds], name=f"pets {seed}")


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> ls.Atlas:
    path = tmp_path_factory.mktemp("embedded") / "atlas"
    settings: dict[str, Any] = {"maps": ("pca", "umap"), "verbose": 0, "engine": "serial"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", quick_render)
        return run(embeddings(90, 0), path, **settings)


def test_its_own_rows_come_back_at_their_places(atlas: ls.Atlas, tmp_path: Path) -> None:
    facts = encode_images(atlas.path, embeddings(90, 0), tmp_path / "a.csv", verbose=0)
    assert facts["maps"] == ["pca", "umap"]
    assert facts["lacking"] == {"reconstruction_mse": "there is no decoder"}
    assert facts["drift"]["warnings"] == []
    table = pd.read_csv(tmp_path / "a.csv")
    for name in facts["maps"]:
        for axis in ("x", "y"):
            placed = table[f"{name}_{axis}"].to_numpy(np.float32)
            assert np.array_equal(placed, atlas.points[f"{name}_{axis}"].to_numpy())


def test_new_rows_land_among_their_own_kind(atlas: ls.Atlas, tmp_path: Path) -> None:
    new = embeddings(60, 1)
    np.save(tmp_path / "new.npy", new.codes)
    facts = encode_images(atlas.path, tmp_path / "new.npy", tmp_path / "a.npz", verbose=0)
    assert facts["drift"]["warnings"] == []
    own = atlas.points[["umap_x", "umap_y"]].to_numpy()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        apart = np.linalg.norm(stored["umap"][:, None] - own[None], axis=2)
    nearest = atlas.points["label"].to_numpy()[apart.argmin(axis=1)]
    assert (nearest == new.labels).mean() > 0.95


def test_other_embeddings_are_warned_about(atlas: ls.Atlas, tmp_path: Path) -> None:
    other = EmbeddingSet.from_arrays(RNG.normal(size=(50, 8)) + 30)
    drift = encode_images(atlas.path, other, tmp_path / "a.npz", verbose=0)["drift"]
    assert drift["share_far"] == 1
    assert drift["largest_shift"] > 3
    assert len(drift["warnings"]) >= 2


def test_images_are_refused(atlas: ls.Atlas, few: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(AtlasError) as raised:
        encode_images(atlas.path, few.test, tmp_path / "a.npz", verbose=0)
    assert str(raised.value) == (
        f"{atlas.path} was made from codes and holds no encoder, so images cannot be placed on "
        "its maps as they are; give the encoder that made the codes (encoder, --encoder), or "
        "embeddings from it"
    )
    assert not list(tmp_path.iterdir())


def test_it_is_exported_without_what_it_lacks(atlas: ls.Atlas, tmp_path: Path) -> None:
    report = ls.export(atlas, tmp_path)
    assert set(report.files) == {
        "points.parquet",
        "points.csv",
        "projector/vectors.tsv",
        "projector/metadata.tsv",
        "projector/projector_config.pbtxt",
        "projector/projector_config.json",
        "atlas.h5ad",
        "atlas.npz",
    }
    assert list(report.lacking) == ["onnx"]
    with pytest.raises(AtlasError, match="has no model that could be written as ONNX: "):
        ls.export(atlas, tmp_path, ["onnx"])
    made = anndata.read_h5ad(tmp_path / "atlas.h5ad")
    assert np.array_equal(np.asarray(made.X), atlas.codes)
    assert made.obs["label"].tolist() == [*WORDS] * 30
    back = ls.read_embeddings(tmp_path / "projector" / "vectors.tsv")
    assert np.array_equal(back.codes, atlas.codes)
    assert back.class_names == ("cat", "dog", "emu")


def test_codes_of_images_by_an_encoder_from_elsewhere(
    few: ImageSet, tmp_path: Path, quick_figures: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The atlas's own encoder, exported and brought back, gives its codes again."""
    settings: dict[str, Any] = {"maps": ("pca",), "verbose": 0, "engine": "serial"}
    training = {"n_epochs": 1}
    monkeypatch.setattr("latentscape.explorer.build_page", lambda atlas: b"a page")
    first = run(few, tmp_path / "a", latent_dims=(2, 4), n_seeds=1, training=training, **settings)
    ls.export(first, tmp_path / "out", ["onnx"])
    encoder = tmp_path / "out" / "encoder.onnx"
    second = run(few, tmp_path / "b", encoder=encoder, rows="test", training=training, **settings)
    np.testing.assert_allclose(second.codes, first.codes, atol=1e-4)
    facts = encode_images(second.path, few.test, tmp_path / "new.npz", encoder=encoder, verbose=0)
    assert facts["maps"] == ["pca"]
    assert facts["drift"]["warnings"] == []
    own = second.points["reconstruction_mse"].mean()
    assert facts["reconstruction_mse"] == pytest.approx(own, rel=0.02)  # rounded to bytes there
    report = ls.export(second, tmp_path / "out2", ["onnx"])
    assert list(report.files) == ["decoder.onnx"]
    assert report.onnx_differences["decode"] < 1e-4
