"""What the browser tests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .browser import started_browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests: Playwright starts only once in a process."""
    with started_browser() as started:
        yield started
