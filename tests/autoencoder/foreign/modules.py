"""Modules as they come from elsewhere. Imported by path."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentscape.autoencoder.networks import ReferenceAutoencoder


def reference_of_four() -> nn.Module:
    """The native network, as a plain encoder."""
    return ReferenceAutoencoder(4).encoder


def both_parts() -> nn.Module:
    return ReferenceAutoencoder(4)


class Norm(nn.Module):
    """Codes that tell what the module was given: mean, smallest and largest value."""

    def forward(self, images: Tensor) -> Tensor:
        rows = images.flatten(1)
        return torch.stack([rows.mean(1), rows.amin(1), rows.amax(1)], dim=1)


class ChannelsLast(nn.Module):
    """Takes (n, H, W, 3) alone; gives the mean of each channel, as a map of 1 × 1."""

    def forward(self, images: Tensor) -> Tensor:
        assert images.shape[3] == 3
        return images.mean(dim=(1, 2))[:, :, None, None]


class ChannelsFirst(nn.Module):
    """Takes (n, 3, H, W) alone; gives the mean of each channel."""

    def forward(self, images: Tensor) -> Tensor:
        assert images.shape[1] == 3
        return images.mean(dim=(2, 3))


class OneAtATime(nn.Module):
    """Its batch axis is fixed to 1, though it does not say so."""

    def forward(self, images: Tensor) -> Tensor:
        return images.reshape(1, -1)[:, :784] @ torch.ones(784, 2)


class NotFinite(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :2] / images.flatten(1)[:, :2]


class Pictures(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images


class TwoThings(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, images


class WithArguments(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width


not_a_module = 3
