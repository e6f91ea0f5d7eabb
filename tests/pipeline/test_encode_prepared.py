"""New images are prepared as those of the atlas were, and embeddings are recognised by a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import latentscape as ls
from latentscape.errors import DataError, SettingError
from latentscape.images import ImageSet
from latentscape.pipeline import run
from latentscape.pipeline.encode import encode_images

from ..atlas_tools import SMALL, quick_render


def write_pictures(images: ImageSet, folder: Path, *, scale: int = 1) -> Path:
    """Store digits as grey pictures on the alpha channel: ink is what is opaque."""
    for row, pixels in enumerate(images.images):
        large = np.kron(pixels, np.ones((scale, scale), np.uint8))
        ink = np.dstack([np.zeros((*large.shape, 3), np.uint8), large])
        path = folder / f"{row % 2}" / f"{row:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ink).save(path)
    return folder


@pytest.fixture(scope="module")
def atlas(few: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> ls.Atlas:
    home = tmp_path_factory.mktemp("prepared")
    folder = write_pictures(few.select(slice(0, 120)), home / "pictures")
    settings: dict[str, Any] = {**SMALL, "maps": ("pca",), "latent_dim": 5, "rows": "all"}
    reading = {"size": 14, "mode": "grey"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", quick_render)
        return run(folder, home / "atlas", reading=reading, **settings)


def test_what_was_done_stands_in_the_atlas_and_is_done_again(
    atlas: ls.Atlas, few: ImageSet, tmp_path: Path
) -> None:
    assert atlas.images.shape[1:] == (14, 14)
    assert atlas.data["preprocessing"]["mode"] == "grey"
    same = write_pictures(few.select(slice(0, 120)), tmp_path / "same")
    facts = encode_images(atlas.path, same, tmp_path / "a.npz", verbose=0)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        order = {name: row for row, name in enumerate(atlas.points["id"])}
        rows = [order[name] for name in stored["id"].tolist()]
        assert len(rows) == 120
        np.testing.assert_array_equal(stored["codes"], atlas.codes[rows])
    assert facts["drift"]["warnings"] == []
    larger = write_pictures(few.select(slice(0, 120)), tmp_path / "larger", scale=3)
    encode_images(atlas.path, larger, tmp_path / "b.npz", verbose=0)
    with np.load(tmp_path / "b.npz", allow_pickle=False) as stored:
        np.testing.assert_allclose(stored["codes"], atlas.codes[rows], atol=0.05)


def test_a_models_file_alone_knows_how_its_images_were_prepared(
    atlas: ls.Atlas, few: ImageSet, tmp_path: Path
) -> None:
    larger = write_pictures(few.select(slice(0, 120)), tmp_path / "larger", scale=3)
    encode_images(atlas.path, larger, tmp_path / "atlas.npy", verbose=0)
    facts = encode_images(atlas.model_path(5), larger, tmp_path / "model.npy", verbose=0)
    codes = np.load(tmp_path / "model.npy")
    np.testing.assert_array_equal(codes, np.load(tmp_path / "atlas.npy"))
    assert not [note for note in facts["notes"] if "prepared" in note]
    copy = tmp_path / "copy.safetensors"
    ls.ConvAutoencoder.load(atlas.model_path(5)).save(copy)
    assert copy.read_bytes() == atlas.model_path(5).read_bytes()


def test_a_models_file_that_does_not_know_says_so(few: ImageSet, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures.npy"
    np.save(pictures, few.images)
    model = ls.ConvAutoencoder(3, n_epochs=1, random_state=0).fit(few.images)
    model.save(tmp_path / "m.safetensors")
    facts = encode_images(tmp_path / "m.safetensors", pictures, tmp_path / "a.npy", verbose=0)
    assert facts["notes"][-1] == (
        "the model's file does not say how its images were prepared, so pictures.npy was read by "
        "its own sizes, colours and values: make sure that they are the same"
    )


def test_images_that_were_prepared_in_another_way_are_told(atlas: ls.Atlas, tmp_path: Path) -> None:
    other = ls.load_images(atlas.path.parent / "pictures", size=14, mode="grey", background="black")
    facts = encode_images(atlas.path, other, tmp_path / "a.npy", verbose=0)
    (note,) = [note for note in facts["notes"] if "another way" in note]
    assert "background black instead of white" in note
    assert facts["drift"]["warnings"]  # all of them are black now


def test_a_run_recognises_embeddings(tmp_path: Path, quick_figures: None) -> None:
    codes = np.random.default_rng(0).normal(size=(40, 6))
    np.save(tmp_path / "codes.npy", codes)
    settings: dict[str, Any] = {"maps": ("pca",), "verbose": 0, "engine": "serial"}
    atlas = run(tmp_path / "codes.npy", tmp_path / "atlas", **settings)
    np.testing.assert_array_equal(atlas.codes, codes.astype(np.float32))
    assert atlas.data["sentence"] == "codes.npy: 40 embeddings of 6 numbers, no images, no labels."
    codes[3, 2] = np.nan
    np.save(tmp_path / "broken.npy", codes)
    with pytest.raises(DataError, match=r"1 of 40 rows of the codes of broken\.npy hold NaN"):
        run(tmp_path / "broken.npy", tmp_path / "other", **settings)
    assert not (tmp_path / "other").exists()
    kept = run(
        tmp_path / "broken.npy", tmp_path / "other", reading={"drop_nonfinite": True}, **settings
    )
    assert len(kept.codes) == 39
    assert (kept.path / "quarantine.csv").read_text().splitlines() == [
        "path,reason",
        f'"{tmp_path / "broken.npy"}, row 3",NaN or infinity',
    ]


def test_options_of_embeddings_are_for_embeddings(few: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="key is for files of embeddings"):
        ls.images.load_data("mnist", key="z")
