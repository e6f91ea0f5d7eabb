"""What would only fail after minutes of work, refused before anything begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from latentscape.errors import DataError, LatentscapeError, SettingError
from latentscape.images import ImageSet
from latentscape.images.embedding_stream import EmbeddingStream
from latentscape.images.kinds import AnyCodes
from latentscape.pipeline.coding import mapped_rows
from latentscape.pipeline.lacking import LEAST_ROWS
from latentscape.pipeline.settings import LARGEST_SEED, MAP_NAMES, RunSettings

if TYPE_CHECKING:
    from latentscape.autoencoder import ConvAutoencoder

# What a run decides itself, or what could not be stored.
_NAMED = 5
_NOT_TO_BE_SET = ("latent_dim", "random_state", "verbose", "callbacks")


def check_run(images: ImageSet, settings: RunSettings) -> None:
    """Refuse images and settings that a run could not go through with.

    Raises
    ------
    DataError
        When the images cannot be trained on.
    SettingError
        When a setting makes no sense.
    """
    for name, given in settings.map_settings.items():
        check_map_settings(name, given)
    _check_rows(images.name, len(images), "images")
    n_train, n_test = len(images.train), len(images.test)
    if not n_train or not n_test:
        msg = (
            f"{images.name} has {n_train:,} training and {n_test:,} test images, but both are "
            f"needed; set the split of the image set"
        )
        raise DataError(msg)
    sizes = list(settings.latent_dims)
    if settings.latent_dim != "auto":
        sizes.append(settings.latent_dim)
    model = checked_estimator(images, settings.training, sizes)
    from latentscape.autoencoder.training import split_validation

    if not model.validation_fraction:
        msg = "a latent size is chosen on validation images, so validation_fraction must not be 0"
        raise SettingError(msg)
    if not len(split_validation(n_train, model.validation_fraction)[1]):
        msg = (
            f"{n_train:,} training images with validation_fraction={model.validation_fraction:g} "
            f"leave none to choose a latent size on; give more images or a larger fraction"
        )
        raise DataError(msg)


def check_embeddings(data: AnyCodes, settings: RunSettings) -> None:
    """Refuse codes and settings that a run could not go through with.

    Raises
    ------
    DataError
        When there are too few rows to map, or zero ones under the cosine metric.
    SettingError
        When a setting makes no sense.
    """
    for name, given in settings.map_settings.items():
        check_map_settings(name, given)
    _check_rows(data.name, len(data), "rows")
    if settings.metric == "cosine":
        mapped = data
        if not isinstance(data, EmbeddingStream):
            mapped = mapped_rows(data, settings.rows)[0]
        _check_directions(mapped)


def _check_directions(data: AnyCodes) -> None:
    """Refuse rows that have no direction."""
    if isinstance(data, EmbeddingStream):
        zero = data.zero_rows
        ids: Sequence[str] = data.ids(zero[:_NAMED])
    else:
        zero = np.flatnonzero(~data.codes.any(axis=1))
        ids = data.ids[zero[:_NAMED]].tolist()
    if len(zero):
        named = ", ".join(map(str, ids))
        msg = (
            f"{len(zero):,} of the {len(data):,} rows of {data.name} that are mapped "
            f"{'is' if len(zero) == 1 else 'are'} zero ({named}{', ...' * (len(zero) > _NAMED)}) "
            f"and {'has' if len(zero) == 1 else 'have'} no direction, which --metric cosine "
            "compares; leave such rows out, or take --metric euclidean"
        )
        raise DataError(msg)


def _check_rows(name: str, n_rows: int, what: str) -> None:
    if n_rows < LEAST_ROWS:
        msg = (
            f"{name} has {n_rows:,} {what}, but a map needs at least {LEAST_ROWS}; give more of "
            "them"
        )
        raise DataError(msg)


def checked_estimator(
    images: ImageSet, training: Mapping[str, Any], latent_dims: Sequence[int], *, seed: int = 0
) -> ConvAutoencoder:
    """Return the estimator that these settings describe, if it can be trained here.

    Raises
    ------
    DataError
        When the network does not fit the images, or they are too few.
    SettingError
        When a setting is unknown or makes no sense, or the device cannot be
        used.
    """
    # torch takes seconds to import, and a run with nothing to do needs none of it.
    from latentscape.autoencoder import ConvAutoencoder
    from latentscape.autoencoder.networks import make_network
    from latentscape.autoencoder.training import split_validation

    known = sorted(set(ConvAutoencoder().get_params(deep=False)) - set(_NOT_TO_BE_SET))
    unknown = sorted(set(training) - set(known))
    if unknown:
        msg = f"training has no setting {unknown[0]!r}; it has: {', '.join(known)}"
        raise SettingError(msg)
    if not 0 <= seed <= LARGEST_SEED:
        msg = f"the seed must lie between 0 and {LARGEST_SEED}, got {seed}"
        raise SettingError(msg)
    n_pixels = images.images[0].size
    if max(latent_dims) > n_pixels:
        msg = (
            f"{max(latent_dims)} latent dimensions are more than the {n_pixels:,} pixels of an "
            f"image; choose at most {n_pixels:,}"
        )
        raise SettingError(msg)
    model = ConvAutoencoder(random_state=seed, **training)
    try:
        model.resolved_recipe(len(images.train))
        split_validation(len(images.train), model.validation_fraction)
        make_network(model.network, max(latent_dims), images.image_shape)
    except LatentscapeError:
        raise
    except (TypeError, ValueError) as error:
        msg = f"a training setting is of the wrong kind ({error}); give a number"
        raise SettingError(msg) from None
    model.resolved_threads()
    model.resolved_device()
    return model


def check_map_settings(name: str, settings: Mapping[str, Any]) -> None:
    """Refuse parameters that the map's class does not have, or values that make no sense.

    Raises
    ------
    SettingError
        With the names that exist, or with what the value must be.
    """
    # scikit-learn takes a second to import, and a run with nothing to do needs none of it.
    from latentscape.maps import MAPS
    from latentscape.maps.guard import seed_of

    if name not in MAP_NAMES:
        msg = f"there is no map {name!r}; choose from {', '.join(MAP_NAMES)}"
        raise SettingError(msg)
    known = sorted(set(MAPS[name]().get_params()) - {"metric"})
    if "metric" in settings:
        msg = (
            "metric is no setting of one map: all maps and measures of an atlas share its "
            "neighbours; give it as metric= by itself"
        )
        raise SettingError(msg)
    unknown = sorted(set(settings) - set(known))
    if unknown:
        msg = f"the map {name!r} has no setting {unknown[0]!r}; it has: {', '.join(known)}"
        raise SettingError(msg)
    MAPS[name](**settings)._check_settings()  # which fit() does too, but then codes must be there
    if "random_state" in settings:
        seed_of(settings["random_state"])
