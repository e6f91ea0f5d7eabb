"""Data that were given by name or path, read at the beginning of a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentscape.images import (
    EmbeddingSet,
    ImageSet,
    load_images,
    looks_like_embeddings,
    read_embeddings,
)
from latentscape.types import EventCallback


def read_data(
    data: Any, reading: Mapping[str, Any] | None, tell: EventCallback
) -> ImageSet | EmbeddingSet:
    """Return data as an image set or an embedding set."""
    if isinstance(data, ImageSet | EmbeddingSet):
        return data
    return read_embeddings(data) if looks_like_embeddings(data) else load_images(data)
