"""What a run can begin with: images or codes, in memory or on the disk."""

from __future__ import annotations

from typing import TypeAlias

from latentscape.images.embedding_stream import EmbeddingStream
from latentscape.images.embeddings import EmbeddingSet
from latentscape.images.imageset import ImageSet
from latentscape.images.stream import ImageStream

AnyStream: TypeAlias = ImageStream | EmbeddingStream
AnyCodes: TypeAlias = EmbeddingSet | EmbeddingStream
AnyData: TypeAlias = ImageSet | ImageStream | AnyCodes
