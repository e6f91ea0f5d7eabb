"""The training loop: a recipe, its history and what happens when it diverges."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentscape.autoencoder.optimizer import Muon
from latentscape.errors import NonFiniteLossError, SettingError
from latentscape.types import IntArray, Progress

# Part of the key of every stored training: raise it when the arithmetic of
# the loop changes, so that older trainings are not taken for newer ones.
TRAINING_VERSION = 1

# Images a forward pass takes outside training. Batches are padded to this
# size, so an image's code does not depend on what it is encoded beside.
EVALUATION_BATCH = 250


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. docs/training.md tells how it was found.

    Attributes
    ----------
    n_epochs : int
        Passes over the training images.
    batch_size : int
        Images a step; the last images of an epoch that do not fill a batch
        are left out of that epoch.
    learning_rate : float
        Peak rate of Muon, which trains all weights.
    bias_learning_rate : float
        Peak rate of Adam, which trains biases and batch-norm parameters.
    momentum : float
        Momentum of Muon, in [0, 1).
    warmup : float
        Share of the steps over which the rates rise, before they fall
        linearly to zero; in [0, 1).
    """

    n_epochs: int = 2
    batch_size: int = 128
    learning_rate: float = 0.05
    bias_learning_rate: float = 0.01
    momentum: float = 0.9
    warmup: float = 0.05

    def __post_init__(self) -> None:
        whole = {"n_epochs": self.n_epochs, "batch_size": self.batch_size}
        for name, value in whole.items():
            if isinstance(value, bool) or value != int(value) or value < 1:
                msg = f"{name} must be a whole number of at least 1, got {value!r}"
                raise SettingError(msg)
        if self.batch_size < 2:
            msg = "batch_size must be at least 2: batch normalisation needs more than one image"
            raise SettingError(msg)
        for name in ("learning_rate", "bias_learning_rate"):
            rate = getattr(self, name)
            if not (math.isfinite(rate) and rate > 0):
                msg = f"{name} must be a positive number, got {rate!r}"
                raise SettingError(msg)
        for name in ("momentum", "warmup"):
            share = getattr(self, name)
            if not 0 <= share < 1:
                msg = f"{name} must lie in [0, 1), got {share!r}"
                raise SettingError(msg)

    def rate(self, step: int, n_steps: int) -> float:
        """Return the factor in (0, 1] on both peak rates at a step."""
        rise = self.warmup * n_steps
        if step < rise:
            return (step + 1) / (rise + 1)
        return (n_steps - step) / (n_steps - rise)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values."""
        return asdict(self)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the settings."""
        return tuple(item.name for item in fields(cls))


NETWORK_RECIPES: Mapping[str, Recipe] = {"residual": Recipe(n_epochs=3)}
"""The recipes of the networks that have one of their own."""

# What few images are given instead of the default batches and epochs, so that
# a small data set is trained for about as many steps as a large one.
_LEAST_STEPS = 800
_MOST_EPOCHS = 200
_LEAST_BATCH = 16
_LEAST_BATCHES = 8  # an epoch, while batches are larger than the smallest


