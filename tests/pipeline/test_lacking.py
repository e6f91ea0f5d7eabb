"""Whole runs on data that lack something: a complete atlas, and a reason for each missing part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_sample_images, make_blobs

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError, CodesError, DataError, SettingError
from latentscape.explorer.data import data_block
from latentscape.images import EmbeddingSet, ImageSet
from latentscape.pipeline import RunSettings, add_map, judge, run, summarize, trust_lines

from ..atlas_tools import Listener, check_intact

QUICK: dict[str, Any] = {
    "latent_dims": (2, 4),
    "n_seeds": 1,
    "training": {"n_epochs": 1},
    "map_settings": {"tsne": {"n_iter": 30}, "umap": {"n_epochs": 20}},
    "engine": "serial",
    "verbose": 0,
}
ALL_MAPS = ("direct", "pca", "lda", "tsne", "umap")


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw every figure, but with few pixels."""
    monkeypatch.setattr("latentscape.figures.render.DPI", 40)


def complete(data: ImageSet | EmbeddingSet, path: Path, **changes: Any) -> Atlas:
    """Run, and check what holds for every finished atlas."""
    atlas = run(data, path, **{**QUICK, **changes})
    check_intact(path)
    again = Listener()
    run(data, path, **{**QUICK, **changes}, callbacks=[again])
    assert [(c.stage, c.state) for c in again.changes] == [("run", "kept")]
    parts = ("sweep", "history", "choice", "codes", "codes2", "images", "reconstructions")
    for name in (*parts, "plane", "size_samples"):
        if atlas.has(name):
            assert name not in atlas.lacking
            getattr(atlas, name)
        else:
            reason = atlas.lacking[name]
            with pytest.raises(AtlasError) as caught:
                getattr(atlas, name)
            assert f"has no {name}: {reason}" in str(caught.value)
    assert {*atlas.map_names, *(set(atlas.lacking) & set(ALL_MAPS))} == set(ALL_MAPS)
    for name in set(ALL_MAPS) - set(atlas.map_names):
        with pytest.raises(AtlasError, match="has no"):
            atlas.load_map(name)
    lines = "\n".join([*summarize(atlas), *trust_lines(atlas)])
    for reason in atlas.lacking.values():
        assert reason in lines or reason.partition(": ")[2] in lines
    told = [line.partition(": ")[2] for line in summarize(atlas) if line.startswith("lacking")]
    assert len(set(told)) == len(told) <= len(set(atlas.lacking.values()))
    assert not [one for one in told for other in told if one != other and one.endswith(other)]
    assert {f"map_{name}.png" for name in atlas.map_names} <= set(atlas.figure_paths)
    assert data_block(atlas)  # what the explorer shows
    judge(path, verbose=0)
    return atlas


def grey_digits(rows: slice, **more: Any) -> ImageSet:
    digits = load_digits()
    images = np.rint(digits.images[rows] * (255 / 16)).astype(np.uint8)
    return ImageSet.from_arrays(images, **more)


def test_digits_of_eight_by_eight(tmp_path: Path) -> None:
    labels = load_digits().target[:500]
    atlas = complete(grey_digits(slice(500), labels=labels, name="8 × 8"), tmp_path / "a")
    assert atlas.lacking == {}
    assert atlas.images.shape[1:] == atlas.reconstructions.shape[1:] == (8, 8)
    assert atlas.map_names == ALL_MAPS
    # The sizes that are swept by default, but for those that 64 pixels cannot need.
    swept = run(
        grey_digits(slice(120)),
        tmp_path / "b",
        until="sweep",
        **{name: value for name, value in QUICK.items() if name != "latent_dims"},
    )
    assert sorted(set(swept.sweep["latent_dim"])) == [2, 4, 8, 16, 32]
    assert (
        "64 and 128 are left out, as an image has only 64 pixels"
        in swept.stage_info("sweep")["note"]
    )


def photo_patches(side: int = 16) -> ImageSet:
    """Cut patches out of two photographs in colour; the photograph is the class."""
    patches, labels = [], []
    for number, photo in enumerate(load_sample_images().images):
        for top in range(0, photo.shape[0] - side, 40):
            for left in range(0, photo.shape[1] - side, 40):
                patches.append(photo[top : top + side, left : left + side])
                labels.append(number)
    return ImageSet.from_arrays(
        np.stack(patches), np.array(labels), class_names=["temple", "flower"], name="photographs"
    )


