"""Bad input in front of every map: an error that names the rows, or a finite map."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentscape.errors import CodesError, LabelsError, LatentscapeError, SettingError
from latentscape.maps import LDA, MAPS, PCA, TSNE, UMAP, Direct, Map2D, SettingLoweredWarning
from latentscape.maps.guard import distinct_rows, seed_of
from latentscape.neighbors import NeighborGraph
from latentscape.types import FloatArray, IntArray

LOWERED = pytest.mark.filterwarnings(
    "ignore::latentscape.maps.SettingLoweredWarning", "ignore::latentscape.maps.FewRowsWarning"
)


def quick_map(name: str) -> Map2D:
    settings = {
        "tsne": {"perplexity": 5, "n_iter": 60, "random_state": 0},
        "umap": {"n_neighbors": 5, "n_epochs": 20, "random_state": 0},
    }
    return MAPS[name](**settings.get(name, {}))


def codes_of(rows: int, width: int = 2, seed: int = 0) -> tuple[FloatArray, IntArray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, width)).astype(np.float32), np.arange(rows, dtype=np.int64) % 3


every_map = pytest.mark.parametrize("name", list(MAPS))


@every_map
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_non_finite_rows_are_named_up_to_five(name: str, value: float) -> None:
    codes, labels = codes_of(40)
    wide = codes.astype(np.float64)
    wide[[3, 7, 11, 20, 30, 39], 1] = value
    with pytest.raises(CodesError, match=r"6 of 40 rows .*rows 3, 7, 11, 20, 30, \.\.\."):
        quick_map(name).fit(wide, labels)


@every_map
def test_non_finite_rows_are_named_in_transform_too(name: str) -> None:
    codes, labels = codes_of(40)
    fitted = quick_map(name).fit(codes, labels)
    codes[2] = np.nan
    with pytest.raises(CodesError, match=r"1 of 40 rows .*\(rows 2\)"):
        fitted.transform(codes)
    with pytest.raises(CodesError, match="NaN or infinity"):
        fitted.inverse_transform([[0.0, np.inf]])


@every_map
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_fewer_than_four_rows_are_refused(name: str, rows: int) -> None:
    codes, _ = codes_of(rows)
    with pytest.raises(CodesError, match="minimum of 4"):
        quick_map(name).fit(codes, np.arange(rows))


@every_map
def test_equal_rows_are_refused(name: str) -> None:
    with pytest.raises(CodesError, match="all 100 rows of the codes are equal"):
        quick_map(name).fit(np.full((100, 2), 7.0), np.arange(100) % 2)


@pytest.mark.parametrize("name", ["tsne", "umap"])
def test_three_distinct_rows_are_refused(name: str) -> None:
    codes, _ = codes_of(3)
    with pytest.raises(CodesError, match="only 3 of the 30 rows differ"):
        quick_map(name).fit(np.tile(codes, (10, 1)))


@every_map
@LOWERED
def test_identical_rows_have_identical_positions(name: str) -> None:
    codes, labels = codes_of(30)
    codes[17:] = codes[:13]
    codes[0, 0], codes[17, 0] = 0.0, -0.0  # the same number
    fitted = quick_map(name).fit(codes, labels)
    np.testing.assert_array_equal(fitted.embedding_[17:], fitted.embedding_[:13])
    assert len(np.unique(fitted.embedding_, axis=0)) == 17  # and others are kept apart
    assert np.isfinite(fitted.embedding_).all()


@pytest.mark.parametrize("name", ["pca", "lda", "tsne", "umap"])
@pytest.mark.parametrize("rows", [4, 5, 6, 9])
@LOWERED
def test_very_few_rows_give_a_finite_map(name: str, rows: int) -> None:
    codes, _ = codes_of(rows, 3)
    labels = np.arange(rows) % 2
    fitted = quick_map(name).fit(codes, labels)
    assert fitted.embedding_.shape == (rows, 2)
    assert np.isfinite(fitted.embedding_).all()
    assert len(np.unique(fitted.embedding_, axis=0)) == rows
    np.testing.assert_array_equal(fitted.transform(codes), fitted.embedding_)


HOSTILE = {
    "constant columns": np.hstack([codes_of(60, 3)[0], np.full((60, 2), 4.0)]),
    "one column": codes_of(60, 1)[0],
    "all rows equally far": np.eye(20),
    "grid": np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), -1).reshape(-1, 2),
    "tiny": codes_of(60, 3)[0] * 1e-30,
    "huge": codes_of(60, 3)[0] * 1e30,
    "far from zero": codes_of(60, 3)[0] + 1e6,
    "one row far away": np.vstack([codes_of(59, 3)[0], [[1e12, 1e12, 1e12]]]),
    "two far islands": np.vstack([codes_of(30, 3)[0], codes_of(30, 3, 1)[0] + 1e5]),
    "on a line": np.outer(np.arange(40.0), [1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("kind", list(HOSTILE))
@pytest.mark.parametrize("name", ["pca", "lda", "tsne", "umap"])
@LOWERED
def test_hostile_codes_give_a_finite_map_both_ways(name: str, kind: str) -> None:
    codes = HOSTILE[kind].astype(np.float32)
    fitted = quick_map(name).fit(codes, np.arange(len(codes)) % 3)
    assert np.isfinite(fitted.embedding_).all()
    np.testing.assert_array_equal(fitted.transform(codes), fitted.embedding_)
    back, distance = fitted.inverse_transform(
        np.vstack([fitted.embedding_, [[1e30, -1e30]]]), return_distance=True
    )
    assert np.isfinite(back).all()
    assert np.isfinite(distance[:-1]).all()


@pytest.mark.parametrize(
    ("fitted", "attribute", "message"),
    [
        (TSNE(perplexity=30, n_iter=20, random_state=0), "perplexity_", r"30 -> 13\.33"),
        (UMAP(n_neighbors=50, n_epochs=5, random_state=0), "n_neighbors_", "50 -> 40"),
    ],
)
def test_settings_too_large_are_lowered_with_a_warning(
    fitted: Map2D, attribute: str, message: str
) -> None:
    with pytest.warns(SettingLoweredWarning, match=message):
        fitted.fit(codes_of(41)[0])
    assert getattr(fitted, attribute) == pytest.approx(40 / 3 if attribute[0] == "p" else 40)
    assert fitted.get_params()[attribute.rstrip("_")] in (30, 50)  # what the caller set stays


@pytest.mark.parametrize(
    "bad",
    [
        TSNE(perplexity=0),
        TSNE(perplexity=0.99),
        TSNE(random_state=True),
        TSNE(n_jobs=True),
        UMAP(random_state=False),
        UMAP(metric="chess"),
        TSNE(perplexity=float("nan")),
        TSNE(n_iter=0),
        TSNE(n_iter=2.5),  # type: ignore[arg-type]
        TSNE(early_exaggeration=0),
        TSNE(learning_rate=0),
        TSNE(learning_rate="fast"),
        TSNE(init="spectral"),
        TSNE(n_jobs=0),
        TSNE(random_state=-1),
        TSNE(random_state="seed"),
        UMAP(n_neighbors=1),
        UMAP(min_dist=-0.1),
        UMAP(min_dist=2.0),
        UMAP(spread=0),
        UMAP(n_epochs=0),
        UMAP(negative_sample_rate=0),
        UMAP(negative_sample_rate=10**10),
        UMAP(n_epochs=10**10),
    ],
    ids=lambda bad: repr(bad),
)
def test_nonsense_settings_are_refused_in_fit(bad: Map2D) -> None:
    with pytest.raises(SettingError):
        bad.fit(codes_of(100)[0])


def test_a_perplexity_below_one_is_refused_in_a_sentence() -> None:
    with pytest.raises(SettingError) as raised:
        TSNE(perplexity=0.5).fit(codes_of(100)[0])
    assert str(raised.value) == (
        "perplexity must be at least 1, as it is the effective number of neighbours, got 0.5."
    )
    assert TSNE(perplexity=1, n_iter=20).fit(codes_of(100)[0]).perplexity_ == 1


@pytest.mark.parametrize("kind", [PCA, LDA, TSNE, UMAP, Direct])
def test_no_rows_are_too_few_by_the_number_that_is_needed(kind: type[Map2D]) -> None:
    codes, labels = codes_of(20, 2)
    with pytest.raises(CodesError) as raised:
        kind().fit(codes[:0], labels[:0])
    assert str(raised.value) == (
        "Found array with 0 sample(s) (shape=(0, 2)) while a minimum of 4 is required by "
        f"{kind.__name__}; map more rows at once."
    )
    with pytest.raises(CodesError, match="a minimum of 1 is required by PCA; give rows to place"):
        PCA().fit(codes).transform(codes[:0])


def test_direct_wants_two_columns() -> None:
    with pytest.raises(CodesError, match="exactly two columns, got 3"):
        Direct().fit(codes_of(10, 3)[0])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "requires y"),
        ([1] * 20, "at least two classes"),
        ([0, 1] * 9, "got 18 labels for 20 rows"),
        ([0.0, np.nan] * 10, r"10 of 20 labels are missing, the first in row 1"),
        (["a", None] * 10, "10 of 20 labels are missing"),
        (pd.Series(["a", pd.NA] * 10), "10 of 20 labels are missing"),
        (pd.Series(["a", None] * 10, dtype="string"), "10 of 20 labels are missing"),
        (np.array(["a", 1] * 10, dtype=object), r"several kinds \(int and str\)"),
        (np.zeros((20, 2)), "1d array"),
    ],
)
def test_labels_lda_cannot_use(labels: object, message: str) -> None:
    with pytest.raises(LabelsError, match=message):
        LDA().fit(codes_of(20, 4)[0], labels)


@pytest.mark.parametrize("points", [[1.0, 2.0], [[1.0, 2.0, 3.0]], [["a", "b"]], [[1.0], [2.0, 3]]])
def test_points_that_are_no_points(points: object) -> None:
    fitted = PCA().fit(codes_of(20, 4)[0])
    with pytest.raises(CodesError, match="points of a map"):
        fitted.inverse_transform(points)


def test_wrong_width_reads_as_in_scikit_learn_and_is_ours() -> None:
    fitted = PCA().fit(codes_of(20, 4)[0])
    with pytest.raises(ValueError, match="X has 3 features, but PCA is expecting 4") as caught:
        fitted.transform(codes_of(20, 3)[0])
    assert isinstance(caught.value, LatentscapeError)


def test_distinct_rows_against_numpy() -> None:
    rows = np.random.default_rng(0).integers(0, 3, size=(200, 3)).astype(np.float32)
    first, copies = distinct_rows(rows)
    np.testing.assert_array_equal(rows[first][copies], rows)
    assert len(first) == len(np.unique(rows, axis=0)) < 200
    assert (np.diff(first) > 0).all()
    assert all((rows[:i] != rows[i]).any(axis=1).all() for i in first)  # each the first of its kind


def test_one_copy_among_many_rows_is_found() -> None:
    rows = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)
    rows[7] = [0.0, 1.0]
    first, copies = distinct_rows(rows)
    np.testing.assert_array_equal(first, np.arange(5000))
    np.testing.assert_array_equal(copies, np.arange(5000))
    rows[4000] = [-0.0, 1.0]  # the same numbers
    first, copies = distinct_rows(rows)
    np.testing.assert_array_equal(first, np.delete(np.arange(5000), 4000))
    assert copies[4000] == copies[7] == 7


def test_seeds() -> None:
    assert seed_of(7) == seed_of(np.int64(7)) == 7
    assert seed_of(None) != seed_of(None)
    assert seed_of(np.random.RandomState(1)) == seed_of(np.random.RandomState(1))
    assert seed_of(np.random.default_rng(1)) == seed_of(np.random.default_rng(1))


def test_text_is_named_by_row_and_column() -> None:
    cells = [["1", "2"], ["3", "4"], ["5", "six"], ["7", "8"]]
    for text in (cells, np.array(cells), np.array(cells, dtype=object)):
        with pytest.raises(CodesError, match=r"row 2, column 1 holds 'six'; leave"):
            PCA().fit(text)


def test_numbers_beyond_float32_are_not_called_infinite() -> None:
    codes, labels = codes_of(40)
    wide = codes.astype(np.float64)
    wide[5, 0] = -1e39
    with pytest.raises(CodesError, match=r"1 of 40 rows .* beyond 3.4e38.*\(rows 5\).*rescale"):
        PCA().fit(wide, labels)
    wide[6, 0] = np.nan  # the worse of the two is said
    with pytest.raises(CodesError, match=r"2 of 40 rows .* NaN or infinity \(rows 5, 6\)"):
        PCA().fit(wide, labels)
    with pytest.raises(CodesError, match=r"beyond 3.4e38"):
        PCA().fit(codes, labels).inverse_transform([[1e39, 0.0]])


@every_map
def test_every_map_takes_a_graph_and_says_when_it_is_of_other_codes(name: str) -> None:
    codes, labels = codes_of(40)
    graph = NeighborGraph.build(codes, 15)
    alone, shared = quick_map(name).fit(codes, labels), quick_map(name)
    np.testing.assert_array_equal(
        shared.fit_transform(codes, labels, graph=graph), alone.embedding_
    )
    other = codes.copy()
    other[7] += 1
    with pytest.raises(CodesError, match=r"other codes of the same shape .* from row 7 on"):
        shared.fit(other, labels, graph=graph)
    with pytest.raises(CodesError, match=r"other codes of shape \(40, 2\), and \(30, 2\)"):
        shared.fit(codes[:30], labels[:30], graph=graph)
    with pytest.raises(SettingError, match="must be a NeighborGraph, got ndarray"):
        shared.fit(codes, labels, graph=graph.indices)  # type: ignore[arg-type]  # the point


def test_rows_labelled_minus_one_have_no_part_in_lda() -> None:
    codes, labels = codes_of(60, 5)
    some = np.where(np.arange(60) < 45, labels, -1)
    fitted = LDA().fit(codes, some)
    assert fitted.classes_.tolist() == [0, 1, 2]
    assert len(fitted.embedding_) == 60
    on_labelled = LDA().fit(codes[:45], labels[:45])
    np.testing.assert_array_equal(fitted.transform(codes), on_labelled.transform(codes))
    np.testing.assert_array_equal(fitted.embedding_, fitted.transform(codes))
    signs = np.where(labels == 0, -1, 1)
    assert LDA().fit(codes, signs).classes_.tolist() == [-1, 1]
    with pytest.raises(LabelsError, match="all labelled rows have one class"):
        LDA().fit(codes, np.where(labels == 0, -1, 7))
    with pytest.raises(LabelsError, match="no row has one"):
        LDA().fit(codes, np.full(60, -1))


def test_quantities_and_names_are_no_classes() -> None:
    codes, _ = codes_of(40)
    with pytest.raises(LabelsError, match=r"continuous quantity \(0.5 in row 1\).*pandas.cut"):
        LDA().fit(codes, np.arange(40) / 2)
    with pytest.raises(LabelsError, match="each of the 40 rows has a class of its own"):
        LDA().fit(codes, np.arange(40))
    assert LDA().fit(codes, np.arange(40) % 2.0).classes_.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("kind", [TSNE, UMAP])
def test_settings_of_another_kind_are_refused_before_the_work(kind: type[Map2D]) -> None:
    codes, _ = codes_of(40)
    with pytest.raises(SettingError, match="init must be"):
        kind(init=codes[:, :2]).fit(codes)
    with pytest.raises(SettingError, match="progress must be None or a function"):
        kind(progress=3).fit(codes)
