"""An atlas by cosine distance: what depends on the metric is redone, and nothing else."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import latentscape as ls
from latentscape.atlas import Atlas, fingerprint
from latentscape.errors import CodesError, DataError, SettingError
from latentscape.explorer import data_block
from latentscape.explorer.container import parse
from latentscape.figures.maps import caption
from latentscape.images import EmbeddingSet, ImageSet
from latentscape.neighbors import NeighborGraph, measured_rows
from latentscape.pipeline import RunSettings, add_map, run, summarize, trust_lines
from latentscape.pipeline.encode import encode_images
from latentscape.pipeline.finished import whole_fingerprint
from latentscape.pipeline.settings import STAGE_VERSIONS
from latentscape.types import StageChange

from ..atlas_tools import quick_render

SETTINGS: dict[str, Any] = {"maps": ("pca", "tsne", "umap"), "verbose": 0, "engine": "serial"}


def embeddings(n: int = 120, seed: int = 0) -> EmbeddingSet:
    random = np.random.default_rng(seed)
    kinds = np.arange(n) % 3
    codes = 3 * np.eye(6)[kinds] + random.normal(size=(n, 6))
    codes *= np.exp(random.normal(scale=1.2, size=(n, 1)))
    return EmbeddingSet.from_arrays(codes, kinds, name="uneven")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentscape.figures.render_all", quick_render)


@pytest.fixture(scope="module")
def atlases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Atlas]:
    folder = tmp_path_factory.mktemp("metric")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", quick_render)
        return {
            metric: run(embeddings(), folder / metric, metric=metric, **SETTINGS)
            for metric in ("euclidean", "cosine")
        }


def copy_of(atlas: Atlas, folder: Path) -> Path:
    import shutil

    return Path(shutil.copytree(atlas.path, folder / "copy"))


def done(changes: list[Any]) -> list[str]:
    return [c.stage for c in changes if isinstance(c, StageChange) and c.state == "done"]


def test_everything_about_codes_is_by_angle(atlases: dict[str, Atlas]) -> None:
    atlas = atlases["cosine"]
    assert atlas.metric == atlas.graph.metric == "cosine"
    expected = NeighborGraph.build(atlas.codes, 90, "cosine")
    np.testing.assert_array_equal(atlas.graph.indices, expected.indices)
    for name in ("tsne", "umap"):
        fitted: Any = atlas.load_map(name)
        assert fitted.metric_ == "cosine"
        np.testing.assert_array_equal(fitted.transform(atlas.codes * 4), fitted.embedding_)
        report = ls.quality.report(
            measured_rows(np.array(atlas.codes), "cosine"), fitted.embedding_
        )
        measures = atlas.quality["maps"][name]["measures"]
        for key in ("recall", "trustworthiness", "continuity", "triplets", "shepard_spearman"):
            assert measures[key]["value"] == pytest.approx(report.measures[key].value, abs=1e-6)
        trust = ls.quality.trustworthiness(
            measured_rows(np.array(atlas.codes), "cosine"),
            fitted.embedding_,
            return_per_sample=True,
        )[1]
        np.testing.assert_allclose(atlas.points[f"{name}_trustworthiness"], trust, atol=1e-6)
    right = ls.quality.knn_label_accuracy(
        measured_rows(np.array(atlas.codes), "cosine"), atlas.points["label"]
    )
    assert atlas.quality["knn_accuracy"]["codes"] == float(right)
    assert atlas.quality["knn_accuracy"] != atlases["euclidean"].quality["knn_accuracy"]


def test_it_is_said(atlases: dict[str, Atlas]) -> None:
    atlas, plain = atlases["cosine"], atlases["euclidean"]
    assert any(line.endswith("; codes compared by cosine distance") for line in summarize(atlas))
    assert not any("cosine distance" in line for line in summarize(plain))
    said = "codes are compared by cosine distance, places on a map by Euclidean distance"
    assert said in trust_lines(atlas)
    assert said not in trust_lines(plain)
    assert "codes compared by cosine distance" in atlas.quality["cards"]["umap"]["title"]
    assert "cosine" not in plain.quality["cards"]["umap"]["title"]
    notes = atlas.quality["maps"]["pca"]["notes"]
    assert "The map has no metric: it is linear, made of the codes as they are." in notes
    assert ", compared by cosine distance" in caption(atlas, 120, "tsne")
    assert "compared" not in caption(plain, 120, "tsne")
    assert any("by cosine distance" in note for note in atlas.quality["maps"]["tsne"]["notes"])
    assert not any("linear" in note for note in atlas.quality["maps"]["tsne"]["notes"])


def test_a_run_by_distance_has_the_fingerprints_it_had(atlases: dict[str, Atlas]) -> None:
    before = {k: v for k, v in asdict(RunSettings()).items() if k != "metric"}
    assert whole_fingerprint("x", RunSettings()) == fingerprint(
        versions=STAGE_VERSIONS, data="x", settings=before
    )
    assert whole_fingerprint("x", RunSettings(metric="cosine")) != whole_fingerprint(
        "x", RunSettings()
    )
    atlas = atlases["euclidean"]
    codes = atlas.stages["codes"]["fingerprint"]
    basis = fingerprint(version=STAGE_VERSIONS["neighbors"], codes=codes, random_state=0)
    assert atlas.stages["neighbors"]["fingerprint"] == fingerprint(basis=basis, n_neighbors=90)


def test_another_metric_redoes_what_depends_on_it(
    atlases: dict[str, Atlas], tmp_path: Path
) -> None:
    path = copy_of(atlases["euclidean"], tmp_path)
    said: list[Any] = []
    again = run(embeddings(), path, metric="cosine", callbacks=[said.append], **SETTINGS)
    assert done(said) == [
        "neighbors",
        "maps-tsne",
        "maps-umap",
        *(f"quality-{name}" for name in ("direct", "pca", "tsne", "umap")),
        "points",
        "figures",
        "explorer",
    ]
    assert (
        StageChange(
            "neighbors",
            "reset",
            note="they were found by metric=euclidean, and this run asks for cosine",
        )
        in said
    )
    pd.testing.assert_frame_equal(again.points, atlases["cosine"].points)
    said.clear()
    run(embeddings(), path, metric="cosine", callbacks=[said.append], **SETTINGS)
    assert done(said) == []


@pytest.mark.parametrize("name", ["tsne", "umap"])
def test_one_map_by_another_metric_takes_the_other_along(
    name: str, atlases: dict[str, Atlas], tmp_path: Path
) -> None:
    path = copy_of(atlases["euclidean"], tmp_path)
    said: list[Any] = []
    made = add_map(path, name, metric="cosine", verbose=0, callbacks=[said.append])
    assert [stage for stage in done(said) if stage.startswith("maps-")] == [
        f"maps-{each}" for each in (name, *({"tsne", "umap"} - {name}))
    ]
    pd.testing.assert_frame_equal(made.points, atlases["cosine"].points)
    assert made.settings["metric"] == "cosine"
    said.clear()
    run(embeddings(), path, metric="cosine", callbacks=[said.append], **SETTINGS)
    assert done(said) == []
    add_map(path, name, verbose=0)  # keeps the atlas's
    assert Atlas.open(path).metric == "cosine"


def test_linear_maps_have_no_metric(atlases: dict[str, Atlas], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="not of pca, which is linear and looks at no neighb"):
        add_map(atlases["euclidean"].path, "pca", metric="cosine", verbose=0)
    with pytest.raises(SettingError, match="metric is no setting of one map"):
        run(embeddings(), tmp_path / "a", map_settings={"tsne": {"metric": "cosine"}}, verbose=0)


def test_zero_rows_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    codes = embeddings().codes.copy()
    codes[[4, 11]] = 0
    data = EmbeddingSet.from_arrays(codes, name="uneven")
    with pytest.raises(DataError) as raised:
        run(data, tmp_path / "a", metric="cosine", **SETTINGS)
    assert str(raised.value) == (
        "2 of the 120 rows of uneven that are mapped are zero (row-00004, row-00011) and have no "
        "direction, which --metric cosine compares; leave such rows out, or take --metric euclidean"
    )
    assert not list(tmp_path.iterdir())
    atlas = run(data, tmp_path / "a", **SETTINGS)
    before = atlas.manifest
    with pytest.raises(CodesError, match=r"zero \(rows 4, 11\)"):
        add_map(atlas.path, "tsne", metric="cosine", verbose=0)
    assert Atlas.open(atlas.path).manifest == before


def test_new_rows_are_placed_by_their_direction(atlases: dict[str, Atlas], tmp_path: Path) -> None:
    atlas = atlases["cosine"]
    longer = EmbeddingSet.from_arrays(np.array(atlas.codes) * 16)
    facts = encode_images(atlas.path, longer, tmp_path / "a.npz", verbose=0)
    assert facts["drift"]["warnings"] == []
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        for name in ("tsne", "umap"):
            np.testing.assert_array_equal(stored[name], atlas.load_map(name).embedding_)
    plain = encode_images(atlases["euclidean"].path, longer, tmp_path / "b.npz", verbose=0)
    assert plain["drift"]["warnings"]
    zero = EmbeddingSet.from_arrays(np.zeros((3, 6)))
    with pytest.raises(CodesError, match="have no direction"):
        encode_images(atlas.path, zero, tmp_path / "c.npz", verbose=0)


def test_a_sample_and_the_rows_beside_it(tmp_path: Path) -> None:
    data = embeddings(200)
    atlas = run(data, tmp_path / "a", metric="cosine", sample=100, rows="all", **SETTINGS)
    fitted = atlas.load_map("tsne")
    places = atlas.points[["tsne_x", "tsne_y"]].to_numpy()
    np.testing.assert_array_equal(fitted.transform(np.array(atlas.codes) * 2), places)


def test_labels_of_a_part_of_the_rows_are_judged_by_angle(tmp_path: Path) -> None:
    whole = embeddings(120)
    assert whole.labels is not None
    labels = np.where(np.arange(120) % 4 == 0, -1, whole.labels)
    data = EmbeddingSet.from_arrays(whole.codes, labels, name="part")
    atlas = run(data, tmp_path / "a", metric="cosine", **SETTINGS)
    measured = atlas.quality["maps"]["tsne"]["measures"]["label_accuracy"]
    known = labels >= 0
    units = measured_rows(whole.codes[known], "cosine")
    expected = ls.quality.knn_label_accuracy(units, labels[known])
    assert measured["codes"] == pytest.approx(float(expected))


@pytest.mark.parametrize("served", [False, True])
def test_the_page_has_codes_of_length_one(atlases: dict[str, Atlas], served: bool) -> None:
    atlas = atlases["cosine"]
    header = parse(data_block(atlas, served=served).to_bytes())[1]
    codes = header["codes"]
    levels = 2**13
    lows, steps = np.array(codes["lows"]), np.array(codes["steps"])
    units = measured_rows(np.array(atlas.codes), "cosine")
    np.testing.assert_allclose(lows, units.min(axis=0), rtol=1e-6)
    np.testing.assert_allclose(lows + steps * (levels - 1), units.max(axis=0), rtol=1e-6)
    chords = np.sqrt(2 * atlas.graph.distances[:, 0])
    assert codes["percentiles"][50] == pytest.approx(float(np.median(chords)), rel=1e-5)
    assert (
        "Codes are compared by cosine distance; on this page they have length 1."
        in header["about"]["notes"]
    )
    plain = parse(data_block(atlases["euclidean"], served=served).to_bytes())[1]
    np.testing.assert_allclose(plain["codes"]["lows"], atlas.codes.min(axis=0), rtol=1e-6)
    assert not any("cosine distance" in note for note in plain["about"]["notes"])


def test_a_page_with_a_model_says_what_it_compares_otherwise(few: ImageSet, tmp_path: Path) -> None:
    atlas = run(
        few,
        tmp_path / "a",
        metric="cosine",
        latent_dims=(2, 4),
        n_seeds=1,
        training={"n_epochs": 1},
        **SETTINGS,
    )
    assert atlas.quality["maps"]["direct"]["metric"] == "cosine"
    header = parse(data_block(atlas).to_bytes())[1]
    np.testing.assert_allclose(header["codes"]["lows"], atlas.codes.min(axis=0), rtol=1e-6)
    assert header["about"]["notes"][-1] == (
        "Maps and measures compare codes by cosine distance; what this page computes itself (the "
        "nearest images, places of drawings) is by Euclidean distance of the codes as they are."
    )
    assert header["about"]["settings"]["metric"] == "cosine"


def test_settings_of_a_map_that_is_not_made_are_told(tmp_path: Path) -> None:
    said: list[Any] = []
    settings = {**SETTINGS, "maps": ("pca",), "map_settings": {"tsne": {"perplexity": 9}}}
    run(embeddings(), tmp_path / "a", callbacks=[said.append], **settings)
    note = "settings were given for it, but maps does not name it"
    assert said[0] == StageChange("maps-tsne", "skipped", note=note)
    said.clear()
    run(embeddings(), tmp_path / "b", callbacks=[said.append], **{**settings, "map_settings": {}})
    assert not any(each.stage == "maps-tsne" for each in said if isinstance(each, StageChange))
