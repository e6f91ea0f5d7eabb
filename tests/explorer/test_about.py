"""What the page says of where an atlas comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import latentscape
from latentscape.atlas import AtlasWriter
from latentscape.explorer.about import about

from .browser import as_file, opened_page
from .person import button
from .small_atlas import clustered_codes, small_atlas


def test_the_time_of_a_training_is_its_own(tmp_path: Path) -> None:
    atlas = small_atlas(tmp_path / "atlas")
    rows = [
        ("autoencoder", 2, 0, 12.5),
        ("autoencoder", 8, 0, 20.0),
        ("autoencoder", 8, 1, 21.5),
        ("pca", 2, -1, float("nan")),
    ]
    table = pd.DataFrame(rows, columns=["model", "latent_dim", "seed", "seconds"])
    with AtlasWriter.open(atlas.path) as writer:
        for name, seconds in (
            ("model-d2-s0-abc", 0.001),  # the file was taken into the atlas
            ("quality-pca", 14.0),
            ("quality-lda", 0.25),
            ("figures", 3.0),
            ("choice", 0.001),
        ):
            with writer.stage(name, "made") as stage:
                stage.seconds = seconds
        with writer.stage("sweep", "made"):
            writer.write_table("sweep.parquet", table)
        told = about(atlas.open(atlas.path))["seconds"]
    assert told["training (latent size 2)"] == 12.5
    assert told["training (latent size 8, 2 seeds)"] == 41.5
    assert told["quality"] == pytest.approx(14.25, abs=0.1)
    assert told["figures"] == pytest.approx(3.0, abs=0.1)
    assert not [name for name in told if name.startswith(("model-", "quality-"))]
    assert "choice" not in told
    assert min(told.values()) >= 0.01


def test_rows_of_several_splits_are_not_called_test(tmp_path: Path) -> None:
    for split, told in (("test", "test"), ("train", "all")):
        splits = ["test"] * 199 + [split]
        atlas = small_atlas(tmp_path / split, columns={"split": splits})
        with AtlasWriter.open(atlas.path) as writer:
            writer.set_header(data=dict(atlas.data), settings={"rows": "test"})
        assert about(atlas.open(atlas.path))["rows"] == told


def test_where_nothing_trains_no_row_is_called_test(tmp_path: Path) -> None:
    atlas = small_atlas(tmp_path / "atlas")
    with AtlasWriter.open(atlas.path) as writer:
        writer.set_header(data={**atlas.data, "n_train": 0}, settings={"rows": "test"})
    assert about(atlas.open(atlas.path))["rows"] == "all"


@pytest.mark.slow
def test_the_page_of_directions_says_so(browser: Any, tmp_path: Path) -> None:
    codes, classes = clustered_codes(150)
    np.savez(tmp_path / "embeddings.npz", codes=codes, labels=classes)
    atlas = latentscape.run(
        tmp_path / "embeddings.npz", tmp_path / "atlas", maps=("pca", "lda"), metric="cosine",
        engine="serial", verbose=0,
    )  # fmt: skip
    size = {"width": 1280, "height": 800}
    with opened_page(browser, as_file(atlas.path / "explorer.html"), viewport=size) as page:
        button(page, "About").click()
        text = page.get_by_role("main").inner_text()
        assert "Codes are compared by cosine distance; on this page they have length 1." in text
        metric = page.locator("dt", has_text="metric").locator("xpath=following-sibling::dd[1]")
        assert metric.inner_text() == "cosine"
        button(page, "Trust").click()
        # Nothing can be decoded here, so no decoded place has been judged.
        assert page.locator("table.measures").get_by_text("Decoded places").count() == 0
        assert page.locator(".card").count() == 2
