from __future__ import annotations

import pytest
import torch

from latentscape.autoencoder import ConvAutoencoder
from latentscape.autoencoder.networks import ResidualAutoencoder
from latentscape.errors import DataError
from latentscape.images import ImageSet


@pytest.mark.parametrize("shape", [(28, 28), (8, 8, 3), (5, 3, 4), (1, 40), (50, 65, 3), (1, 1)])
def test_sizes_and_channels(shape: tuple[int, ...]) -> None:
    height, width, channels = (*shape, 1)[:3]
    network = ResidualAutoencoder(3, shape)
    images = torch.rand(2, channels, height, width)
    assert network.encode(images).shape == (2, 3)
    assert network(images).shape == images.shape


def test_it_halves_to_eight_pixels_and_refuses_what_no_network_takes() -> None:
    def n_halvings(shape: tuple[int, ...]) -> int:
        network = ResidualAutoencoder(2, shape)
        return sum(getattr(layer, "stride", None) == (2, 2) for layer in network.encoder)

    assert [n_halvings((side, side)) for side in (4, 8, 16, 17, 28, 64, 128)] == [
        1,
        1,
        1,
        2,
        2,
        3,
        4,
    ]
    with pytest.raises(DataError, match="1, 3 or 4 channels"):
        ResidualAutoencoder(2, (8, 8, 5))


def test_it_rebuilds_better_than_the_reference_network(few_digits: ImageSet) -> None:
    errors = {
        name: -ConvAutoencoder(16, network=name, n_epochs=4, batch_size=32, random_state=0)
        .fit(few_digits.train)
        .score(few_digits.test)
        for name in ("reference", "residual")
    }
    assert errors["residual"] < 0.9 * errors["reference"]
