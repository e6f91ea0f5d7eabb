"""Every map keeps scikit-learn's contract and the promises of its own face."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from latentscape.errors import CodesError
from latentscape.maps import LDA, MAPS, PCA, TSNE, UMAP, Direct, Map2D
from latentscape.types import FloatArray, IntArray, Progress

LOWERED = pytest.mark.filterwarnings("ignore::latentscape.maps.SettingLoweredWarning")


class DirectOnFirstTwo(Direct):
    """Direct behind a cut to two columns, so that every check can hand it its data."""

    def _fit(self, codes: FloatArray, y: Any) -> FloatArray:
        return super()._fit(np.pad(codes, ((0, 0), (0, 1)))[:, :2], y)

    def _place(self, codes: FloatArray) -> FloatArray:
        return super()._place(np.pad(codes, ((0, 0), (0, 1)))[:, :2])


REASON = "the check hands in codes that do not have exactly two columns"
NOT_TWO_COLUMNS = [
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_nan_inf",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_predict1d",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
]

ESTIMATORS = [
    Direct(),
    DirectOnFirstTwo(),
    PCA(),
    LDA(),
    TSNE(perplexity=5, n_iter=30, random_state=0),
    UMAP(n_neighbors=5, n_epochs=10, random_state=0),
]


@LOWERED
@parametrize_with_checks(  # type: ignore[untyped-decorator]  # scikit-learn ships no types
    ESTIMATORS,
    expected_failed_checks=lambda tested: (
        dict.fromkeys(NOT_TWO_COLUMNS, REASON) if type(tested) is Direct else {}
    ),
)
def test_scikit_learn_contract(estimator: Map2D, check: Callable[[Map2D], None]) -> None:
    check(estimator)


def quick_map(name: str) -> Map2D:
    settings = {
        "tsne": {"perplexity": 10, "n_iter": 100, "random_state": 0},
        "umap": {"n_neighbors": 10, "n_epochs": 30, "random_state": 0},
    }
    return MAPS[name](**settings.get(name, {}))


@pytest.fixture(scope="module")
def data() -> tuple[FloatArray, IntArray]:
    """200 two-column codes in five groups, and 120 others to place."""
    rng = np.random.default_rng(0)
    labels = np.arange(320) % 5
    centers = rng.normal(scale=5, size=(5, 2))
    return (centers[labels] + rng.normal(size=(320, 2))).astype(np.float32), labels


@pytest.fixture(scope="module")
def fitted_maps(data: tuple[FloatArray, IntArray]) -> dict[str, Map2D]:
    codes, labels = data
    return {name: quick_map(name).fit(codes[:200], labels[:200]) for name in MAPS}


every_map = pytest.mark.parametrize("name", list(MAPS))


@every_map
def test_training_rows_come_back_at_their_own_position(
    name: str, data: tuple[FloatArray, IntArray], fitted_maps: dict[str, Map2D]
) -> None:
    fitted, codes = fitted_maps[name], data[0]
    assert fitted.embedding_.dtype == np.float32
    assert fitted.embedding_.shape == (200, 2)
    np.testing.assert_array_equal(fitted.transform(codes[:200]), fitted.embedding_)
    np.testing.assert_array_equal(fitted.transform(codes[77:78]), fitted.embedding_[77:78])


@every_map
def test_a_position_does_not_depend_on_the_batch(
    name: str, data: tuple[FloatArray, IntArray], fitted_maps: dict[str, Map2D]
) -> None:
    fitted, new = fitted_maps[name], data[0][200:]
    placed = fitted.transform(new)
    assert placed.dtype == np.float32
    assert len(np.unique(placed, axis=0)) > 50  # it does depend on the row
    order = np.random.default_rng(1).permutation(len(new))
    np.testing.assert_array_equal(fitted.transform(new[order]), placed[order])
    for size in (1, 2, 3, 7, 64):
        parts = [fitted.transform(new[i : i + size]) for i in range(0, len(new), size)]
        np.testing.assert_array_equal(np.concatenate(parts), placed)
    crowd = np.concatenate([np.repeat(new[5:6], 500, axis=0), data[0], new])
    np.testing.assert_array_equal(fitted.transform(crowd)[-len(new) :], placed)
    np.testing.assert_array_equal(fitted.transform(np.asfortranarray(new)), placed)


@every_map
def test_inverse_works_on_the_whole_plane(
    name: str, data: tuple[FloatArray, IntArray], fitted_maps: dict[str, Map2D]
) -> None:
    fitted, codes = fitted_maps[name], data[0][:200]
    back, distance = fitted.inverse_transform(fitted.embedding_, return_distance=True)
    assert back.dtype == distance.dtype == np.float32
    np.testing.assert_allclose(back, codes, atol=1e-4)  # width 2: nothing is lost, by no map
    np.testing.assert_array_equal(distance, 0)
    span = np.ptp(fitted.embedding_, axis=0).max()
    points = np.random.default_rng(2).uniform(-3 * span, 3 * span, size=(50, 2))
    back, distance = fitted.inverse_transform(points, return_distance=True)
    np.testing.assert_array_equal(back, fitted.inverse_transform(points))
    assert back.shape == (50, 2)
    assert np.isfinite(back).all()
    assert distance.max() > 10  # far from the data, and it says so
    alone = np.concatenate([fitted.inverse_transform(p[None]) for p in points])
    np.testing.assert_array_equal(alone, back)


@every_map
def test_distance_is_in_units_of_the_median_neighbour_distance(
    name: str, fitted_maps: dict[str, Map2D]
) -> None:
    fitted = fitted_maps[name]
    places = fitted.embedding_.astype(np.float64)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    unit = np.median(apart.min(axis=1))
    point = (places[:1] + np.array([1000 * unit, 0])).astype(np.float32)
    _, distance = fitted.inverse_transform(point, return_distance=True)
    expected = np.linalg.norm(places - point, axis=1).min() / unit
    np.testing.assert_allclose(distance, [expected], rtol=1e-6)


@every_map
def test_global_random_state_is_untouched(name: str, data: tuple[FloatArray, IntArray]) -> None:
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    fitted = quick_map(name).set_params(
        **({"random_state": None} if name in ("tsne", "umap") else {})
    )
    fitted.fit(data[0][:100], data[1][:100]).transform(data[0])
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


@every_map
def test_fit_transform_names_and_pipelines(name: str, data: tuple[FloatArray, IntArray]) -> None:
    codes, labels = data[0][:100], data[1][:100]
    fitted = quick_map(name)
    points = fitted.fit_transform(codes, labels)
    np.testing.assert_array_equal(points, fitted.embedding_)
    assert not np.shares_memory(points, fitted.embedding_)
    assert fitted.get_feature_names_out().tolist() == [f"{name}0", f"{name}1"]
    chain = make_pipeline(StandardScaler(), quick_map(name)).fit(codes, labels)
    assert chain.transform(codes).shape == (100, 2)
    frame = quick_map(name).set_output(transform="pandas").fit_transform(codes, labels)
    assert list(frame.columns) == [f"{name}0", f"{name}1"]


class Recorder:
    """A callback that cannot be copied or pickled, as a progress bar with a lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.events: list[Progress] = []

    def __call__(self, event: Progress) -> None:
        with self.lock:
            self.events.append(event)


