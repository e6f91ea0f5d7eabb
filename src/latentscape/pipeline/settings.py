"""What a run is asked to do, checked before anything begins."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, cast

from latentscape.errors import SettingError

Rows = Literal["test", "train", "all"]

METRICS = ("euclidean", "cosine")
MAP_NAMES = ("pca", "lda", "tsne", "umap")
MAP_TITLES = {"direct": "two neurons", "pca": "PCA", "lda": "LDA", "tsne": "t-SNE", "umap": "UMAP"}

# Raise the number of a stage when its arithmetic or its files change, so that
# atlases made by an older version are brought up to date by the next run.
# "training" repeats TRAINING_VERSION, whose module costs an import of torch.
STAGE_VERSIONS = {
    "training": 1,
    "sweep": 1,
    "decoder": 1,
    "codes": 1,
    "plane": 1,
    "neighbors": 1,
    "maps": 3,
    "places": 1,
    "quality": 4,
    "points": 3,
    "figures": 4,
    "size-samples": 1,
    "explorer": 2,
}

LEAST_SAMPLE = 100  # a map of fewer says little about the others
LARGEST_SEED = 2**32 - 1  # that of the maps
MOST_SEEDS = 1000  # more is a slip of the finger, and the list of trainings would fill the memory


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides the content of an atlas, but for the data.

    Values that mean the same are stored alike, so that they are the same run:
    sizes and maps in a fixed order, whole numbers as int.

    Attributes
    ----------
    latent_dims : tuple of int
        Latent sizes of the sweep.
    latent_dim : int or "auto"
        The size that is mapped; "auto" takes the one that the sweep chooses.
    n_seeds : int
        Trainings of each size.
    maps : tuple of str
        Maps to make, from "pca", "lda", "tsne" and "umap"; the map of the
        two-neuron model is always made.
    rows : {"test", "train", "all"}
        Which images are mapped.
    random_state : int
        First seed of the trainings, and the seed of the maps.
    tolerance : float
        See :func:`latentscape.choose_latent_dim`.
    training : mapping
        Parameters of :class:`latentscape.ConvAutoencoder` that differ from
        their defaults.
    map_settings : mapping of str to mapping
        Parameters of map classes that differ from their defaults, for
        example ``{"tsne": {"perplexity": 50}}``.
    sample : int or None
        Maps are fitted and judged on so many of the rows, drawn with
        `random_state`, and the others are placed on them; of images that stay
        on the disk, these are also what is trained on. None takes all rows.
    metric : {"euclidean", "cosine"}
        By which codes are neighbours, for t-SNE, UMAP and all measures: by
        their distance, or by their directions alone.
    """

    latent_dims: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128)
    latent_dim: int | Literal["auto"] = "auto"
    n_seeds: int = 3
    maps: tuple[str, ...] = MAP_NAMES
    rows: Rows = "test"
    random_state: int = 0
    tolerance: float = 0.1
    training: Mapping[str, Any] = field(default_factory=dict)
    map_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sample: int | None = None
    metric: Literal["euclidean", "cosine"] = "euclidean"

    def __post_init__(self) -> None:
        sizes = self.latent_dims
        if not sizes or any(not _is_whole(size) or size < 1 for size in sizes):
            msg = f"latent_dims must be whole numbers of at least 1, got {_listed(sizes)}"
            raise SettingError(msg)
        if len(set(sizes)) != len(sizes):
            msg = f"latent_dims names a size twice: {_listed(sizes)}"
            raise SettingError(msg)
        if self.latent_dim != "auto" and (not _is_whole(self.latent_dim) or self.latent_dim < 1):
            msg = (
                f"latent_dim must be 'auto' or a whole number of at least 1, got "
                f"{self.latent_dim!r}"
            )
            raise SettingError(msg)
        for name, least in (("n_seeds", 1), ("random_state", 0)):
            value = getattr(self, name)
            if not _is_whole(value) or value < least:
                msg = f"{name} must be a whole number of at least {least}, got {value!r}"
                raise SettingError(msg)
        if self.n_seeds > MOST_SEEDS:
            msg = f"n_seeds must be at most {MOST_SEEDS:,}, got {self.n_seeds:,}"
            raise SettingError(msg)
        if self.random_state + self.n_seeds - 1 > LARGEST_SEED:
            msg = (
                f"seeds must not exceed {LARGEST_SEED}, got {self.n_seeds} from "
                f"{self.random_state} on"
            )
            raise SettingError(msg)
        if self.sample is not None and (not _is_whole(self.sample) or self.sample < LEAST_SAMPLE):
            msg = f"sample must be a whole number of at least {LEAST_SAMPLE}, got {self.sample!r}"
            raise SettingError(msg)
        for name in ("training", "map_settings"):
            given = getattr(self, name)
            parts = [given, *given.values()] if name == "map_settings" else [given]
            if not all(isinstance(part, Mapping) for part in parts):
                msg = f"{name} must be a mapping of names to values, got {given!r}"
                raise SettingError(msg)
        unknown = [name for name in (*self.maps, *self.map_settings) if name not in MAP_NAMES]
        if unknown:
            msg = f"there is no map {unknown[0]!r}; choose from {', '.join(MAP_NAMES)}"
            raise SettingError(msg)
        if len(set(self.maps)) != len(self.maps):
            msg = f"maps names a map twice: {_listed(self.maps)}"
            raise SettingError(msg)
        if self.rows not in ("test", "train", "all"):
            msg = f"rows must be 'test', 'train' or 'all', got {self.rows!r}"
            raise SettingError(msg)
        if self.metric not in METRICS:
            msg = f"metric must be 'euclidean' or 'cosine', got {self.metric!r}"
            raise SettingError(msg)
        if not _is_number(self.tolerance) or not 0 <= self.tolerance < float("inf"):
            msg = f"tolerance must be a number of 0 or more, got {self.tolerance!r}"
            raise SettingError(msg)
        canonical: dict[str, Any] = {
            "latent_dims": tuple(sorted(int(size) for size in sizes)),
            "latent_dim": self.latent_dim if self.latent_dim == "auto" else int(self.latent_dim),
            "n_seeds": int(self.n_seeds),
            "maps": tuple(name for name in MAP_NAMES if name in self.maps),
            "random_state": int(self.random_state),
            "tolerance": float(self.tolerance),
            "sample": None if self.sample is None else int(self.sample),
            "training": dict(self.training),
            "map_settings": {
                name: dict(given) for name, given in sorted(self.map_settings.items()) if given
            },
        }
        for name, value in canonical.items():
            object.__setattr__(self, name, value)

    @property
    def network(self) -> str:
        """Name of the network."""
        return str(self.training.get("network", "reference"))

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values, the network's name included."""
        return {**asdict(self), "network": self.network}

    def made_from(self) -> dict[str, Any]:
        """Return what a fingerprint is made of.

        A run by Euclidean distance has the one that it had before there was another metric.
        """
        named = [each.name for each in fields(self) if each.name != "metric"]
        return {name: getattr(self, name) for name in named} | of_metric(self.metric)


