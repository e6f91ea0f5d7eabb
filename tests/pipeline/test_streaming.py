"""Runs on images that stay on the disk: a sample is trained on and mapped, the rest is placed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latentscape as ls
from latentscape.atlas import Atlas
from latentscape.errors import SettingError
from latentscape.figures import loss_curve, map_figure, reconstructions, trust_sheet
from latentscape.images import EmbeddingSet, ImageSet
from latentscape.images.stream import ImageStream
from latentscape.pipeline import add_map, run, summarize

from ..atlas_tools import Listener, arrays, check_intact

N, SAMPLE = 900, 200
SETTINGS: dict[str, Any] = {
    "latent_dims": (2, 4),
    "n_seeds": 1,
    "maps": ("pca", "lda", "tsne"),
    "sample": SAMPLE,
    "training": {"n_epochs": 1},
    "map_settings": {"tsne": {"n_iter": 30}},
    "engine": "serial",
    "verbose": 0,
}


@pytest.fixture(scope="module")
def file(mnist: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stream") / "digits.npy"
    np.save(path, mnist.images[:N])
    assert mnist.labels is not None
    np.save(path.with_name("digits-labels.npy"), mnist.labels[:N])
    return path


@pytest.fixture(scope="module")
def atlas(file: Path) -> Atlas:
    from ..atlas_tools import quick_render

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", quick_render)
        return run(file, file.with_name("atlas"), **SETTINGS)


def test_all_are_encoded_and_a_sample_is_mapped(atlas: Atlas, mnist: ImageSet) -> None:
    check_intact(atlas.path)
    images = mnist.images[:N]
    assert np.array_equal(atlas.images, images)
    assert len(atlas.points) == len(atlas.codes) == len(atlas.codes2) == N
    model = ls.ConvAutoencoder.load(atlas.path / atlas.stage_info("codes")["model"])
    assert np.allclose(atlas.codes, model.transform(images), atol=1e-6)
    rebuilt = np.rint(model.inverse_transform(np.array(atlas.codes)) * 255)
    assert np.abs(atlas.reconstructions.astype(int) - rebuilt).max() <= 1
    errors = model.reconstruction_error(images)
    assert np.allclose(atlas.points["reconstruction_mse"], errors, atol=1e-6)

    sample = atlas.sample
    assert sample is not None
    assert len(sample) == SAMPLE
    assert set(atlas.points["split"][sample]) == {"train", "test"}
    assert set(np.delete(atlas.points["split"].to_numpy(), sample)) == {"unused"}
    for name in atlas.map_names:
        fitted = atlas.load_map(name)
        places = atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy()
        assert len(fitted.embedding_) == SAMPLE
        assert np.array_equal(places[sample], fitted.embedding_)
        own = atlas.codes2 if name == "direct" else atlas.codes
        assert np.array_equal(places, fitted.transform(np.array(own)))
        assert len(atlas.points[f"{name}_recall"].dropna()) == SAMPLE
        assert "the 200 rows of the sample, of 900" in atlas.quality["maps"][name]["notes"][-1]
    assert atlas.graph.n_rows == SAMPLE
    assert sum(entry["n"] for entry in atlas.quality["classes"]) == SAMPLE


def test_the_sample_is_never_silent(atlas: Atlas) -> None:
    mapped = "Maps are fitted on a sample of 200 of 900 rows"
    trained = "Trained and tested with a sample of 200 of 900 images"
    for figure in (
        map_figure(atlas, "tsne"),
        loss_curve(atlas),
        reconstructions(atlas),
        trust_sheet(atlas),
    ):
        words = " ".join(text.get_text() for text in figure.texts)
        assert mapped in words
        assert trained in words
    lines = " ".join(summarize(atlas))
    assert "Of the 900 images, which stay on the disk, a sample of 200 was trained" in lines
    assert "maps are fitted on 200 of 900 rows" in lines


@pytest.mark.usefixtures("quick_figures")
def test_it_goes_on_where_it_was(file: Path, atlas: Atlas) -> None:
    again = Listener()
    run(file, atlas.path, **SETTINGS, callbacks=[again])
    assert [(c.stage, c.state) for c in again.changes] == [("run", "kept")]
    whole = arrays(atlas.path)
    places = atlas.path / "places" / "tsne.npy"
    places.write_bytes(places.read_bytes()[:-1] + b"\xff")
    mended = Listener()
    run(file, atlas.path, **SETTINGS, callbacks=[mended])
    assert mended.stages("damaged") == {"places-tsne"}
    assert mended.stages("done") - {"run"} == {"places-tsne"}
    assert arrays(atlas.path) == whole
    # Another map of the same sample, and the same atlas as a run makes.
    add_map(atlas.path, "tsne", verbose=0, n_iter=20)
    settings = {**SETTINGS, "map_settings": {"tsne": {"n_iter": 20}}}
    nothing = Listener()
    run(file, atlas.path, **settings, callbacks=[nothing])
    assert ("run", "kept") in [(c.stage, c.state) for c in nothing.changes]
    # The settings that were given before are told when they are taken back.
    back = Listener()
    run(file, atlas.path, **SETTINGS, callbacks=[back])
    resets = [c.note for c in back.changes if c.state == "reset"]
    assert resets == ["it was made with n_iter=20, and this run asks for n_iter=30"]


@pytest.mark.usefixtures("quick_figures")
def test_a_table_of_codes_can_be_sampled_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 3
    codes = rng.normal(size=(400, 5)) + 4 * np.eye(3, 5)[labels]
    table = EmbeddingSet.from_arrays(codes, labels, name="table")
    atlas = run(table, tmp_path / "a", **{**SETTINGS, "sample": 150})
    assert atlas.sample is not None
    assert len(atlas.points) == 400
    others = np.delete(np.arange(400), atlas.sample)
    places = atlas.points[["lda_x", "lda_y"]].to_numpy()
    from latentscape.quality import knn_transfer_accuracy

    known, asked = (places[rows] for rows in (atlas.sample, others))
    right = knn_transfer_accuracy(known, labels[atlas.sample], asked, labels[others])
    assert right > 0.95


def test_a_plan_that_does_not_fit_is_refused(tmp_path: Path, file: Path) -> None:
    """Before anything is read or written; the sentence names the change that would make it fit."""
    large = tmp_path / "large.npy"
    made: Any = np.lib.format.open_memmap(large, "w+", np.uint8, (2_000_000, 28, 28))  # holes
    del made
    settings = {**SETTINGS, "sample": None}
    with pytest.raises(SettingError) as caught:
        run(large, tmp_path / "atlas", **settings, memory=3)
    said = str(caught.value)
    assert "large would take about" in said
    assert "there are 3.0 GB; " in said
    assert "--sample N (10000, for example)" in said
    assert not (tmp_path / "atlas").exists()
    # With that change it fits.
    from latentscape.engines import make_engine
    from latentscape.pipeline.memory import plan_memory
    from latentscape.pipeline.settings import run_settings

    stream, serial = ImageStream.open(large), make_engine("serial")
    small = run_settings(sample=10_000, maps=("umap",), latent_dims=(2, 16))
    plan = plan_memory(stream, small, serial)
    assert 1e9 < plan.peak < 3e9
    # Default sizes and all four maps: 1.8 GB were measured (docs/scale.md).
    whole = run_settings(sample=20_000)
    plan = plan_memory(stream, whole, serial)
    assert 1.82e9 < plan.peak < 3e9
    hopeless = r"even the smallest sample would take .*, or allow more"
    with pytest.raises(SettingError, match=hopeless):
        run(large, tmp_path / "atlas", sample=20_000, engine="serial", verbose=0, memory=1.5)
    alone = r"libraries alone take 0\.7 GB, and there are 0\.1 GB; allow more with --memory"
    with pytest.raises(SettingError, match=alone):
        run(file, tmp_path / "atlas", **SETTINGS, memory=0.1)
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(SettingError, match="number of GB above 0"):
            run(file, tmp_path / "atlas", **SETTINGS, memory=wrong)
    os.truncate(large, 0)


def test_the_plan_is_told_before_the_start(file: Path, tmp_path: Path) -> None:
    listener = Listener()
    settings = {**SETTINGS, "latent_dims": (2,), "until": "sweep"}
    run(file, tmp_path / "a", **settings, callbacks=[listener])
    first = listener.changes[0]
    assert (first.stage, first.state) == ("memory", "planned")
    assert "GB at most (" in first.note
    assert "and there are" in first.note


@pytest.mark.parametrize("wrong", [0, 99, -5, 1.5, "many"])
def test_a_sample_that_makes_no_sense(file: Path, tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(SettingError, match="sample must be a whole number of at least 100"):
        run(file, tmp_path / "atlas", **{**SETTINGS, "sample": wrong})
