"""Train autoencoders, store them, and choose a latent size from evidence."""

from latentscape.autoencoder.estimator import ConvAutoencoder
from latentscape.autoencoder.foreign import CodeDecoder, ForeignEncoder, load_encoder
from latentscape.autoencoder.latent_size import LatentSizeChoice, choose_latent_dim
from latentscape.autoencoder.networks import NETWORKS, ReferenceAutoencoder, ResidualAutoencoder
from latentscape.autoencoder.pca_baseline import pca_test_mse
from latentscape.autoencoder.sweep import LatentSizeSweep
from latentscape.autoencoder.training import Recipe

__all__ = [
    "NETWORKS",
    "CodeDecoder",
    "ConvAutoencoder",
    "ForeignEncoder",
    "LatentSizeChoice",
    "LatentSizeSweep",
    "Recipe",
    "ReferenceAutoencoder",
    "ResidualAutoencoder",
    "choose_latent_dim",
    "load_encoder",
    "pca_test_mse",
]
