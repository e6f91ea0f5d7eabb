from __future__ import annotations

import hashlib

import pytest
import torch
from torch import nn

from latentscape.autoencoder.networks import ReferenceAutoencoder, make_network, n_parameters
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
    network = ReferenceAutoencoder(32, (28, 28))
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


# SHA-256 of the initial weights (names and values, in order) at 32 dimensions, taken when the
# network knew no other images than grey ones of 28 × 28.
FIRST_WEIGHTS = {
    0: "25f1f28ba05f80d97c30d1dacaa1bc31e6032efb38a9b87671fe645c4dd0560a",
    7: "6262b8f48d46129ce49dbee5084afd23e0060f4dd5be1b91afc75043ae9b8158",
}


@pytest.mark.parametrize("seed", FIRST_WEIGHTS)
def test_weights_of_the_first_version(seed: int) -> None:
    digest = hashlib.sha256()
    for name, value in make_network("reference", 32, (28, 28), seed=seed).state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    assert digest.hexdigest() == FIRST_WEIGHTS[seed]


SHAPES = [
    (8, 8), (28, 28, 1), (32, 32, 3), (17, 40, 4), (128, 9, 3), (27, 31), (64, 64, 3), (5, 7),
    (7, 3, 3), (1, 50), (3, 2), (1, 1), (33, 16, 3),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_other_sizes_and_channels(shape: tuple[int, ...]) -> None:
    network = make_network("reference", 3, shape)
    height, width, channels = (*shape, 1)[:3]
    images = torch.rand(2, channels, height, width)  # in training mode: two images are enough
    assert network.encode(images).shape == (2, 3)
    rebuilt = network(images)
    assert rebuilt.shape == images.shape
    network.eval()
    # Every pixel counts for the code: none is beyond the reach of the convolutions.
    images.requires_grad_()
    network.encode(images).sum().backward()  # type: ignore[no-untyped-call]
    assert images.grad is not None
    assert (images.grad.abs().sum(dim=(0, 1)) > 0).float().mean() > 0.95


def test_the_layout_is_kept_and_tiny_images_have_fewer_stages() -> None:
    def kinds(shape: tuple[int, ...]) -> list[str]:
        network = ReferenceAutoencoder(2, shape)
        return [type(layer).__name__ for layer in [*network.encoder, *network.decoder]]

    for shape in ((8, 8), (32, 32, 3), (100, 128), (1, 9)):
        assert kinds(shape) == kinds((28, 28))
    assert kinds((7, 7)).count("Conv2d") == 2
    assert kinds((3, 2)).count("Conv2d") == 1


@pytest.mark.parametrize("latent_dim", [0, -1, 2.5, True])
def test_impossible_latent_size(latent_dim: int) -> None:
    with pytest.raises(SettingError, match="latent_dim must be a whole number of at least 1"):
        make_network("reference", latent_dim, (28, 28))


def test_unknown_network_and_impossible_images() -> None:
    with pytest.raises(SettingError, match="no network 'vgg'; choose one of: "):
        make_network("vgg", 2, (28, 28))
    for shape in ((28, 28, 2), (28,), (2, 28, 28, 3), (0, 5)):
        with pytest.raises(DataError, match="with 1, 3 or 4 channels, got"):
            make_network("reference", 2, shape)
    with pytest.raises(DataError, match="up to 256 pixels a side, got 300 × 20; resize"):
        make_network("reference", 2, (300, 20, 3))
