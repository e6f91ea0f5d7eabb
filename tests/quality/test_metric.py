"""Reports by cosine distance are those of codes of length 1."""

from __future__ import annotations

import numpy as np
import pytest

from latentscape.errors import SettingError
from latentscape.maps import PCA, UMAP
from latentscape.neighbors import NeighborGraph, measured_rows
from latentscape.quality import decode_honesty, map_card, report
from latentscape.types import FloatArray


@pytest.fixture(scope="module")
def codes() -> FloatArray:
    random = np.random.default_rng(0)
    rows = np.eye(5)[np.arange(150) % 5] * 2 + random.normal(size=(150, 5))
    return (rows * np.exp(random.normal(scale=1.5, size=(150, 1)))).astype(np.float32)


def test_a_report_by_angle_is_one_of_directions(codes: FloatArray) -> None:
    places = PCA().fit_transform(codes)
    labels = np.arange(150) % 5
    by_angle = report(codes, places, labels=labels, metric="cosine")
    units = report(measured_rows(codes, "cosine"), places, labels=labels)
    plain = report(codes, places, labels=labels)
    for name, measure in by_angle.measures.items():
        assert measure.value == units.measures[name].value
        assert measure.codes == units.measures[name].codes
        # The PCA map is that of the codes as they are, which here is the map itself.
        assert measure.pca == pytest.approx(measure.value, nan_ok=True)
    assert by_angle.measures["recall"].value != plain.measures["recall"].value
    assert by_angle.metric == "cosine"
    assert plain.metric == units.metric == "euclidean"
    assert by_angle.as_dict()["metric"] == "cosine"
    assert map_card(by_angle).title.endswith("codes compared by cosine distance")
    graph = NeighborGraph.build(codes, 90, "cosine")
    by_graph = report(codes, places, labels=labels, graph=graph)
    for name, measure in by_angle.measures.items():
        assert measure.value == pytest.approx(by_graph.measures[name].value, abs=1e-6, nan_ok=True)


def test_a_metric_that_is_not_the_graphs_is_refused(codes: FloatArray) -> None:
    places = PCA().fit_transform(codes)
    with pytest.raises(SettingError, match='metric="euclidean", but metric="cosine" is asked'):
        report(codes, places, graph=NeighborGraph.build(codes, 20), metric="cosine")
    with pytest.raises(SettingError, match="metric must be"):
        report(codes, places, metric="chess")  # type: ignore[arg-type]


def test_the_distance_of_a_place_from_the_data_is_by_the_maps_metric(codes: FloatArray) -> None:
    fitted = UMAP(metric="cosine", n_epochs=50, random_state=0).fit(codes)
    same = decode_honesty(fitted, codes, lambda z: z, lambda images: images)
    longer = decode_honesty(fitted, codes, lambda z: z, lambda images: images * 64)
    assert float(longer.round_trip) == pytest.approx(float(same.round_trip))
    assert 0 < float(same.off) < 5
    scaled = codes * np.float32(2) ** (np.arange(150) % 7)[:, None].astype(np.float32)
    assert float(decode_honesty(fitted, scaled, lambda z: z, lambda i: i).off) == float(same.off)
