"""Images, their labels and their split: the bundled digits and users' own files."""

from latentscape.images.embedding_files import looks_like_embeddings, read_embeddings
from latentscape.images.embedding_stream import EmbeddingStream
from latentscape.images.embeddings import EmbeddingSet
from latentscape.images.idx import read_idx
from latentscape.images.imageset import ImageSet, StrArray
from latentscape.images.load import load_data, load_images
from latentscape.images.mnist import MNIST_CONTENT_HASH, load_mnist
from latentscape.images.readers.idx_files import load_idx
from latentscape.images.refused import Refused
from latentscape.images.stream import ImageStream

__all__ = [
    "MNIST_CONTENT_HASH",
    "EmbeddingSet",
    "EmbeddingStream",
    "ImageSet",
    "ImageStream",
    "Refused",
    "StrArray",
    "load_data",
    "load_idx",
    "load_images",
    "load_mnist",
    "looks_like_embeddings",
    "read_embeddings",
    "read_idx",
]
