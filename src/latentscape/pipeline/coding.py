"""The stages that encode: codes, reconstructions, the plane of two neurons, samples by size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from latentscape.atlas import ARTEFACTS, Stage, fingerprint
from latentscape.images import ImageSet
from latentscape.images.code_checks import NAMED_ROWS, listed
from latentscape.images.embeddings import EmbeddingSet
from latentscape.pipeline.lacking import (
    LEAST_FOR_ALL_MAPS,
    NO_IMAGES,
    NO_LABELS,
    NO_MODEL,
    why_no_label_measures,
)
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.settings import STAGE_VERSIONS
from latentscape.types import AnyArray, FloatArray, IntArray, UInt8Array

# The decoded plane: this many images a side, over the central share of the
# codes, so that a few outliers do not stretch it.
_PLANE_SIDE = 24
_PLANE_SHARE = (0.5, 99.5)

_SAMPLES = 16  # images that show what each latent size keeps


Data = TypeVar("Data", ImageSet, EmbeddingSet)


class Codec(Protocol):
    """What these stages need of a trained model."""

    def transform(self, X: Any) -> FloatArray:
        """Encode images to codes."""
        ...

    def inverse_transform(self, X: Any) -> FloatArray:
        """Decode codes to images in [0, 1]."""
        ...

    def reconstruction_error(self, X: Any) -> Any:
        """Return each image's mean squared error."""
        ...


class Decoder(Protocol):
    """What these stages need of a decoder for codes from elsewhere."""

    def inverse_transform(self, X: Any) -> FloatArray:
        """Decode codes to images in [0, 1]."""
        ...


def mapped_rows(data: Data, rows: str) -> tuple[Data, str]:
    """Return the part of the data that is mapped, and a word where it is not the one asked for.

    A part of fewer than ten rows says too little; then all rows are mapped.
    """
    part: Data = {"test": data.test, "train": data.train, "all": data}[rows]
    if len(part) >= LEAST_FOR_ALL_MAPS or len(part) == len(data):
        return part, ""
    return data, rows_in_words(rows, len(part), len(data))


def rows_in_words(asked: str, n_part: int, n: int) -> str:
    """Say that all rows are mapped, and why not the part that was asked for."""
    kind = {"test": "test", "train": "training"}[asked]
    return f"all {n:,} rows are mapped, as only {n_part} are {kind} rows"


def codes_stage(
    recorder: Recorder,
    images: ImageSet,
    model: Callable[[], Codec],
    info: Mapping[str, Any],
    key: str,
) -> str:
    """Encode and rebuild the mapped images; return the stage's fingerprint."""
    lacking = lacking_labels(images.labels, images.class_names)
    made_from = fingerprint(version=STAGE_VERSIONS["codes"], images=images.content_hash, model=key)

    def work(stage: Stage) -> None:
        writer, codec = recorder.writer, model()
        codes = codec.transform(images.images)
        writer.write_array("images.npy", images.images)
        writer.write_array("codes.npy", codes)
        writer.write_array("reconstructions.npy", as_uint8(codec.inverse_transform(codes)))
        errors = codec.reconstruction_error(images.images).astype(np.float32)
        writer.write_table("rows.parquet", rows_table(images).assign(reconstruction_mse=errors))
        stage.info.update(info)
        notes = [str(info["note"])] if "note" in info else []
        notes += dead_units(codes.min(axis=0), codes.max(axis=0))
        if notes:
            stage.info["note"] = "; ".join(notes)
        if lacking:
            stage.info["lacking"] = lacking

    recorder.run("codes", made_from, work)
    return made_from


def dead_units(lowest: FloatArray, highest: FloatArray) -> list[str]:
    """Say how many units of the code never change; empty where all do."""
    dead = np.flatnonzero(lowest == highest)
    if not len(dead):
        return []
    named = listed(dead, NAMED_ROWS)
    return [f"{len(dead)} of {len(lowest)} units are dead: they never change (units {named})"]


@dataclass(frozen=True)
class Decoded:
    """How codes from elsewhere are decoded.

    Attributes
    ----------
    made_from : str
        The fingerprint of the decoder.
    file : str
        The decoder's file in the atlas.
    load : callable
        Loads it.
    given : uint8 array or None
        What the codes' own decoder makes of the mapped rows, where it came along.
    origin : str
        What made the codes, where it is known.
    """

    made_from: str
    file: str
    load: Callable[[], Decoder]
    given: UInt8Array | None
    origin: str


