"""The default network: three strided convolutions and two linear layers, and their mirror."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from latentscape.autoencoder.networks.base import AutoencoderNetwork, channels_and_size

_CHANNELS = (8, 16, 32)
_HIDDEN = 128
_SMALLEST = (1, 4, 8)  # the longer side, in pixels, from which there are 1, 2, 3 convolutions


class ReferenceAutoencoder(AutoencoderNetwork):
    """The reference convolutional autoencoder.

    Three strided convolutions and two linear layers lead to the code; the
    decoder mirrors them with transposed convolutions and ends in a sigmoid.
    For grey images of 28 × 28 it has 94,337 parameters when ``latent_dim`` is
    32. Other sizes keep the layout: a convolution halves both sides, rounded
    up, and its transposed twin restores them to the pixel. Images of less than
    8 pixels have two convolutions, or one.

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
        stages = _stages(channels, height, width)
        last = stages[-1]
        n_features = last.outputs * last.after[0] * last.after[1]
        # Weights are drawn in the order in which layers are made, so this order is for ever.
        encoder: list[nn.Module] = []
        for stage in stages:
            encoder.append(
                nn.Conv2d(stage.inputs, stage.outputs, 3, stride=2, padding=stage.padding)
            )
            if stage.outputs != _CHANNELS[-1]:
                encoder.append(nn.BatchNorm2d(stage.outputs))
            encoder.append(nn.ReLU())
        encoder += [
            nn.Flatten(),
            nn.Linear(n_features, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, latent_dim),
        ]
        decoder: list[nn.Module] = [
            nn.Linear(latent_dim, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, n_features),
            nn.ReLU(),
            nn.Unflatten(1, (last.outputs, *last.after)),
        ]
        for stage in reversed(stages):
            decoder.append(
                nn.ConvTranspose2d(
                    stage.outputs,
                    stage.inputs,
                    3,
                    stride=2,
                    padding=stage.padding,
                    output_padding=stage.lacking,
                )
            )
            if stage is not stages[0]:
                decoder += [nn.BatchNorm2d(stage.inputs), nn.ReLU()]
        decoder.append(nn.Sigmoid())
        super().__init__(
            latent_dim, tuple(image_shape), nn.Sequential(*encoder), nn.Sequential(*decoder)
        )


@dataclass(frozen=True)
class _Stage:
    """One convolution of kernel 3 and stride 2, and its transposed twin.

    ``after`` is the size that the convolution leaves; ``lacking`` are the rows
    and columns that its twin has to add to restore the size before.
    """

    inputs: int
    outputs: int
    padding: int
    after: tuple[int, int]
    lacking: tuple[int, int]


def _stages(channels: int, height: int, width: int) -> list[_Stage]:
    stages = []
    size = (height, width)
    n_stages = sum(max(height, width) >= least for least in _SMALLEST)
    for inputs, outputs in zip((channels, *_CHANNELS), _CHANNELS[:n_stages], strict=False):
        # The last convolution has no padding where none of the pixels is lost by that: an even
        # side would lose its last row.
        whole = all(side % 2 and side >= 3 for side in size)
        padding = 0 if outputs == _CHANNELS[-1] and whole else 1
        rows, columns = ((side + 2 * padding - 3) // 2 + 1 for side in size)
        back = [(side - 1) * 2 - 2 * padding + 3 for side in (rows, columns)]
        lacking = (size[0] - back[0], size[1] - back[1])
        size = (rows, columns)
        stages.append(_Stage(inputs, outputs, padding, size, lacking))
    return stages
