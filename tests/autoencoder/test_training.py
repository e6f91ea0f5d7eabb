from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from latentscape.autoencoder import training
from latentscape.autoencoder.networks import NETWORKS, ReferenceAutoencoder, make_network
from latentscape.autoencoder.training import (
    Recipe,
    Trainer,
    mse_per_image,
    recipe_for,
    split_validation,
)
from latentscape.errors import NonFiniteLossError, SettingError
from latentscape.images import ImageSet
from latentscape.types import Progress


def make_trainer(
    images: ImageSet, *, recipe: Recipe | None = None, events: list[Progress] | None = None
) -> Trainer:
    train_rows, validation_rows = split_validation(len(images.train), 0.1)
    return Trainer(
        make_network("reference", 4, (28, 28)),
        torch.from_numpy(images.train.images.copy()),
        train_rows,
        validation_rows,
        recipe or Recipe(n_epochs=2, batch_size=64),
        seed=0,
        on_step=None if events is None else events.append,
    )


def test_rates_rise_and_fall() -> None:
    recipe = Recipe(warmup=0.1)
    rates = [recipe.rate(step, 100) for step in range(100)]
    assert all(0 < rate <= 1 for rate in rates)
    assert int(np.argmax(rates)) == 10
    assert np.all(np.diff(rates[:11]) > 0)
    assert np.all(np.diff(rates[10:]) < 0)
    assert rates[-1] < 0.02
    assert Recipe(warmup=0.0).rate(0, 10) == 1


def test_few_images_are_gone_through_more_often() -> None:
    def chosen(n: int, **given: int | None) -> tuple[int, int]:
        recipe = recipe_for("reference", n, {"learning_rate": None, **given})
        return recipe.n_epochs, recipe.batch_size

    assert chosen(60_000) == (2, 128)  # the published recipe, for every larger set too
    assert chosen(2_000_000) == (2, 128)
    assert chosen(10_000) == (11, 128)
    assert chosen(800) == (100, 100)
    assert chosen(12) == (200, 16)
    assert chosen(12, n_epochs=3) == (3, 16)
    assert chosen(12, batch_size=4) == (200, 4)
    assert chosen(60_000, batch_size=64) == (2, 64)
    assert recipe_for("reference", 60_000, {}) == Recipe()
    with pytest.raises(SettingError, match="batch_size"):
        chosen(100, batch_size=0)


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("shape", [(28, 28), (9, 8, 3)])
def test_every_network_goes_back_when_its_loss_is_not_a_number(
    name: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).random((24, *shape)).astype(np.float32)
    trainer = Trainer(
        make_network(name, 2, shape),
        torch.from_numpy(images),
        np.arange(20),
        np.arange(20, 24),
        Recipe(n_epochs=2, batch_size=4),
        seed=0,
    )
    Poison(monkeypatch, {7})  # epoch 2, batch 2
    history = trainer.run()
    assert [record.epoch for record in history] == [1, 2]
    assert trainer.rate_factor == 0.5
    assert all(torch.isfinite(value).all() for value in trainer.network.state_dict().values())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_epochs", 0), ("n_epochs", 1.5), ("n_epochs", True), ("batch_size", 1),
        ("learning_rate", 0.0), ("learning_rate", math.nan), ("bias_learning_rate", -1.0),
        ("momentum", 1.0), ("warmup", -0.1),
    ],
)  # fmt: skip
def test_impossible_settings(setting: str, value: float) -> None:
    with pytest.raises(SettingError, match=setting):
        Recipe(**{setting: value})  # type: ignore[arg-type]


def test_the_validation_split_is_disjoint_complete_and_the_same_each_time() -> None:
    train, validation = split_validation(1000, 0.05)
    assert len(validation) == 50
    assert sorted([*train, *validation]) == list(range(1000))
    assert np.array_equal(validation, split_validation(1000, 0.05)[1])
    assert not np.array_equal(validation, np.arange(50))
    with pytest.raises(SettingError, match="fewer than two to train on"):
        split_validation(3, 0.5)
    with pytest.raises(SettingError, match="validation_fraction"):
        split_validation(100, 1.0)


