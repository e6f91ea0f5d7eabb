"""Networks behind one face of two methods: ``encode`` and ``decode``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from latentscape.errors import DataError, SettingError


class AutoencoderNetwork(Protocol):
    """What a network must offer; it is also a :class:`torch.nn.Module`."""

    latent_dim: int

    def encode(self, images: Tensor) -> Tensor:
        """Map images (n, C, H, W) in [0, 1] to codes (n, latent_dim)."""
        ...

    def decode(self, codes: Tensor) -> Tensor:
        """Map codes (n, latent_dim) to images (n, C, H, W) in [0, 1]."""
        ...


class ReferenceAutoencoder(nn.Module):
    """The reference convolutional autoencoder for grey images of 28 × 28.

    Three strided convolutions and two linear layers lead to the code; the
    decoder mirrors them with transposed convolutions and ends in a sigmoid.
    It has 94,337 parameters when ``latent_dim`` is 32.

    Parameters
    ----------
    latent_dim : int
        Number of latent dimensions, at least 1.
    """

    image_shape = (28, 28)

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=0),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(288, 128),
            nn.ReLU(),
            nn.Linear(128, latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 128),
            nn.ReLU(),
            nn.Linear(128, 288),
            nn.ReLU(),
            nn.Unflatten(1, (32, 3, 3)),
            nn.ConvTranspose2d(32, 16, 3, stride=2, output_padding=0),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def encode(self, images: Tensor) -> Tensor:
        """Map images (n, 1, 28, 28) in [0, 1] to codes (n, latent_dim)."""
        return cast(Tensor, self.encoder(images))

    def decode(self, codes: Tensor) -> Tensor:
        """Map codes (n, latent_dim) to images (n, 1, 28, 28) in [0, 1]."""
        return cast(Tensor, self.decoder(codes))

    def forward(self, images: Tensor) -> Tensor:
        """Encode and decode: (n, 1, 28, 28) to (n, 1, 28, 28)."""
        return self.decode(self.encode(images))


NETWORKS: dict[str, Callable[[int], ReferenceAutoencoder]] = {"reference": ReferenceAutoencoder}


def make_network(
    name: str, latent_dim: int, image_shape: tuple[int, ...], *, seed: int = 0
) -> ReferenceAutoencoder:
    """Build a network with weights drawn from ``seed``.

    Parameters
    ----------
    name : str
        A key of :data:`NETWORKS`.
    latent_dim : int
        Number of latent dimensions, at least 1.
    image_shape : tuple of int
        Shape of one image; the reference network takes ``(28, 28)``.
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
    if tuple(image_shape) != ReferenceAutoencoder.image_shape:
        msg = (
            f"the reference network takes grey images of 28 × 28, got images of shape "
            f"{tuple(image_shape)}; resize them to 28 × 28 first"
        )
        raise DataError(msg)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[name](int(latent_dim))


def n_parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
