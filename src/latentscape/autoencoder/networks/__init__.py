"""Networks behind one face of two methods: ``encode`` and ``decode``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from latentscape.autoencoder.networks.architecture import describe
from latentscape.autoencoder.networks.base import AutoencoderNetwork
from latentscape.autoencoder.networks.reference import ReferenceAutoencoder
from latentscape.errors import SettingError

__all__ = [
    "NETWORKS",
    "AutoencoderNetwork",
    "ReferenceAutoencoder",
    "describe",
    "make_network",
    "n_parameters",
]

NETWORKS: dict[str, Callable[[int, tuple[int, ...]], AutoencoderNetwork]] = {
    "reference": ReferenceAutoencoder
}


def make_network(
    name: str, latent_dim: int, image_shape: tuple[int, ...], *, seed: int = 0
) -> AutoencoderNetwork:
    """Build a network with weights drawn from ``seed``.

    Parameters
    ----------
    name : str
        A key of :data:`NETWORKS`.
    latent_dim : int
        Number of latent dimensions, at least 1.
    image_shape : tuple of int
        Shape of one image: (H, W), or (H, W, C) with 1, 3 or 4 channels.
    seed : int, default 0
        Seed of the initial weights. The global generator is left as it was.

    Raises
    ------
    SettingError
        For an unknown name or a latent size that is not a positive integer.
    DataError
        When the network does not fit the images.
    """
    if name not in NETWORKS:
        known = ", ".join(sorted(NETWORKS))
        msg = f"there is no network {name!r}; choose one of: {known}"
        raise SettingError(msg)
    if isinstance(latent_dim, bool) or int(latent_dim) != latent_dim or latent_dim < 1:
        msg = f"latent_dim must be a whole number of at least 1, got {latent_dim!r}"
        raise SettingError(msg)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[name](int(latent_dim), tuple(int(side) for side in image_shape))


def n_parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
