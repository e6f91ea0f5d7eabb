"""Pictures that tests of the readers write."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentscape.types import UInt8Array

RNG = np.random.default_rng(0)


def noise(*shape: int) -> UInt8Array:
    """Return pixels that no other picture has."""
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def encoded(pixels: Any, kind: str = "png", **options: Any) -> bytes:
    """Return pixels, or a picture of Pillow's, as the bytes of a file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def write(path: Path, pixels: Any, **options: Any) -> Path:
    """Write a picture, its format by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {"jpg": "jpeg", "tif": "tiff", "pgm": "ppm"}.get(path.suffix[1:], path.suffix[1:])
    path.write_bytes(encoded(pixels, kind, **options))
    return path


def class_folders(root: Path, n: int = 4, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """Write `n` grey pictures of 9 × 8 pixels in a folder for each class."""
    for name in classes:
        for i in range(n):
            write(root / name / f"{i:03d}.png", noise(9, 8))
    return root
