"""Codes from elsewhere: made by a foreign encoder, and decoded by what is trained on them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentscape.atlas import Stage, fingerprint
from latentscape.errors import DataError, NonFiniteLossError, SettingError
from latentscape.images import ImageSet
from latentscape.images.embeddings import EmbeddingSet
from latentscape.images.kinds import AnyCodes, AnyData
from latentscape.images.stream import ImageStream
from latentscape.pipeline.coding import Decoded, as_uint8
from latentscape.pipeline.lacking import NO_IMAGES
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.settings import STAGE_VERSIONS, RunSettings
from latentscape.types import UInt8Array

if TYPE_CHECKING:
    from latentscape.autoencoder.foreign import CodeDecoder, ForeignEncoder

DECODER_STAGE = "decoder"

_LEAST_PAIRS = 20  # fewer training rows, and all rows are trained on

# What a decoder has in common with a whole autoencoder.
_SHARED = (
    "n_epochs",
    "batch_size",
    "learning_rate",
    "bias_learning_rate",
    "momentum",
    "warmup",
    "device",
    "n_jobs",
)


@dataclass(frozen=True)
class Asked:
    """An encoder from elsewhere, ready, and the images for it.

    Attributes
    ----------
    encoder : ForeignEncoder
    origin : str
        What makes the codes, in words.
    images : ImageSet
        All of them are encoded.
    """

    encoder: ForeignEncoder
    origin: str
    images: ImageSet

    @property
    def made_from(self) -> Mapping[str, str]:
        """What the codes are made from; equal values give equal codes."""
        return {
            "images": self.images.content_hash,
            "encoder": self.encoder.digest,
            "origin": self.origin,
        }


@dataclass(frozen=True)
class Encoded:
    """What a foreign encoder made of images.

    Attributes
    ----------
    data : EmbeddingSet
        The images with their codes.
    origin : str
        What made the codes, in words.
    decoded : uint8 array or None
        What its own decoder makes of them; None without one.
    """

    data: EmbeddingSet
    origin: str
    decoded: UInt8Array | None


def given_encoder(
    encoder: ForeignEncoder | str | os.PathLike[str] | None,
    data: AnyData,
    options: Mapping[str, Any],
) -> Asked | None:
    """Load the encoder that a run was given, where it was given one.

    Parameters
    ----------
    encoder : ForeignEncoder, str or path
        One that is loaded already, or what
        :func:`latentscape.load_encoder` takes.
    data : ImageSet, ImageStream, EmbeddingSet or EmbeddingStream
        What it is for.
    options : mapping
        Further parameters of :func:`latentscape.load_encoder`.

    Raises
    ------
    SettingError
        When there is nothing to encode, or options without an encoder.
    LatentscapeError
        One of its children, when the encoder cannot be used.
    """
    if encoder is None:
        if options:
            msg = f"{next(iter(options))} is for an encoder from elsewhere; give encoder="
            raise SettingError(msg)
        return None
    if isinstance(data, AnyCodes):
        msg = f"{data.name} holds codes already; an encoder is for images"
        raise SettingError(msg)
    if isinstance(data, ImageStream):
        msg = (
            f"{data.name} stays on the disk, and an encoder from elsewhere takes images from "
            f"memory; leave the sample out, or encode a part"
        )
        raise SettingError(msg)
    from latentscape.autoencoder.foreign import ForeignEncoder, load_encoder

    if isinstance(encoder, ForeignEncoder):
        if options:
            msg = f"{next(iter(options))} is for an encoder that is not loaded yet; leave it out"
            raise SettingError(msg)
        if encoder.image_shape_ != data.image_shape:
            msg = (
                f"the encoder takes images of shape {encoder.image_shape_}, but {data.name} has "
                f"images of shape {data.image_shape}"
            )
            raise DataError(msg)
        return Asked(encoder, "the encoder", data)
    loaded = load_encoder(encoder, image_shape=data.image_shape, **options)
    text = os.fspath(encoder)
    return Asked(loaded, Path(text).name if text.endswith(".onnx") else text, data)


def encode_with(asked: Asked) -> Encoded:
    """Encode images with an encoder from elsewhere.

    Raises
    ------
    LatentscapeError
        One of its children, when the encoder cannot be used.
    """
    loaded, origin, images = asked.encoder, asked.origin, asked.images
    codes = loaded.transform(images)
    sentence = f"{images.sentence} Encoded by {origin} to {loaded.latent_dim} numbers each."
    data = EmbeddingSet(
        codes=codes,
        images=images.images,
        labels=images.labels,
        class_names=images.class_names,
        split=images.split,
        ids=images.ids,
        name=images.name,
        notes=(*images.notes, *loaded.notes),
        columns=images.columns,
        quarantine=images.quarantine,
        sentence=sentence.strip(),
    )
    decoded = as_uint8(loaded.inverse_transform(codes)) if loaded.has_decoder else None
    return Encoded(data, origin, decoded)


def decoder_stage(
    recorder: Recorder,
    data: EmbeddingSet,
    rows: EmbeddingSet,
    settings: RunSettings,
    encoded: Encoded | None,
) -> Decoded | None:
    """Train a decoder for codes that came without one that a page can run.

    It learns from the training rows, or from all where they are few. Where the
    codes came with a decoder, it learns to do what that does.

    Parameters
    ----------
    recorder : Recorder
        Where the stage is recorded.
    data : EmbeddingSet
        All codes.
    rows : EmbeddingSet
        Those that are mapped.
    settings : RunSettings
        Seed, network and training settings.
    encoded : Encoded or None
        What the codes were made by, where that was in this run.

    Returns
    -------
    Decoded or None
        How the mapped rows look decoded; None without images.
    """
    if data.images is None:
        recorder.skip(DECODER_STAGE, NO_IMAGES)
        return None
    given = None if encoded is None else encoded.decoded
    training = {
        name: value for name, value in settings.training.items() if name in ("network", *_SHARED)
    }
    made_from = fingerprint(
        version=STAGE_VERSIONS["decoder"],
        embeddings=data.content_hash,
        given=given,
        training=training,
        seed=settings.random_state,
    )
    file = f"model/decoder-{made_from[:12]}.safetensors"
    if not recorder.is_current(DECODER_STAGE, made_from):
        from latentscape.autoencoder.foreign import CodeDecoder

        decoder = CodeDecoder(
            **training, random_state=settings.random_state, callbacks=[recorder.tell]
        )
        with recorder.stage(DECODER_STAGE, made_from) as stage:
            _train(decoder, stage, recorder, data, given, file)
    info = recorder.writer.stage_info(DECODER_STAGE)
    if "model" not in info:
        return None
    return Decoded(
        made_from=made_from,
        file=file,
        load=lambda: _loaded(recorder.writer.path / file),
        given=None if given is None else given[_positions(data, rows)],
        origin="" if encoded is None else encoded.origin,
    )


def _train(
    decoder: CodeDecoder,
    stage: Stage,
    recorder: Recorder,
    data: EmbeddingSet,
    given: UInt8Array | None,
    file: str,
) -> None:
    assert data.images is not None
    pairs = np.flatnonzero(data.split == "train")
    if len(pairs) < _LEAST_PAIRS:
        pairs = np.arange(len(data))
    targets = data.images if given is None else given
    try:
        decoder.fit(data.codes[pairs], targets[pairs])
    except NonFiniteLossError as error:
        stage.info["skipped"] = f"its training failed: {error}"
        return
    recorder.writer.write_bytes(file, decoder.to_bytes())
    held_out, mean = decoder.held_out_mse_, decoder.mean_image_mse_
    what = "rebuilds held-out images" if given is None else "does what the given decoder does"
    stage.info.update(
        model=file,
        held_out_mse=held_out,
        mean_image_mse=mean,
        note=f"{what} with an MSE of {held_out:.5f} (their mean image has {mean:.5f})",
    )


def _loaded(path: Path) -> CodeDecoder:
    from latentscape.autoencoder.foreign import CodeDecoder

    return CodeDecoder.load(path)


def _positions(data: EmbeddingSet, rows: EmbeddingSet) -> Any:
    place = {name: row for row, name in enumerate(data.ids.tolist())}
    return [place[name] for name in rows.ids.tolist()]
