"""What the page says of where an atlas comes from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from latentscape.atlas import AtlasWriter
from latentscape.explorer.about import about

from .small_atlas import small_atlas


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
