"""A decoder for codes that came without one, trained on (code, image) pairs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from latentscape.autoencoder.estimator import ConvAutoencoder, history_table
from latentscape.autoencoder.networks import NETWORKS, describe, make_network
from latentscape.autoencoder.pixels import (
    as_array,
    check_codes,
    check_images,
    from_network,
    to_tensor,
)
from latentscape.autoencoder.storage import ModelFile, read_model
from latentscape.autoencoder.training import (
    Recipe,
    Trainer,
    forward_in_batches,
    mse_per_image,
    split_validation,
    steady_arithmetic,
)
from latentscape.errors import CodesError, ModelFileError, SettingError
from latentscape.files import write_atomically
from latentscape.images import ImageSet
from latentscape.progress import progress_bars
from latentscape.types import DoubleArray, FloatArray, Progress, ProgressCallback

KIND = "decoder"


class CodeDecoder(BaseEstimator):  # type: ignore[misc]
    """A decoder trained on codes and their images; the codes stay as they are.

    With it, codes from elsewhere can be decoded at every place of every map.
    It is the decoder of one of the networks. Codes are standardised inside: the
    first layer learns on codes of mean 0 and deviation 1, and after training
    both are folded into its weights, so that it takes codes as they are. What
    the codes do not hold comes out as the average of the images that share
    them, so a large error says something about the codes.

    Parameters
    ----------
    network : {"reference", "residual"}, default "reference"
        Whose decoder.
    n_epochs, batch_size, learning_rate, bias_learning_rate, momentum, warmup
        As those of :class:`ConvAutoencoder`.
    validation_fraction : float, default 0.1
        Share of the pairs that are held out, in (0, 1): on them the error is
        reported.
    random_state : int, default 0
        Seed of the initial weights and of the order of the pairs.
    device, n_jobs, verbose, callbacks
        As those of :class:`ConvAutoencoder`.

    Attributes
    ----------
    latent_dim_ : int
        Width of the codes.
    image_shape_ : tuple of int
        Shape of one image: (H, W), or (H, W, C).
    decoder_ : torch.nn.Sequential
        Maps codes to images.
    held_out_mse_ : float
        Mean squared error on the pairs that were held out.
    mean_image_mse_ : float
        What the mean of the training images would have there: a decoder that
        is no better has learned nothing from the codes.
    history_ : DataFrame
        One row an epoch, as that of :class:`ConvAutoencoder`.

    Examples
    --------
    >>> import latentscape as ls
    >>> decoder = ls.CodeDecoder(random_state=0).fit(codes, images)
    >>> decoder.held_out_mse_, decoder.mean_image_mse_
    (0.0081, 0.0674)
    """

    def __init__(
        self,
        network: str = "reference",
        *,
        n_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        bias_learning_rate: float | None = None,
        momentum: float | None = None,
        warmup: float | None = None,
        validation_fraction: float = 0.1,
        random_state: int = 0,
        device: str = "auto",
        n_jobs: int | None = 1,
        verbose: int = 0,
        callbacks: Sequence[ProgressCallback] = (),
    ) -> None:
        self.network = network
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.bias_learning_rate = bias_learning_rate
        self.momentum = momentum
        self.warmup = warmup
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.callbacks = callbacks

    def fit(self, X: ArrayLike, y: ImageSet | ArrayLike) -> Self:
        """Train on pairs.

        Parameters
        ----------
        X : array of shape (n, d)
            Codes, finite numbers.
        y : ImageSet or array of shape (n, H, W) or (n, H, W, C)
            The image of each code, as :class:`ConvAutoencoder` takes them.

        Raises
        ------
        CodesError, DataError, SettingError
            When codes, images or settings cannot be used.
        NonFiniteLossError
            When training diverges, also at half the learning rate.
        """
        images = check_images(y)
        given = as_array(X)
        if given.ndim != 2 or len(given) != len(images) or given.shape[1] == 0:
            msg = (
                f"expected one code for each of {len(images):,} images, in an array of shape "
                f"({len(images)}, d), got shape {given.shape}"
            )
            raise CodesError(msg)
        codes = check_codes(given, given.shape[1])
        if self.network not in NETWORKS:
            msg = f"there is no decoder {self.network!r}; choose one of: {', '.join(NETWORKS)}"
            raise SettingError(msg)
        if not self.validation_fraction:
            msg = "the error is reported on held-out pairs, so validation_fraction must not be 0"
            raise SettingError(msg)
        model = self._trained_like()
        recipe = model.resolved_recipe(len(images))
        device = model.resolved_device()
        train_rows, held_out = split_validation(len(images), self.validation_fraction)
        self.latent_dim_ = codes.shape[1]
        self.image_shape_ = images.shape[1:]
        mean = codes[train_rows].mean(axis=0, dtype=np.float64)
        deviation = codes[train_rows].std(axis=0, dtype=np.float64)
        # A code that never varies says nothing; it must not be blown up either.
        deviation = np.where(deviation > 1e-7 * np.abs(mean) + 1e-12, deviation, 1.0)
        standard = ((codes - mean) / deviation).astype(np.float32)
        with steady_arithmetic(model.resolved_threads()), progress_bars(self.verbose) as show:
            network = make_network(
                self.network, self.latent_dim_, self.image_shape_, seed=self.random_state
            )
            decoder = cast(nn.Sequential, network.decoder).to(device)

            def tell(event: Progress) -> None:
                for callback in (*self.callbacks, show):
                    callback(event)

            trainer = Trainer(
                decoder,
                to_tensor(images, device),
                train_rows,
                held_out,
                recipe,
                seed=self.random_state,
                on_step=tell,
                task="decoder",
                codes=to_tensor(standard, device),
            )
            history = trainer.run()
            _fold(decoder, mean, deviation)
            self.decoder_ = decoder.eval()
            self.recipe_ = recipe
            self.history_ = history_table([asdict(record) for record in history])
            self.held_out_mse_ = float(self._errors(codes[held_out], images[held_out]).mean())
        exact = images / np.float32(255) if images.dtype == np.uint8 else images
        average = exact[train_rows].mean(axis=0, dtype=np.float64)
        self.mean_image_mse_ = float(((exact[held_out] - average) ** 2).mean())
        return self

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Decode codes (n, d) to images in [0, 1], float32 (n, H, W) or (n, H, W, C).

        Raises
        ------
        CodesError
            When the codes have another width, or are not finite.
        """
        check_is_fitted(self, "decoder_")
        codes = check_codes(X, self.latent_dim_)
        images = np.empty((len(codes), *self.image_shape_), np.float32)
        rows_in = to_tensor(codes, self._device_in_use())
        with steady_arithmetic(self._trained_like().resolved_threads()):
            for rows, out in forward_in_batches(self.decoder_, rows_in, lambda part: part):
                images[rows] = from_network(out)
        return images

    def reconstruction_error(self, X: ArrayLike, y: ImageSet | ArrayLike) -> DoubleArray:
        """Return the mean squared error of each code's image, float64 (n,)."""
        check_is_fitted(self, "decoder_")
        images = check_images(y, self.image_shape_)
        codes = check_codes(X, self.latent_dim_)
        with steady_arithmetic(self._trained_like().resolved_threads()):
            return self._errors(codes, images)

    def score(self, X: ArrayLike, y: ImageSet | ArrayLike) -> float:
        """Return the negative mean squared error over images and pixels."""
        return -float(self.reconstruction_error(X, y).mean())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a model's file; see :meth:`ConvAutoencoder.save`.

        Raises
        ------
        StorageError
            When the file cannot be written.
        """
        write_atomically(Path(path), self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return what :meth:`save` writes."""
        check_is_fitted(self, "decoder_")
        params = self.get_params(deep=False)
        params.pop("callbacks")
        params["latent_dim"] = self.latent_dim_
        network = make_network(self.network, self.latent_dim_, self.image_shape_)
        described = describe(network)
        assert described is not None  # every network by name can be described
        header = {
            "kind": KIND,
            "params": params,
            "image_shape": list(self.image_shape_),
            "history": self.history_.to_dict("records"),
            "metrics": {
                "held_out_mse": self.held_out_mse_,
                "mean_image_mse": self.mean_image_mse_,
            },
            "recipe": self.recipe_.as_dict(),
            "architecture": {"encoder": None, "decoder": described["decoder"]},
        }
        weights = {f"decoder.{name}": value for name, value in self.decoder_.state_dict().items()}
        return ModelFile(header, weights).to_bytes()

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str = "auto") -> Self:
        """Read a decoder written by :meth:`save`.

        Raises
        ------
        ModelFileError
            When the file is damaged or holds something else.
        StorageError
            When the file cannot be read.
        """
        stored = read_model(Path(path))
        if stored.header.get("kind") != KIND:
            msg = f"{path} holds a whole autoencoder; load it with ConvAutoencoder.load"
            raise ModelFileError(msg)
        known = set(cls._get_param_names())
        params = dict(stored.header["params"])
        model = cls(**{**{name: params[name] for name in known & set(params)}, "device": device})
        model.latent_dim_ = int(params["latent_dim"])
        model.image_shape_ = tuple(stored.header["image_shape"])
        network = make_network(model.network, model.latent_dim_, model.image_shape_)
        weights = {name.removeprefix("decoder."): v for name, v in stored.weights.items()}
        ModelFile(stored.header, weights).load_into(network.decoder, Path(path))
        place = model._trained_like().resolved_device()
        model.decoder_ = cast(nn.Sequential, network.decoder.to(place).eval())
        model.recipe_ = Recipe(**stored.header["recipe"])
        model.history_ = history_table(stored.header["history"])
        model.held_out_mse_ = float(stored.header["metrics"]["held_out_mse"])
        model.mean_image_mse_ = float(stored.header["metrics"]["mean_image_mse"])
        return model

    def _trained_like(self) -> ConvAutoencoder:
        """Return the autoencoder that would be trained with these settings."""
        settings = self.get_params(deep=False)
        return ConvAutoencoder(**settings)

    def _device_in_use(self) -> torch.device:
        return next(self.decoder_.parameters()).device

    def _errors(self, codes: FloatArray, images: FloatArray) -> DoubleArray:
        place = self._device_in_use()
        return mse_per_image(self.decoder_, to_tensor(images, place), to_tensor(codes, place))


def _fold(decoder: nn.Sequential, mean: DoubleArray, deviation: DoubleArray) -> None:
    """Let the first layer standardise: W (x - mean) / deviation + b, in float64."""
    first = cast(nn.Linear, decoder[0])
    weight = first.weight.detach().double().cpu().numpy() / deviation
    bias = first.bias.detach().double().cpu().numpy() - weight @ mean
    with torch.no_grad():
        first.weight.copy_(torch.from_numpy(weight))
        first.bias.copy_(torch.from_numpy(bias))