def embeddings_stage(
    recorder: Recorder, data: EmbeddingSet, note: str, decoded: Decoded | None = None
) -> str:
    """Take codes as they are, with what they look like decoded; return the stage's fingerprint."""
    parts = {"version": STAGE_VERSIONS["codes"], "embeddings": data.content_hash}
    if decoded is not None:
        parts["decoder"] = decoded.made_from
    made_from = fingerprint(**parts)
    no_model = NO_MODEL
    if decoded is not None and decoded.origin:
        no_model = f"the codes were made by {decoded.origin}, which is not part of the atlas"
    lacking = {"model": no_model, **lacking_labels(data.labels, data.class_names)}
    if decoded is None:
        lacking = {"reconstructions": no_model, **lacking}
    if data.images is None:
        lacking = {"images": NO_IMAGES, **lacking}

    def work(stage: Stage) -> None:
        from latentscape.quality import reconstruction_mse

        writer = recorder.writer
        writer.write_array("codes.npy", data.codes)
        if data.images is not None:
            writer.write_array("images.npy", data.images)
        rows = rows_table(data)
        if decoded is not None:
            assert data.images is not None
            images = decoded.given
            if images is None:
                images = as_uint8(decoded.load().inverse_transform(data.codes))
            writer.write_array("reconstructions.npy", images)
            _, errors = reconstruction_mse(data.images, images, return_per_sample=True)
            rows = rows.assign(reconstruction_mse=errors.astype(np.float32))
            stage.info.update(model=decoded.file, encoder=decoded.origin or "elsewhere")
        writer.write_table("rows.parquet", rows)
        stage.info.update(latent_dim=data.latent_dim, lacking=lacking)
        if note:
            stage.info["note"] = note

    recorder.run("codes", made_from, work)
    return made_from


def rows_table(data: ImageSet | EmbeddingSet) -> pd.DataFrame:
    """Return id, split and label of each row; -1 where there is no label."""
    return pd.DataFrame(
        {
            "id": data.ids.astype(object),
            "split": data.split.astype(object),
            "label": labels_or_none(data),
        }
    )


def lacking_labels(labels: IntArray | None, class_names: Sequence[str]) -> dict[str, str]:
    """Return what labels like these cannot give, and why."""
    found = {} if labels is not None else {"labels": NO_LABELS}
    reason = why_no_label_measures(labels, class_names)
    return found if reason is None else {**found, "label measures": reason}


def plane_stage(
    recorder: Recorder,
    images: ImageSet,
    model: Callable[[], Codec],
    info: Mapping[str, Any],
    key: str,
) -> str:
    """Encode with the two-neuron model and decode its plane on a grid."""
    made_from = fingerprint(version=STAGE_VERSIONS["plane"], images=images.content_hash, model=key)

    def work(stage: Stage) -> None:
        writer, codec = recorder.writer, model()
        codes = codec.transform(images.images)
        writer.write_array("codes2.npy", codes)
        writer.write_tensors("plane.safetensors", decode_plane(codec, codes))
        stage.info.update(info)

    recorder.run("plane", made_from, work)
    return made_from


def decode_plane(codec: Codec, codes: FloatArray) -> dict[str, AnyArray]:
    """Decode a grid over the central part of two-neuron codes: images, x and y."""
    low, high = np.percentile(codes, _PLANE_SHARE, axis=0).astype(np.float32)
    x = np.linspace(low[0], high[0], _PLANE_SIDE, dtype=np.float32)
    y = np.linspace(high[1], low[1], _PLANE_SIDE, dtype=np.float32)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    decoded = as_uint8(codec.inverse_transform(grid))
    images = decoded.reshape(_PLANE_SIDE, _PLANE_SIDE, *decoded.shape[1:])
    return {"images": images, "x": x, "y": y}


def size_samples_stage(
    recorder: Recorder,
    images: ImageSet,
    models: Mapping[int, Callable[[], Codec]],
    seed: int,
    keys: Mapping[int, str],
) -> None:
    """Rebuild a few test images with a model of each latent size, for the eye to compare."""
    made_from = fingerprint(
        version=STAGE_VERSIONS["size-samples"],
        images=images.content_hash,
        models={str(size): key for size, key in keys.items()},
        seed=seed,
    )

    def work(stage: Stage) -> None:
        sample = images.images[sample_rows(images)]
        tensors: dict[str, Any] = {"originals": sample}
        for size, load in models.items():
            codec = load()
            tensors[f"d{size}"] = as_uint8(codec.inverse_transform(codec.transform(sample)))
        recorder.writer.write_tensors(ARTEFACTS["size_samples"], tensors)
        stage.info["seed"] = seed

    recorder.run("size-samples", made_from, work)


def sample_rows(images: ImageSet) -> list[int]:
    """Return the first image of each class, then the first ones left: 16 at most."""
    rows: list[int] = []
    if images.labels is not None:
        classes, first = np.unique(images.labels, return_index=True)
        rows = [int(row) for row in first[classes >= 0][:_SAMPLES]]
    for row in range(len(images)):
        if len(rows) >= _SAMPLES:
            break
        if row not in rows:
            rows.append(row)
    return rows


def as_uint8(images: FloatArray) -> UInt8Array:
    """Round images in [0, 1] to 256 levels."""
    return np.rint(images * 255).astype(np.uint8)


def labels_or_none(data: ImageSet | EmbeddingSet) -> IntArray:
    """Return labels, with -1 for every row where there are none."""
    if data.labels is None:
        return np.full(len(data), -1, np.int64)
    return data.labels
