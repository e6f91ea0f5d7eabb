"""Maps by cosine distance: only directions count, to fit, to place and on the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.errors import CodesError, ModelFileError, SettingError
from latentscape.maps import TSNE, UMAP, map_from_bytes, map_to_bytes
from latentscape.maps.inversion import DirectionField, LocalField
from latentscape.maps.neighbor_map import NeighborMap
from latentscape.neighbors import NeighborGraph, shared_neighbors
from latentscape.quality import knn_label_accuracy
from latentscape.types import FloatArray

from .test_storage import changed


def uneven(n: int = 240, seed: int = 0) -> tuple[FloatArray, Any]:
    """Return codes whose direction tells the class, and whose lengths are random."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    codes = 3 * np.eye(6)[labels] + random.normal(size=(n, 6))
    codes *= np.exp(random.normal(scale=1.5, size=(n, 1)))
    return codes.astype(np.float32), labels


def make(name: str, **settings: Any) -> NeighborMap:
    if name == "tsne":
        return TSNE(perplexity=12, n_iter=150, random_state=0, **settings)
    return UMAP(n_epochs=80, random_state=0, **settings)


both = pytest.mark.parametrize("name", ["tsne", "umap"])


@both
def test_lengths_change_no_bit_of_the_map(name: str) -> None:
    codes, labels = uneven()
    lengths = np.float32(2) ** np.random.default_rng(1).integers(-6, 6, (len(codes), 1))
    by_angle = make(name, metric="cosine").fit(codes)
    assert by_angle.metric_ == "cosine"
    np.testing.assert_array_equal(
        make(name, metric="cosine").fit_transform(codes * lengths), by_angle.embedding_
    )
    by_distance = make(name).fit(codes)
    assert by_distance.metric_ == "euclidean"
    assert not np.array_equal(make(name).fit_transform(codes * lengths), by_distance.embedding_)
    assert float(knn_label_accuracy(by_angle.embedding_, labels)) > 0.9


@both
def test_the_metric_of_the_graph_is_that_of_the_map(name: str) -> None:
    codes, _ = uneven()
    graph = NeighborGraph.build(codes, 60, "cosine")
    fitted = make(name).fit(codes, graph=graph)
    assert fitted.metric_ == "cosine"
    np.testing.assert_array_equal(
        fitted.embedding_, make(name, metric="cosine").fit(codes, graph=graph).embedding_
    )
    np.testing.assert_array_equal(
        fitted.embedding_, make(name, metric="cosine").fit(codes).embedding_
    )
    with pytest.raises(SettingError, match='graph holds neighbours by metric="cosine", and the'):
        make(name, metric="euclidean").fit(codes, graph=graph)


@both
@pytest.mark.parametrize("metric", ["chess", 3, True, ["cosine"]])
def test_other_metrics_are_refused(name: str, metric: Any) -> None:
    with pytest.raises(SettingError, match="metric must be"):
        make(name, metric=metric).fit(uneven()[0])


@both
def test_new_codes_are_placed_by_their_direction(name: str) -> None:
    codes, labels = uneven()
    fitted = make(name, metric="cosine").fit(codes)
    for factor in (0.25, 1, 64):
        np.testing.assert_array_equal(fitted.transform(codes * factor), fitted.embedding_)
    new, kinds = uneven(80, seed=5)
    placed = fitted.transform(new)
    np.testing.assert_array_equal(fitted.transform(new[::-1])[::-1], placed)
    apart = ((placed[:, None] - fitted.embedding_) ** 2).sum(axis=2)
    assert (labels[apart.argmin(axis=1)] == kinds).mean() > 0.85
    assert fitted.placement_error().median < 10
    new[[3, 9]] = 0
    with pytest.raises(CodesError, match=r"2 of 80 rows of the codes are zero \(rows 3, 9\)"):
        fitted.transform(new)


@both
def test_zero_rows_cannot_be_fitted(name: str) -> None:
    codes, _ = uneven()
    codes[7] = 0
    with pytest.raises(CodesError, match=r"1 of 240 rows of the codes is zero \(row 7\)"):
        make(name, metric="cosine").fit(codes)
    assert make(name).fit(codes).embedding_.shape == (240, 2)


