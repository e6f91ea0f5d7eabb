"""New images on a trained model and on finished maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import latentscape as ls
from latentscape.errors import AtlasError, DataError, ModelFileError, SettingError, StorageError
from latentscape.images import EmbeddingSet, ImageSet
from latentscape.pipeline import run
from latentscape.pipeline.encode import encode_images
from latentscape.types import Progress

from ..atlas_tools import SMALL, quick_render, write_folder


@pytest.fixture(scope="module")
def atlas(few: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> ls.Atlas:
    """An atlas whose mapped model is not part of its sweep."""
    path = tmp_path_factory.mktemp("encode") / "atlas"
    tsne = {"tsne": {"n_iter": 30}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", quick_render)
        settings = {**SMALL, "latent_dims": (5,), "maps": ("pca", "lda", "tsne")}
        return run(few, path, latent_dim=3, map_settings=tsne, **settings)


def encode(*arguments: Any, **keywords: Any) -> dict[str, Any]:
    return encode_images(*arguments, verbose=0, **keywords)


def test_codes_are_those_of_the_model(atlas: ls.Atlas, few: ImageSet, tmp_path: Path) -> None:
    events: list[Any] = []
    facts = encode(atlas.path, few, tmp_path / "codes.npy", callbacks=[events.append])
    codes = np.load(tmp_path / "codes.npy")
    model = ls.ConvAutoencoder.load(atlas.model_path(3))
    assert codes.dtype == np.float32
    assert np.array_equal(codes, model.transform(few.images))
    assert np.array_equal(codes[300:], atlas.codes)
    assert facts["n"] == 400
    assert facts["latent_dim"] == 3
    assert facts["maps"] == []
    assert facts["reconstruction_mse"] == pytest.approx(-model.score(few))
    assert events == [Progress("encode", step, 2) for step in range(3)]


def test_mapped_rows_come_back_at_their_own_places(
    atlas: ls.Atlas, few: ImageSet, tmp_path: Path
) -> None:
    facts = encode(atlas.path, few, tmp_path / "codes.npz")
    assert facts["maps"] == ["direct", "pca", "lda", "tsne"]
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as stored:
        found = dict(stored)
    assert set(found) == {"id", "codes", "reconstruction_mse", *facts["maps"]}
    assert found["id"].tolist() == few.ids.tolist()
    for name in facts["maps"]:
        assert found[name].shape == (400, 2)
        own = atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy()
        assert np.array_equal(found[name][300:], own), name
    errors = found["reconstruction_mse"][300:].astype(np.float32)
    assert np.array_equal(errors, atlas.points["reconstruction_mse"])


def test_a_table_holds_the_same(atlas: ls.Atlas, few: ImageSet, tmp_path: Path) -> None:
    folder = write_folder(few, tmp_path / "data")
    encode(atlas.path, folder, tmp_path / "codes.parquet")
    encode(atlas.path, few, tmp_path / "codes.npz")
    table = pd.read_parquet(tmp_path / "codes.parquet")
    with np.load(tmp_path / "codes.npz") as stored:
        assert np.array_equal(table[["z0", "z1", "z2"]].to_numpy(), stored["codes"])
        assert np.array_equal(table[["tsne_x", "tsne_y"]].to_numpy(), stored["tsne"])
        assert np.array_equal(table["reconstruction_mse"], stored["reconstruction_mse"])
    assert table["id"].tolist()[:1] == ["train-00000"]


def test_a_models_file_is_enough(atlas: ls.Atlas, few: ImageSet, tmp_path: Path) -> None:
    facts = encode(atlas.model_path(5), few.test, tmp_path / "codes.npz")
    assert facts["maps"] == []
    with np.load(tmp_path / "codes.npz") as stored:
        assert stored["codes"].shape == (100, 5)


def test_what_cannot_be_done_is_said_and_nothing_is_written(
    atlas: ls.Atlas, few: ImageSet, tmp_path: Path
) -> None:
    def refused(error: type[Exception], words: str, *arguments: Any) -> None:
        with pytest.raises(error, match=words):
            encode(*arguments)
        assert not list(tmp_path.iterdir())

    target = tmp_path / "new" / "codes.npy"
    refused(
        SettingError,
        r"must end in one of \.npy, \.npz, \.parquet, \.csv",
        atlas.path,
        few,
        tmp_path / "codes.txt",
    )
    refused(StorageError, "no model file", tmp_path / "nothing", few, target)
    refused(ModelFileError, "not a model", atlas.path / "codes.npy", few, target)
    refused(ModelFileError, "not a model", atlas.path / "maps" / "pca.safetensors", few, target)
    refused(AtlasError, "not an atlas", atlas.path / "maps", few, target)
    refused(StorageError, "no file or directory", atlas.path, tmp_path / "nothing", target)
    wide = ImageSet.from_arrays(np.zeros((14, 28, 30), np.uint8))
    refused(DataError, r"expected images of shape \(28, 28\)", atlas.path, wide, target)


def test_an_unfinished_atlas_is_named(few: ImageSet, tmp_path: Path) -> None:
    run(few, tmp_path / "atlas", **{**SMALL, "until": "sweep"})
    with pytest.raises(AtlasError, match="has no codes yet; finish it"):
        encode(tmp_path / "atlas", few, tmp_path / "codes.npy")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_what_is_written_can_be_placed_again(
    suffix: str, atlas: ls.Atlas, few: ImageSet, tmp_path: Path
) -> None:
    first = encode(atlas.path, few.test, tmp_path / f"codes{suffix}")
    again = encode(atlas.path, tmp_path / f"codes{suffix}", tmp_path / "again.npz")
    assert first["maps"] == ["direct", "pca", "lda", "tsne"]
    assert again["maps"] == ["pca", "lda", "tsne"]
    assert again["lacking"] == {
        "reconstruction_mse": "the embeddings have no images",
        "direct": "the map of two neurons needs its own model and images, not embeddings",
    }
    assert again["reconstruction_mse"] is None
    with np.load(tmp_path / "again.npz", allow_pickle=False) as stored:
        assert np.array_equal(stored["codes"], atlas.codes)
        assert stored["id"].tolist() == few.test.ids.tolist()
        for name in again["maps"]:
            own = atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy()
            assert np.array_equal(stored[name], own)


def test_embeddings_with_images_have_an_error(
    atlas: ls.Atlas, few: ImageSet, tmp_path: Path
) -> None:
    codes = EmbeddingSet.from_arrays(atlas.codes, images=few.test.images, ids=few.test.ids)
    facts = encode(atlas.path, codes, tmp_path / "codes.npz")
    wanted = encode(atlas.path, few.test, tmp_path / "other.npz")
    assert facts["reconstruction_mse"] == pytest.approx(wanted["reconstruction_mse"], rel=1e-6)
    assert list(facts["lacking"]) == ["direct"]
    small = EmbeddingSet.from_arrays(atlas.codes, images=few.test.images[:, :8, :8])
    assert encode(atlas.path, small, tmp_path / "codes.npz")["lacking"]["reconstruction_mse"] == (
        "the images have the shape (8, 8), the model makes (28, 28)"
    )


def test_embeddings_of_another_width_are_refused(atlas: ls.Atlas, tmp_path: Path) -> None:
    wide = EmbeddingSet.from_arrays(np.eye(6), name="clip.npy")
    with pytest.raises(DataError) as raised:
        encode(atlas.path, wide, tmp_path / "codes.npz")
    assert str(raised.value) == (
        f"clip.npy holds embeddings of 6 numbers, but the codes of {atlas.path} have 3; give "
        "embeddings from the same encoder"
    )
    with pytest.raises(DataError, match="but the model has 5"):
        encode(atlas.model_path(5), wide, tmp_path / "codes.npz")
    assert not list(tmp_path.iterdir())


def test_data_of_the_same_kind_are_not_warned_about(
    atlas: ls.Atlas, mnist: ImageSet, few: ImageSet, tmp_path: Path
) -> None:
    own = encode(atlas.path, few.test, tmp_path / "codes.npy")["drift"]
    assert (own["warnings"], own["largest_shift"], own["share_far"]) == ([], 0, 0)
    more = mnist.select(range(60_100, 60_400))
    drift = encode(atlas.path, more, tmp_path / "codes.npy")["drift"]
    assert drift["warnings"] == []
    assert 0 < drift["largest_shift"] < 1


def test_images_that_were_inverted_are_warned_about(
    atlas: ls.Atlas, few: ImageSet, tmp_path: Path
) -> None:
    inverted = ImageSet.from_arrays(255 - few.test.images)
    drift = encode(atlas.path, inverted, tmp_path / "codes.npy")["drift"]
    assert drift["share_badly_rebuilt"] == 1
    assert any(
        said.startswith("100 % of the new images have a reconstruction error above")
        for said in drift["warnings"]
    )
    assert drift["largest_shift"] > 1
    assert (tmp_path / "codes.npy").exists()  # a warning, not a refusal


def test_a_models_file_has_nothing_to_drift_from(
    atlas: ls.Atlas, few: ImageSet, tmp_path: Path
) -> None:
    assert encode(atlas.model_path(5), few.test, tmp_path / "codes.npy")["drift"] is None
