"""What every network offers: an encoder and a decoder for images of one shape."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from latentscape.errors import DataError

LARGEST_SIDE = 256
"""Pixels; larger images are a mistake more often than a wish, and would fill the memory."""


class AutoencoderNetwork(nn.Module):
    """An encoder and a decoder, each a module, for images of one shape.

    Parameters
    ----------
    latent_dim : int
        Number of latent dimensions, at least 1.
    image_shape : tuple of int
        Shape of one image: (H, W), or (H, W, C).
    encoder : Module
        Maps images (n, C, H, W) in [0, 1] to codes (n, latent_dim).
    decoder : Module
        Maps codes back to images (n, C, H, W) in [0, 1].
    """

    def __init__(
        self,
        latent_dim: int,
        image_shape: tuple[int, ...],
        encoder: nn.Module,
        decoder: nn.Module,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.image_shape = image_shape
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, images: Tensor) -> Tensor:
        """Map images (n, C, H, W) in [0, 1] to codes (n, latent_dim)."""
        return cast(Tensor, self.encoder(images))

    def decode(self, codes: Tensor) -> Tensor:
        """Map codes (n, latent_dim) to images (n, C, H, W) in [0, 1]."""
        return cast(Tensor, self.decoder(codes))

    def forward(self, images: Tensor) -> Tensor:
        """Encode and decode: (n, C, H, W) to (n, C, H, W)."""
        return self.decode(self.encode(images))


def channels_and_size(image_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (C, H, W) for the shape of one image, (H, W) or (H, W, C).

    Raises
    ------
    DataError
        When no network takes such images.
    """
    height, width, channels = (*image_shape, 1)[:3] if len(image_shape) in (2, 3) else (0, 0, 0)
    if channels not in (1, 3, 4) or min(height, width) < 1:
        msg = (
            f"networks take images of shape (height, width) or (height, width, channels) with "
            f"1, 3 or 4 channels, got {tuple(image_shape)}"
        )
        raise DataError(msg)
    if max(height, width) > LARGEST_SIDE:
        msg = (
            f"networks take images of up to {LARGEST_SIDE} pixels a side, got {height} × {width}; "
            f"resize them to 64 × 64, for example"
        )
        raise DataError(msg)
    return channels, height, width