@pytest.mark.parametrize("name", ["tsne", "umap"])
def test_progress_is_reported_to_the_end_and_changes_nothing(
    name: str, data: tuple[FloatArray, IntArray], fitted_maps: dict[str, Map2D]
) -> None:
    recorder = Recorder()
    fitted = quick_map(name).set_params(progress=recorder).fit(data[0][:200])
    steps = [event.step for event in recorder.events]
    total = 100 if name == "tsne" else 30
    assert {event.total for event in recorder.events} == {total}
    assert {event.task for event in recorder.events} == {name}
    assert steps == sorted(set(steps))
    assert steps[-1] == total
    assert len(steps) > 20
    if name == "tsne":
        assert all(event.metrics["kl"] > 0 for event in recorder.events)
    np.testing.assert_array_equal(fitted.embedding_, fitted_maps[name].embedding_)

    twin = clone(fitted)  # shares the callback instead of copying its lock
    assert twin.progress is recorder
    assert not hasattr(twin, "embedding_")
    back = pickle.loads(pickle.dumps(fitted))  # and a pickle leaves it behind
    assert back.progress is None
    np.testing.assert_array_equal(back.transform(data[0]), fitted.transform(data[0]))


@pytest.mark.parametrize("name", ["tsne", "umap"])
def test_a_callback_can_stop_the_fit(name: str, data: tuple[FloatArray, IntArray]) -> None:
    def stop(event: Progress) -> None:
        if event.step >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick_map(name).set_params(progress=stop).fit(data[0])


def test_direct_is_the_identity(
    data: tuple[FloatArray, IntArray], fitted_maps: dict[str, Map2D]
) -> None:
    np.testing.assert_array_equal(fitted_maps["direct"].embedding_, data[0][:200])
    np.testing.assert_array_equal(fitted_maps["direct"].transform(data[0]), data[0])
    np.testing.assert_array_equal(fitted_maps["direct"].inverse_transform(data[0]), data[0])
    with pytest.raises(CodesError, match="expecting 2 features"):
        fitted_maps["direct"].transform(np.zeros((3, 3)))
