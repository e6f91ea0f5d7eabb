"""Images and codes as they are given, checked and brought to one layout."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from latentscape.errors import CodesError, DataError
from latentscape.images import ImageSet
from latentscape.types import AnyArray, FloatArray

_CHANNELS = (1, 3, 4)


def check_images(X: ImageSet | ArrayLike, image_shape: tuple[int, ...] | None = None) -> AnyArray:
    """Return images as uint8, or as float32 in [0, 1], with channels last.

    Parameters
    ----------
    X : ImageSet or array
        uint8 or floats in [0, 1], of shape (n, H, W) or (n, H, W, C) with C =
        1, 3 or 4. PyTorch's layout (n, C, H, W) is taken as well where it
        cannot be mistaken: where the last axis cannot hold channels, or where
        nothing else gives images of ``image_shape``.
    image_shape : tuple of int, optional
        Shape that one image must have: (H, W) or (H, W, C).

    Returns
    -------
    ndarray of shape (n, H, W) when there is one channel, else (n, H, W, C)

    Raises
    ------
    DataError
        For another shape, type or range.
    """
    if isinstance(X, ImageSet):
        images: AnyArray = X.images
    else:
        images = _channels_last(as_array(X), image_shape)
    if images.ndim not in (3, 4) or 0 in images.shape:
        msg = (
            f"expected at least one image in an array of shape (n, height, width), or (n, height, "
            f"width, channels) with 1, 3 or 4 channels, got shape {images.shape}; flat rows need "
            f"reshape(-1, height, width)"
        )
        raise DataError(msg)
    if image_shape is not None and images.shape[1:] != tuple(image_shape):
        msg = (
            f"expected images of shape {tuple(image_shape)}, got {images.shape[1:]}; resize them "
            f"to what the model was fitted on"
        )
        raise DataError(msg)
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        msg = f"expected images as uint8 or as floats in [0, 1], got {images.dtype}"
        raise DataError(msg)
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        msg = (
            f"float images must lie in [0, 1], got values from {low:g} to {high:g}; divide by "
            f"their maximum, or pass uint8"
        )
        raise DataError(msg)
    return images.astype(np.float32, copy=False)


def _channels_last(images: AnyArray, image_shape: tuple[int, ...] | None) -> AnyArray:
    """Bring (n, H, W, C) and (n, C, H, W) to the first, and drop an axis of one channel."""
    if images.ndim != 4:
        return images
    readings = []
    if images.shape[3] in _CHANNELS:
        readings.append(images)
    if images.shape[1] in _CHANNELS:
        readings.append(np.moveaxis(images, 1, 3))
    readings = [found[..., 0] if found.shape[3] == 1 else found for found in readings]
    if not readings:
        msg = (
            f"expected 1, 3 or 4 channels in the last axis, got images of shape "
            f"{images.shape[1:]}; drop the others, or move the channels there"
        )
        raise DataError(msg)
    fitting = [found for found in readings if found.shape[1:] == image_shape]
    return (fitting or readings)[0]


def as_array(X: ArrayLike) -> AnyArray:
    """Return an array of what was given, tensors included.

    Raises
    ------
    DataError
        When the parts have different shapes.
    """
    if isinstance(X, torch.Tensor):
        return X.detach().cpu().numpy()
    try:
        return np.asarray(X)
    except ValueError as error:
        msg = f"the images do not form one array ({error}); give all of them the same size"
        raise DataError(msg) from error


def check_codes(X: ArrayLike, latent_dim: int) -> FloatArray:
    """Return codes as float32 of shape (n, latent_dim).

    Raises
    ------
    CodesError
        When they have another width, or are not finite.
    """
    codes = np.ascontiguousarray(as_array(X), dtype=np.float32)
    if codes.ndim != 2 or codes.shape[1] != latent_dim:
        msg = (
            f"expected codes of shape (n, {latent_dim}), got {codes.shape}; encode the images with "
            f"this very model"
        )
        raise CodesError(msg)
    bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
    if len(bad):
        msg = f"codes must be finite numbers; see rows {bad[:5].tolist()} ({len(bad)} in all)"
        raise CodesError(msg)
    return codes


def to_tensor(array: AnyArray, device: torch.device) -> torch.Tensor:
    """Return an array as a tensor on a device."""
    # torch warns about read-only arrays, as memory-mapped and bundled ones are.
    writable = array if array.flags.writeable else array.copy()
    return torch.from_numpy(np.ascontiguousarray(writable)).to(device)


def from_network(images: torch.Tensor) -> FloatArray:
    """Return a network's output (n, C, H, W) as images (n, H, W) or (n, H, W, C)."""
    found: FloatArray = images.cpu().numpy()
    return found[:, 0] if found.shape[1] == 1 else np.moveaxis(found, 1, 3)