def test_colour_and_two_classes(tmp_path: Path) -> None:
    atlas = complete(photo_patches(), tmp_path / "a", rows="all")
    assert atlas.lacking == {}
    assert atlas.images.shape[1:] == atlas.reconstructions.shape[1:] == (16, 16, 3)
    assert atlas.plane.images.shape[2:] == (16, 16, 3)
    # One discriminant, and then the first principal component of what it leaves.
    lda = atlas.load_map("lda")
    codes = np.asarray(atlas.codes, np.float64) - np.mean(atlas.codes, axis=0, dtype=np.float64)
    first, second = lda.embedding_.astype(np.float64).T
    assert abs(np.corrcoef(first, second)[0, 1]) < 1e-4
    rest = codes - np.outer(first, first @ codes / (first @ first))
    axis = np.linalg.svd(rest, full_matrices=False)[2][0]
    assert abs(np.corrcoef(rest @ axis, second)[0, 1]) > 1 - 1e-4


def test_embeddings_without_images(tmp_path: Path) -> None:
    codes, labels = make_blobs(150, n_features=6, centers=3, random_state=0)
    columns = {"tsne_x": np.arange(150), "label": np.array(["?"] * 150), "place  of": labels * 0.5}
    table = EmbeddingSet.from_arrays(codes, labels, columns=columns, name="table")
    atlas = complete(table, tmp_path / "a")
    assert set(atlas.lacking) == {
        *("sweep", "history", "choice", "plane", "codes2", "size_samples", "direct"),
        *("images", "reconstructions", "model", "decoder", "decoded places"),
    }
    assert np.array_equal(atlas.codes, codes.astype(np.float32))
    assert "reconstruction_mse" not in atlas.points
    given = ["tsne_x (given)", "label (given)", "place of"]
    assert [name for name in atlas.points.columns if name in given] == given
    assert atlas.points["tsne_x (given)"].tolist() == list(range(150))
    assert atlas.quality["knn_accuracy"]["codes"] > 0.9
    with pytest.raises(SettingError, match="no sweep of table: the data are codes already"):
        run(table, tmp_path / "b", until="sweep", verbose=0)
    # Other columns make the table of points anew, and not the maps.
    listener = Listener()
    other = EmbeddingSet.from_arrays(codes, labels, columns={"n": np.arange(150)}, name="table")
    run(other, tmp_path / "a", **QUICK, callbacks=[listener])
    assert "maps-tsne" in listener.stages("kept")
    assert pd.read_parquet(tmp_path / "a" / "points.parquet")["n"].tolist() == list(range(150))


def test_embeddings_with_images_and_few_labels(tmp_path: Path) -> None:
    digits = grey_digits(slice(200))
    codes = digits.images.reshape(200, -1)[:, 10:50] / np.float32(255)
    labels = load_digits().target[:200].copy()
    labels[50:] = -1
    names = [str(k) for k in range(10)]
    table = EmbeddingSet.from_arrays(codes, labels, class_names=names, images=digits.images)
    atlas = complete(table, tmp_path / "a")
    assert atlas.images.shape == (200, 8, 8)
    assert "images" not in atlas.lacking
    lda = atlas.load_map("lda")
    known = labels >= 0
    assert lda.embedding_.shape == (200, 2)
    note = atlas.stage_info("maps-lda")["note"]
    assert note.startswith("50 labelled rows of 10 classes are few for 40 columns, so the spread")
    assert note.endswith(
        "its axes come from the 50 labelled rows; the other 150 were placed on them"
    )
    # As if fitted on the labelled rows alone, the others placed.
    from latentscape.maps import LDA, FewRowsWarning

    with pytest.warns(FewRowsWarning):
        alone = LDA().fit(codes[known], labels[known])
    assert np.array_equal(lda.embedding_, alone.transform(codes))
    report = atlas.quality["maps"]["pca"]
    assert 0 < report["measures"]["label_accuracy"]["value"] < 1
    assert any("50 rows that have one, of 200" in note for note in report["notes"])
    assert sum(entry["n"] for entry in atlas.quality["classes"]) == 50


