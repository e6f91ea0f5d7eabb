"""How images are shown on a white page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from latentscape.types import AnyArray, UInt8Array

Shown = tuple[AnyArray, dict[str, Any]]


def ink_on_paper(images: UInt8Array) -> Callable[[AnyArray], Shown]:
    """Decide once for a set of images how ``imshow`` gets them.

    Grey images on a dark ground are shown as ink on paper; light ones and
    colours as they are.

    Parameters
    ----------
    images : uint8 array (n, H, W) or (n, H, W, C)

    Returns
    -------
    callable
        From one uint8 image (H, W[, C]) to the array and keywords for ``imshow``.
    """
    some = np.asarray(images[:: max(1, len(images) // 200)])
    grey = images.ndim == 3 or images.shape[-1] == 1
    dark = grey and some.size > 0 and float(some.mean()) < 127.5
    options: dict[str, Any] = {}
    if grey:
        options = {"cmap": "gray_r" if dark else "gray", "vmin": 0, "vmax": 255}

    def show(image: AnyArray) -> Shown:
        return (image[..., 0] if grey and image.ndim == 3 else image[..., :4]) if (
            image.ndim == 3
        ) else image, options

    return show
