"""The default report: complete, paired, the same on every run, and equal to the functions."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from latentscape import quality
from latentscape.errors import CodesError, LabelsError, SettingError
from latentscape.maps import PCA
from latentscape.neighbors import NeighborGraph
from latentscape.quality.gathering import N_SILHOUETTE
from latentscape.types import FloatArray, IntArray


def islands(n: int = 900, seed: int = 0) -> tuple[FloatArray, FloatArray, IntArray]:
    """Codes of five classes, a map of their first two axes with some noise, and the classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 5
    centers = rng.normal(size=(5, 10)) * 3
    codes = (centers[y] + rng.normal(size=(n, 10))).astype(np.float32)
    places = (codes[:, :2] + 0.1 * rng.normal(size=(n, 2))).astype(np.float32)
    return codes, places, y


def test_equals_the_plain_functions() -> None:
    codes, places, y = islands()
    others = [places[::-1].copy(), places * 2 + 1]
    found = quality.report(codes, places, labels=y, others=others)
    pca = PCA().fit(codes).embedding_
    expected: dict[str, Any] = {
        "recall": quality.neighbor_recall,
        "trustworthiness": quality.trustworthiness,
        "continuity": quality.continuity,
        "density": quality.density_preservation,
        "r_nx_auc": quality.r_nx_auc,
        "gap_crossing": quality.gap_crossing,
        "triplets": quality.triplet_accuracy,
        "shepard_spearman": quality.shepard_correlation,
        "stress": quality.scale_free_stress,
    }
    for name, function in expected.items():
        measure = found.measures[name]
        for value, error, rows in (
            (measure.value, measure.standard_error, places),
            (measure.pca, measure.pca_error, pca),
        ):
            plain = function(codes, rows)
            assert value == pytest.approx(float(plain), abs=1e-12), name
            assert error == pytest.approx(plain.standard_error, abs=1e-12), name
    false, missing = quality.mrre(codes, places)
    assert found.measures["mrre_false"].value == false
    assert found.measures["mrre_missing"].value == missing
    labels = found.measures["label_accuracy"]
    assert labels.value == quality.knn_label_accuracy(places, y)
    assert labels.pca == quality.knn_label_accuracy(pca, y)
    assert labels.codes == quality.knn_label_accuracy(codes, y)
    silhouette = found.measures["silhouette"]
    assert silhouette.value == quality.silhouette(places, y, n_samples=N_SILHOUETTE)
    for name, number in zip(
        ("adjusted_rand", "v_measure"), quality.cluster_agreement(places, y), strict=True
    ):
        assert found.measures[name].value == number
    for name, by_class in (
        ("centroid_triplets", quality.centroid_triplet_accuracy),
        ("centroid_distances", quality.centroid_distance_correlation),
    ):
        assert found.measures[name].value == by_class(codes, places, y)
    assert found.measures["stability"].value == quality.stability([places, *others])
    assert found.measures["procrustes"].value == quality.procrustes_distance([places, *others])
    for name, single in found.per_sample.items():
        assert single.shape == (900,)
        assert single.mean() == pytest.approx(found.measures[name].value, abs=1e-6)


def test_reports_on_several_maps_are_those_on_each() -> None:
    codes, places, y = islands()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(900, 5, 5)).astype(np.uint8)
    maps = {"one": places, "pca": PCA().fit(codes).embedding_, "other": codes[:, 3:5].copy()}
    others = {"one": [places[::-1].copy()], "other": [places]}
    settings: dict[str, Any] = {"labels": y, "images": images, "n_anchors": 200}
    together = quality.reports(codes, maps, others=others, **settings)
    assert list(together) == list(maps)
    for name, embedding in maps.items():
        alone = quality.report(codes, embedding, others=others.get(name, ()), **settings)
        assert json.dumps(together[name].as_dict()) == json.dumps(alone.as_dict())
        for key, single in alone.per_sample.items():
            np.testing.assert_array_equal(together[name].per_sample[key], single)
    assert together["one"].measures["recall"].value != together["other"].measures["recall"].value
    assert "stability" not in together["pca"].measures
    assert quality.reports(codes, {}) == {}


