"""PCA's reconstruction error: the line that an autoencoder has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentscape.types import DoubleArray, UInt8Array

_CHUNK = 4096


def pca_test_mse(
    train_images: UInt8Array, test_images: UInt8Array, latent_dims: Sequence[int]
) -> DoubleArray:
    """Return the MSE of test images rebuilt from their leading components.

    The components come from the covariance of the training images (float64,
    full decomposition), so the figures are exact.

    Parameters
    ----------
    train_images, test_images : ndarray of uint8, shape (n, ...)
        Taken as pixels in [0, 1].
    latent_dims : sequence of int
        Numbers of components, from 0 (the mean image alone) up to the number
        of pixels; larger ones count as that.

    Returns
    -------
    ndarray of float64, shape (len(latent_dims),)
        Mean over images and pixels.
    """
    train = train_images.reshape(len(train_images), -1)
    test = test_images.reshape(len(test_images), -1)
    n_pixels = train.shape[1]
    mean = train.mean(axis=0, dtype=np.float64) / 255
    covariance = np.zeros((n_pixels, n_pixels))
    for start in range(0, len(train), _CHUNK):
        centred = train[start : start + _CHUNK] / 255 - mean
        covariance += centred.T @ centred
    components = np.linalg.eigh(covariance)[1][:, ::-1]  # largest variance first
    energy = np.zeros(n_pixels)
    total = 0.0
    for start in range(0, len(test), _CHUNK):
        centred = test[start : start + _CHUNK] / 255 - mean
        energy += ((centred @ components) ** 2).sum(axis=0)
        total += float((centred**2).sum())
    explained = np.concatenate([[0.0], energy.cumsum()])
    left = np.maximum(total - explained[np.minimum(latent_dims, n_pixels)], 0.0)
    return np.asarray(left / (len(test) * n_pixels))
