"""Latent sizes × seeds, trained by any engine, each training stored once."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
import weakref
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from latentscape.autoencoder.estimator import ConvAutoencoder, history_table
from latentscape.autoencoder.latent_size import LatentSizeChoice, choose_latent_dim
from latentscape.autoencoder.networks import n_parameters
from latentscape.autoencoder.pca_baseline import pca_test_mse
from latentscape.autoencoder.python_path import is_python_path, source_digest
from latentscape.autoencoder.storage import read_header
from latentscape.autoencoder.training import TRAINING_VERSION
from latentscape.engines import make_engine
from latentscape.errors import DataError, ModelFileError, SettingError
from latentscape.files import make_folder, publish_exclusively
from latentscape.images import ImageSet
from latentscape.progress import progress_bars
from latentscape.types import Engine, Progress, ProgressCallback

DEFAULT_LATENT_DIMS = (2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class TrainingKey:
    """Names one training: what is trained, and a hash of all that decides it."""

    latent_dim: int
    seed: int
    digest: str

    def __str__(self) -> str:
        return f"d{self.latent_dim}-s{self.seed}-{self.digest[:12]}"

    @property
    def file_name(self) -> str:
        """The name of its file in a store."""
        return f"{self}.safetensors"

    @property
    def task(self) -> str:
        """The name in progress events."""
        return f"d{self.latent_dim}-s{self.seed}"


@dataclass(frozen=True)
class TrainAndPublish:
    """The task of a sweep: train one model, publish it, return its header.

    Everything that decides the result travels with the task; it is the same
    to the last bit in whichever process it runs.
    """

    images: ImageSet
    estimator: ConvAutoencoder
    store: Path

    def __call__(self, key: TrainingKey, /, report: ProgressCallback) -> dict[str, Any]:
        """Return the header of the training's file, made now if need be."""
        path = self.store / key.file_name
        if path.exists():
            return read_header(path)
        started = time.perf_counter()

        def renamed(event: Progress) -> None:
            report(Progress(key.task, event.step, event.total, event.metrics))

        model = clone(self.estimator).set_params(
            latent_dim=key.latent_dim, random_state=key.seed, verbose=0, callbacks=[renamed]
        )
        train = self.images.train
        model.fit(train)
        validated = model.history_["validation_mse"].iloc[-1]
        model.metrics_ = {
            "train_mse": float(model.reconstruction_error(train).mean()),
            "validation_mse": float(validated),
            "test_mse": float(model.reconstruction_error(self.images.test).mean()),
            "seconds": time.perf_counter() - started,
            "n_epochs": len(model.history_),
            "n_parameters": n_parameters(model.network_),
        }
        # The first to link the file wins; a second training of the same key
        # (a task that was sent again) has the same bits and is dropped.
        publish_exclusively(path, model.to_bytes())
        return read_header(path)


