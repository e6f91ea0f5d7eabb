"""An atlas of a million digits: what the explorer's server is measured with.

The training digits, shifted by up to 2 pixels and turned by up to 15°, encoded by the
reference networks (one epoch: what the codes say is not the point here) and mapped by
the two neurons, PCA and UMAP. It is written by the library's own writer, stage by stage.

    python benchmarks/million.py DIRECTORY [--n 1000000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from maps import moved_digits

import latentscape as ls
from latentscape.atlas import AtlasWriter, fingerprint
from latentscape.maps import map_to_bytes


def make_atlas(path: Path, n: int) -> None:
    """Write the atlas, or return at once when it is there."""
    made_from = fingerprint(n=n, version=1)
    with AtlasWriter.open(path) as writer:
        if writer.is_current("points", made_from):
            return
        mnist = ls.load_mnist()
        train = mnist.train
        header = {"name": f"{n:,} moved digits", "image_shape": [28, 28], "n_train": len(train)}
        writer.set_header(
            data={**header, "n_test": 0, "class_names": [str(digit) for digit in range(10)]},
            settings={"rows": "all"},
        )
        models = {
            name: ls.ConvAutoencoder(latent_dim=d, n_epochs=1, random_state=0).fit(train)
            for name, d in (("codes", 32), ("plane", 2))
        }
        for name, model in models.items():
            file = f"model/{name}.safetensors"
            with writer.stage(f"model-{name}", made_from):
                (path / "model").mkdir(exist_ok=True)
                model.save(path / file)
                writer.adopt(file)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            images = np.lib.format.open_memmap(
                f"{folder}/images.npy", mode="w+", dtype=np.uint8, shape=(n, 28, 28)
            )
            codes = {
                name: np.empty((n, model.latent_dim), np.float32) for name, model in models.items()
            }
            errors = np.empty(n, np.float32)
            start = 0
            for part in moved_digits(train.images, n):
                rows = slice(start, start + len(part))
                images[rows] = part
                for name, model in models.items():
                    codes[name][rows] = model.transform(part)
                rebuilt = models["codes"].inverse_transform(codes["codes"][rows])
                errors[rows] = ((rebuilt - part / np.float32(255)) ** 2).mean(axis=(1, 2))
                start += len(part)
            with writer.stage("codes", made_from) as stage:
                writer.write_array("images.npy", images)
                writer.write_array("codes.npy", codes["codes"])
                stage.info.update(latent_dim=32, seed=0, model="model/codes.safetensors")
        with writer.stage("plane", made_from) as stage:
            writer.write_array("codes2.npy", codes["plane"])
            stage.info.update(latent_dim=2, seed=0, model="model/plane.safetensors")
        source = np.arange(n) % len(train)
        points: dict[str, Any] = {
            "id": [f"digit-{row}-{row // len(train)}" for row in range(n)],
            "split": np.full(n, "train", object),
            "label": np.asarray(train.labels)[source],
            "reconstruction_mse": errors,
        }
        fitters = {"direct": ls.Direct(), "pca": ls.PCA(), "umap": ls.UMAP(random_state=0)}
        for name, fitter in fitters.items():
            began = time.perf_counter()
            fitted = fitter.fit(codes["plane" if name == "direct" else "codes"])
            with writer.stage(f"maps-{name}", made_from):
                writer.write_bytes(f"maps/{name}.safetensors", map_to_bytes(fitted))
            points[f"{name}_x"], points[f"{name}_y"] = fitted.embedding_.T
            print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
        with writer.stage("points", made_from):
            writer.write_table("points.parquet", pd.DataFrame(points))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--n", type=int, default=1_000_000)
    given = parser.parse_args()
    make_atlas(given.path, given.n)
