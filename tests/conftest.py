"""Data that many tests share."""

from __future__ import annotations

import pytest

from latentscape.images import ImageSet, load_mnist

from .atlas_tools import quick_render


@pytest.fixture(scope="session")
def mnist() -> ImageSet:
    """All 70,000 digits."""
    return load_mnist()


@pytest.fixture(scope="session")
def few_digits(mnist: ImageSet) -> ImageSet:
    """1,200 training and 300 test digits: enough to train in a second."""
    rows = [*range(1200), *range(60_000, 60_300)]
    return mnist.select(rows)


@pytest.fixture(scope="session")
def few(mnist: ImageSet) -> ImageSet:
    """300 training and 100 test digits: enough for a whole run."""
    return mnist.select([*range(300), *range(60_000, 60_100)])


@pytest.fixture
def quick_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two words instead of drawing."""
    monkeypatch.setattr("latentscape.figures.render_all", quick_render)
