"""t-SNE and UMAP on real digits: do the maps mean something?"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from latentscape.images import load_mnist
from latentscape.maps import PCA, TSNE, UMAP, Map2D
from latentscape.quality import knn_label_accuracy
from latentscape.types import FloatArray, IntArray


@pytest.fixture(scope="module")
def digits() -> tuple[FloatArray, IntArray]:
    """32 principal components of 3,000 test digits, and their labels."""
    test = load_mnist().test
    pixels = test.images[:3000].reshape(3000, -1) / 255.0
    _, _, axes = np.linalg.svd(pixels - pixels.mean(axis=0), full_matrices=False)
    labels = test.labels
    assert labels is not None
    return ((pixels - pixels.mean(axis=0)) @ axes[:32].T).astype(np.float32), labels[:3000]


@pytest.fixture(scope="module", params=["tsne", "umap"])
def fitted(request: pytest.FixtureRequest, digits: tuple[FloatArray, IntArray]) -> Map2D:
    kind: Map2D = {
        "tsne": TSNE(n_iter=400, random_state=0),
        "umap": UMAP(n_epochs=200, random_state=0),
    }[request.param]
    return kind.fit(digits[0][:2000])


def test_digits_stay_with_their_kind(fitted: Map2D, digits: tuple[FloatArray, IntArray]) -> None:
    codes, labels = digits[0][:2000], digits[1][:2000]
    accuracy = knn_label_accuracy(fitted.embedding_, labels)
    assert accuracy > 0.85
    assert accuracy > knn_label_accuracy(codes, labels) - 0.06
    # before: neither the start of the layout nor a shuffled map gets there
    assert knn_label_accuracy(PCA().fit_transform(codes), labels) < 0.5
    assert knn_label_accuracy(fitted.embedding_, labels[::-1]) < 0.2


def test_new_digits_land_among_their_kind(
    fitted: Map2D, digits: tuple[FloatArray, IntArray]
) -> None:
    (codes, labels), points = digits, fitted.embedding_
    judge = KNeighborsClassifier(10).fit(points, labels[:2000])
    placed = fitted.transform(codes[2000:])
    accuracy = judge.score(placed, labels[2000:])
    assert accuracy > knn_label_accuracy(points, labels[:2000]) - 0.03
    # before: the plain mean of as many neighbours loses points between the islands
    _, distance = fitted.inverse_transform(placed, return_distance=True)
    nearest = KNeighborsClassifier(15).fit(codes[:2000], labels[:2000])
    mean = points[nearest.kneighbors(codes[2000:], return_distance=False)].mean(axis=1)
    _, mean_distance = fitted.inverse_transform(mean, return_distance=True)
    assert np.quantile(distance, 0.99) < 4
    assert np.quantile(mean_distance, 0.99) > 4
    assert judge.score(mean, labels[2000:]) < accuracy


def test_codes_of_places_between_rows_look_like_codes_around(
    fitted: Map2D, digits: tuple[FloatArray, IntArray]
) -> None:
    codes = digits[0][:2000]
    np.testing.assert_array_equal(fitted.inverse_transform(fitted.embedding_), codes)
    shifted = fitted.embedding_ + 0.3 * fitted._distance.unit
    error = ((fitted.inverse_transform(shifted) - codes) ** 2).sum(axis=1).mean()
    assert error < 0.5 * ((codes - codes.mean(axis=0)) ** 2).sum(axis=1).mean()


@pytest.mark.parametrize("kind", ["tsne", "umap"])
def test_seeds_decide_and_threads_do_not(kind: str, digits: tuple[FloatArray, IntArray]) -> None:
    def layout(**settings: object) -> FloatArray:
        fitted: Map2D = TSNE(n_iter=60) if kind == "tsne" else UMAP(n_epochs=20)
        fitted.set_params(**settings)
        return fitted.fit(digits[0][:400]).embedding_

    first = layout(random_state=0)
    np.testing.assert_array_equal(layout(random_state=0), first)
    np.testing.assert_array_equal(layout(random_state=0, n_jobs=2), first)
    assert not np.array_equal(layout(random_state=1), first)
    assert not np.array_equal(layout(random_state=None), layout(random_state=None))


def test_another_process_finds_the_same_bits(digits: tuple[FloatArray, IntArray]) -> None:
    program = """if True:
        import hashlib, numpy as np
        from latentscape.maps import TSNE
        codes = np.random.default_rng(0).normal(size=(200, 5))
        fitted = TSNE(perplexity=8, n_iter=60, random_state=0).fit(codes)
        print(hashlib.sha256(fitted.embedding_.tobytes()).hexdigest(), fitted.kl_divergence_)
    """
    run = [
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
        for _ in range(2)
    ]
    assert run[0] == run[1]
    assert len(run[0]) > 64


def test_kl_divergence_falls_and_settings_matter(digits: tuple[FloatArray, IntArray]) -> None:
    codes = digits[0][:400]

    def divergence(**settings: object) -> float:
        return float(TSNE(random_state=0).set_params(**settings).fit(codes).kl_divergence_)

    short, long = divergence(n_iter=30), divergence(n_iter=300)
    assert 0 < long < 0.9 * short
    assert divergence(n_iter=300, init="random") != long
    assert divergence(n_iter=300, learning_rate=5.0) > long
    assert divergence(n_iter=300, early_exaggeration=1.0) != long


def test_divergence_does_not_depend_on_threads(digits: tuple[FloatArray, IntArray]) -> None:
    one, two = (
        TSNE(n_iter=60, random_state=0, n_jobs=n_jobs).fit(digits[0][:1000]) for n_jobs in (1, 2)
    )
    assert one.kl_divergence_ == two.kl_divergence_
