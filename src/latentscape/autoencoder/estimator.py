"""The convolutional autoencoder as a scikit-learn estimator."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from latentscape.autoencoder.networks import describe, make_network
from latentscape.autoencoder.pixels import check_codes, check_images, from_network, to_tensor
from latentscape.autoencoder.python_path import is_python_path
from latentscape.autoencoder.storage import ModelFile, read_model
from latentscape.autoencoder.training import (
    EpochRecord,
    Recipe,
    Trainer,
    as_batch,
    forward_in_batches,
    mse_per_image,
    recipe_for,
    split_validation,
    steady_arithmetic,
)
from latentscape.errors import ModelFileError, SettingError
from latentscape.files import write_atomically
from latentscape.images import ImageSet
from latentscape.progress import progress_bars
from latentscape.types import DoubleArray, FloatArray, Progress, ProgressCallback

_MOST_THREADS = 1024  # the system ends a process that asks for very many


class ConvAutoencoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Convolutional autoencoder that turns images into codes and back.

    Parameters
    ----------
    latent_dim : int, default 32
        Number of latent dimensions, at least 1.
    network : {"reference", "residual"} or str, default "reference"
        Architecture, by name; or a class of your own by its Python path,
        ``package.module:Class`` or ``file.py:Class``, which is imported and
        called as ``Class(latent_dim=..., image_shape=...)``: see
        docs/networks.md.
    n_epochs, batch_size, learning_rate, bias_learning_rate, momentum, warmup
        See :class:`Recipe`. None, the default, takes what suits the network
        and the number of images: see :func:`recipe_for`.
    validation_fraction : float, default 0.05
        Share of the images given to ``fit`` that is only validated on, in
        [0, 1). The split is the same for every seed.
    random_state : int, RandomState instance or None, default None
        Seed of the initial weights and of the order of the images. The same
        seed gives the same bits on the same machine; the global generators
        are not touched.
    device : str, default "auto"
        "auto" takes a CUDA or Apple GPU where there is one; or any name that
        PyTorch knows, such as "cpu" or "cuda:1".
    n_jobs : int or None, default 1
        CPU threads. They are part of the result: another number gives other
        last bits.
    verbose : int, default 0
        1 shows a progress bar while fitting.
    callbacks : sequence of callables, default ()
        Each is called with a :class:`latentscape.types.Progress` after every
        step; ``network_`` then holds the weights as they are.

    Attributes
    ----------
    network_ : torch.nn.Module
        The network, with ``encode`` and ``decode``.
    history_ : DataFrame
        One row an epoch: epoch, train_loss, validation_mse, learning_rate,
        seconds.
    image_shape_ : tuple of int
        Shape of one image: (H, W), or (H, W, C) for colours.
    preprocessing_ : dict
        How the images were prepared when they were read: see
        :class:`latentscape.ImageSet`. Empty where nothing is known of that.
    recipe_ : Recipe
        How it was trained.
    seed_ : int
        The seed that was used.
    metrics_ : dict of str to float
        Figures stored with the model; a sweep fills in train_mse,
        validation_mse, test_mse, seconds, n_epochs and n_parameters.

    Examples
    --------
    >>> import latentscape as ls
    >>> mnist = ls.load_mnist()
    >>> model = ls.ConvAutoencoder(latent_dim=8, n_epochs=1, random_state=0)
    >>> codes = model.fit(mnist.train.select(slice(0, 2000))).transform(mnist.test)
    >>> codes.shape
    (10000, 8)
    """

    def __init__(
        self,
        latent_dim: int = 32,
        *,
        network: str = "reference",
        n_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        bias_learning_rate: float | None = None,
        momentum: float | None = None,
        warmup: float | None = None,
        validation_fraction: float = 0.05,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        n_jobs: int | None = 1,
        verbose: int = 0,
        callbacks: Sequence[ProgressCallback] = (),
    ) -> None:
        self.latent_dim = latent_dim
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

    def fit(self, X: ImageSet | ArrayLike, y: object = None) -> Self:
        """Train on images.

        Parameters
        ----------
        X : ImageSet or array of shape (n, H, W) or (n, H, W, C)
            uint8, or floats in [0, 1], with C = 1, 3 or 4 channels. PyTorch's
            layout (n, C, H, W) is taken where the last axis cannot hold
            channels. Of an :class:`ImageSet` all images are used: pass
            ``images.train``.
        y : ignored
            Here for scikit-learn's sake.

        Raises
        ------
        DataError
            When the images have another shape, type or range.
        SettingError
            When a parameter makes no sense.
        NonFiniteLossError
            When training diverges, also at half the learning rate.
        """
        images = check_images(X)
        self.recipe_ = self.resolved_recipe(len(images))
        train_rows, validation_rows = split_validation(len(images), self.validation_fraction)
        self.seed_ = _seed(self.random_state)
        self.image_shape_ = images.shape[1:]
        self.preprocessing_ = dict(X.preprocessing) if isinstance(X, ImageSet) else {}
        device = self.resolved_device()
        with steady_arithmetic(self.resolved_threads()), progress_bars(self.verbose) as show:
            self.network_ = make_network(
                self.network, self.latent_dim, self.image_shape_, seed=self.seed_
            ).to(device)

            def tell(event: Progress) -> None:
                for callback in (*self.callbacks, show):
                    callback(event)

            trainer = Trainer(
                self.network_,
                to_tensor(images, device),
                train_rows,
                validation_rows,
                self.recipe_,
                seed=self.seed_,
                on_step=tell,
                task=f"d{self.latent_dim}-s{self.seed_}",
            )
            try:
                history = trainer.run()
            finally:
                self.network_.eval()
        self.history_ = history_table([asdict(record) for record in history])
        self.metrics_: dict[str, float] = {}
        return self

    def transform(self, X: ImageSet | ArrayLike) -> FloatArray:
        """Encode images, shaped as those in ``fit``, to codes, float32 (n, latent_dim)."""
        check_is_fitted(self, "network_")
        images = self._tensor_like_training(X)
        codes = np.empty((len(images), self.network_.latent_dim), np.float32)
        with steady_arithmetic(self.resolved_threads()):
            for rows, out in forward_in_batches(self.network_.encode, images, as_batch):
                codes[rows] = out.cpu().numpy()
        return codes

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Decode codes (n, latent_dim) to images in [0, 1].

        Returns
        -------
        ndarray of float32, shape (n, H, W) or (n, H, W, C)

        Raises
        ------
        CodesError
            When the codes have another width, or are not finite.
        """
        check_is_fitted(self, "network_")
        codes = check_codes(X, self.network_.latent_dim)
        images = np.empty((len(codes), *self.image_shape_), np.float32)
        rows_in = torch.from_numpy(codes).to(self._device_in_use())
        with steady_arithmetic(self.resolved_threads()):
            for rows, out in forward_in_batches(self.network_.decode, rows_in, lambda part: part):
                images[rows] = from_network(out)
        return images

    def reconstruction_error(self, X: ImageSet | ArrayLike) -> DoubleArray:
        """Return each image's mean squared error over pixels, float64 (n,)."""
        check_is_fitted(self, "network_")
        images = self._tensor_like_training(X)
        with steady_arithmetic(self.resolved_threads()):
            return mse_per_image(self.network_, images)

    def score(self, X: ImageSet | ArrayLike, y: object = None) -> float:
        """Return the negative mean squared error over images and pixels.

        The sign makes greater better, as model selection in scikit-learn
        expects.
        """
        return -float(self.reconstruction_error(X).mean())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights, settings and history into one safetensors file.

        Settings and history stand as JSON in the file's header; no pickle is
        involved. An existing file is replaced whole or not at all.

        Raises
        ------
        StorageError
            When the file cannot be written.
        """
        write_atomically(Path(path), self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return what :meth:`save` writes."""
        check_is_fitted(self, "network_")
        params = self.get_params(deep=False)
        params.pop("callbacks")
        params["random_state"] = self.seed_
        header = {
            "params": params,
            "image_shape": list(self.image_shape_),
            "preprocessing": self.preprocessing_,
            "history": self.history_.to_dict("records"),
            "metrics": self.metrics_,
            "recipe": self.recipe_.as_dict(),
            "architecture": describe(self.network_),
        }
        return ModelFile(header, self.network_.state_dict()).to_bytes()

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, device: str = "auto", network: str | None = None
    ) -> Self:
        """Read a model written by :meth:`save`.

        Parameters
        ----------
        path : path
            The file.
        device : str, default "auto"
            As in the constructor.
        network : str, optional
            The Python path of the network, for a model whose network is a
            class of your own. It must be given again: to import it is to run
            its code, and no file may decide that.

        Raises
        ------
        ModelFileError
            When the file is damaged or holds something else, or its network is
            of the user's own and was not named.
        SettingError
            When the network that was named cannot be made.
        StorageError
            When the file cannot be read.
        """
        stored = read_model(Path(path))
        if stored.header.get("kind", "autoencoder") != "autoencoder":
            msg = f"{path} holds a {stored.header['kind']} alone; load it with CodeDecoder.load"
            raise ModelFileError(msg)
        known = set(cls._get_param_names())
        params = {name: value for name, value in stored.header["params"].items() if name in known}
        name = params.get("network", "reference")
        if is_python_path(name):
            if network is None:
                msg = (
                    f"{path} was trained with a network of its own, {name!r}; to load it is to "
                    f"run that code, so name it again if you trust it: network={name!r}, or "
                    f"--network {name} on the command line"
                )
                raise ModelFileError(msg)
            params["network"] = network
        elif network not in (None, name):
            msg = (
                f"{path} was trained with the network {name!r}, not with {network!r}; leave the "
                f"network out"
            )
            raise SettingError(msg)
        model = cls(**{**params, "device": device})
        recipe = stored.header.get("recipe")  # files of the first version have it in the params
        given = {name: params[name] for name in Recipe.names()} if recipe is None else recipe
        model.recipe_ = Recipe(**given)
        model.seed_ = int(params["random_state"])
        model.image_shape_ = tuple(stored.header["image_shape"])
        model.preprocessing_ = dict(stored.header.get("preprocessing") or {})
        model.network_ = make_network(model.network, model.latent_dim, model.image_shape_)
        stored.load_into(model.network_, Path(path))
        model.network_.to(_device(device)).eval()
        model.history_ = history_table(stored.header["history"])
        model.metrics_ = dict(stored.header["metrics"])
        return model

    def resolved_device(self) -> torch.device:
        """Return the device that ``device`` stands for on this machine.

        Raises
        ------
        SettingError
            When it cannot be used here.
        """
        return _device(self.device)

    def resolved_threads(self) -> int:
        """Return the number of threads that ``n_jobs`` stands for on this machine.

        Raises
        ------
        SettingError
            When it is no number of threads, or more than a machine can start.
        """
        cores = os.cpu_count() or 1
        if self.n_jobs is None:
            return 1
        whole = isinstance(self.n_jobs, int | np.integer) and not isinstance(self.n_jobs, bool)
        if not whole or self.n_jobs == 0 or self.n_jobs > _MOST_THREADS:
            msg = (
                f"the number of threads (n_jobs) must be a whole number from 1 to "
                f"{_MOST_THREADS:,}, or -1 for all cores, got {self.n_jobs!r}"
            )
            raise SettingError(msg)
        return int(self.n_jobs) if self.n_jobs > 0 else max(1, cores + 1 + int(self.n_jobs))

    def resolved_recipe(self, n_images: int) -> Recipe:
        """Return how this estimator trains on so many images.

        Raises
        ------
        SettingError
            When a setting makes no sense.
        """
        given = {name: getattr(self, name) for name in Recipe.names()}
        return recipe_for(self.network, n_images, given)

    def _device_in_use(self) -> torch.device:
        return next(self.network_.parameters()).device

    def _tensor_like_training(self, X: ImageSet | ArrayLike) -> torch.Tensor:
        images = check_images(X, self.image_shape_)
        return to_tensor(images, self._device_in_use())


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if isinstance(random_state, int | np.integer):
        if random_state < 0:
            msg = f"random_state must not be negative, got {random_state}"
            raise SettingError(msg)
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # also refuses "meta", which holds no values
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        msg = f"device {name!r} cannot be used here; try device='auto' or device='cpu'"
        raise SettingError(msg) from error
    return device


def history_table(records: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Return the records of epochs as a table, one row an epoch."""
    names = [item.name for item in fields(EpochRecord)]
    floats = {name: np.float64 for name in names if name != "epoch"}
    return pd.DataFrame(records, columns=names).astype(floats)
