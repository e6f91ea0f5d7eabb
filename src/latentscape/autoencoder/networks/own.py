"""A user's own encoder and decoder behind the face of the other networks."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from latentscape.autoencoder.networks.architecture import describe
from latentscape.autoencoder.networks.base import AutoencoderNetwork, channels_and_size
from latentscape.autoencoder.python_path import load_object
from latentscape.errors import SettingError


class OwnPair(AutoencoderNetwork):
    """An encoder and a decoder whose images are cut to [0, 1] outside training."""

    def decode(self, codes: Tensor) -> Tensor:
        """Map codes (n, latent_dim) to images (n, C, H, W), in [0, 1] outside training."""
        images = super().decode(codes)
        return images if self.training else images.clamp(0, 1)


class OwnNetwork(AutoencoderNetwork):
    """A module with methods ``encode`` and ``decode`` of its own."""

    def __init__(self, latent_dim: int, image_shape: tuple[int, ...], module: Any) -> None:
        nn.Module.__init__(self)
        self.latent_dim = latent_dim
        self.image_shape = image_shape
        self.module = module

    def encode(self, images: Tensor) -> Tensor:
        """Map images (n, C, H, W) in [0, 1] to codes (n, latent_dim)."""
        return cast(Tensor, cast(Any, self.module).encode(images))

    def decode(self, codes: Tensor) -> Tensor:
        """Map codes (n, latent_dim) to images (n, C, H, W), in [0, 1] outside training."""
        images = cast(Tensor, cast(Any, self.module).decode(codes))
        return images if self.training else images.clamp(0, 1)


def own_network(path: str, latent_dim: int, image_shape: tuple[int, ...]) -> AutoencoderNetwork:
    """Build the network that a Python path names, and try it.

    Parameters
    ----------
    path : str
        ``package.module:Name`` or ``file.py:Name``; called as
        ``Name(latent_dim=..., image_shape=...)``. What comes back has methods
        ``encode`` and ``decode``, or is a module with attributes ``encoder``
        and ``decoder``, or a pair of modules.
    latent_dim : int
        Number of latent dimensions.
    image_shape : tuple of int
        (H, W), or (H, W, C); the modules are given images (n, C, H, W).

    Raises
    ------
    SettingError
        When it cannot be imported or made, or gives something else than codes
        (n, latent_dim) and images (n, C, H, W); the message says which.
    """
    shape = channels_and_size(image_shape)
    made_by = load_object(path)
    try:
        made = made_by(latent_dim=latent_dim, image_shape=image_shape)
    except Exception as error:
        msg = (
            f"{path!r} could not be called with latent_dim={latent_dim} and "
            f"image_shape={image_shape}: {type(error).__name__}: {error}"
        )
        raise SettingError(msg) from error
    network = _with_face(made, path, latent_dim, image_shape)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        msg = f"{path!r} gives a network without parameters, so there is nothing to train"
        raise SettingError(msg)
    _try(network, path, latent_dim, shape)
    return network


def _with_face(
    made: Any, path: str, latent_dim: int, image_shape: tuple[int, ...]
) -> AutoencoderNetwork:
    methods = [getattr(made, name, None) for name in ("encode", "decode")]
    if isinstance(made, nn.Module) and all(callable(method) for method in methods):
        return OwnNetwork(latent_dim, image_shape, made)
    pair = made
    if not isinstance(made, tuple):
        pair = (getattr(made, "encoder", None), getattr(made, "decoder", None))
    if len(pair) != 2 or not all(isinstance(part, nn.Module) for part in pair):
        msg = (
            f"{path!r} gives {_named(made)}, expected a module with methods encode and decode, a "
            f"module with attributes encoder and decoder, or a pair of modules"
        )
        raise SettingError(msg)
    plain = AutoencoderNetwork(latent_dim, image_shape, *pair)
    described = describe(plain)
    # A sigmoid at the end keeps images in [0, 1], and then there is nothing to cut.
    if described is not None and described["decoder"][-1:] == [{"op": "sigmoid"}]:
        return plain
    return OwnPair(latent_dim, image_shape, *pair)


def _try(
    network: AutoencoderNetwork, path: str, latent_dim: int, shape: tuple[int, int, int]
) -> None:
    images = torch.zeros(2, *shape)
    codes = torch.zeros(2, latent_dim)
    was_training = network.training
    network.eval()
    with torch.no_grad():
        for part, given, wanted, what in (
            (network.encode, images, codes, "codes"),
            (network.decode, codes, images, "images"),
        ):
            name = f"the {part.__name__}r of {path!r}"
            try:
                found = part(given)
            except Exception as error:
                msg = (
                    f"{name} fails on an input of shape {_batch(given)}: "
                    f"{type(error).__name__}: {error}"
                )
                raise SettingError(msg) from error
            if not isinstance(found, Tensor) or found.shape != wanted.shape:
                gives = _batch(found) if isinstance(found, Tensor) else _named(found)
                msg = (
                    f"{name} makes {gives} of an input of shape {_batch(given)}, expected {what} "
                    f"of shape {_batch(wanted)}"
                )
                raise SettingError(msg)
    network.train(was_training)


def _batch(tensor: Tensor) -> str:
    """Return a shape with n for the number of images."""
    sides = ["n" if tensor.ndim and len(tensor) == 2 else str(len(tensor))] if tensor.ndim else []
    return f"({', '.join([*sides, *(str(side) for side in tensor.shape[1:])])})"


def _named(value: object) -> str:
    return f"a {type(value).__name__}"