def test_hops_from_pixels() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(400, 6, 6)).astype(np.uint8)
    codes = (images.reshape(400, -1) @ rng.normal(size=(36, 12))).astype(np.float32)
    places = codes[:, :2].copy()
    y = (codes[:, 0] > 0).astype(int)
    found = quality.report(codes, places, images=images, labels=y)
    assert list(found.hops) == ["pixels_codes", "codes_map", "pixels_map"]
    flat = images.reshape(400, -1)
    for hop, one, other in (
        ("pixels_codes", flat, codes), ("codes_map", codes, places), ("pixels_map", flat, places)
    ):  # fmt: skip
        for name, function in (
            ("recall", quality.neighbor_recall),
            ("trustworthiness", quality.trustworthiness),
            ("continuity", quality.continuity),
            ("r_nx_auc", quality.r_nx_auc),
        ):
            assert found.hops[hop][name] == pytest.approx(float(function(one, other)), abs=1e-6)
    measure = found.measures["label_accuracy"]
    assert measure.pixels == quality.knn_label_accuracy(images, y)
    sampled = quality.report(codes, places, images=images, labels=y, n_anchors=100)
    for hop, values in sampled.hops.items():
        for name, value in values.items():
            assert abs(value - found.hops[hop][name]) < 5 * value.standard_error
            assert value.standard_error > 0


def test_a_random_map_has_what_the_report_says_a_random_map_has() -> None:
    codes, places, y = islands(2000)
    rng = np.random.default_rng(1)
    found = quality.report(places[rng.permutation(2000)], places, labels=rng.permutation(y))
    for name, measure in found.measures.items():
        if name in ("centroid_triplets", "centroid_distances"):
            continue  # five random classes are too few to say anything
        error = measure.standard_error
        tolerance = 0.03 if np.isnan(error) else 5 * error + 0.02
        assert abs(measure.value - measure.random) < tolerance, name
    places += 40 * np.stack([y, y**2], axis=1)
    shuffled = quality.report(codes, places[rng.permutation(2000)]).measures
    for name in ("stress", "gap_crossing"):
        right = quality.report(codes, places).measures[name]
        assert abs(shuffled[name].value - right.random) < 0.02
        assert abs(right.value - right.random) > 0.03


def test_differences_to_pca_are_paired() -> None:
    codes, places, y = islands()
    pca = PCA().fit(codes).embedding_
    found = quality.report(codes, pca, labels=y)
    for name in ("recall", "trustworthiness", "continuity", "triplets", "r_nx_auc"):
        measure = found.measures[name]
        assert (measure.gain, measure.gain_error) == (0.0, 0.0)
        assert measure.standard_error > 0
    better = quality.report(codes, places, labels=y).measures["recall"]
    _, single = quality.neighbor_recall(codes, places, return_per_sample=True)
    _, theirs = quality.neighbor_recall(codes, pca, return_per_sample=True)
    assert better.gain == pytest.approx((single - theirs).mean())
    assert better.gain_error == pytest.approx((single - theirs).std(ddof=1) / 30)


def test_the_same_bits_on_every_run_and_for_any_number_of_threads() -> None:
    codes, places, y = islands(1200)
    runs = [
        quality.report(codes, places, labels=y, n_anchors=300, n_jobs=jobs) for jobs in (1, 2, 2)
    ]
    texts = [json.dumps(found.as_dict()) for found in runs]
    assert texts[0] == texts[1] == texts[2]
    for name, single in runs[0].per_sample.items():
        assert single.tobytes() == runs[1].per_sample[name].tobytes()
    other = quality.report(codes, places, labels=y, n_anchors=300, random_state=1)
    assert other.measures["r_nx_auc"].value != runs[0].measures["r_nx_auc"].value


def test_a_graph_changes_nothing_but_the_time() -> None:
    codes, places, y = islands()
    plain = quality.report(codes, places, labels=y)
    with_graph = quality.report(codes, places, labels=y, graph=NeighborGraph.build(codes, 30))
    for name, measure in plain.measures.items():
        tolerance = 1e-6 if name == "density" else 0  # the graph's distances are float32
        assert with_graph.measures[name].value == pytest.approx(measure.value, abs=tolerance)
    cosine = quality.report(codes, places, graph=NeighborGraph.build(codes, 30, "cosine"))
    assert cosine.measures["recall"].value != plain.measures["recall"].value


