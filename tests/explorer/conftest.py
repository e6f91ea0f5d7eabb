"""What the browser tests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import latentscape
from latentscape.atlas import Atlas
from latentscape.images import ImageSet

from .browser import as_file, opened_page, started_browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests: Playwright starts only once in a process."""
    with started_browser() as started:
        yield started


@pytest.fixture(scope="session")
def walked(mnist: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    """A small run with all maps, on enough digits to tell a seven from a two."""
    digits = mnist.select([*range(8000), *range(60_000, 61_000)])
    return latentscape.run(
        digits,
        tmp_path_factory.mktemp("explorer") / "atlas",
        latent_dims=(2, 16),
        latent_dim=16,
        n_seeds=1,
        training={"n_epochs": 8},
        engine="serial",
        verbose=0,
    )


@pytest.fixture(scope="session")
def address(walked: Atlas) -> str:
    """The page of that run, as the address of a file."""
    return as_file(walked.path / "explorer.html")


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page on a desk; it must have asked for nothing and said nothing when it is closed."""
    with opened_page(browser, address, viewport={"width": 1280, "height": 800}) as opened:
        yield opened
