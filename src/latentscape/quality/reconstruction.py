"""How well a model rebuilds images: MSE, PSNR, SSIM, R² and the skill against PCA."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from scipy.ndimage import correlate1d
from threadpoolctl import threadpool_limits

from latentscape.errors import DataError
from latentscape.quality.checks import check_count, check_labels
from latentscape.quality.estimates import Estimate, jackknife_estimate, mean_estimate
from latentscape.types import AnyArray, DoubleArray, FloatArray

_CHUNK = 2048
_RADIUS, _SIGMA = 5, 1.5  # the window of Wang et al.
_C1, _C2 = 0.01**2, 0.03**2


@overload
def reconstruction_mse(
    images: Any, rebuilt: Any, *, return_per_sample: Literal[False] = False
) -> Estimate: ...
@overload
def reconstruction_mse(
    images: Any, rebuilt: Any, *, return_per_sample: Literal[True]
) -> tuple[Estimate, DoubleArray]: ...
def reconstruction_mse(
    images: Any, rebuilt: Any, *, return_per_sample: bool = False
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Mean squared error over images and pixels, in units of the full range of a pixel.

    Parameters
    ----------
    images, rebuilt : array-like, shape (n, ...)
        uint8 is read as 0 to 1 in steps of 1/255, floats as they are.
    return_per_sample : bool, default False
        Also return the error of each image.

    Returns
    -------
    mse : Estimate
        0 is best.
    per_sample : float64 array, shape (n,)
        Only with ``return_per_sample=True``.

    Raises
    ------
    DataError
        Other shapes than each other, no images, NaN or infinity.
    """
    single = _errors(images, rebuilt)
    return (mean_estimate(single), single) if return_per_sample else mean_estimate(single)


def mse_percentiles(
    images: Any, rebuilt: Any, percentiles: tuple[float, ...] = (5, 50, 95)
) -> dict[float, float]:
    """Return percentiles of the images' own errors; see :func:`reconstruction_mse`."""
    found = np.percentile(_errors(images, rebuilt), percentiles)
    return dict(zip(percentiles, map(float, found), strict=True))


def mse_by_class(images: Any, rebuilt: Any, labels: Any) -> dict[Any, Estimate]:
    """Return the error of each class of images; see :func:`reconstruction_mse`.

    Raises
    ------
    DataError, LabelsError
        Images or labels that do not belong together.
    """
    single = _errors(images, rebuilt)
    classes, owner = check_labels(labels, len(single))
    return {name: mean_estimate(single[owner == c]) for c, name in enumerate(classes.tolist())}


