"""Nonsense is refused before anything begins, and equal settings are equal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import fingerprint
from latentscape.errors import LatentscapeError, SettingError
from latentscape.images import ImageSet
from latentscape.pipeline import RunSettings, add_map, run
from latentscape.pipeline.encode import encode_images
from latentscape.pipeline.settings import run_settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("latent_dims", (), "got nothing"),
        ("latent_dims", (0,), "at least 1, got 0"),
        ("latent_dims", (2, 2), "names a size twice"),
        ("latent_dims", (2.5,), "whole numbers"),
        ("latent_dims", 2, "must be a list"),
        ("latent_dims", "2,5", "must be a list"),
        ("latent_dims", (785,), "more than the 784 pixels"),
        ("latent_dim", "big", "'auto' or a whole number"),
        ("latent_dim", 0, "'auto' or a whole number"),
        ("latent_dim", True, "'auto' or a whole number"),
        ("n_seeds", 0, "n_seeds must be"),
        ("n_seeds", True, "n_seeds must be"),
        ("n_seeds", 4_000_000_000, "at most 1,000, got 4,000,000,000"),
        ("random_state", -1, "random_state must be"),
        ("random_state", 2**32 - 1, "must not exceed 4294967295"),
        ("maps", ("pca", "foo"), "no map 'foo'; choose from pca"),
        ("maps", ("pca", "pca"), "names a map twice"),
        ("maps", "pca", "must be a list"),
        ("rows", "some", "rows must be"),
        ("tolerance", -1, "tolerance must be"),
        ("tolerance", float("nan"), "tolerance must be"),
        ("tolerance", "much", "tolerance must be"),
        ("training", 3, "must be a mapping"),
        ("training", {"n_epochs": 0}, "n_epochs must be"),
        ("training", {"n_epochs": "many"}, "wrong kind"),
        ("training", {"learning_rate": "fast"}, "wrong kind"),
        ("training", {"n_jobs": 0}, r"threads \(n_jobs\) must be a whole"),
        ("training", {"n_jobs": "all"}, r"threads \(n_jobs\) must be"),
        ("training", {"n_jobs": 2.5}, r"threads \(n_jobs\) must be"),
        ("training", {"n_jobs": 100_000}, r"threads \(n_jobs\) must be"),
        ("training", {"nonsense": 1}, "no setting 'nonsense'; it has: batch_size"),
        ("training", {"latent_dim": 3}, "no setting 'latent_dim'"),
        ("training", {"network": "huge"}, "no network 'huge'"),
        ("training", {"device": "nonsense"}, "device 'nonsense' cannot be used"),
        ("training", {"device": None}, "device None cannot be used"),
        ("training", {"device": "meta"}, "device 'meta' cannot be used"),
        ("training", {"validation_fraction": 0}, "must not be 0"),
        ("training", {"validation_fraction": 1.5}, "validation_fraction must lie"),
        ("map_settings", {"tsne": 3}, "must be a mapping"),
        ("map_settings", {"foo": {}}, "no map 'foo'"),
        ("map_settings", {"tsne": {"perplexity": 0}}, "perplexity must be at least 1"),
        ("map_settings", {"tsne": {"perplexity": float("nan")}}, "perplexity must be a finite"),
        ("map_settings", {"tsne": {"warmth": 1}}, "'tsne' has no setting 'warmth'"),
        ("map_settings", {"tsne": {"random_state": -1}}, "random_state must be"),
        ("map_settings", {"umap": {"n_neighbors": 1}}, "n_neighbors must be"),
        ("map_settings", {"umap": {"min_dist": -1}}, "min_dist must be"),
        ("map_settings", {"tsne": {"random_state": True}}, "random_state must be"),
        ("map_settings", {"umap": {"metric": "cosine"}}, "metric is no setting of one map"),
        ("metric", "chess", "metric must be 'euclidean' or 'cosine', got 'chess'"),
        ("metric", ["cosine"], "metric must be"),
        ("until", "noon", "until must be"),
        ("engine", "steam", "no engine 'steam'"),
        ("n_jobs", 0, "number of workers must be"),
        ("colour", "red", "unknown or unusable setting"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(
    few: ImageSet, tmp_path: Path, name: str, value: Any, words: str
) -> None:
    with pytest.raises(SettingError, match=words):
        run(few, tmp_path / "atlas", verbose=0, **{name: value})
    assert not list(tmp_path.iterdir())


def test_images_that_cannot_be_trained_on_are_refused_before_anything_is_written(
    few: ImageSet, tmp_path: Path
) -> None:
    def refused(images: ImageSet, words: str, **settings: Any) -> None:
        with pytest.raises(LatentscapeError, match=words):
            run(images, tmp_path / "atlas", verbose=0, **settings)
        assert not list(tmp_path.iterdir())

    refused(few.train, "300 training and 0 test images, but both are needed")
    refused(few.test, "0 training and 100 test images")
    refused(few.select([0, 1, 300, 301]), "2 training images .* leave none to choose")


def test_an_empty_path_is_not_the_current_directory(
    few: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match="an empty path"):
        run(few, "", verbose=0)
    with pytest.raises(SettingError, match="an empty path"):
        add_map("", "pca", verbose=0)
    with pytest.raises(SettingError, match="an empty path"):
        encode_images("", few, "codes.npy", verbose=0)
    assert not list(tmp_path.iterdir())


def test_equal_settings_have_one_fingerprint() -> None:
    one = run_settings(
        latent_dims=[5, 2.0], maps=["umap", "pca"], tolerance=1, n_seeds=np.int64(2),
        map_settings={"umap": {}, "tsne": {"perplexity": 5.0}},
    )  # fmt: skip
    other = RunSettings(
        (2, 5), n_seeds=2, maps=("pca", "umap"), tolerance=1.0,
        map_settings={"tsne": {"perplexity": 5.0}},
    )  # fmt: skip
    assert one == other
    assert fingerprint(settings=one) == fingerprint(settings=other)
    assert fingerprint(settings=one) != fingerprint(settings=replace(other, n_seeds=3))


def test_settings_come_back_from_an_atlas_as_they_were() -> None:
    settings = RunSettings(latent_dim=8, map_settings={"tsne": {"perplexity": 5.0}})
    stored = settings.as_dict()
    assert stored.pop("network") == "reference"
    assert run_settings(**stored) == settings
