"""The address keeps the view, and the browser's own buttons work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .browser import opened_page, wait_until
from .person import STORE, button, set_state, state

pytestmark = pytest.mark.slow

DESK = {"width": 1280, "height": 800}


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_large_selection_stands_in_the_link(
    browser: Any, page: Any, address: str, share: float
) -> None:
    rows = np.flatnonzero(np.random.default_rng(0).random(1000) < share).tolist()
    page.evaluate(f"(rows) => {STORE}.set({{ selection: rows }})", rows)
    wait_until(page, "location.hash.includes('rows')")
    link = page.evaluate("location.href")
    assert len(link) < 1000
    with opened_page(browser, link, viewport=DESK) as again:
        assert state(again)["selection"] == rows


def test_back_and_escape_leave_a_page_that_is_read(page: Any) -> None:
    page.keyboard.press("d")
    set_state(page, "colour: 'reconstruction_mse'")
    button(page, "Trust").click()
    button(page, "About").click()
    page.go_back()
    wait_until(page, f"{STORE}.state.tab === 'trust'")
    page.go_back()
    wait_until(page, f"{STORE}.state.tab === 'decode'")
    assert state(page)["colour"] == "reconstruction_mse"
    page.go_forward()
    wait_until(page, f"{STORE}.state.tab === 'trust'")
    page.keyboard.press("Escape")
    assert state(page)["tab"] == "decode"
    assert page.get_by_role("application").first.is_visible()


def test_a_link_is_copied(page: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    set_state(page, "selection: [1, 2, 3]")
    page.locator("summary", has_text="Save").click()
    button(page, "Copy a link to this view").click()
    page.get_by_text("Link copied", exact=True).wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(page.url.split("#")[0])
    assert "rows=1-3" in link