class LatentSizeSweep(BaseEstimator):  # type: ignore[misc]
    """Train an autoencoder for each latent size and seed, and choose a size.

    Parameters
    ----------
    latent_dims : sequence of int, default (2, 4, 8, 16, 32, 64, 128)
        The sizes.
    n_seeds : int, default 3
        Trainings of each size.
    estimator : ConvAutoencoder or None, default None
        Template for the other settings; None takes the defaults, on one
        thread each.
    tolerance : float, default 0.1
        See :func:`choose_latent_dim`.
    random_state : int, default 0
        The first seed; the others follow it.
    engine : {"auto", "serial", "processes"} or Engine, default "auto"
        What runs the trainings. "auto" takes local processes where there is
        more than one core. Results are the same to the last bit.
    n_jobs : int or None, default None
        Worker processes; None takes one for each core.
    store : path or None, default None
        Folder in which finished trainings are kept and looked for; None keeps
        them as long as this object.
    verbose : int, default 0
        1 shows progress bars.
    callbacks : sequence of callables, default ()
        Each is called with every :class:`latentscape.types.Progress`.

    Attributes
    ----------
    results_ : DataFrame
        One row per (latent_dim, seed): model ("autoencoder"), latent_dim,
        seed, train_mse, validation_mse, test_mse, seconds, n_epochs, key; and
        PCA's rows (model "pca", seed -1, test_mse).
    history_ : DataFrame
        One row an epoch of each training.
    choice_ : LatentSizeChoice
        The chosen size, the rule and the band over other rules.
    best_latent_dim_ : int
        The chosen size.
    n_trained_ : int
        Trainings that this call ran; the others were in the store.

    Examples
    --------
    >>> import latentscape as ls
    >>> mnist = ls.load_mnist()
    >>> sweep = ls.LatentSizeSweep(latent_dims=(2, 8, 32), n_seeds=2).fit(mnist)
    >>> sweep.best_latent_dim_
    32
    """

    def __init__(
        self,
        latent_dims: Sequence[int] = DEFAULT_LATENT_DIMS,
        n_seeds: int = 3,
        *,
        estimator: ConvAutoencoder | None = None,
        tolerance: float = 0.1,
        random_state: int = 0,
        engine: str | Engine = "auto",
        n_jobs: int | None = None,
        store: str | Path | None = None,
        verbose: int = 0,
        callbacks: Sequence[ProgressCallback] = (),
    ) -> None:
        self.latent_dims = latent_dims
        self.n_seeds = n_seeds
        self.estimator = estimator
        self.tolerance = tolerance
        self.random_state = random_state
        self.engine = engine
        self.n_jobs = n_jobs
        self.store = store
        self.verbose = verbose
        self.callbacks = callbacks

    def fit(self, X: ImageSet | object, y: object = None) -> Self:
        """Train what is not in the store yet, and choose a size.

        Parameters
        ----------
        X : ImageSet
            With training and test images. Validation images are split from
            the training images; the size is chosen on them, and the test
            images are only reported.
        y : ignored
            Here for scikit-learn's sake.

        Raises
        ------
        DataError, SettingError
            When the images or the settings cannot be used.
        StorageError
            When the store cannot be written.
        """
        if not isinstance(X, ImageSet):
            msg = "a sweep needs an ImageSet with training and test images; see load_mnist()"
            raise DataError(msg)
        if len(X.train) == 0 or len(X.test) == 0:
            msg = (
                f"a sweep needs training and test images, got {len(X.train)} and {len(X.test)}; "
                f"set the split of the image set"
            )
            raise DataError(msg)
        template = ConvAutoencoder() if self.estimator is None else self.estimator
        keys = training_keys(
            X, template, self.latent_dims, n_seeds=self.n_seeds, first_seed=self.random_state
        )
        store = self._open_store()
        engine = self.engine
        if isinstance(engine, str):
            engine = make_engine(engine, self.n_jobs)
        done = stored_trainings(store, keys)
        self.n_trained_ = len(keys) - len(done)
        with progress_bars(self.verbose) as show:

            def listen(event: Progress) -> None:
                for callback in (*self.callbacks, show):
                    callback(event)

            missing = [key for key in keys if key not in done]
            done.update(train(X, template, missing, store, engine, on_progress=listen))
        self.results_, self.history_ = tabulate(X, {key: done[key] for key in keys})
        self.choice_: LatentSizeChoice = choose_latent_dim(self.results_, tolerance=self.tolerance)
        self.best_latent_dim_ = self.choice_.latent_dim
        return self

    def model_path(self, latent_dim: int, seed: int | None = None) -> Path:
        """Return the file of one training (of the first seed by default)."""
        check_is_fitted(self, "results_")
        seed = self.random_state if seed is None else seed
        rows = self.results_.query("model == 'autoencoder'")
        rows = rows[(rows["latent_dim"] == latent_dim) & (rows["seed"] == seed)]
        if rows.empty:
            msg = f"no model with latent_dim={latent_dim} and seed={seed} was trained"
            raise SettingError(msg)
        return self.store_ / f"{rows['key'].iloc[0]}.safetensors"

    def model(self, latent_dim: int, seed: int | None = None) -> ConvAutoencoder:
        """Load one of the trained models (of the first seed by default)."""
        template = ConvAutoencoder() if self.estimator is None else self.estimator
        return ConvAutoencoder.load(self.model_path(latent_dim, seed), network=template.network)

    def _open_store(self) -> Path:
        if self.store is None:
            self.store_ = Path(tempfile.mkdtemp(prefix="latentscape-sweep-"))
            weakref.finalize(self, shutil.rmtree, self.store_, ignore_errors=True)
        else:
            self.store_ = Path(self.store)
            make_folder(self.store_)
        return self.store_


_METRICS = ("train_mse", "validation_mse", "test_mse", "seconds", "n_epochs")


