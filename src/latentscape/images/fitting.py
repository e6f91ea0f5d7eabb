"""Images of one mode and one size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from PIL import Image

from latentscape.images.options import LARGEST_SIDE, RGB, Mode, Size
from latentscape.types import UInt8Array

_LUMA = np.array([299, 587, 114], np.uint32)  # ITU-R BT.601, as Pillow has it
_NEARLY = 0.97  # an image of nearly the right shape is stretched instead of padded by a hair


def choose_mode(greys: Iterable[bool]) -> Mode:
    """Return what most images are; colour when there are as many of each."""
    counts = Counter(greys)
    return "grey" if counts[True] > counts[False] else "rgb"


def choose_size(sizes: Counter[Size]) -> Size:
    """Return the commonest size; of equally common ones, the largest."""
    return max(sizes, key=lambda size: (sizes[size], size[0] * size[1], size))


def capped(size: Size) -> Size:
    """Make a size smaller, in proportion, until no side is above the limit."""
    longest = max(size)
    if longest <= LARGEST_SIDE:
        return size
    height, width = (max(1, round(side * LARGEST_SIDE / longest)) for side in size)
    return height, width


def grey_of(colour: RGB) -> int:
    """Return how bright a colour is."""
    return int((np.array(colour, np.uint32) @ _LUMA + 500) // 1000)


def to_mode(pixels: UInt8Array, mode: Mode, background: RGB) -> tuple[UInt8Array, bool]:
    """Lay pixels over the background and make them grey or RGB.

    Parameters
    ----------
    pixels : uint8 array of shape (..., C)
        Grey, grey and alpha, RGB, or RGB and alpha.
    mode : {"grey", "rgb"}
        What is wanted.
    background : three bytes
        Seen through where alpha is not 255.

    Returns
    -------
    pixels : uint8 array of shape (..., 1) or (..., 3)
    transparent : bool
        Whether anything was transparent.
    """
    channels = pixels.shape[-1]
    transparent = False
    if channels in (2, 4):
        alpha = pixels[..., -1:]
        pixels = pixels[..., :-1]
        transparent = bool((alpha < 255).any())
        if transparent:
            behind = np.array(background, np.uint32)
            if channels == 2 and mode == "grey":
                behind = np.array([grey_of(background)], np.uint32)
            weight = alpha.astype(np.uint32)
            mixed = pixels * weight + behind * (255 - weight)
            pixels = ((mixed + 127) // 255).astype(np.uint8)
    if mode == "grey" and pixels.shape[-1] == 3:
        pixels = ((pixels @ _LUMA + 500) // 1000).astype(np.uint8)[..., None]
    elif mode == "rgb" and pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    return pixels, transparent


def fit(pixels: UInt8Array, size: Size, background: RGB) -> UInt8Array:
    """Scale an image into a size, keeping its shape, and pad what is left.

    Parameters
    ----------
    pixels : uint8 array of shape (h, w, C), C = 1 or 3
        An image of any size. Smaller is made by averaging areas (box filter),
        larger by cubic interpolation.
    size : (height, width)
        What is wanted.
    background : three bytes
        Around the image.

    Returns
    -------
    uint8 array of shape (height, width, C)
    """
    if pixels.shape[:2] == size:
        return pixels
    scale = min(size[0] / pixels.shape[0], size[1] / pixels.shape[1])
    inner = tuple(
        wanted if side * scale >= _NEARLY * wanted else max(1, round(side * scale))
        for side, wanted in zip(pixels.shape[:2], size, strict=True)
    )
    channels = pixels.shape[2]
    image = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels))
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    resized = np.asarray(image.resize((inner[1], inner[0]), how)).reshape(*inner, channels)
    if inner == size:
        return resized
    colour = [grey_of(background)] if channels == 1 else list(background)
    fitted = np.empty((*size, channels), np.uint8)
    fitted[:] = np.array(colour, np.uint8)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    fitted[top : top + inner[0], left : left + inner[1]] = resized
    return fitted
