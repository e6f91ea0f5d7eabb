"""Networks as users write them, good and bad. Imported by path."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


def _channels(image_shape: tuple[int, ...]) -> int:
    return image_shape[2] if len(image_shape) == 3 else 1


class Pair(nn.Module):
    """Attributes encoder and decoder; no sigmoid at the end."""

    def __init__(self, latent_dim: int, image_shape: tuple[int, ...]) -> None:
        super().__init__()
        n = math.prod(image_shape)
        shape = (_channels(image_shape), *image_shape[:2])
        self.encoder: nn.Module = nn.Sequential(
            nn.Flatten(), nn.Linear(n, 8), nn.Tanh(), nn.Linear(8, latent_dim)
        )
        self.decoder = nn.Sequential(nn.Linear(latent_dim, n), nn.Unflatten(1, shape))


class Bounded(Pair):
    """The same with a sigmoid."""

    def __init__(self, latent_dim: int, image_shape: tuple[int, ...]) -> None:
        super().__init__(latent_dim, image_shape)
        self.decoder.append(nn.Sigmoid())


class WithMethods(nn.Module):
    """Methods encode and decode, and a parameter that belongs to neither part."""

    def __init__(self, latent_dim: int, image_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.pair = Pair(latent_dim, image_shape)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def encode(self, images: Tensor) -> Tensor:
        return self.pair.encoder(images) * self.scale  # type: ignore[no-any-return]

    def decode(self, codes: Tensor) -> Tensor:
        return self.pair.decoder(codes / self.scale)  # type: ignore[no-any-return]


def two_modules(latent_dim: int, image_shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    pair = Pair(latent_dim, image_shape)
    return pair.encoder, pair.decoder


class NarrowCodes(Pair):
    def __init__(self, latent_dim: int, image_shape: tuple[int, ...]) -> None:
        super().__init__(latent_dim + 2, image_shape)


class FlatImages(Pair):
    def __init__(self, latent_dim: int, image_shape: tuple[int, ...]) -> None:
        super().__init__(latent_dim, image_shape)
        self.decoder = nn.Sequential(self.decoder[0])


class Variational(Pair):
    def encode(self, images: Tensor) -> Any:
        codes = self.encoder(images)
        return codes, codes

    def decode(self, codes: Tensor) -> Any:
        return self.decoder(codes)


class Breaks(Pair):
    def __init__(self, latent_dim: int, image_shape: tuple[int, ...]) -> None:
        super().__init__(latent_dim, image_shape)
        self.encoder = nn.Sequential(nn.Linear(9, latent_dim))


class Untrainable(nn.Module):
    def __init__(self, latent_dim: int, image_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = nn.Flatten()
        self.decoder = nn.Unflatten(1, (1, *image_shape))


def no_network(latent_dim: int, image_shape: tuple[int, ...]) -> str:
    return "no network"


def other_arguments(size: int) -> None:
    del size