@overload
def psnr(images: Any, rebuilt: Any, *, return_per_sample: Literal[False] = False) -> Estimate: ...
@overload
def psnr(
    images: Any, rebuilt: Any, *, return_per_sample: Literal[True]
) -> tuple[Estimate, DoubleArray]: ...
def psnr(
    images: Any, rebuilt: Any, *, return_per_sample: bool = False
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Peak signal-to-noise ratio in decibels, ``mean_i -10 log10 MSE_i``.

    Parameters, errors as :func:`reconstruction_mse`.

    Returns
    -------
    psnr : Estimate
        Higher is better. Images rebuilt without any error count as 120 dB.
    per_sample : float64 array, shape (n,)
        Only with ``return_per_sample=True``.
    """
    single = -10 * np.log10(np.maximum(_errors(images, rebuilt), 1e-12))
    return (mean_estimate(single), single) if return_per_sample else mean_estimate(single)


@overload
def ssim(images: Any, rebuilt: Any, *, return_per_sample: Literal[False] = False) -> Estimate: ...
@overload
def ssim(
    images: Any, rebuilt: Any, *, return_per_sample: Literal[True]
) -> tuple[Estimate, DoubleArray]: ...
def ssim(
    images: Any, rebuilt: Any, *, return_per_sample: bool = False
) -> Estimate | tuple[Estimate, DoubleArray]:
    """Structural similarity, the mean over images, and over windows that fit into them.

    Gaussian windows of 11 by 11 pixels, standard deviation 1.5; constants .01 and .03.

    Parameters
    ----------
    images, rebuilt : array-like, shape (n, height, width) or (n, height, width, channels)
        uint8, or floats from 0 to 1; 11 pixels or more on each side.
    return_per_sample : bool, default False
        Also return each image's similarity.

    Returns
    -------
    ssim : Estimate
        At most 1, which is best.
    per_sample : float64 array, shape (n,)
        Only with ``return_per_sample=True``.

    Raises
    ------
    DataError
        As :func:`reconstruction_mse`, or images that are too small.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli 2004.
    """
    one, other = _pair(images, rebuilt)
    if one.ndim not in (3, 4) or min(one.shape[1:3]) < 2 * _RADIUS + 1:
        raise DataError(
            f"SSIM needs images of 11 by 11 pixels or more, of shape (n, height, width), got "
            f"{one.shape}."
        )
    single = np.concatenate(
        [
            _similarity(_unit(one[a : a + _CHUNK]), _unit(other[a : a + _CHUNK]))
            for a in range(0, len(one), _CHUNK)
        ]
    )
    return (mean_estimate(single), single) if return_per_sample else mean_estimate(single)


def r_squared(images: Any, rebuilt: Any, mean_image: Any) -> Estimate:
    """Share of the images' variance that is rebuilt: ``1 - MSE / MSE(mean image)``.

    Parameters
    ----------
    images, rebuilt : array-like, shape (n, ...)
    mean_image : array-like, shape (...)
        Mean of the training images; floats from 0 to 1, or uint8.

    Returns
    -------
    Estimate
        At most 1, which is best; the mean image alone has 0. Its error by jackknife.

    Raises
    ------
    DataError
        As :func:`reconstruction_mse`.
    """
    one, _ = _pair(images, rebuilt)
    mean = np.asarray(mean_image)
    if mean.shape != one.shape[1:]:
        raise DataError(f"the mean image has shape {mean.shape}, the images {one.shape[1:]}.")
    return skill(images, rebuilt, np.broadcast_to(mean, one.shape))


def skill(images: Any, rebuilt: Any, baseline: Any) -> Estimate:
    """Share of a baseline's error that a model removes: ``1 - MSE / MSE(baseline)``.

    With :func:`pca_reconstruction` of as many components as the model has units, the skill
    against PCA.

    Parameters
    ----------
    images, rebuilt, baseline : array-like, shape (n, ...)

    Returns
    -------
    Estimate
        At most 1; 0 is no better than the baseline, negative is worse. Its error by jackknife, as
        both errors are of the same images.

    Raises
    ------
    DataError
        As :func:`reconstruction_mse`.
    """
    own, theirs = _errors(images, rebuilt), _errors(images, baseline)
    if theirs.sum() == 0:
        return Estimate(0.0 if own.sum() == 0 else -np.inf)
    return jackknife_estimate(lambda rows: 1 - own[rows].sum() / theirs[rows].sum(), len(own))


def pca_reconstruction(train_images: Any, images: Any, n_components: int) -> FloatArray:
    """Rebuild images from their leading principal components.

    Parameters
    ----------
    train_images : array-like, shape (n, ...)
        Images that the components are found on.
    images : array-like, shape (m, ...)
    n_components : int
        From 0 (the mean image) to the number of pixels.

    Returns
    -------
    float32 array, shape (m, ...)
        In units of the full range of a pixel.

    Raises
    ------
    DataError, SettingError
        Images of different shapes, or `n_components` out of range.
    """
    train, asked = np.asarray(train_images), np.asarray(images)
    if train.shape[1:] != asked.shape[1:] or train.ndim < 2:
        raise DataError(f"training images {train.shape} and images {asked.shape} do not match.")
    flat = train.reshape(len(train), -1)
    width = flat.shape[1]
    check_count("n_components", n_components, width, len(train), least=0)
    mean = _unit(flat).mean(axis=0)
    covariance = np.zeros((width, width))
    with threadpool_limits(limits=1, user_api="blas"):
        for a in range(0, len(flat), _CHUNK):
            centred = _unit(flat[a : a + _CHUNK]) - mean
            covariance += centred.T @ centred
        axes = np.linalg.eigh(covariance)[1][:, ::-1][:, :n_components]
        rows = asked.reshape(len(asked), -1)
        parts = [
            (mean + ((_unit(rows[a : a + _CHUNK]) - mean) @ axes) @ axes.T).astype(np.float32)
            for a in range(0, len(rows), _CHUNK)
        ]
    return np.concatenate(parts).reshape(asked.shape)


def _pair(images: Any, rebuilt: Any) -> tuple[AnyArray, AnyArray]:
    one, other = np.asarray(images), np.asarray(rebuilt)
    if one.shape != other.shape or one.ndim < 2 or one.size == 0:
        raise DataError(
            f"images of shape {one.shape} and rebuilt ones of shape {other.shape} do not belong "
            "together."
        )
    return one, other


def _unit(images: AnyArray) -> DoubleArray:
    wide = images.astype(np.float64)
    return wide / 255 if images.dtype == np.uint8 else wide


def _errors(images: Any, rebuilt: Any) -> DoubleArray:
    """Return each image's mean squared error."""
    one, other = _pair(images, rebuilt)
    found = np.empty(len(one))
    for a in range(0, len(one), _CHUNK):
        difference = _unit(one[a : a + _CHUNK]) - _unit(other[a : a + _CHUNK])
        found[a : a + _CHUNK] = (difference**2).reshape(len(difference), -1).mean(axis=1)
    if not np.isfinite(found).all():
        bad = np.flatnonzero(~np.isfinite(found))[:5]
        raise DataError(
            f"images {', '.join(map(str, bad))} or their rebuilt ones hold NaN or infinity; leave "
            "them out."
        )
    return found


def _similarity(one: DoubleArray, other: DoubleArray) -> DoubleArray:
    """Return the mean structural similarity of each pair of images."""
    m1, m2 = _windows(one), _windows(other)
    v1, v2 = _windows(one * one) - m1 * m1, _windows(other * other) - m2 * m2
    both = _windows(one * other) - m1 * m2
    similarity = ((2 * m1 * m2 + _C1) * (2 * both + _C2)) / (
        (m1 * m1 + m2 * m2 + _C1) * (v1 + v2 + _C2)
    )
    return np.asarray(similarity.reshape(len(one), -1).mean(axis=1))


def _windows(images: DoubleArray) -> DoubleArray:
    """Average over Gaussian windows, where they fit."""
    steps = np.arange(-_RADIUS, _RADIUS + 1)
    weights = np.exp(-(steps**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    for axis in (1, 2):
        images = correlate1d(images, weights, axis=axis)
    inside = slice(_RADIUS, -_RADIUS)
    return np.asarray(images[:, inside, inside])
