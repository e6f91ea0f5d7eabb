"""Networks behind one face of two methods: ``encode`` and ``decode``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from latentscape.autoencoder.networks.architecture import describe
from latentscape.autoencoder.networks.base import AutoencoderNetwork
from latentscape.autoencoder.networks.own import own_network
from latentscape.autoencoder.networks.reference import ReferenceAutoencoder
from latentscape.autoencoder.networks.residual import ResidualAutoencoder
from latentscape.autoencoder.python_path import is_python_path
from latentscape.errors import SettingError

__all__ = [
    "NETWORKS",
    "AutoencoderNetwork",
    "ReferenceAutoencoder",
    "ResidualAutoencoder",
    "describe",
    "make_network",
    "n_parameters",
]

NETWORKS: dict[str, Callable[[int, tuple[int, ...]], AutoencoderNetwork]] = {
    "reference": ReferenceAutoencoder,
    "residual": ResidualAutoencoder,
}


def make_network(
    name: str, latent_dim: int, image_shape: tuple[int, ...], *, seed: int = 0
) -> AutoencoderNetwork:
    """Build a network with weights drawn from ``seed``.

    Parameters
    ----------
    name : str
        A key of :data:`NETWORKS`, or the Python path of a class of the user's
        own, which is imported: see :func:`own_network`.
    latent_dim : int
        Number of latent dimensions, at least 1.
    image_shape : tuple of int
        Shape of one image: (H, W), or (H, W, C) with 1, 3 or 4 channels.
    seed : int, default 0
        Seed of the initial weights. The global generator is left as it was.

    Raises
    ------
    SettingError
        For an unknown name, a latent size that is not a positive integer, or
        a class of the user's own that does not do what is expected.
    DataError
        When the network does not fit the images.
    """
    if name not in NETWORKS and not is_python_path(name):
        known = ", ".join(sorted(NETWORKS))
        msg = (
            f"there is no network {name!r}; choose one of: {known}, or give a class of your own "
            f"as package.module:Class or file.py:Class"
        )
        raise SettingError(msg)
    if isinstance(latent_dim, bool) or int(latent_dim) != latent_dim or latent_dim < 1:
        msg = f"latent_dim must be a whole number of at least 1, got {latent_dim!r}"
        raise SettingError(msg)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = tuple(int(side) for side in image_shape)
        if name in NETWORKS:
            return NETWORKS[name](int(latent_dim), shape)
        return own_network(name, int(latent_dim), shape)


def n_parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
