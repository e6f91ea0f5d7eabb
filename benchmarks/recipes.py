"""Which training recipe reaches the published errors at every size, and at what cost?

Trains the reference network by several recipes at several latent sizes and
prints the test MSE beside the published one and PCA's. The cost of a recipe is
given as passes over the training images, which noise cannot touch; how long a
pass takes is measured by training.py.

    python benchmarks/recipes.py [--output benchmarks/results/recipes.json]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from latentscape import ImageSet, load_mnist
from latentscape.autoencoder import pca_test_mse
from latentscape.autoencoder.networks import make_network
from latentscape.autoencoder.training import (
    Recipe,
    Trainer,
    mse_per_image,
    split_validation,
    steady_arithmetic,
)
from latentscape.engines import ProcessEngine
from latentscape.types import Progress, ProgressCallback

PUBLISHED = {2: 0.0388, 4: 0.0275, 32: 0.0076, 128: 0.0056}


class AdamWTrainer(Trainer):
    """The same loop with fused AdamW for every parameter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rate = self.recipe.learning_rate
        parameters = list(self.network.parameters())
        optimizer = torch.optim.AdamW(parameters, rate, weight_decay=0.0, fused=True)
        self.optimizers = [(optimizer, rate)]


@dataclass(frozen=True)
class Case:
    """One recipe at one latent size."""

    optimizer: str
    recipe: Recipe
    latent_dim: int
    seed: int = 0


@dataclass(frozen=True)
class TestError:
    """The task: train a case and return its test MSE."""

    images: ImageSet

    def __call__(self, case: Case, /, report: ProgressCallback) -> float:
        """Train and test, on one thread."""
        train = self.images.train
        kind = Trainer if case.optimizer == "Muon" else AdamWTrainer
        with steady_arithmetic(1):
            network = make_network("reference", case.latent_dim, (28, 28), seed=case.seed)
            trainer = kind(
                network,
                torch.from_numpy(train.images.copy()),
                *split_validation(len(train), 0.05),
                case.recipe,
                seed=case.seed,
                on_step=report,
            )
            trainer.run()
            return float(
                mse_per_image(network, torch.from_numpy(self.images.test.images.copy())).mean()
            )


def adamw(batch_size: int, rate: float, n_epochs: int) -> tuple[str, Recipe]:
    """Return an AdamW recipe."""
    return "AdamW", Recipe(n_epochs=n_epochs, batch_size=batch_size, learning_rate=rate, warmup=0.1)


def muon(**changes: Any) -> tuple[str, Recipe]:
    """Return the default recipe with changes."""
    return "Muon", Recipe(**changes)


RECIPES = {
    "AdamW, batch 256, rate 0.01": adamw(256, 1e-2, 2),
    "AdamW, batch 128, rate 0.01": adamw(128, 1e-2, 5),
    "Muon, batch 256, rate 0.02": muon(batch_size=256, learning_rate=0.02),
    "Muon, batch 256, rate 0.1": muon(batch_size=256, learning_rate=0.1),
    "Muon, batch 256, momentum 0.95": muon(batch_size=256, momentum=0.95),
    "Muon, batch 512": muon(batch_size=512),
    "Muon, batch 256, one epoch": muon(batch_size=256, n_epochs=1),
    "Muon, batch 256": muon(batch_size=256),
    "Muon, batch 256, three epochs": muon(batch_size=256, n_epochs=3),
    "Muon, batch 128 (default)": muon(),
}


def main() -> None:
    """Run all cases, print the table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results/recipes.json"
    )
    parser.add_argument("--workers", type=int, default=None)
    options = parser.parse_args()
    images = load_mnist()
    sizes = list(PUBLISHED)
    cases = {
        Case(optimizer, recipe, size): name
        for name, (optimizer, recipe) in RECIPES.items()
        for size in sizes
    }
    found: dict[tuple[str, int], float] = {}

    def show(event: Progress) -> None:
        return

    engine = ProcessEngine(options.workers)
    for case, mse in engine.map(TestError(images), cases, on_progress=show):
        found[cases[case], case.latent_dim] = mse
        print(
            f"{len(found):>3} of {len(cases)}  {cases[case]:<30} d={case.latent_dim:<4} {mse:.5f}",
            flush=True,
        )

    pca = dict(
        zip(sizes, pca_test_mse(images.train.images, images.test.images, sizes), strict=True)
    )
    print(f"\n{'test MSE':<32}{'epochs':>7}" + "".join(f"{'d=' + str(d):>10}" for d in sizes))
    print(f"{'published':<39}" + "".join(f"{PUBLISHED[d]:>10.4f}" for d in sizes))
    print(f"{'PCA':<39}" + "".join(f"{pca[d]:>10.5f}" for d in sizes))
    rows = []
    for name, (optimizer, recipe) in RECIPES.items():
        errors = {d: found[name, d] for d in sizes}
        passes = all(errors[d] <= min(PUBLISHED[d], pca[d]) for d in sizes)
        rows.append(
            {"name": name, "optimizer": optimizer, "recipe": asdict(recipe), "test_mse": errors,
             "passes": passes}
        )  # fmt: skip
        print(
            f"{name:<32}{recipe.n_epochs:>7}"
            + "".join(f"{errors[d]:>10.5f}" for d in sizes)
            + ("   passes" if passes else "")
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    content = {"published": PUBLISHED, "pca": pca, "seed": 0, "recipes": rows}
    options.output.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    import recipes  # under its own name, so that worker processes can import the task

    recipes.main()
