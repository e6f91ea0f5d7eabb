"""New data on a trained model and on finished maps."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError, DataError, SettingError
from latentscape.files import check_writable, write_atomically
from latentscape.images import EmbeddingSet, ImageSet
from latentscape.neighbors import measured_rows
from latentscape.pipeline.decoding import encode_with, given_encoder
from latentscape.pipeline.drift import Drift, measure_drift
from latentscape.pipeline.reading import read_data
from latentscape.pipeline.settings import given_path
from latentscape.progress import progress_bars
from latentscape.types import AnyArray, EventCallback, FloatArray, Progress, StageChange

FORMATS = (".npy", ".npz", ".parquet", ".csv")

# What two readings of the same file may differ in without a word.
_COMPARED = ("size", "mode", "background", "value_ranges")


@dataclass
class _Encoded:
    """What comes out, and what does not, with the reason."""

    ids: AnyArray
    codes: FloatArray
    errors: AnyArray | None = None
    places: dict[str, FloatArray] = field(default_factory=dict)
    lacking: dict[str, str] = field(default_factory=dict)


def encode_images(
    source: str | os.PathLike[str],
    data: Any,
    output: str | os.PathLike[str],
    *,
    network: str | None = None,
    encoder: Any = None,
    encoder_options: Mapping[str, Any] | None = None,
    reading: Mapping[str, Any] | None = None,
    verbose: int = 1,
    callbacks: Sequence[EventCallback] = (),
) -> dict[str, Any]:
    """Encode new data, place them on an atlas's maps, and write what comes out.

    Images that are read here are prepared as those of the atlas, or of the
    model, were: size, mode, background and range of values stand in both.
    Embeddings are taken as codes and placed.

    Parameters
    ----------
    source : path
        A model's file, or an atlas, whose mapped model is taken.
    data : ImageSet, EmbeddingSet, or what :func:`latentscape.images.load_data` reads
        All rows are encoded, whatever their split.
    output : path
        ``.npy`` for the codes alone; ``.npz`` for ids, codes, reconstruction
        errors and a place on each map (``tsne``: float32 (n, 2), ...);
        ``.parquet`` or ``.csv`` for the same as columns (``z0``, ...,
        ``tsne_x``, ...).
    network : str, optional
        The Python path of the network, for a model whose network is a class of
        your own: see :meth:`latentscape.ConvAutoencoder.load`.
    encoder, encoder_options
        As for :func:`latentscape.run`, for an atlas whose codes an encoder from
        elsewhere has made.
    reading : mapping, optional
        Options of :func:`latentscape.load_images`; size, mode and background
        are those of the atlas.
    verbose, callbacks
        As for :func:`latentscape.run`.

    Returns
    -------
    dict
        n, latent_dim, reconstruction_mse (mean, or None), maps (names), output,
        sentence (what was read), notes, lacking (reasons by part), and drift
        (see :class:`latentscape.pipeline.drift.Drift`; None for a model's file).

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
    if atlas is not None and not atlas.has("codes"):
        msg = f"{atlas.path} has no codes yet; finish it with `latentscape run` first"
        raise AtlasError(msg)
    model = _load_model(path if atlas is None else _model_path(atlas, "codes"), network)
    with progress_bars(verbose) as show:

        def tell(event: Progress | StageChange) -> None:
            for callback in (*callbacks, show):
                callback(event)

        as_before = {} if isinstance(data, ImageSet | EmbeddingSet) else _reading_of(atlas, model)
        found, said = read_data(data, {**(reading or {}), **as_before}, tell)
        if encoder is not None:
            asked = given_encoder(encoder, found, encoder_options or {})
            assert asked is not None  # an encoder was given
            found = encode_with(asked).data
        check_writable(target)
        for event in said:
            tell(event)
        made = _encode(
            found, atlas, model, tell, with_places=target.suffix != ".npy", network=network
        )
    drift = None if atlas is None else _drift(made, atlas)
    write_atomically(target, _content(target.suffix, made))
    return {
        "n": len(made.codes),
        "latent_dim": int(made.codes.shape[1]),
        "reconstruction_mse": None if made.errors is None else float(made.errors.mean()),
        "maps": list(made.places),
        "output": str(target),
        "sentence": found.sentence,
        "notes": [*found.notes, *_other_preparation(found, atlas, model)],
        "lacking": made.lacking,
        "drift": None if drift is None else drift.as_dict(),
    }


def _reading_of(atlas: Atlas | None, model: Any) -> dict[str, Any]:
    """Return the options that read new images as those of the atlas, or of the model, were."""
    done = _preparation(atlas, model)
    return {"preprocessing": done} if done else {}


def _preparation(atlas: Atlas | None, model: Any) -> dict[str, Any]:
    """Return how the images were prepared; empty where nothing is known of that."""
    known = model.preprocessing_ if atlas is None else atlas.data.get("preprocessing")
    return dict(known or {})


def _encode(
    data: ImageSet | EmbeddingSet,
    atlas: Atlas | None,
    model: Any,
    tell: EventCallback,
    *,
    with_places: bool,
    network: str | None,
) -> _Encoded:
    names = list(atlas.map_names) if atlas is not None and with_places else []
    n_steps = 2 + len(names)
    tell(Progress("encode", 0, n_steps))
    if isinstance(data, EmbeddingSet):
        made = _taken_codes(data, atlas, model)
    else:
        if model is None:
            assert atlas is not None  # a model's file alone is a model
            msg = (
                f"{atlas.path} was made from codes and holds no encoder, so images cannot be "
                f"placed on its maps as they are; give the encoder that made the codes (encoder, "
                f"--encoder), or embeddings from it"
            )
            raise AtlasError(msg)
        made = _Encoded(data.ids, model.transform(data.images))
    tell(Progress("encode", 1, n_steps))
    _add_errors(made, data, model if model is not None else _load_decoder(atlas))
    tell(Progress("encode", 2, n_steps))
    for done, name in enumerate(names, 3):
        assert atlas is not None
        _place(made, data, atlas, name, network)
        tell(Progress("encode", done, n_steps))
    return made


def _taken_codes(data: EmbeddingSet, atlas: Atlas | None, model: Any) -> _Encoded:
    width = int(model.latent_dim if atlas is None else atlas.codes.shape[1])
    if data.latent_dim != width:
        whose = "the model has" if atlas is None else f"the codes of {atlas.path} have"
        msg = (
            f"{data.name} holds embeddings of {data.latent_dim} numbers, but {whose} {width}; give "
            "embeddings from the same encoder"
        )
        raise DataError(msg)
    return _Encoded(data.ids, data.codes)


def _add_errors(made: _Encoded, data: ImageSet | EmbeddingSet, model: Any) -> None:
    """Add each image's reconstruction error, or the reason why there is none."""
    if model is None or getattr(model, "inverse_transform", None) is None:
        made.lacking["reconstruction_mse"] = "there is no decoder"
    elif data.images is None:
        made.lacking["reconstruction_mse"] = "the embeddings have no images"
    elif isinstance(data, EmbeddingSet):
        rebuilt = model.inverse_transform(np.array(made.codes))  # torch wants its own copy
        if rebuilt.shape != data.images.shape:
            made.lacking["reconstruction_mse"] = (
                f"the images have the shape {data.images.shape[1:]}, the model makes "
                f"{rebuilt.shape[1:]}"
            )
            return
        from latentscape.quality import reconstruction_mse

        _, made.errors = reconstruction_mse(data.images, rebuilt, return_per_sample=True)
    else:
        made.errors = model.reconstruction_error(data.images)


def _place(
    made: _Encoded,
    data: ImageSet | EmbeddingSet,
    atlas: Atlas,
    name: str,
    network: str | None,
) -> None:
    codes = made.codes
    if name == "direct":
        two = _load_model(_model_path(atlas, "plane"), network)
        if two is None or isinstance(data, EmbeddingSet):
            made.lacking["direct"] = (
                "the map of two neurons needs its own model and images, not embeddings"
            )
            return
        codes = two.transform(data.images)
    made.places[name] = atlas.load_map(name).transform(codes)


def _load_model(path: Path | None, network: str | None = None) -> Any:
    if path is None:
        return None
    from latentscape.autoencoder import ConvAutoencoder  # torch takes seconds to import

    return ConvAutoencoder.load(path, network=network)


def _load_decoder(atlas: Atlas | None) -> Any:
    """Return the decoder that was trained for codes from elsewhere, if there is one."""
    info = {} if atlas is None else atlas.stage_info("codes")
    if atlas is None or "encoder" not in info or not info.get("model"):
        return None
    from latentscape.autoencoder import CodeDecoder

    return CodeDecoder.load(atlas.path / str(info["model"]))


def _model_path(atlas: Atlas, stage: str) -> Path | None:
    """Return the file of the model that a stage of an atlas was made with, if it has one."""
    info = atlas.stage_info(stage)
    model = info.get("model")
    # Codes from elsewhere may have a decoder there, but no encoder.
    return None if model is None or "encoder" in info else atlas.path / str(model)


def _other_preparation(data: ImageSet | EmbeddingSet, atlas: Atlas | None, model: Any) -> list[str]:
    """Say when images were, or may have been, prepared in another way than those before."""
    before, now = _preparation(atlas, model), dict(data.preprocessing)
    whose = "the atlas's" if atlas is not None else "the model's"
    if not before and atlas is None and now:
        return [
            f"the model's file does not say how its images were prepared, so {data.name} was read "
            "by its own sizes, colours and values: make sure that they are the same"
        ]
    if not before or not now:
        return []
    different = [
        f"{name} {_plain(now[name])} instead of {_plain(before[name])}"
        for name in _COMPARED
        if name in now and name in before and _plain(now[name]) != _plain(before[name])
    ]
    if not different:
        return []
    return [
        f"{data.name} was prepared in another way than {whose} images ({'; '.join(different)}):"
        " give the path, and it is read as they were"
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _drift(made: _Encoded, atlas: Atlas) -> Drift:
    points = atlas.points if atlas.has("points") else pd.DataFrame()
    known = points.get("reconstruction_mse")
    own_errors = None if known is None else known.to_numpy()
    # Where only directions are compared, other lengths are no drift.
    codes, own = (measured_rows(each, atlas.metric) for each in (made.codes, atlas.codes))
    return measure_drift(codes, made.errors, np.asarray(own), own_errors)


def _content(suffix: str, made: _Encoded) -> bytes:
    buffer = io.BytesIO()
    measured = {} if made.errors is None else {"reconstruction_mse": made.errors}
    if suffix == ".npy":
        np.save(buffer, made.codes, allow_pickle=False)
        return buffer.getvalue()
    if suffix == ".npz":
        arrays: dict[str, Any] = {"id": made.ids, "codes": made.codes, **measured, **made.places}
        np.savez(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()
    table: dict[str, Any] = {"id": made.ids.astype(object), **measured}
    table |= {f"z{i}": made.codes[:, i] for i in range(made.codes.shape[1])}
    for name, xy in made.places.items():
        table |= {f"{name}_x": xy[:, 0], f"{name}_y": xy[:, 1]}
    frame = pd.DataFrame(table)
    if suffix == ".csv":
        return frame.to_csv(index=False, lineterminator="\n").encode()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
