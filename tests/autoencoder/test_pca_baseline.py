from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from latentscape.autoencoder import pca_test_mse
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


@pytest.mark.slow
def test_known_figures_on_mnist(mnist: ImageSet) -> None:
    ours = pca_test_mse(mnist.train.images, mnist.test.images, list(KNOWN))
    np.testing.assert_allclose(ours, list(KNOWN.values()), atol=0.6e-5)