def training_keys(
    images: ImageSet,
    template: ConvAutoencoder,
    latent_dims: Sequence[int],
    *,
    n_seeds: int,
    first_seed: int = 0,
) -> list[TrainingKey]:
    """Return the key of each training of a sweep, the slowest ones first.

    The digest covers the images, the estimator's settings and the version of
    the training loop, and nothing that cannot change the result.

    Raises
    ------
    SettingError
        For sizes or numbers of seeds that make no sense.
    """
    sizes = list(latent_dims)
    if not sizes or any(isinstance(d, bool) or int(d) != d or d < 1 for d in sizes):
        msg = f"latent_dims must be whole numbers of at least 1, got {latent_dims!r}"
        raise SettingError(msg)
    if len(set(sizes)) != len(sizes):
        msg = f"latent_dims names a size twice: {latent_dims!r}"
        raise SettingError(msg)
    if isinstance(n_seeds, bool) or int(n_seeds) != n_seeds or n_seeds < 1:
        msg = f"n_seeds must be a whole number of at least 1, got {n_seeds!r}"
        raise SettingError(msg)
    ignored = ("latent_dim", "random_state", "verbose", "callbacks", "device")
    settings = {
        name: value
        for name, value in template.get_params(deep=False).items()
        if name not in ignored
    }
    settings |= template.resolved_recipe(len(images.train)).as_dict()
    if is_python_path(template.network):
        settings["network_source"] = source_digest(template.network)
    settings["device"] = template.resolved_device().type
    base = {"images": images.content_hash, "version": TRAINING_VERSION, "settings": settings}
    keys = []
    for size in sorted(int(d) for d in sizes):
        for seed in range(first_seed, first_seed + n_seeds):
            text = json.dumps({**base, "latent_dim": size, "seed": seed}, sort_keys=True)
            keys.append(TrainingKey(size, seed, hashlib.sha256(text.encode()).hexdigest()))
    return keys


def stored_trainings(store: Path, keys: Sequence[TrainingKey]) -> dict[TrainingKey, dict[str, Any]]:
    """Return the headers of the trainings that a store holds already.

    A damaged file is removed and counts as missing.
    """
    found = {}
    for key in keys:
        path = store / key.file_name
        if not path.exists():
            continue
        try:
            found[key] = read_header(path)
        except ModelFileError:
            path.unlink()
    return found


def train(
    images: ImageSet,
    template: ConvAutoencoder,
    keys: Sequence[TrainingKey],
    store: Path,
    engine: Engine,
    *,
    on_progress: ProgressCallback,
) -> Generator[tuple[TrainingKey, dict[str, Any]], None, None]:
    """Run trainings on an engine; yield each key and header as it is published.

    ``on_progress`` hears of each training, and of all together as the task
    "sweep", in hundredths of a training.
    """
    plain = clone(template).set_params(callbacks=(), verbose=0)
    parts = dict.fromkeys((key.task for key in keys), 0)
    n_done = 0

    def overall() -> None:
        metrics = {"trained": float(n_done), "of": float(len(keys))}
        on_progress(Progress("sweep", sum(parts.values()), 100 * len(keys), metrics))

    def listen(event: Progress) -> None:
        on_progress(event)
        # Evaluation and storing follow the last step, so a training ends at 100 only then.
        share = min(99, 100 * event.step // event.total)
        if event.task in parts and share > parts[event.task]:
            parts[event.task] = share
            overall()

    work = TrainAndPublish(images, plain, store)
    results = engine.map(work, keys, on_progress=listen)
    try:
        for key, header in results:
            parts[key.task] = 100
            n_done += 1
            overall()
            yield key, header
    finally:  # an interruption ends the workers now, not when its traceback is forgotten
        if isinstance(results, Generator):
            results.close()


def tabulate(
    images: ImageSet, done: Mapping[TrainingKey, dict[str, Any]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the results (PCA's rows included) and the history of trainings."""
    rows: list[dict[str, Any]] = []
    history: list[pd.DataFrame] = []
    for key, header in done.items():
        names = {"latent_dim": key.latent_dim, "seed": key.seed}
        metrics = {name: header["metrics"][name] for name in _METRICS}
        rows.append({"model": "autoencoder", **names, **metrics, "key": str(key)})
        history.append(history_table(header["history"]).assign(**names))
    sizes = sorted({key.latent_dim for key in done})
    errors = pca_test_mse(images.train.images, images.test.images, sizes)
    for size, mse in zip(sizes, errors, strict=True):
        row = {"model": "pca", "latent_dim": size, "seed": -1, "test_mse": float(mse)}
        rows.append({**row, "n_epochs": 0, "key": ""})
    results = pd.DataFrame(rows, columns=["model", "latent_dim", "seed", *_METRICS, "key"])
    floats = dict.fromkeys(("train_mse", "validation_mse", "test_mse", "seconds"), np.float64)
    table = pd.concat(history, ignore_index=True)
    first = ["latent_dim", "seed"]
    table = table[first + [name for name in table.columns if name not in first]]
    return results.astype({**floats, "n_epochs": np.int64}), table
