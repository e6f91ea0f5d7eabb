"""What a run is about, for the head of the atlas."""

from __future__ import annotations

from typing import Any

from latentscape.images import EmbeddingSet, ImageSet
from latentscape.images.embedding_stream import EmbeddingStream
from latentscape.images.kinds import AnyCodes, AnyData
from latentscape.images.stream import ImageStream
from latentscape.pipeline.settings import RunSettings
from latentscape.pipeline.tables import columns_hash


def describe(data: AnyData, trained: ImageSet | None, settings: RunSettings) -> dict[str, Any]:
    """Return name, counts, shape, classes, hash and notes of the data.

    `trained` are the images that models are trained on and tested with.
    """
    found: dict[str, Any] = {
        "name": data.name,
        "kind": "embeddings" if isinstance(data, AnyCodes) else "images",
        "image_shape": list(data.image_shape),
        "class_names": list(data.class_names),
        "content_hash": data.content_hash,
    }
    if isinstance(data, EmbeddingStream):
        notes = list(data.notes)
        if settings.sample is not None and settings.sample < len(data):
            notes.append(
                "The codes stay on the disk; maps are fitted on a sample, and the others placed on "
                "them."
            )
        found |= {"n_train": 0, "n_test": len(data), "sentence": data.sentence}
        return {**found, "notes": notes}
    split = trained if trained is not None else data
    assert isinstance(split, ImageSet | EmbeddingSet)
    found |= {"n_train": len(split.train), "n_test": len(split.test)}
    if isinstance(data, ImageStream):
        note = (
            f"Of the {len(data):,} images, which stay on the disk, a sample of {len(split):,} was "
            "trained and tested with, and maps are fitted on it; all images were encoded, and the "
            "others placed on the maps."
        )
        return {**found, "n_images": len(data), "notes": [note]}
    found |= {"notes": list(data.notes), "sentence": data.sentence}
    if isinstance(data, ImageSet):
        found["preprocessing"] = dict(data.preprocessing)
    if data.columns:
        found["columns_hash"] = columns_hash(data.columns)
    return found
