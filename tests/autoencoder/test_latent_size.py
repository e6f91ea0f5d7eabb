from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentscape.autoencoder import choose_latent_dim
from latentscape.errors import SettingError


def results(
    curve: dict[int, float],
    *,
    seeds: int = 3,
    noise: float = 0.0,
    pca: dict[int, float] | None = None,
) -> pd.DataFrame:
    # spread evenly around the mean, which stays as it is
    factors = 1 + noise * np.linspace(-1, 1, seeds)
    rows = [
        {"model": "autoencoder", "latent_dim": d, "seed": s,
         "validation_mse": mse * factors[s], "test_mse": mse}
        for d, mse in curve.items()
        for s in range(seeds)
    ]  # fmt: skip
    rows += [
        {"model": "pca", "latent_dim": d, "seed": -1, "validation_mse": np.nan, "test_mse": mse}
        for d, mse in (pca or {}).items()
    ]
    return pd.DataFrame(rows)


# The curve that was published for the reference network, with PCA's beside it.
PUBLISHED = {2: 0.0388, 4: 0.0275, 8: 0.0172, 16: 0.0110, 32: 0.0076, 64: 0.0054, 128: 0.0056}
PCA = {2: 0.05567, 4: 0.0479, 8: 0.03744, 16: 0.02686, 32: 0.01683, 64: 0.00905, 128: 0.00421}


def test_the_published_curve() -> None:
    choice = choose_latent_dim(results(PUBLISHED, pca=PCA))
    assert choice.latent_dim == 64
    assert choice.rules["gain"] == 64
    kneedle = sorted(value for name, value in choice.rules.items() if name.startswith("kneedle"))
    assert kneedle == [16, 16, 32, 64]
    assert choice.band == (16, 64)
    assert choice.model_limited_above == 64
    assert not choice.thin
    assert "above 64 dimensions PCA does better" in choice.sentence


def test_one_seed_is_thin_evidence() -> None:
    choice = choose_latent_dim(results(PUBLISHED, seeds=1))
    assert choice.thin
    assert "one seed only, so the evidence is thin" in choice.sentence
    assert "one_se" not in choice.rules


def test_tolerance_moves_the_choice() -> None:
    assert choose_latent_dim(results(PUBLISHED), tolerance=0.0).latent_dim == 64
    assert choose_latent_dim(results(PUBLISHED), tolerance=0.5).latent_dim == 32
    with pytest.raises(SettingError, match="tolerance must be 0 or more"):
        choose_latent_dim(results(PUBLISHED), tolerance=-0.1)


def test_a_falling_curve_says_that_larger_sizes_may_do_better() -> None:
    falling = {d: 0.1 / d for d in (2, 4, 8, 16)}
    choice = choose_latent_dim(results(falling))
    assert choice.latent_dim == 16
    assert choice.best
    assert "the error still falls at the largest size tried" in choice.sentence
    assert choose_latent_dim(results(PUBLISHED)).best is False


def test_the_choice_is_made_on_validation_images() -> None:
    table = results(PUBLISHED)
    table["test_mse"] = table["test_mse"].to_numpy()[::-1]
    assert choose_latent_dim(table).latent_dim == 64
    with pytest.raises(SettingError, match="validation_fraction > 0"):
        choose_latent_dim(table.assign(validation_mse=np.nan))


def test_one_size_only() -> None:
    choice = choose_latent_dim(results({32: 0.0076}))
    assert (choice.latent_dim, choice.band) == (32, (32, 32))
    assert not choice.best


def test_noise_between_seeds_widens_the_one_standard_error_rule() -> None:
    flat = {8: 0.0101, 16: 0.0100, 32: 0.00995}
    assert choose_latent_dim(results(flat, noise=0.0)).rules["one_se"] == 32
    assert choose_latent_dim(results(flat, noise=0.05, seeds=5)).rules["one_se"] < 32
