"""PCA's reconstruction error: the line that an autoencoder has to beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from latentscape.types import AnyArray, DoubleArray, UInt8Array

_CHUNK_BYTES = 2**25  # of pixels as float64
_LARGEST_MATRIX = 4096  # rows of a covariance that is decomposed as a whole

# Of the iteration for images with very many pixels: how many directions are
# carried beside those asked for, and when they have settled.
_SPARE = 16
_MOST_PASSES = 30
_SETTLED = 1e-5


def pca_test_mse(
    train_images: UInt8Array, test_images: UInt8Array, latent_dims: Sequence[int]
) -> DoubleArray:
    """Return the MSE of test images rebuilt from their leading components.

    The components come from the full decomposition, in float64, of the
    training images' covariance, or of their Gram matrix where there are fewer
    images than pixels. Only where both are more than 4,096 are they found by
    subspace iteration, until the variance that they explain rises by less than
    one part in 100,000 a pass.

    Parameters
    ----------
    train_images, test_images : ndarray of uint8, shape (n, ...)
        Taken as pixels in [0, 1].
    latent_dims : sequence of int
        Numbers of components, from 0 (the mean image alone) up to the number
        of pixels; larger ones count as that. Few images have fewer components
        than pixels, and then the last ones are all there is.

    Returns
    -------
    ndarray of float64, shape (len(latent_dims),)
        Mean over images and pixels.
    """
    train = train_images.reshape(len(train_images), -1)
    test = test_images.reshape(len(test_images), -1)
    n_pixels = train.shape[1]
    mean = train.mean(axis=0, dtype=np.float64) / 255
    most = min(max(latent_dims, default=0), n_pixels)
    components = _components(train, mean, most)
    energy = np.zeros(n_pixels)
    total = 0.0
    for part in _parts(test):
        centred = part - mean
        energy[: components.shape[1]] += ((centred @ components) ** 2).sum(axis=0)
        total += float((centred**2).sum())
    explained = np.concatenate([[0.0], energy.cumsum()])
    left = np.maximum(total - explained[np.minimum(latent_dims, n_pixels)], 0.0)
    return np.asarray(left / (len(test) * n_pixels))


def _parts(images: AnyArray) -> Iterator[DoubleArray]:
    """Yield the rows as float64 in [0, 1], some at a time."""
    n_rows = max(1, _CHUNK_BYTES // (8 * images.shape[1]))
    for start in range(0, len(images), n_rows):
        yield images[start : start + n_rows] / 255.0


def _components(train: AnyArray, mean: DoubleArray, most: int) -> DoubleArray:
    """Return the leading directions, float64 (n_pixels, at least ``most`` where they exist)."""
    n, n_pixels = train.shape
    if n_pixels <= _LARGEST_MATRIX:
        covariance = np.zeros((n_pixels, n_pixels))
        for part in _parts(train):
            centred = part - mean
            covariance += centred.T @ centred
        return np.asarray(np.linalg.eigh(covariance)[1][:, ::-1])  # largest variance first
    if n <= _LARGEST_MATRIX:
        return _from_gram_matrix(train, mean, most)
    return _by_iteration(train, mean, most)


def _from_gram_matrix(train: AnyArray, mean: DoubleArray, most: int) -> DoubleArray:
    gram = np.empty((len(train), len(train)))
    row = 0
    for part in _parts(train):
        centred = part - mean
        column = 0
        for other in _parts(train):
            gram[row : row + len(part), column : column + len(other)] = centred @ (other - mean).T
            column += len(other)
        row += len(part)
    variances, weights = np.linalg.eigh(gram)
    kept = np.argsort(-variances)[:most]
    kept = kept[variances[kept] > variances.max() * len(train) * np.finfo(np.float64).eps]
    found = _weighted_sum(train, mean, weights[:, kept])
    return np.asarray(np.linalg.qr(found)[0])


def _by_iteration(train: AnyArray, mean: DoubleArray, most: int) -> DoubleArray:
    """Find them by block power iteration (Y. Saad, Numerical Methods for Eigenproblems, ch. 5)."""
    width = min(most + _SPARE, *train.shape)
    found = np.linalg.qr(np.random.default_rng(0).normal(size=(train.shape[1], width)))[0]
    before = 0.0
    for _ in range(_MOST_PASSES):
        scores = np.concatenate([(part - mean) @ found for part in _parts(train)])
        lengths, turn = np.linalg.svd(scores, full_matrices=False)[1:]
        leading = found @ turn.T[:, :most]  # the best directions within those at hand
        explained = float((lengths[:most] ** 2).sum())
        if explained - before <= _SETTLED * explained:
            break
        before = explained
        found = np.linalg.qr(_weighted_sum(train, mean, scores))[0]
    return np.asarray(leading)


def _weighted_sum(train: AnyArray, mean: DoubleArray, weights: DoubleArray) -> DoubleArray:
    """Return (train - mean).T @ weights."""
    total = np.zeros((train.shape[1], weights.shape[1]))
    row = 0
    for part in _parts(train):
        total += (part - mean).T @ weights[row : row + len(part)]
        row += len(part)
    return total
