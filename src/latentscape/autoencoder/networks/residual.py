"""A stronger network for those who want the best reconstruction: residual blocks."""

from __future__ import annotations

from torch import nn

from latentscape.autoencoder.networks.base import AutoencoderNetwork, channels_and_size
from latentscape.autoencoder.networks.layers import Residual

_WIDEST = 32  # channels after the last halving; half as many before each
_NARROWEST = 16
_GOAL = 8  # pixels: the longer side is halved until it is no longer than this


class ResidualAutoencoder(AutoencoderNetwork):
    """A convolutional autoencoder with residual blocks, without a hidden linear layer.

    Strided convolutions halve the image until its longer side has at most 8
    pixels (once at least). There a residual block of two convolutions follows
    (K. He and others, "Identity mappings in deep residual networks", ECCV
    2016), and one linear layer leads to the code. The decoder mirrors this
    with transposed convolutions. The narrow hidden layer that limits the
    reference network at large latent sizes is left out.

    Parameters
    ----------
    latent_dim : int
        Number of latent dimensions, at least 1.
    image_shape : tuple of int, default (28, 28)
        Shape of one image: (H, W), or (H, W, C) with 1, 3 or 4 channels;
        sides of 1 to 256 pixels.

    Raises
    ------
    DataError
        For images of another shape.
    """

    encoder: nn.Sequential
    decoder: nn.Sequential

    def __init__(self, latent_dim: int, image_shape: tuple[int, ...] = (28, 28)) -> None:
        channels, height, width = channels_and_size(image_shape)
        sizes = [(height, width)]
        while len(sizes) == 1 or max(sizes[-1]) > _GOAL:
            sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
        n_stages = len(sizes) - 1
        widths = [
            channels,
            *(max(_NARROWEST, _WIDEST // 2 ** (n_stages - stage)) for stage in range(1, n_stages)),
            _WIDEST,
        ]
        n_features = _WIDEST * sizes[-1][0] * sizes[-1][1]
        encoder: list[nn.Module] = []
        for stage in range(n_stages):
            if stage:
                encoder += [nn.BatchNorm2d(widths[stage]), nn.ReLU()]
            encoder.append(nn.Conv2d(widths[stage], widths[stage + 1], 3, stride=2, padding=1))
        encoder += [
            _block(_WIDEST),
            nn.BatchNorm2d(_WIDEST),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(n_features, latent_dim),
        ]
        decoder: list[nn.Module] = [
            nn.Linear(latent_dim, n_features),
            nn.Unflatten(1, (_WIDEST, *sizes[-1])),
            _block(_WIDEST),
        ]
        for stage in reversed(range(n_stages)):
            (rows, columns), (small_rows, small_columns) = sizes[stage], sizes[stage + 1]
            lacking = (rows - 2 * small_rows + 1, columns - 2 * small_columns + 1)
            decoder += [
                nn.BatchNorm2d(widths[stage + 1]),
                nn.ReLU(),
                nn.ConvTranspose2d(
                    widths[stage + 1],
                    widths[stage],
                    3,
                    stride=2,
                    padding=1,
                    output_padding=lacking,
                ),
            ]
        decoder.append(nn.Sigmoid())
        super().__init__(
            latent_dim, tuple(image_shape), nn.Sequential(*encoder), nn.Sequential(*decoder)
        )


def _block(channels: int) -> Residual:
    return Residual(
        nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
    )