@both
def test_rows_of_one_direction_are_laid_out_once(name: str) -> None:
    codes, _ = uneven()
    codes[100:] = codes[:140] * np.linspace(1, 3, 140, dtype=np.float32)[:, None]
    codes[100:200] = codes[:100] * 4
    graph = NeighborGraph.build(codes, 90, "cosine")
    fitted = make(name).fit(codes, graph=graph)
    np.testing.assert_array_equal(fitted.embedding_[100:200], fitted.embedding_[:100])
    np.testing.assert_array_equal(fitted.transform(codes), fitted.embedding_)
    assert np.isfinite(fitted.placement_error()[:2]).all()


@both
def test_too_few_directions(name: str) -> None:
    codes = np.outer(np.arange(1, 41), [1.0, 2.0, 3.0])
    with pytest.raises(CodesError) as raised:
        make(name, metric="cosine").fit(codes)
    assert str(raised.value) == (
        f"the 40 rows have only 1 different directions, {name.upper()} by "
        'cosine distance needs 4; use metric="euclidean" or check the encoder.'
    )


@both
def test_the_way_back(name: str) -> None:
    codes, _ = uneven()
    fitted = make(name, metric="cosine").fit(codes)
    np.testing.assert_array_equal(fitted.inverse_transform(fitted.embedding_), codes)
    middle = (fitted.embedding_[:100] + fitted.embedding_[100:200]) / 2
    back = fitted.inverse_transform(middle)
    assert np.isfinite(back).all()
    assert (np.linalg.norm(back, axis=1) > 0).all()
    fitted.transform(back)  # no zero among them


def test_a_long_code_does_not_outweigh_a_short_one() -> None:
    places = np.array([[0, 0], [1, 0], [9, 9], [9, 8], [8, 9]], dtype=np.float32)
    codes = np.array([[1, 0], [0, 100], [-1, -1], [-1, -1], [-1, -1]], dtype=np.float32)
    middle = np.array([[0.5, 0]], dtype=np.float32)
    angle = [
        np.degrees(np.arctan2(*field(places, codes)(middle)[0][::-1]))
        for field in (DirectionField, LocalField)
    ]
    assert angle[0] == pytest.approx(45, abs=6)
    assert angle[1] > 80


def test_opposite_directions_leave_the_nearest() -> None:
    places = np.array([[0, 0], [1, 0]], dtype=np.float32)
    field = DirectionField(places, np.array([[2, 0], [-2, 0]], dtype=np.float32))
    np.testing.assert_allclose(np.abs(field(np.array([[0.5, 0.0]], dtype=np.float32))), [[2, 0]])


@both
def test_a_file_keeps_the_metric(name: str, tmp_path: Path) -> None:
    codes, _ = uneven()
    fitted = make(name, metric="cosine").fit(codes)
    fitted.save(tmp_path / "m")
    loaded = type(fitted).load(tmp_path / "m")
    assert loaded.metric_ == loaded.metric == "cosine"
    new = uneven(30, 3)[0]
    np.testing.assert_array_equal(loaded.transform(new), fitted.transform(new))
    points = fitted.transform(new) + 1
    np.testing.assert_array_equal(
        loaded.inverse_transform(points), fitted.inverse_transform(points)
    )


def test_files_by_distance_are_as_before_there_was_a_metric() -> None:
    data = map_to_bytes(make("tsne").fit(uneven()[0]))
    assert b"metric" not in data[: int.from_bytes(data[:8], "little")]


@pytest.mark.parametrize("metric", ["chess", ["cosine"], 3])
def test_a_file_with_another_metric_is_refused(metric: Any) -> None:
    fitted = make("tsne", metric="cosine").fit(uneven()[0])
    header = {"kl_divergence_": 1.0, "n_iter_": 3, "perplexity_": 12.0, "metric_": metric}
    with pytest.raises(ModelFileError, match="damaged"):
        map_from_bytes(changed(fitted, fitted=header))


def test_the_map_keeps_the_neighbours_by_angle() -> None:
    codes, _ = uneven()
    kept = []
    for metric in ("cosine", "euclidean"):
        places = make("tsne", metric=metric).fit_transform(codes)
        on_map = NeighborGraph.build(places, 10).indices
        by_angle = NeighborGraph.build(codes, 10, "cosine").indices
        kept.append(shared_neighbors(by_angle, on_map).mean() / 10)
    assert kept[0] > 0.4
    assert kept[0] > 1.3 * kept[1]
