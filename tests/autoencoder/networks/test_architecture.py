from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from latentscape.autoencoder.networks import (
    NETWORKS,
    AutoencoderNetwork,
    ReferenceAutoencoder,
    describe,
    make_network,
)
from latentscape.autoencoder.networks.layers import Crop, Residual

from .numpy_network import run


def shaken(network: AutoencoderNetwork) -> AutoencoderNetwork:
    """Give batch normalisation statistics and weights of its own, and leave training mode."""
    generator = torch.Generator().manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var, module.running_mean):
                assert tensor is not None
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network.eval()


def check(network: AutoencoderNetwork, channels: int, height: int, width: int) -> None:
    described = json.loads(json.dumps(describe(network)))
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    images = np.random.default_rng(0).random((2, channels, height, width))
    with torch.no_grad():
        codes = network.encode(torch.from_numpy(images).float())
        rebuilt = network.decode(codes)
    np.testing.assert_allclose(
        run(described["encoder"], weights, images), codes.numpy(), atol=2e-5, rtol=1e-5
    )
    np.testing.assert_allclose(
        run(described["decoder"], weights, codes.numpy().astype(float)), rebuilt.numpy(), atol=2e-5
    )


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("shape", [(28, 28), (9, 14, 3), (6, 5, 4), (1, 20), (16, 23)])
def test_the_description_computes_what_the_network_does(name: str, shape: tuple[int, ...]) -> None:
    height, width, channels = (*shape, 1)[:3]
    check(shaken(make_network(name, 3, shape, seed=1)), channels, height, width)


def test_every_operation_of_the_interface() -> None:
    torch.manual_seed(0)
    relu = nn.ReLU()
    body = nn.Sequential(nn.BatchNorm2d(4, eps=1e-3), relu, nn.Conv2d(4, 4, 3, padding=1))
    encoder = nn.Sequential(
        nn.ZeroPad2d((1, 2, 3, 0)), nn.Conv2d(3, 4, 3, stride=2), nn.SiLU(),
        Residual(nn.Sequential(body, relu, relu)), nn.Dropout(), nn.Flatten(),
        nn.Linear(4 * 4 * 4, 6), nn.GELU(), nn.Linear(6, 2),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(2, 12), nn.Tanh(), nn.Unflatten(1, (3, 2, 2)), nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d(3, 3, 3, stride=2, padding=1, output_padding=(1, 0)), Crop(7, 7),
        nn.Identity(), nn.Sigmoid(),
    )  # fmt: skip
    network = AutoencoderNetwork(2, (7, 7, 3), encoder, decoder)
    check(shaken(network), 3, 7, 7)
    described = describe(network)
    assert described is not None
    text = json.dumps(described)
    for op in (
        "conv2d", "conv_transpose2d", "linear", "batch_norm2d", "relu", "silu", "gelu", "sigmoid",
        "tanh", "flatten", "unflatten", "residual", "upsample_nearest", "pad", "crop",
    ):  # fmt: skip
        assert f'"op": "{op}"' in text


def test_the_reference_network_in_full() -> None:
    described = describe(make_network("reference", 32, (28, 28)))
    assert described is not None
    assert described["encoder"][:3] == [
        {
            "op": "conv2d", "weights": "encoder.0", "inputs": 1, "outputs": 8, "kernel": 3,
            "stride": 2, "padding": 1,
        },
        {"op": "batch_norm2d", "weights": "encoder.1", "eps": 1e-5},
        {"op": "relu"},
    ]  # fmt: skip
    assert described["decoder"][4:6] == [
        {"op": "unflatten", "shape": [32, 3, 3]},
        {
            "op": "conv_transpose2d", "weights": "decoder.5", "inputs": 32, "outputs": 16,
            "kernel": 3, "stride": 2, "padding": 0, "output_padding": [0, 0],
        },
    ]  # fmt: skip


class Louder(nn.ReLU):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    "layer",
    [
        Louder(), nn.Conv2d(1, 1, (1, 3), padding=(0, 1)), nn.Conv2d(1, 1, 3, padding="same"),
        nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.Conv2d(1, 1, 3, padding=2, dilation=2),
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), nn.BatchNorm2d(1, affine=False),
        nn.BatchNorm2d(1, track_running_stats=False), nn.GELU(approximate="tanh"),
        nn.Upsample(scale_factor=1, mode="bilinear"), nn.Upsample(size=(8, 8)), nn.AvgPool2d(1),
        nn.ZeroPad2d((-1, 1, 0, 0)),
        nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 1, 3, padding=1)),
    ],
)  # fmt: skip
def test_what_it_has_no_word_for_makes_it_none(layer: nn.Module) -> None:
    network = ReferenceAutoencoder(2, (8, 8))
    assert describe(network) is not None
    network.encoder = nn.Sequential(layer, *network.encoder)
    assert network.eval().encode(torch.zeros(1, 1, 8, 8)).shape == (1, 2)
    assert describe(network) is None


def test_hooks_and_other_methods_make_it_none() -> None:
    hooked = ReferenceAutoencoder(2, (8, 8))
    hooked.encoder[0].register_forward_hook(lambda module, given, out: out + 1)
    assert describe(hooked) is None

    class Shifted(ReferenceAutoencoder):
        def decode(self, codes: torch.Tensor) -> torch.Tensor:
            return super().decode(codes + 1)

    assert describe(Shifted(2, (8, 8))) is None
    assert describe(nn.Linear(2, 2)) is None