def recipe_for(network: str, n_images: int, given: Mapping[str, Any]) -> Recipe:
    """Return how a network is trained on so many images.

    Parameters
    ----------
    network : str
        Its name.
    n_images : int
        Training images, validation images included.
    given : mapping
        Settings of :class:`Recipe`; None stands for the network's default.
        Where no epochs are given, few images are gone through more often:
        until 800 steps are made, but 200 times at most. Where no batch size is
        given, less than 1,024 images go in smaller batches.

    Raises
    ------
    SettingError
        For a value that makes no sense.
    """
    default = NETWORK_RECIPES.get(network, Recipe())
    chosen = {name: value for name, value in given.items() if value is not None}
    if "batch_size" not in chosen:
        small = max(_LEAST_BATCH, n_images // _LEAST_BATCHES)
        chosen["batch_size"] = min(default.batch_size, small)
    recipe = replace(default, **chosen)
    if "n_epochs" not in chosen:
        steps = max(1, n_images // recipe.batch_size)
        n_epochs = min(_MOST_EPOCHS, -(-_LEAST_STEPS // steps))
        recipe = replace(recipe, n_epochs=max(default.n_epochs, n_epochs))
    return recipe


@dataclass(frozen=True)
class EpochRecord:
    """What is kept of one epoch (MSE over images and pixels in [0, 1]).

    ``train_loss`` is the mean over the epoch's batches, while the weights
    move; ``validation_mse`` is taken at its end (NaN without validation
    images); ``learning_rate`` is the highest that the epoch used.
    """

    epoch: int
    train_loss: float
    validation_mse: float
    learning_rate: float
    seconds: float


@contextmanager
def steady_arithmetic(n_threads: int) -> Iterator[None]:
    """Let torch compute the same bits each time, and restore its settings.

    The number of threads decides how sums are split, hence the last bits. On
    CUDA, cuDNN would choose algorithms that add up in any order, and would
    round what it multiplies to ten bits (TF32).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    cudnn = torch.backends.cudnn
    try:
        if torch.cuda.is_available():
            with cudnn.flags(
                enabled=cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=False
            ):
                yield
        else:
            yield
    finally:
        torch.set_num_threads(before)


def as_batch(images: Tensor) -> Tensor:
    """Turn images (n, H, W) or (n, H, W, C) into network input (n, C, H, W) in [0, 1].

    uint8 images are divided by 255; float images lie in [0, 1] already.
    """
    batch = images.unsqueeze(1) if images.ndim == 3 else images.movedim(3, 1).contiguous()
    return batch.float().div_(255) if batch.dtype == torch.uint8 else batch


def forward_in_batches(
    function: Callable[[Tensor], Tensor], rows: Tensor, prepare: Callable[[Tensor], Tensor]
) -> Iterator[tuple[slice, Tensor]]:
    """Apply a network to all rows, always in batches of the same size.

    Yields
    ------
    (slice, Tensor)
        The rows a batch covers and the output for them.
    """
    with torch.inference_mode():
        for start in range(0, len(rows), EVALUATION_BATCH):
            part = rows[start : start + EVALUATION_BATCH]
            n = len(part)
            if n < EVALUATION_BATCH:
                filler = part[:1].expand(EVALUATION_BATCH - n, *part.shape[1:])
                part = torch.cat([part, filler])
            yield slice(start, start + n), function(prepare(part))[:n]


def mse_per_image(
    network: nn.Module, images: Tensor, codes: Tensor | None = None
) -> np.ndarray[Any, Any]:
    """Return each image's mean squared error over pixels, float64 of shape (n,).

    The network rebuilds the images; or, where there are codes, makes the
    images of them.
    """
    was_training = network.training
    network.eval()
    errors = np.empty(len(images))
    given = images if codes is None else codes
    prepare = as_batch if codes is None else _as_it_is
    for rows, output in forward_in_batches(network, given, prepare):
        difference = output - as_batch(images[rows])
        errors[rows] = difference.square().flatten(1).mean(1, dtype=torch.float64).cpu().numpy()
    network.train(was_training)
    return errors


def _as_it_is(rows: Tensor) -> Tensor:
    return rows


class _DivergedError(Exception):
    """The loss is not finite (internal: leads to the one retry)."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__(epoch, batch)
        self.epoch, self.batch = epoch, batch


class Trainer:
    """Trains one network on images that stay in one tensor.

    Parameters
    ----------
    network : Module
        Trained in place, on the device where it lies. It maps images to
        images, or codes to images.
    images : Tensor, shape (n, H, W) or (n, H, W, C), uint8 or float32 in [0, 1]
        All images, on the network's device.
    train_rows, validation_rows : ndarray of int64
        Rows of ``images`` to train on, and to validate on after each epoch.
    recipe : Recipe
        The settings.
    seed : int
        Seed of the order of the images.
    on_step : callable, optional
        Called with a :class:`Progress` after each step.
    task : str
        The name that those events carry.
    codes : Tensor, shape (n, latent_dim), optional
        Given to the network instead of the images, which it then makes of
        them; they are not changed.
    """

    def __init__(
        self,
        network: nn.Module,
        images: Tensor,
        train_rows: IntArray,
        validation_rows: IntArray,
        recipe: Recipe,
        *,
        seed: int,
        on_step: Callable[[Progress], None] | None = None,
        task: str = "train",
        codes: Tensor | None = None,
    ) -> None:
        self.network = network
        self.images = images
        self.train_rows = torch.from_numpy(train_rows)
        self.codes = codes
        held_out = torch.from_numpy(validation_rows).to(images.device)
        self.validation_images = images[held_out]
        self.validation_codes = None if codes is None else codes[held_out]
        self.recipe = recipe
        self.on_step = on_step
        self.task = task
        self.batch_size = min(recipe.batch_size, len(train_rows))
        self.steps_per_epoch = len(train_rows) // self.batch_size
        self.generator = torch.Generator().manual_seed(seed)
        trained = [p for p in network.parameters() if p.requires_grad]
        weights = [p for p in trained if p.ndim > 1]
        others = [p for p in trained if p.ndim <= 1]
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = []
        if weights:
            muon = Muon(weights, recipe.learning_rate, momentum=recipe.momentum)
            self.optimizers.append((muon, recipe.learning_rate))
        if others:  # a network of a user's own may do without biases
            rate = recipe.bias_learning_rate
            adam = torch.optim.AdamW(others, rate, weight_decay=0.0, fused=True)
            self.optimizers.append((adam, rate))
        self.rate_factor = 1.0
        self.history: list[EpochRecord] = []
        # Reading a loss waits for the device, so a GPU is asked less often.
        self.check_every = 1 if images.device.type == "cpu" else 32

    def run(self) -> list[EpochRecord]:
        """Train for all epochs and return their records.

        Raises
        ------
        NonFiniteLossError
            When the loss stops being a number a second time, at half the
            learning rate. The network then holds its last good weights.
        """
        epoch = 1
        good = self._state()
        while epoch <= self.recipe.n_epochs:
            try:
                record = self._run_epoch(epoch)
            except _DivergedError as diverged:
                self._restore(good)
                if self.rate_factor < 1:
                    msg = (
                        f"the training loss stopped being a finite number in epoch "
                        f"{diverged.epoch}, batch {diverged.batch}, also at half the learning "
                        f"rate; lower learning_rate (now {self.recipe.learning_rate:g}) and "
                        f"bias_learning_rate (now {self.recipe.bias_learning_rate:g})"
                    )
                    raise NonFiniteLossError(msg) from None
                self.rate_factor = 0.5
                continue
            self.history.append(record)
            good = self._state()
            epoch += 1
        self.network.eval()
        return self.history

    def _run_epoch(self, epoch: int) -> EpochRecord:
        started = time.perf_counter()
        self.network.train()
        order = self.train_rows[torch.randperm(len(self.train_rows), generator=self.generator)]
        order = order.to(self.images.device)
        n_steps = self.recipe.n_epochs * self.steps_per_epoch
        losses = torch.zeros(self.steps_per_epoch, device=self.images.device)
        validation_mse = self.history[-1].validation_mse if self.history else math.nan
        rates: list[float] = []
        for batch in range(self.steps_per_epoch):
            step = (epoch - 1) * self.steps_per_epoch + batch
            rates.append(self.recipe.rate(step, n_steps) * self.rate_factor)
            self._set_rates(rates[-1])
            rows = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            losses[batch] = self._step(self.images[rows], rows)
            last = batch + 1 == self.steps_per_epoch
            if last or (batch + 1) % self.check_every == 0:
                self._check(losses[: batch + 1], epoch)
                if last and len(self.validation_images):
                    validation_mse = float(
                        mse_per_image(
                            self.network, self.validation_images, self.validation_codes
                        ).mean()
                    )
                    if not math.isfinite(validation_mse):
                        raise _DivergedError(epoch, batch + 1)
                if self.on_step is not None:
                    metrics = {"loss": float(losses[batch])}
                    if math.isfinite(validation_mse):
                        metrics["validation_mse"] = validation_mse
                    self.on_step(Progress(self.task, step + 1, n_steps, metrics))
        return EpochRecord(
            epoch=epoch,
            train_loss=float(losses.mean(dtype=torch.float64)),
            validation_mse=validation_mse,
            learning_rate=max(rates) * self.recipe.learning_rate,
            seconds=time.perf_counter() - started,
        )

    def _step(self, images: Tensor, rows: Tensor) -> Tensor:
        target = as_batch(images)
        given = target if self.codes is None else self.codes[rows]
        loss = functional.mse_loss(self.network(given), target)
        for optimizer, _ in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer, _ in self.optimizers:
            optimizer.step()
        return loss.detach()

    def _set_rates(self, factor: float) -> None:
        for optimizer, peak in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = peak * factor

    def _check(self, losses: Tensor, epoch: int) -> None:
        finite = torch.isfinite(losses[-self.check_every :])
        if not bool(finite.all()):
            first = int(torch.isfinite(losses).logical_not().nonzero()[0])
            raise _DivergedError(epoch, first + 1)

    def _state(self) -> dict[str, Any]:
        return copy.deepcopy(
            {
                "network": self.network.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
                "generator": self.generator.get_state(),
            }
        )

    def _restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        for (optimizer, _), saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(copy.deepcopy(saved))
        self.generator.set_state(state["generator"])


def split_validation(n: int, fraction: float) -> tuple[IntArray, IntArray]:
    """Split row numbers into training and validation rows.

    The split depends on ``n`` and ``fraction`` alone, so every latent size
    and every seed is validated on the same images.

    Parameters
    ----------
    n : int
        Number of images.
    fraction : float
        Share of the validation images, in [0, 1); 0 means none.

    Returns
    -------
    train_rows, validation_rows : ndarray of int64, sorted
    """
    if not 0 <= fraction < 1:
        msg = f"validation_fraction must lie in [0, 1), got {fraction!r}"
        raise SettingError(msg)
    # A few images are still validated on one of them, where that leaves two to train on.
    n_validation = round(n * fraction) or int(fraction > 0 and n > 2)
    if n - n_validation < 2:
        msg = (
            f"{n} images with validation_fraction={fraction:g} leave fewer than two to train "
            f"on; give more images or lower the fraction"
        )
        raise SettingError(msg)
    order = np.random.default_rng(0).permutation(n).astype(np.int64)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])
