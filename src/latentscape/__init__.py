"""Latentscape shows people what an autoencoder has learned.

The public names are loaded when they are first used, so that
``import latentscape`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from latentscape import errors, figures, quality
    from latentscape.atlas import Atlas
    from latentscape.autoencoder import (
        CodeDecoder,
        ConvAutoencoder,
        LatentSizeSweep,
        choose_latent_dim,
        load_encoder,
    )
    from latentscape.exports import export
    from latentscape.images import (
        EmbeddingSet,
        ImageSet,
        load_images,
        load_mnist,
        read_embeddings,
    )
    from latentscape.maps import LDA, PCA, TSNE, UMAP, Direct
    from latentscape.neighbors import NeighborGraph
    from latentscape.pipeline import add_map, run

_HOMES = {
    "Atlas": "atlas",
    "CodeDecoder": "autoencoder",
    "ConvAutoencoder": "autoencoder",
    "Direct": "maps",
    "EmbeddingSet": "images",
    "ImageSet": "images",
    "LDA": "maps",
    "LatentSizeSweep": "autoencoder",
    "NeighborGraph": "neighbors",
    "PCA": "maps",
    "TSNE": "maps",
    "UMAP": "maps",
    "add_map": "pipeline",
    "choose_latent_dim": "autoencoder",
    "export": "exports",
    "load_encoder": "autoencoder",
    "load_images": "images",
    "load_mnist": "images",
    "read_embeddings": "images",
    "run": "pipeline",
}
_MODULES = ("errors", "figures", "quality")

__all__ = [
    "LDA",
    "PCA",
    "TSNE",
    "UMAP",
    "Atlas",
    "CodeDecoder",
    "ConvAutoencoder",
    "Direct",
    "EmbeddingSet",
    "ImageSet",
    "LatentSizeSweep",
    "NeighborGraph",
    "add_map",
    "choose_latent_dim",
    "errors",
    "export",
    "figures",
    "load_encoder",
    "load_images",
    "load_mnist",
    "quality",
    "read_embeddings",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"latentscape.{_HOMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"latentscape.{name}")
    msg = f"module 'latentscape' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    own = [name for name in globals() if name.startswith("__")]
    return sorted({*own, *__all__})
