"""Files for TensorBoard's embedding projector: vectors, metadata, a sprite and their list."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentscape.atlas import Atlas
from latentscape.exports.tables import class_names, label_words
from latentscape.types import UInt8Array

VECTORS, METADATA, SPRITE = "vectors.tsv", "metadata.tsv", "sprite.png"
PBTXT, JSON = "projector_config.pbtxt", "projector_config.json"

_LARGEST_SPRITE = 8192  # pixels a side; the projector takes no larger texture
_BREAKS = re.compile(r"[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def write_vectors(atlas: Atlas, path: Path) -> None:
    """Write one code a line; nine digits bring a float32 back to the last bit."""
    np.savetxt(path, atlas.codes, fmt="%.9g", delimiter="\t")


def write_metadata(atlas: Atlas, path: Path) -> None:
    """Write id, label and split of each row under a header."""
    points = atlas.points
    columns = {"id": points["id"].astype(str).tolist(), "split": points["split"].tolist()}
    if class_names(atlas):
        columns["label"] = label_words(atlas).tolist()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in [columns, *zip(*columns.values(), strict=True)]:
            file.write("\t".join(_BREAKS.sub(" ", str(cell)) for cell in row) + "\n")


def write_sprite(atlas: Atlas, path: Path) -> None:
    """Write all images side by side in a square, in the order of the rows."""
    sprite, _ = make_sprite(atlas.images)
    Image.fromarray(sprite).save(path, format="PNG")


def make_sprite(images: UInt8Array) -> tuple[UInt8Array, tuple[int, int]]:
    """Lay out images in a square grid, row by row.

    Parameters
    ----------
    images : uint8 array of shape (n, H, W) or (n, H, W, C)

    Returns
    -------
    sprite : uint8 array of shape (S, S') or (S, S', C)
        Cells without an image are black.
    size : (int, int)
        Height and width of one image in it: smaller than (H, W) where the
        sprite would exceed 8,192 pixels a side.
    """
    height, width = cell_size(images.shape)
    n = len(images)
    side = math.ceil(math.sqrt(n))
    shape = (side * height, side * width, *images.shape[3:])
    sprite = np.zeros(shape, dtype=np.uint8)
    shrink = (height, width) != images.shape[1:3]
    for i in range(n):
        picture = images[i]
        if shrink:
            small = Image.fromarray(picture).resize((width, height), Image.Resampling.BOX)
            picture = np.asarray(small)
        top, left = i // side * height, i % side * width
        sprite[top : top + height, left : left + width] = picture
    return sprite, (height, width)


def cell_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return height and width of one image in a sprite of images of this shape."""
    n, height, width = shape[:3]
    side = math.ceil(math.sqrt(n))
    factor = min(1.0, _LARGEST_SPRITE / (side * max(height, width)))
    return max(1, int(height * factor)), max(1, int(width * factor))


def write_pbtxt(atlas: Atlas, path: Path) -> None:
    """Write what TensorBoard looks for in its log directory."""
    lines = [
        "embeddings {",
        '  tensor_name: "codes"',
        f'  tensor_path: "{VECTORS}"',
        f'  metadata_path: "{METADATA}"',
    ]
    if atlas.has("images"):
        height, width = cell_size(atlas.images.shape)
        lines += [
            "  sprite {",
            f'    image_path: "{SPRITE}"',
            f"    single_image_dim: {width}",
            f"    single_image_dim: {height}",
            "  }",
        ]
    path.write_text("\n".join([*lines, "}"]) + "\n", encoding="utf-8")


def write_json(atlas: Atlas, path: Path) -> None:
    """Write what the projector alone, on a web server, is given as its configuration."""
    entry: dict[str, Any] = {
        "tensorName": "codes",
        "tensorShape": list(atlas.codes.shape),
        "tensorPath": VECTORS,
        "metadataPath": METADATA,
    }
    if atlas.has("images"):
        height, width = cell_size(atlas.images.shape)
        entry["sprite"] = {"imagePath": SPRITE, "singleImageDim": [width, height]}
    path.write_text(json.dumps({"embeddings": [entry]}, indent=1) + "\n", encoding="utf-8")
