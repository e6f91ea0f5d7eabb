from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from latentscape.autoencoder import pca_baseline, pca_test_mse
from latentscape.images import ImageSet

# Measured once with scikit-learn on the whole of MNIST (fit on 60,000, test on 10,000).
KNOWN = {0: 0.06747, 2: 0.05567, 4: 0.04790, 8: 0.03744, 16: 0.02686, 32: 0.01683, 64: 0.00905,
         128: 0.00421}  # fmt: skip


def test_agrees_with_scikit_learn(few_digits: ImageSet) -> None:
    train, test = few_digits.train.images, few_digits.test.images
    ours = pca_test_mse(train, test, [0, 3, 40, 784, 5000])
    pixels = test.reshape(len(test), -1) / 255
    for n, mse in zip([3, 40], ours[1:3], strict=True):
        pca = PCA(n, svd_solver="full").fit(train.reshape(len(train), -1) / 255)
        rebuilt = pca.inverse_transform(pca.transform(pixels))
        assert mse == pytest.approx(((pixels - rebuilt) ** 2).mean(), rel=1e-9)
    mean = (train.reshape(len(train), -1) / 255).mean(axis=0)
    assert ours[0] == pytest.approx(((pixels - mean) ** 2).mean(), rel=1e-9)
    np.testing.assert_allclose(ours[3:], 0, atol=1e-12)


@pytest.mark.parametrize("n_train", [5, 60, 400])
def test_many_pixels_and_few_images_agree_with_the_full_decomposition(
    n_train: int, few_digits: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = few_digits.train.images[:n_train]
    test = few_digits.test.images[:50]
    sizes = [0, 1, 2, 4, 30, 784]
    exact = pca_test_mse(train, test, sizes)
    monkeypatch.setattr(pca_baseline, "_LARGEST_MATRIX", n_train)  # by the Gram matrix
    few = pca_test_mse(train, test, sizes)
    rank = n_train - 1
    for size, one, other in zip(sizes, exact, few, strict=True):
        if size <= rank:  # beyond it, the full decomposition goes on with arbitrary directions
            assert other == pytest.approx(one, rel=1e-9)
        else:
            assert other == pytest.approx(few[sizes.index(784)], rel=1e-12)
    monkeypatch.setattr(pca_baseline, "_LARGEST_MATRIX", 1)  # by iteration
    iterated = pca_test_mse(train, test, sizes[:5])
    within = [size <= rank for size in sizes[:5]]
    np.testing.assert_allclose(iterated[within], exact[:5][within], rtol=2e-3)


def test_colours_and_identical_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3)).astype(np.uint8)
    ours = pca_test_mse(images[:30], images[30:], [4])
    pixels = images.reshape(40, -1) / 255
    pca = PCA(4, svd_solver="full").fit(pixels[:30])
    rebuilt = pca.inverse_transform(pca.transform(pixels[30:]))
    assert ours[0] == pytest.approx(((pixels[30:] - rebuilt) ** 2).mean(), rel=1e-9)
    same = np.full((12, 80, 80), 7, np.uint8)
    np.testing.assert_allclose(pca_test_mse(same, same, [0, 2, 64]), 0, atol=1e-15)


@pytest.mark.slow
def test_known_figures_on_mnist(mnist: ImageSet) -> None:
    ours = pca_test_mse(mnist.train.images, mnist.test.images, list(KNOWN))
    np.testing.assert_allclose(ours, list(KNOWN.values()), atol=0.6e-5)