def test_many_rows_are_judged_from_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, places, y = islands(2000)
    exact = quality.report(codes, places, labels=y, others=[places])
    monkeypatch.setattr(import_module("latentscape.quality.report"), "EXACT_ROWS", 1000)
    found = quality.report(codes, places, labels=y, others=[places], n_anchors=500)
    for name in ("recall", "trustworthiness", "continuity"):
        measure = found.measures[name]
        assert 0 < abs(measure.value - exact.measures[name].value) < 5 * measure.standard_error
    for name in ("density", "label_accuracy", "gap_crossing", "stability"):
        assert found.measures[name].value == pytest.approx(exact.measures[name].value, abs=1e-6)
    assert found.per_sample == {}
    assert any("fast search" in note for note in found.notes)


def test_it_can_be_read_and_written() -> None:
    codes, places, y = islands()
    found = quality.report(codes, places, labels=y, others=[places + 1])
    assert set(found.headlines()) == {"recall", "triplets", "label_accuracy", "stability"}
    assert {m.scope for m in found.headlines().values()} == {
        "local", "global", "label", "stability",
    }  # fmt: skip
    content = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert content["measures"]["recall"]["value"] == found.measures["recall"].value
    assert content["measures"]["v_measure"]["standard_error"] is None
    assert content["curves"]["map"]["sizes"][0] == 1
    assert content["curves"]["map"]["auc"]["standard_error"] >= 0
    text = str(found)
    for measure in found.measures.values():
        assert measure.title in text
        assert measure.definition.endswith(".")
    assert f"{found.measures['recall'].value:.4f}" in text
    assert max(map(len, text.splitlines())) <= 100


def test_what_is_not_given_is_not_measured_and_said_so() -> None:
    codes, places, _ = islands()
    found = quality.report(codes, places, baselines=False)
    assert "label_accuracy" not in found.measures
    assert "stability" not in found.measures
    assert found.measures["recall"].pca is None
    assert set(found.curves) == {"map", "random"}
    assert len(found.notes) == 3
    assert set(found.hops) == {"codes_map"}


@pytest.mark.parametrize("kind", ["few", "equal places", "equal codes", "copies", "one column"])
@pytest.mark.filterwarnings("error")
def test_poor_maps_are_measured_all_the_same(kind: str) -> None:
    codes, places, y = islands(60)
    if kind == "few":
        codes, places, y = codes[:8], places[:8], y[:8]
    elif kind == "equal places":
        places = np.zeros_like(places)
    elif kind == "equal codes":
        codes = np.ones_like(codes)
    elif kind == "copies":
        codes, places = np.repeat(codes[:3], 20, axis=0), np.repeat(places[:3], 20, axis=0)
    else:
        codes = codes[:, :1]
    found = quality.report(codes, places, labels=y, others=[places])
    for name in ("recall", "trustworthiness", "continuity", "r_nx_auc"):
        assert np.isfinite(found.measures[name].value)
    json.dumps(found.as_dict(), allow_nan=False)
    str(found)


def test_one_class_has_nothing_to_tell_apart() -> None:
    codes, places, _ = islands(60)
    found = quality.report(codes, places, labels=np.zeros(60))
    assert found.measures["label_accuracy"].value == 1.0
    assert "silhouette" not in found.measures


def test_bad_input() -> None:
    codes, places, y = islands(60)
    with pytest.raises(LabelsError, match="60 rows"):
        quality.report(codes, places, labels=y[:5])
    with pytest.raises(LabelsError, match="row 3"):
        quality.report(codes, places, labels=np.where(np.arange(60) == 3, np.nan, y))
    with pytest.raises(CodesError, match="images"):
        quality.report(codes, places, images=np.zeros((5, 2, 2)))
    with pytest.raises(CodesError, match="8 or more"):
        quality.report(codes[:7], places[:7])
    with pytest.raises(CodesError, match="same order"):
        quality.report(codes, places, others=[places[:5]])
    with pytest.raises(SettingError, match="n_anchors"):
        quality.report(codes, places, n_anchors=1)