def test_no_labels(tmp_path: Path) -> None:
    atlas = complete(grey_digits(slice(200)), tmp_path / "a", rows="all")
    needs = "needs labels: the data have no labels"
    assert atlas.lacking == {
        "labels": "the data have no labels",
        "label measures": needs,
        "lda": needs,
    }
    assert atlas.map_names == ("direct", "pca", "tsne", "umap")
    assert sum("needs labels" in line for line in trust_lines(atlas)) == 4
    before = atlas.manifest["stages"]["maps-lda"]
    with pytest.raises(CodesError, match="LDA needs labels: the data have no labels"):
        add_map(tmp_path / "a", "lda", verbose=0)
    assert Atlas.open(tmp_path / "a").manifest["stages"]["maps-lda"] == before


def test_one_class_only(tmp_path: Path) -> None:
    data = grey_digits(slice(200), labels=np.zeros(200, int), class_names=["digit", "letter"])
    atlas = complete(data, tmp_path / "a", rows="all")
    reason = "needs two classes or more, and all rows have the label “digit”"
    assert atlas.lacking == {"label measures": reason, "lda": reason}
    assert atlas.quality["knn_accuracy"] == {}
    assert atlas.quality["needs"] == reason


def test_twelve_rows(tmp_path: Path) -> None:
    data = grey_digits(slice(12), labels=np.arange(12) % 2, name="twelve")
    atlas = complete(data, tmp_path / "a")
    assert len(atlas.points) == 12
    note = "all 12 rows are mapped, as only 2 are test rows"
    assert atlas.stage_info("codes")["note"] == note
    assert "perplexity lowered: 30 -> 3.667" in atlas.stage_info("maps-tsne")["note"]
    assert "n_neighbors lowered: 15 -> 11" in atlas.stage_info("maps-umap")["note"]
    assert any(note in line for line in summarize(atlas))
    assert atlas.lacking == {}


def test_fewer_than_ten_rows_and_fewer_than_four(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    atlas = complete(EmbeddingSet.from_arrays(rng.normal(size=(6, 3)), name="six"), tmp_path / "a")
    assert atlas.map_names == ("pca",)
    assert "needs 10 rows or more, and there are 6" in atlas.lacking["tsne"]
    assert atlas.lacking["quality of pca"] == "needs 8 rows or more, and there are 6"
    with pytest.raises(DataError, match="three has 3 rows, but a map needs at least 4"):
        run(EmbeddingSet.from_arrays(np.eye(3), name="three"), tmp_path / "b", **QUICK)
    with pytest.raises(DataError, match="3 images, but a map needs at least 4"):
        run(grey_digits(slice(3)), tmp_path / "b", **QUICK)
    assert not (tmp_path / "b").exists()


def test_codes_that_are_all_alike(tmp_path: Path) -> None:
    atlas = complete(EmbeddingSet.from_arrays(np.ones((30, 3)), name="alike"), tmp_path / "a")
    assert atlas.map_names == ()
    assert "all 30 rows of the codes are equal" in atlas.lacking["pca"]
    few = np.repeat(np.eye(3), 10, axis=0)
    atlas = complete(EmbeddingSet.from_arrays(few, name="copies"), tmp_path / "b")
    assert "pca" in atlas.map_names
    assert "only 3 of the 30 rows differ" in atlas.lacking["tsne"]


def test_uneven_classes_are_told_one_by_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.array([0] * 180 + [1] * 6)
    codes = rng.normal(size=(186, 4))  # nothing tells the classes apart
    data = EmbeddingSet.from_arrays(codes, labels, class_names=["usual", "rare"], name="uneven")
    atlas = complete(data, tmp_path / "a", maps=("pca", "lda", "tsne", "umap"))
    quality = atlas.quality
    assert quality["knn_accuracy"]["codes"] > 0.95
    assert quality["balanced_accuracy"]["codes"] == pytest.approx(0.5, abs=0.02)
    assert [(c["name"], c["n"]) for c in quality["classes"]] == [("usual", 180), ("rare", 6)]
    assert any("mean over classes: codes 0.5" in line for line in summarize(atlas))
    lines = trust_lines(atlas)
    assert any(line.startswith("rare ") and " 6 " in line for line in lines)


def test_the_default_sizes_stay_what_they_are() -> None:
    assert RunSettings().latent_dims == (2, 4, 8, 16, 32, 64, 128)
