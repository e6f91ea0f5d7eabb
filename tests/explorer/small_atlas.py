"""Small atlases, written by the library's own writer, that lack whatever a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentscape.atlas import Atlas, AtlasWriter, fingerprint
from latentscape.maps import LDA, PCA, map_to_bytes
from latentscape.types import AnyArray, IntArray

N_CLASSES = 4


def clustered_codes(n: int, d: int = 8) -> tuple[AnyArray, IntArray]:
    """Return codes in four clusters, and which each is from."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, N_CLASSES, n)
    middles = 5 * rng.normal(size=(N_CLASSES, d))
    return (middles[classes] + rng.normal(size=(n, d))).astype(np.float32), classes


def small_images(classes: IntArray, shape: Sequence[int] = (12, 10)) -> AnyArray:
    """Return an image for each row: a bar whose place tells the class, on noise."""
    images = np.random.default_rng(1).integers(0, 60, (len(classes), *shape)).astype(np.uint8)
    for row, number in enumerate(classes):
        images[row, 2 * number : 2 * number + 3] = 240
    return images


def small_atlas(
    path: Path,
    *,
    n: int = 200,
    labels: IntArray | None = None,
    class_names: Sequence[str] = ("bar", "dot", "line", "ring"),
    images: AnyArray | None = None,
    maps: Sequence[str] = ("pca",),
    columns: Mapping[str, Any] | None = None,
    ids: Sequence[str] | None = None,
    name: str = "small",
    with_fitted: bool = True,
) -> Atlas:
    """Write an atlas of clustered codes without any model; return it opened."""
    codes, classes = clustered_codes(n)
    made_from = fingerprint(n=n)
    with AtlasWriter.open(path) as writer:
        shape = [] if images is None else list(images.shape[1:])
        data = {"name": name, "class_names": list(class_names), "image_shape": shape}
        writer.set_header(data=data)
        with writer.stage("codes", made_from) as stage:
            writer.write_array("codes.npy", codes)
            if images is not None:
                writer.write_array("images.npy", images)
            stage.info.update(latent_dim=codes.shape[1], seed=0)
        table: dict[str, Any] = {
            "id": list(ids) if ids is not None else [f"row-{row}" for row in range(n)],
            "split": ["test"] * n,
            "label": np.full(n, -1) if labels is None else labels,
            **(columns or {}),
        }
        for each in maps:
            fitted: Any = (LDA() if each == "lda" else PCA()).fit(codes, classes)
            if with_fitted:
                with writer.stage(f"maps-{each}", made_from):
                    writer.write_bytes(f"maps/{each}.safetensors", map_to_bytes(fitted))
            table[f"{each}_x"], table[f"{each}_y"] = fitted.embedding_.T
        with writer.stage("points", made_from):
            writer.write_table("points.parquet", pd.DataFrame(table))
    return Atlas.open(path)