def of_metric(metric: str) -> dict[str, str]:
    """Return what a metric adds to a fingerprint: nothing, if it is the Euclidean one."""
    return {} if metric == "euclidean" else {"metric": metric}


def run_settings(**given: Any) -> RunSettings:
    """Make :class:`RunSettings` from what a caller gave, lists and all.

    Raises
    ------
    SettingError
        For an unknown name or a value that makes no sense.
    """
    for name in ("latent_dims", "maps"):
        if name in given:
            value = given[name]
            if isinstance(value, str) or not isinstance(value, Iterable):
                msg = f"{name} must be a list, got {value!r}"
                raise SettingError(msg)
            given[name] = tuple(value)
    try:
        return RunSettings(**given)
    except TypeError as error:
        known = ", ".join(RunSettings.__dataclass_fields__)
        msg = f"unknown or unusable setting ({error}); the settings are: {known}"
        raise SettingError(msg) from None


def fitting_sizes(settings: RunSettings, image_shape: tuple[int, ...]) -> RunSettings:
    """Leave out of the default latent sizes those that images so small cannot need."""
    n_pixels = math.prod(image_shape)
    if settings.latent_dims != RunSettings.latent_dims or max(settings.latent_dims) < n_pixels:
        return settings
    sizes = tuple(size for size in settings.latent_dims if size < n_pixels)
    return replace(settings, latent_dims=sizes or (1,))


def sizes_left_out(settings: RunSettings, image_shape: tuple[int, ...]) -> str:
    """Say which default sizes were left out; empty where none was."""
    whole = replace(settings, latent_dims=RunSettings.latent_dims)
    left_out = [size for size in whole.latent_dims if size not in settings.latent_dims]
    if not left_out or settings != fitting_sizes(whole, image_shape):
        return ""
    n_pixels = math.prod(image_shape)
    sizes = " and ".join(map(str, left_out))
    return f"latent sizes {sizes} are left out, as an image has only {n_pixels} pixels"


def given_path(path: str | os.PathLike[str]) -> Path:
    """Return a path, unless it is empty: Python would take that for the current directory.

    Raises
    ------
    SettingError
        For an empty path.
    """
    if not os.fspath(path):
        msg = "an empty path was given; give a name, or . for the current directory"
        raise SettingError(msg)
    return Path(path)


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for name in ("latentscape", "torch", "numpy", "scikit-learn", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that is not installed
            continue
    return found


def _is_whole(value: object) -> bool:
    try:
        return not isinstance(value, bool) and int(cast(Any, value)) == value
    except (TypeError, ValueError, OverflowError):
        return False


def _is_number(value: object) -> bool:
    try:
        return not isinstance(value, (bool, str)) and float(cast(Any, value)) is not None
    except (TypeError, ValueError, OverflowError):
        return False


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(str(value) for value in values) or "nothing"
