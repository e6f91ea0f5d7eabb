"""Readers of embeddings: arrays, tables, AnnData and TensorBoard's projector."""

from latentscape.images.embedding_files.read import looks_like_embeddings, read_embeddings

__all__ = ["looks_like_embeddings", "read_embeddings"]
