"""PCA and LDA against scikit-learn and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import decomposition
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from latentscape.errors import LabelsError
from latentscape.maps import LDA, PCA, FewRowsWarning, map_from_bytes, map_to_bytes
from latentscape.maps.pca import pca_start, principal_axes
from latentscape.types import FloatArray, IntArray


@pytest.fixture(scope="module")
def digits() -> tuple[FloatArray, IntArray]:
    pixels, labels = load_digits(return_X_y=True)
    return (pixels[:800] / 16).astype(np.float32), labels[:800]


@pytest.mark.parametrize("rows", [800, 40])  # more and fewer rows than columns
def test_pca_equals_scikit_learn_up_to_sign(digits: tuple[FloatArray, IntArray], rows: int) -> None:
    codes = digits[0][:rows]
    ours = PCA().fit(codes)
    reference = decomposition.PCA(2, svd_solver="full").fit(codes.astype(np.float64))
    signs = np.sign((ours.components_ * reference.components_).sum(axis=1))
    np.testing.assert_allclose(ours.components_ * signs[:, None], reference.components_, atol=1e-9)
    np.testing.assert_allclose(
        ours.embedding_ * signs, reference.transform(codes), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(ours.explained_variance_, reference.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(
        ours.explained_variance_ratio_, reference.explained_variance_ratio_, rtol=1e-9
    )


def test_pca_signs_do_not_depend_on_the_order_of_rows(
    digits: tuple[FloatArray, IntArray],
) -> None:
    codes = digits[0]
    for axis in PCA().fit(codes).components_:
        assert axis[np.argmax(np.abs(axis))] > 0
    np.testing.assert_allclose(
        PCA().fit(codes[::-1]).embedding_[::-1], PCA().fit(codes).embedding_, atol=1e-4
    )
    # before: the sign that the decomposition happens to return is not always this one
    raw = [np.linalg.svd(codes[i : i + 99] - codes[i : i + 99].mean(0))[2][0] for i in range(8)]
    assert len({float(np.sign(axis[np.argmax(np.abs(axis))])) for axis in raw}) == 2


def test_pca_inverse_is_exact(digits: tuple[FloatArray, IntArray]) -> None:
    fitted = PCA().fit(digits[0])
    points = np.random.default_rng(0).uniform(-50, 50, size=(100, 2)).astype(np.float32)
    back = fitted.inverse_transform(points)
    np.testing.assert_allclose(fitted.transform(back), points, rtol=1e-5, atol=1e-4)
    plane = points.astype(np.float64) @ fitted.components_ + fitted.mean_
    np.testing.assert_allclose(back, plane, rtol=1e-5, atol=1e-5)


def test_lda_equals_scikit_learn_up_to_sign(digits: tuple[FloatArray, IntArray]) -> None:
    pixels, labels = digits
    rng = np.random.default_rng(0)
    codes = (pixels @ rng.normal(size=(64, 16))).astype(np.float32)  # full rank, as codes are
    ours = LDA().fit(codes, labels)
    reference = LinearDiscriminantAnalysis(solver="svd").fit(codes.astype(np.float64), labels)
    expected = reference.transform(codes)[:, :2]
    for axis in range(2):  # the scale is compared below: scikit-learn's depends on its version
        correlation = np.corrcoef(ours.embedding_[:, axis], expected[:, axis])[0, 1]
        assert abs(correlation) > 1 - 1e-6
    points = ours.embedding_.astype(np.float64)
    within = points - np.array([points[labels == c].mean(axis=0) for c in range(10)])[labels]
    np.testing.assert_allclose(within.T @ within / len(points), np.eye(2), atol=1e-4)
    direct = (codes - ours.mean_) @ ours.scalings_
    np.testing.assert_allclose(points, direct, atol=1e-5)


def test_lda_keeps_classes_apart_where_pca_does_not() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    codes = rng.normal(size=(300, 6)) * [100, 100, 1, 1, 1, 1]
    codes[:, 2:5] += 8 * np.eye(3)[labels]  # classes differ in columns of little variance
    scores = {}
    for name, fitted in (("lda", LDA()), ("pca", PCA())):
        points = fitted.fit(codes, labels).embedding_
        centers = np.array([points[labels == c].mean(axis=0) for c in range(3)])
        nearest = np.linalg.norm(points[:, None] - centers, axis=2).argmin(axis=1)
        scores[name] = (nearest == labels).mean()
    assert scores["lda"] > 0.99
    assert scores["pca"] < 0.6


@pytest.mark.parametrize("labels_as", [np.asarray, lambda y: np.where(y == 1, "one", "zero")])
def test_lda_of_two_classes_has_the_residual_component_as_its_second_axis(labels_as) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    codes = rng.normal(size=(400, 5)) * [1, 1, 1, 7, 1]
    codes[:, 0] += 6 * labels
    points = LDA().fit(codes, labels_as(labels)).embedding_.astype(np.float64)
    first, second = points.T
    assert abs(first[labels == 0].mean() - first[labels == 1].mean()) > 5
    assert abs(np.corrcoef(first, second)[0, 1]) < 1e-3  # it says something new
    assert abs(np.corrcoef(codes[:, 3], second)[0, 1]) > 0.99  # namely the largest variance left
    assert second.std() == pytest.approx(1, rel=1e-2)


def test_lda_survives_dead_and_telling_columns() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    codes = rng.normal(size=(90, 5)).astype(np.float32)
    codes[:, 1] = 3.0  # a dead unit
    codes[:, 2] = labels  # no spread within classes at all
    codes[:, 4] = codes[:, 0]  # collinear
    points = LDA().fit(codes, labels).embedding_
    assert np.isfinite(points).all()
    gaps = [points[labels == c, 0].mean() for c in range(3)]
    assert np.ptp(points[:, 0]) < 3 * np.ptp(gaps)


def test_lda_inverse_gives_codes_and_points_back(digits: tuple[FloatArray, IntArray]) -> None:
    pixels, labels = digits
    fitted = LDA().fit(pixels, labels)
    np.testing.assert_allclose(fitted.inverse_transform(fitted.embedding_), pixels, atol=2e-6)
    points = np.random.default_rng(0).uniform(-8, 8, size=(200, 2)).astype(np.float32)
    np.testing.assert_allclose(
        fitted.transform(fitted.inverse_transform(points)), points, atol=1e-2
    )
    # the linear part alone, two axes, would be far from the codes
    linear = points @ fitted._axes + fitted.mean_
    assert np.abs(linear - fitted.inverse_transform(points)).mean() > 0.02


def test_principal_axes_of_less_than_a_plane() -> None:
    axes, variances, total = principal_axes(np.outer([-1.0, 0.0, 1.0], [3.0, 4.0, 0.0]))
    np.testing.assert_allclose(axes, [[0.6, 0.8, 0.0], [0.0, 0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose([*variances, total], [25.0, 0.0, 25.0])


def test_pca_start_has_unit_spread_and_no_two_equal_rows() -> None:
    codes = np.repeat(np.random.default_rng(0).normal(size=(20, 1)), 5, axis=1).astype(np.float32)
    start = pca_start(np.vstack([codes, codes]), seed=1)
    assert start[:, 0].std() == pytest.approx(1, rel=1e-2)
    assert len(np.unique(start, axis=0)) == 40
    np.testing.assert_array_equal(start, pca_start(np.vstack([codes, codes]), seed=1))


def few_rows(n: int, d: int, seed: int = 0) -> tuple[FloatArray, IntArray]:
    """Return codes of two classes that differ in one column, by three times their spread."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    codes = random.normal(size=(n, d))
    codes[:, 0] += 3 * labels
    return codes.astype(np.float32), labels


