"""Data that many tests share."""

from __future__ import annotations

import pytest

from latentscape.images import ImageSet, load_mnist


@pytest.fixture(scope="session")
def mnist() -> ImageSet:
    """All 70,000 digits."""
    return load_mnist()


@pytest.fixture(scope="session")
def few_digits(mnist: ImageSet) -> ImageSet:
    """1,200 training and 300 test digits: enough to train in a second."""
    rows = [*range(1200), *range(60_000, 60_300)]
    return mnist.select(rows)
