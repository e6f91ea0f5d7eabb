"""A realistic atlas in seconds: real digits, PCA in place of a trained network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from latentscape.atlas import Atlas, AtlasWriter

#: Test errors of the published experiment, of PCA and of a longer training; see docs.
SWEEP = {
    2: (0.0381, 0.05567),
    4: (0.0266, 0.04790),
    8: (0.0158, 0.03744),
    16: (0.0094, 0.02686),
    32: (0.0061, 0.01683),
    64: (0.0044, 0.00905),
    128: (0.0041, 0.00421),
}


def build_atlas(
    path: Path,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    name: str = "mnist",
    n_seeds: int = 3,
    n_classes: int = 10,
    latent_dim: int = 32,
    maps: Mapping[str, np.ndarray] | None = None,
    skip: tuple[str, ...] = (),
) -> Atlas:
    """Fill an atlas through the writer; `skip` names the stages to leave out."""
    rng = np.random.default_rng(0)
    n = len(images)
    flat = images.reshape(n, -1).astype(np.float32) / 255
    small = flat[rng.permutation(n)[:5000]]
    pca = PCA(min(latent_dim, n - 1, flat.shape[1]), random_state=0).fit(small)
    codes = pca.transform(flat).astype(np.float32)
    decoded = pca.inverse_transform(codes).clip(0, 1)
    if maps is None:
        maps = {
            "direct": codes[:, :2],
            "pca": codes[:, :2],
            "lda": codes[:, 1:3],
            "tsne": np.tanh(codes[:, [2, 3]]),
            "umap": np.sinh(codes[:, [1, 4]] / 2),
        }
    classes = [str(k) for k in range(n_classes)]

    with AtlasWriter.open(path) as writer:
        writer.set_header(
            data={
                "name": name,
                "n_train": 60000,
                "n_test": 10000,
                "image_shape": list(images.shape[1:]),
                "class_names": classes,
                "content_hash": "0" * 64,
            },
            settings={"network": "reference", "seed": 0},
        )

        def stage(name: str, fill: Callable[[dict[str, Any]], None]) -> None:
            if name not in skip:
                with writer.stage(name, "made up") as running:
                    fill(running.info)

        stage("sweep", lambda _: write_sweep(writer, rng, n_seeds))
        stage("choice", lambda info: info.update(choice()))

        def fill_codes(info: dict[str, Any]) -> None:
            writer.write_array("codes.npy", codes)
            writer.write_array("codes2.npy", codes[:, :2])
            writer.write_array("images.npy", images)
            writer.write_array("reconstructions.npy", decode(decoded, images))
            info.update(latent_dim=latent_dim, seed=0)

        stage("codes", fill_codes)

        def fill_points(_: dict[str, Any]) -> None:
            table = pd.DataFrame({"id": [f"test-{i:05d}" for i in range(n)], "split": "test"})
            table["label"] = labels
            table["reconstruction_mse"] = ((decoded - flat) ** 2).mean(axis=1)
            for key, xy in maps.items():
                table[f"{key}_x"], table[f"{key}_y"] = xy[:, 0], xy[:, 1]
            writer.write_table("points.parquet", table)

        stage("points", fill_points)

        def fill_plane(_: dict[str, Any]) -> None:
            low, high = np.quantile(codes[:, :2], [0.01, 0.99], axis=0)
            x = np.linspace(low[0], high[0], 20, dtype=np.float32)
            y = np.linspace(high[1], low[1], 20, dtype=np.float32)
            grid = np.zeros((20, 20, codes.shape[1]), np.float32)
            grid[..., 0], grid[..., 1] = np.meshgrid(x, y)
            plane = pca.inverse_transform(grid.reshape(400, -1)).clip(0, 1)
            plane8 = np.round(plane * 255).astype(np.uint8).reshape(20, 20, *images.shape[1:])
            writer.write_tensors("plane.safetensors", {"images": plane8, "x": x, "y": y})

        stage("plane", fill_plane)

        def fill_quality(_: dict[str, Any]) -> None:
            pick = rng.permutation(n)[:2000]
            accuracy = {
                key: float(
                    KNeighborsClassifier(10)
                    .fit(xy[pick], labels[pick])
                    .score(xy[pick], labels[pick])
                )
                for key, xy in {"codes": codes, **maps}.items()
            }
            writer.write_json("quality.json", {"knn_accuracy": accuracy, "k": 10})

        if n > 10:
            stage("quality", fill_quality)
    return Atlas.open(path)


def decode(decoded: np.ndarray, images: np.ndarray) -> np.ndarray:
    return np.round(decoded * 255).astype(np.uint8).reshape(images.shape)


def choice() -> dict[str, Any]:
    return {
        "latent_dim": 64,
        "rule": "tolerance",
        "band": [16, 128],
        "rules": {"tolerance": 64, "one_se": 128, "gain": 64, "kneedle": [16, 16, 32, 64]},
        "thin": False,
        "sentence": "64 neurons are the smallest size within 10 % of the best validation error; "
        "other rules choose between 16 and 128.",
    }


def write_sweep(writer: AtlasWriter, rng: np.random.Generator, n_seeds: int) -> None:
    rows: list[dict[str, Any]] = []
    epochs: list[dict[str, Any]] = []
    n_epochs = 8
    for size, (ours, pca) in SWEEP.items():
        for seed in range(n_seeds):
            mse = ours * float(rng.normal(1, 0.015))
            rows.append(sweep_row("autoencoder", size, seed, mse))
            for epoch in range(1, n_epochs + 1):
                excess = np.exp(-0.9 * (epoch - 1)) * 0.05 + (n_epochs - epoch) * mse * 0.02
                loss = mse + excess * float(rng.normal(1, 0.05))
                epochs.append(
                    {
                        "latent_dim": size,
                        "seed": seed,
                        "epoch": epoch,
                        "train_loss": loss * 1.02,
                        "validation_mse": loss,
                        "learning_rate": 1e-3,
                        "seconds": 5.0,
                    }
                )
        rows.append(sweep_row("pca", size, -1, pca))
    writer.write_table("sweep.parquet", pd.DataFrame(rows))
    writer.write_table("history.parquet", pd.DataFrame(epochs))


def sweep_row(model: str, size: int, seed: int, mse: float) -> dict[str, Any]:
    return {
        "model": model,
        "latent_dim": size,
        "seed": seed,
        "train_mse": mse * 0.98,
        "validation_mse": mse * 1.01,
        "test_mse": mse,
        "seconds": 40.0,
        "n_epochs": 8,
        "key": f"{seed:064x}" if seed >= 0 else "",
    }


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 real 8×8 digits, uint8, and their labels."""
    data = load_digits()
    return np.round(data.images * (255 / 16)).astype(np.uint8), data.target.astype(np.int64)


@pytest.fixture(scope="session")
def atlas(tmp_path_factory: pytest.TempPathFactory, digits: tuple[np.ndarray, np.ndarray]) -> Atlas:
    return build_atlas(tmp_path_factory.mktemp("figures") / "atlas", *digits)


@pytest.fixture
def build(tmp_path: Path, digits: tuple[np.ndarray, np.ndarray]) -> Callable[..., Atlas]:
    """Build an atlas of the first `n` digits; see `build_atlas` for the options."""

    def make(n: int | None = None, **options: Any) -> Atlas:
        images, labels = digits[0][:n], digits[1][:n]
        if "labels" in options:
            labels = options.pop("labels")
        if "images" in options:
            images = options.pop("images")
        return build_atlas(tmp_path / "atlas", images, labels, **options)

    return make
