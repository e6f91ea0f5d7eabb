from __future__ import annotations

import pytest
import torch
from torch import nn

from latentscape.autoencoder.networks import make_network, n_parameters
from latentscape.errors import DataError, SettingError


class PlainReference(nn.Module):
    """The reference network written out, as a user would who has only its description."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, kernel_size=3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=0),
            nn.ReLU(),
            nn.Flatten(start_dim=1),
            nn.Linear(3 * 3 * 32, 128),
            nn.ReLU(),
            nn.Linear(128, d),
        )
        self.decoder = nn.Sequential(
            nn.Linear(d, 128),
            nn.ReLU(),
            nn.Linear(128, 3 * 3 * 32),
            nn.ReLU(),
            nn.Unflatten(dim=1, unflattened_size=(32, 3, 3)),
            nn.ConvTranspose2d(32, 16, kernel_size=3, stride=2, output_padding=0),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 8, kernel_size=3, stride=2, padding=1, output_padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, kernel_size=3, stride=2, padding=1, output_padding=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.decoder(self.encoder(x)))


ENCODER_SHAPES = [
    (8, 14, 14), (8, 14, 14), (8, 14, 14),
    (16, 7, 7), (16, 7, 7), (16, 7, 7),
    (32, 3, 3), (32, 3, 3),
    (288,), (128,), (128,), (32,),
]  # fmt: skip
DECODER_SHAPES = [
    (128,), (128,), (288,), (288,), (32, 3, 3),
    (16, 7, 7), (16, 7, 7), (16, 7, 7),
    (8, 14, 14), (8, 14, 14), (8, 14, 14),
    (1, 28, 28), (1, 28, 28),
]  # fmt: skip


def test_shape_after_every_layer() -> None:
    network = make_network("reference", 32, (28, 28))
    x = torch.zeros(2, 1, 28, 28)
    shapes = []
    for layer in network.encoder:
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == ENCODER_SHAPES
    shapes = []
    for layer in network.decoder:
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == DECODER_SHAPES


def test_number_of_parameters() -> None:
    assert n_parameters(make_network("reference", 32, (28, 28))) == 94_337


@pytest.mark.parametrize("latent_dim", [1, 2, 128])
def test_weights_load_into_the_plain_module_and_do_the_same(latent_dim: int) -> None:
    network = make_network("reference", latent_dim, (28, 28), seed=3)
    plain = PlainReference(latent_dim)
    images = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    network(
        images
    )  # so that the running statistics of batch normalisation are not the initial ones
    network.eval()
    plain.eval()
    with torch.no_grad():
        assert not torch.allclose(plain(images), network(images))
        plain.load_state_dict(network.state_dict())
        torch.testing.assert_close(plain(images), network(images), rtol=0, atol=0)
        codes = network.encode(images)
        assert codes.shape == (5, latent_dim)
        torch.testing.assert_close(network.decode(codes), network(images), rtol=0, atol=0)


def test_weights_depend_on_the_seed_alone_and_leave_the_global_generator() -> None:
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    a = make_network("reference", 4, (28, 28), seed=1)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(12)
    b = make_network("reference", 4, (28, 28), seed=1)
    c = make_network("reference", 4, (28, 28), seed=2)
    pairs = list(zip(a.parameters(), b.parameters(), c.parameters(), strict=True))
    assert all(torch.equal(x, y) for x, y, _ in pairs)
    assert any(not torch.equal(x, z) for x, _, z in pairs)


@pytest.mark.parametrize("latent_dim", [0, -1, 2.5, True])
def test_impossible_latent_size(latent_dim: int) -> None:
    with pytest.raises(SettingError, match="latent_dim must be a whole number of at least 1"):
        make_network("reference", latent_dim, (28, 28))


def test_unknown_network_and_other_image_sizes() -> None:
    with pytest.raises(SettingError, match="no network 'vgg'; choose one of: reference"):
        make_network("vgg", 2, (28, 28))
    with pytest.raises(DataError, match=r"28 × 28, got images of shape \(32, 32, 3\)"):
        make_network("reference", 2, (32, 32, 3))
