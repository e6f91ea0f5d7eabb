"""New images on a trained model and on finished maps."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentscape.atlas import Atlas
from latentscape.autoencoder import ConvAutoencoder
from latentscape.errors import AtlasError, SettingError
from latentscape.files import check_writable, write_atomically
from latentscape.images import ImageSet
from latentscape.pipeline.reading import read_data
from latentscape.pipeline.settings import given_path
from latentscape.progress import progress_bars
from latentscape.types import AnyArray, EventCallback, FloatArray, Progress

FORMATS = (".npy", ".npz", ".parquet")


def encode_images(
    source: str | os.PathLike[str],
    data: Any,
    output: str | os.PathLike[str],
    *,
    reading: Mapping[str, Any] | None = None,
    verbose: int = 1,
    callbacks: Sequence[EventCallback] = (),
) -> dict[str, Any]:
    """Encode images, place them on an atlas's maps, and write what comes out.

    Parameters
    ----------
    source : path
        A model's file, or an atlas, whose mapped model is taken.
    data : ImageSet, str, path or object
        Images, or what :func:`latentscape.load_images` reads; all of them are
        encoded, whatever their split.
    output : path
        ``.npy`` for the codes alone; ``.npz`` for ids, codes, reconstruction
        errors and a place on each map (``tsne``: float32 (n, 2), ...);
        ``.parquet`` for the same as columns (``z0``, ..., ``tsne_x``, ...).
    reading : mapping, optional
        Options of :func:`latentscape.load_images`; size, mode and background
        are those of the atlas.
    verbose, callbacks
        As for :func:`latentscape.run`.

    Returns
    -------
    dict
        n, latent_dim, reconstruction_mse (mean), maps (names), output.

    Raises
    ------
    LatentscapeError
        One of its children, when something cannot be read or written.
    """
    path, target = given_path(source), given_path(output)
    if target.suffix not in FORMATS:
        msg = f"{target} must end in one of {', '.join(FORMATS)}, which says what to write"
        raise SettingError(msg)
    atlas = Atlas.open(path) if path.is_dir() else None
    model = ConvAutoencoder.load(path if atlas is None else _model_path(atlas, "codes"))
    with progress_bars(verbose) as show:
        as_before = {} if isinstance(data, ImageSet) else _reading_of(atlas)
        images = read_data(data, {**(reading or {}), **as_before}, show)
    names = list(atlas.map_names) if atlas is not None and target.suffix != ".npy" else []
    check_writable(target)

    with progress_bars(verbose) as show:
        n_steps = 2 + len(names)

        def step(done: int) -> None:
            for callback in (*callbacks, show):
                callback(Progress("encode", done, n_steps))

        step(0)
        codes = model.transform(images.images)
        step(1)
        errors = model.reconstruction_error(images.images)
        step(2)
        places: dict[str, FloatArray] = {}
        for name in names:
            assert atlas is not None
            own = codes
            if name == "direct":
                two = ConvAutoencoder.load(_model_path(atlas, "plane"))
                own = two.transform(images.images)
            places[name] = atlas.load_map(name).transform(own)
            step(2 + len(places))
    write_atomically(target, _content(target.suffix, images, codes, errors, places))
    return {
        "n": len(codes),
        "latent_dim": int(codes.shape[1]),
        "reconstruction_mse": float(errors.mean()),
        "maps": names,
        "output": str(target),
    }


def _reading_of(atlas: Atlas | None) -> dict[str, Any]:
    """Return the options that read new images as those of the atlas were read."""
    done = {} if atlas is None else atlas.data.get("preprocessing")
    return {"preprocessing": done} if done else {}


def _model_path(atlas: Atlas, stage: str) -> Path:
    """Return the file of the model that a stage of an atlas was made with."""
    model = atlas.stage_info(stage).get("model")
    if model is None:
        msg = f"{atlas.path} has no {stage} yet; finish it with `latentscape run` first"
        raise AtlasError(msg)
    return atlas.path / str(model)


def _content(
    suffix: str,
    images: ImageSet,
    codes: FloatArray,
    errors: AnyArray,
    places: dict[str, FloatArray],
) -> bytes:
    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, codes, allow_pickle=False)
    elif suffix == ".npz":
        np.savez(
            buffer,
            allow_pickle=False,
            id=images.ids,
            codes=codes,
            reconstruction_mse=errors,
            **places,
        )
    else:
        table: dict[str, Any] = {"id": images.ids.astype(object), "reconstruction_mse": errors}
        table |= {f"z{i}": codes[:, i] for i in range(codes.shape[1])}
        for name, xy in places.items():
            table |= {f"{name}_x": xy[:, 0], f"{name}_y": xy[:, 1]}
        pd.DataFrame(table).to_parquet(buffer, index=False)
    return buffer.getvalue()