def test_training_lowers_the_error(few_digits: ImageSet) -> None:
    events: list[Progress] = []
    trainer = make_trainer(few_digits, recipe=Recipe(n_epochs=4, batch_size=32), events=events)
    before = mse_per_image(trainer.network, trainer.validation_images).mean()
    history = trainer.run()
    after = mse_per_image(trainer.network, trainer.validation_images).mean()
    assert after < 0.5 * before
    assert history[-1].validation_mse == pytest.approx(after)
    assert [record.epoch for record in history] == [1, 2, 3, 4]
    assert [event.step for event in events] == list(range(1, events[0].total + 1))
    assert events[-1].metrics["validation_mse"] == pytest.approx(after)


def test_mse_is_the_mean_over_pixels_of_the_squared_difference(few_digits: ImageSet) -> None:
    network = make_network("reference", 2, (28, 28)).eval()
    images = few_digits.test.images[:7]
    ours = mse_per_image(network, torch.from_numpy(images.copy()))
    with torch.no_grad():
        x = torch.from_numpy(images[:, None] / np.float32(255))
        expected = ((network(x) - x) ** 2).mean(dim=(1, 2, 3)).numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


class Poison:
    """Makes the loss NaN in the n-th steps asked for, as an overflow would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: set[int]) -> None:
        self.calls = 0
        honest = functional.mse_loss

        def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            value: torch.Tensor = honest(output, target)
            return value * (math.nan if self.calls in at else 1.0)

        monkeypatch.setattr(functional, "mse_loss", loss)


def test_one_divergence_goes_back_and_on_at_half_the_rate(
    few_digits: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = make_trainer(few_digits).run()
    trainer = make_trainer(few_digits)
    poison = Poison(monkeypatch, {trainer.steps_per_epoch + 3})  # epoch 2, batch 3
    history = trainer.run()
    assert [record.epoch for record in history] == [1, 2]
    assert history[0].train_loss == undisturbed[0].train_loss
    assert history[1].learning_rate == pytest.approx(undisturbed[1].learning_rate / 2)
    assert math.isfinite(history[1].validation_mse)
    assert poison.calls == 2 * trainer.steps_per_epoch + 3  # the three steps were done again
    assert all(torch.isfinite(p).all() for p in trainer.network.parameters())


def test_a_second_divergence_stops_with_epoch_and_batch_and_good_weights(
    few_digits: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_epoch: dict[str, torch.Tensor] = {}
    trainer = make_trainer(few_digits)
    n = trainer.steps_per_epoch
    Poison(monkeypatch, {n + 3, n + 3 + 5})
    honest = Trainer._run_epoch

    def run_epoch(self: Trainer, epoch: int) -> training.EpochRecord:
        if epoch == 2 and not first_epoch:
            first_epoch.update(
                {name: value.clone() for name, value in self.network.state_dict().items()}
            )
        return honest(self, epoch)

    monkeypatch.setattr(Trainer, "_run_epoch", run_epoch)
    with pytest.raises(NonFiniteLossError, match=r"epoch 2, batch 5, also at half the learning"):
        trainer.run()
    state = trainer.network.state_dict()
    assert first_epoch
    assert all(torch.equal(state[name], value) for name, value in first_epoch.items())


def test_a_rate_that_really_diverges_is_reported(few_digits: ImageSet) -> None:
    trainer = make_trainer(few_digits, recipe=Recipe(n_epochs=1, learning_rate=1e30))
    with pytest.raises(NonFiniteLossError, match="lower learning_rate"):
        trainer.run()
    assert isinstance(trainer.network, ReferenceAutoencoder)
    assert all(torch.isfinite(p).all() for p in trainer.network.parameters())
