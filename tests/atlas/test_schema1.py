"""An atlas of schema version 1, as it was written then, opens for ever, with all that is in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import latentscape as ls
from latentscape.atlas.schema import compare_file
from latentscape.explorer import build_page
from latentscape.pipeline import summarize
from latentscape.pipeline.encode import encode_images

from .make_schema1 import digits

STORED = Path(__file__).parent / "data" / "schema1"
MAPS = ("direct", "pca", "lda", "tsne", "umap")


@pytest.fixture
def atlas() -> ls.Atlas:
    return ls.Atlas.open(STORED)


def test_it_is_of_version_1_and_as_it_was_written(atlas: ls.Atlas) -> None:
    assert atlas.manifest["schema_version"] == 1
    assert atlas.data["name"] == "small digits"
    assert atlas.data["class_names"] == [str(digit) for digit in range(10)]
    records = [record for stage in atlas.stages.values() for record in stage["files"].items()]
    assert len(records) > 20
    for name, record in records:
        assert compare_file(STORED / name, record) is None, name


def test_every_part_is_read(atlas: ls.Atlas) -> None:
    assert len(atlas.points) == len(atlas.images) == len(atlas.codes) == 60
    assert atlas.images.shape == atlas.reconstructions.shape == (60, 14, 14)
    assert_array_equal(atlas.images, digits(0, 60).images)
    assert atlas.codes.shape == (60, 4)
    assert atlas.codes2.shape == (60, 2)
    assert set(atlas.sweep["latent_dim"]) == {2, 4}
    assert set(atlas.history["epoch"]) == {1, 2, 3}
    assert atlas.choice["latent_dim"] == 4
    assert atlas.plane.images.shape == (24, 24, 14, 14)
    assert set(atlas.size_samples.reconstructions) == {2, 4}
    assert atlas.graph.n_neighbors >= 50
    assert set(atlas.quality["maps"]) == set(atlas.quality["cards"]) == set(MAPS)
    assert atlas.map_names == MAPS
    assert any("2 latent dimensions" in line or "4 latent" in line for line in summarize(atlas))


@pytest.mark.parametrize("name", MAPS)
def test_every_map_places_and_goes_back(name: str, atlas: ls.Atlas) -> None:
    fitted = atlas.load_map(name)
    places = atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy()
    codes = atlas.codes2 if name == "direct" else atlas.codes
    assert_allclose(fitted.transform(codes), places, rtol=1e-4, atol=1e-4 * np.ptp(places))
    back = fitted.inverse_transform(places)
    assert back.shape == codes.shape
    assert np.isfinite(back).all()


def test_every_model_encodes_and_decodes(atlas: ls.Atlas) -> None:
    assert set(atlas.model_paths) == {(2, 0), (4, 0)}
    for (latent_dim, _), path in atlas.model_paths.items():
        model = ls.ConvAutoencoder.load(path)
        codes = atlas.codes2 if latent_dim == 2 else atlas.codes
        assert_allclose(model.transform(atlas.images), codes, rtol=1e-3, atol=1e-4)
        decoded = model.inverse_transform(np.array(codes))
        if latent_dim == 4:
            levels = np.abs(decoded * 255 - atlas.reconstructions)
            assert levels.max() < 0.6  # they were rounded to whole levels


def test_new_images_are_placed(tmp_path: Path) -> None:
    facts = encode_images(STORED, digits(100, 20), tmp_path / "new.npz", verbose=0)
    assert facts["maps"] == list(MAPS)
    assert facts["drift"]["warnings"] == []
    with np.load(tmp_path / "new.npz", allow_pickle=False) as stored:
        assert all(np.isfinite(stored[name]).all() for name in MAPS)


def test_a_page_is_built_and_an_export_made(atlas: ls.Atlas, tmp_path: Path) -> None:
    page = build_page(atlas)
    assert page[:15].lower() == b"<!doctype html>"
    assert b"small digits" in page
    report = ls.export(atlas, tmp_path / "out", ["npz", "onnx"])
    assert max(report.onnx_differences.values()) < 1e-4
    again = ls.read_embeddings(tmp_path / "out" / "atlas.npz")
    assert_array_equal(again.codes, atlas.codes)


def test_a_map_can_be_made_anew(tmp_path: Path, quick_figures: None) -> None:
    shutil.copytree(STORED, tmp_path / "atlas")
    before = ls.Atlas.open(tmp_path / "atlas").codes.copy()
    changed = ls.add_map(tmp_path / "atlas", "tsne", perplexity=5, verbose=0)
    assert_array_equal(changed.codes, before)
    assert changed.stages["maps-tsne"]["info"]["settings"] == {"perplexity": 5}
