"""How much sooner is the published error reached than by the usual notebook loop?

Both train the reference network with 32 latent dimensions on the same number
of threads, until the mean test MSE first passes the published 0.0076. The
notebook loop is the one that most tutorials use: a data set that turns each
image into a PIL picture and then into a tensor, a DataLoader, Adam with rate
1e-3 and weight decay 1e-5, batches of 256. Ours is ``ConvAutoencoder`` as it
stands. Time spent on testing does not count for either; the start of the
program does not either. They take turns, so that a change of the machine's
speed hits both.

    python benchmarks/training.py [--threads 2] [--repeats 3] [--output FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from latentscape import ConvAutoencoder, ImageSet, load_mnist
from latentscape.autoencoder.networks import make_network
from latentscape.autoencoder.training import mse_per_image
from latentscape.types import Progress

TARGET = 0.0076
TEST_EVERY = 20  # steps


class Reached(Exception):  # noqa: N818  (not an error: it ends a training)
    """The test error has passed the target."""


class Stopwatch:
    """Counts training time, and stops a training that has passed the target."""

    def __init__(self, network_mse: Callable[[], float]) -> None:
        self.network_mse = network_mse
        self.seconds = 0.0
        self.steps = 0
        self.mse = float("inf")
        self.curve: list[tuple[float, float]] = []
        self._since = time.perf_counter()

    def step(self) -> None:
        """Count a step; test now and then, off the clock."""
        self.steps += 1
        if self.steps % TEST_EVERY:
            return
        self.seconds += time.perf_counter() - self._since
        self.mse = self.network_mse()
        self.curve.append((round(self.seconds, 3), self.mse))
        if self.mse <= TARGET:
            raise Reached
        self._since = time.perf_counter()


class PilDigits(Dataset[torch.Tensor]):
    """One PIL image and one tensor for each sample, as tutorials do it."""

    def __init__(self, images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        picture = Image.fromarray(self.images[index])
        return torch.from_numpy(np.array(picture, copy=True)).unsqueeze(0).float().div(255)


def notebook_loop(images: ImageSet, seed: int) -> Stopwatch:
    """Train the way the usual notebook does."""
    torch.manual_seed(seed)
    network = make_network("reference", 32, (28, 28), seed=seed)
    test = torch.from_numpy(images.test.images.copy())
    loader = DataLoader(PilDigits(images.train.images), batch_size=256, shuffle=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-5)
    watch = Stopwatch(lambda: float(mse_per_image(network, test).mean()))
    with contextlib.suppress(Reached):
        for _ in range(100):
            network.train()
            for batch in loader:
                loss = functional.mse_loss(network(batch), batch)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                watch.step()
    return watch


def ours(images: ImageSet, seed: int) -> Stopwatch:
    """Train by the library's default."""
    test = torch.from_numpy(images.test.images.copy())
    model = ConvAutoencoder(latent_dim=32, random_state=seed, n_jobs=torch.get_num_threads())
    watch = Stopwatch(lambda: float(mse_per_image(model.network_, test).mean()))

    def look(event: Progress) -> None:
        watch.step()

    with contextlib.suppress(Reached):
        model.set_params(callbacks=[look]).fit(images.train)
    return watch


def main() -> None:
    """Take turns, print each result and the ratios, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results/training.json"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = load_mnist()
    ways = {"ours": ours, "notebook loop": notebook_loop}
    rows: list[dict[str, object]] = []
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(options.repeats):
        for name, way in ways.items():
            watch = way(images, repeat)
            seconds[name].append(watch.seconds)
            rows.append(
                {"way": name, "seed": repeat, "seconds": round(watch.seconds, 2),
                 "steps": watch.steps, "test_mse": watch.mse, "curve": watch.curve}
            )  # fmt: skip
            print(
                f"{name:<14} seed {repeat}: test MSE {watch.mse:.5f} after {watch.seconds:6.1f} s, "
                f"{watch.steps} steps",
                flush=True,
            )
    ratios = [b / a for a, b in zip(seconds["ours"], seconds["notebook loop"], strict=True)]
    print(
        f"\nthreads {options.threads}, {options.repeats} pairs: the published {TARGET} was reached "
        f"{statistics.median(ratios):.1f} times sooner (median; {min(ratios):.1f} to "
        f"{max(ratios):.1f})"
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "target": TARGET, "latent_dim": 32, "threads": options.threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores", "torch": torch.__version__,
        "ratios": ratios, "median_ratio": statistics.median(ratios), "runs": rows,
    }  # fmt: skip
    options.output.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
