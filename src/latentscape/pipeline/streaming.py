"""The stages that encode images which stay on the disk, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from latentscape.atlas import Stage, fingerprint
from latentscape.images import ImageSet
from latentscape.images.embedding_stream import EmbeddingStream
from latentscape.images.stream import ImageStream
from latentscape.pipeline.coding import (
    Codec,
    as_uint8,
    dead_units,
    decode_plane,
    lacking_labels,
    rows_in_words,
)
from latentscape.pipeline.lacking import NO_IMAGES, NO_MODEL
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.settings import STAGE_VERSIONS
from latentscape.types import IntArray, Progress

UNUSED = "unused"  # the split of images that were neither trained on nor tested with
STREAM_BATCH = 4096  # images


def stream_codes_stage(
    recorder: Recorder,
    stream: ImageStream,
    trained: ImageSet,
    model: Callable[[], Codec],
    info: Mapping[str, Any],
    key: str,
) -> str:
    """Encode and rebuild all images of a stream; return the stage's fingerprint.

    `trained` are those of the sample, which know who was trained on and who tested with.
    """
    made_from = fingerprint(version=STAGE_VERSIONS["codes"], images=stream.content_hash, model=key)

    def work(stage: Stage) -> None:
        from latentscape.quality import reconstruction_mse

        writer, codec = recorder.writer, model()
        n, shape, size = len(stream), stream.image_shape, int(info["latent_dim"])
        errors = np.empty(n, np.float32)
        lowest, highest = np.full(size, np.inf, np.float32), np.full(size, -np.inf, np.float32)
        recorder.tell(Progress("encode", 0, n))
        with (
            writer.new_array("images.npy", (n, *shape), np.uint8) as images,
            writer.new_array("codes.npy", (n, size), np.float32) as codes,
            writer.new_array("reconstructions.npy", (n, *shape), np.uint8) as rebuilt,
        ):
            for rows, batch in stream.batches(STREAM_BATCH):
                found = codec.transform(batch)
                decoded = codec.inverse_transform(found)
                images(batch)
                codes(found)
                lowest = np.minimum(lowest, found.min(axis=0))
                highest = np.maximum(highest, found.max(axis=0))
                rebuilt(as_uint8(decoded))
                _, errors[rows] = reconstruction_mse(batch, decoded, return_per_sample=True)
                recorder.tell(Progress("encode", rows.stop, n))
        writer.write_table("rows.parquet", _rows(stream, trained).assign(reconstruction_mse=errors))
        stage.info.update(info)
        if notes := dead_units(lowest, highest):
            stage.info["note"] = "; ".join(notes)
        if lacking := lacking_labels(stream.labels, stream.class_names):
            stage.info["lacking"] = lacking

    recorder.run("codes", made_from, work)
    return made_from


def stream_plane_stage(
    recorder: Recorder,
    stream: ImageStream,
    model: Callable[[], Codec],
    info: Mapping[str, Any],
    key: str,
) -> str:
    """Encode all images with the two-neuron model and decode its plane on a grid."""
    made_from = fingerprint(version=STAGE_VERSIONS["plane"], images=stream.content_hash, model=key)

    def work(stage: Stage) -> None:
        codec, n = model(), len(stream)
        codes = np.empty((n, 2), np.float32)
        recorder.tell(Progress("encode plane", 0, n))
        for rows, batch in stream.batches(STREAM_BATCH):
            codes[rows] = codec.transform(batch)
            recorder.tell(Progress("encode plane", rows.stop, n))
        recorder.writer.write_array("codes2.npy", codes)
        recorder.writer.write_tensors("plane.safetensors", decode_plane(codec, codes))
        stage.info.update(info)

    recorder.run("plane", made_from, work)
    return made_from


def stream_embeddings_stage(recorder: Recorder, stream: EmbeddingStream, asked: str) -> None:
    """Take codes that stay on the disk as they are; all of them are mapped, whatever was asked."""
    made_from = fingerprint(version=STAGE_VERSIONS["codes"], embeddings=stream.content_hash)

    def work(stage: Stage) -> None:
        writer, n = recorder.writer, len(stream)
        recorder.tell(Progress("copy codes", 0, n))
        with writer.new_array("codes.npy", (n, stream.latent_dim), np.float32) as append:
            for rows, batch in stream.batches():
                append(batch)
                recorder.tell(Progress("copy codes", rows.stop, n))
        everyone: IntArray = np.arange(n, dtype=np.int64)
        labels = np.full(n, -1, np.int64) if stream.labels is None else stream.labels
        split = pd.Categorical(np.full(n, "test", object), categories=["test"])
        ids = np.array(stream.ids(everyone), object)
        table = pd.DataFrame({"id": ids, "split": split, "label": labels})
        writer.write_table("rows.parquet", table)
        lacking = {"images": NO_IMAGES, "reconstructions": NO_MODEL, "model": NO_MODEL}
        lacking |= lacking_labels(stream.labels, stream.class_names)
        stage.info.update(latent_dim=stream.latent_dim, lacking=lacking)
        if asked == "train":
            stage.info["note"] = rows_in_words(asked, 0, n)

    recorder.run("codes", made_from, work)


def _rows(stream: ImageStream, trained: ImageSet) -> pd.DataFrame:
    everyone: IntArray = np.arange(len(stream), dtype=np.int64)
    ids = stream.ids(everyone)
    split = pd.Categorical(
        np.full(len(stream), UNUSED, object), categories=[UNUSED, "test", "train"]
    )
    split[np.searchsorted(ids, trained.ids)] = trained.split.astype(object)
    labels = np.full(len(stream), -1, np.int64) if stream.labels is None else stream.labels
    return pd.DataFrame({"id": ids.astype(object), "split": split, "label": labels})