@pytest.mark.parametrize(("n", "d"), [(5, 8), (5, 64), (20, 32), (34, 32)])
def test_lda_of_few_rows_does_not_fly_apart(n: int, d: int) -> None:
    codes, labels = few_rows(n, d)
    with pytest.warns(FewRowsWarning, match=f"{n} labelled rows of 2 classes are few for {d} col"):
        fitted = LDA().fit(codes, labels)
    assert 0 < fitted.shrinkage_ <= 1
    assert np.abs(fitted.embedding_).max() < 30
    if n < 20:
        return  # luck decides where new rows fall
    # scikit-learn's shrinkage is that of the classes one by one; the axis is much the same.
    new, kinds = few_rows(2000, d, seed=1)
    theirs = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(codes, labels)
    ours = nearest_mean(fitted.transform(codes)[:, 0], labels, fitted.transform(new)[:, 0])
    assert (ours == kinds).mean() > (theirs.predict(new) == kinds).mean() - 0.06


def nearest_mean(train: FloatArray, labels: IntArray, new: FloatArray) -> IntArray:
    means = np.array([train[labels == c].mean() for c in (0, 1)])
    return np.asarray(np.abs(new[:, None] - means).argmin(axis=1))


def test_lda_of_enough_rows_is_not_shrunk() -> None:
    codes, labels = few_rows(34, 16)
    fitted = LDA().fit(codes, labels)
    assert fitted.shrinkage_ == 0
    loaded = map_from_bytes(map_to_bytes(fitted))
    assert isinstance(loaded, LDA)
    assert loaded.shrinkage_ == 0
    with pytest.warns(FewRowsWarning):
        few = LDA().fit(codes[:20], labels[:20])
    again = map_from_bytes(map_to_bytes(few))
    assert isinstance(again, LDA)
    assert again.shrinkage_ == few.shrinkage_ > 0


def test_lda_without_spread_within_classes_is_refused() -> None:
    labels = np.arange(40) % 3
    with pytest.raises(LabelsError) as raised:
        LDA().fit(np.eye(5)[labels], labels)
    assert str(raised.value) == (
        "the rows of each class are all alike, so there is no spread within classes for LDA to "
        "measure by; use a map that needs no labels."
    )
