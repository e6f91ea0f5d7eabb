"""The page on a phone: nothing is cut, and every word can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import Atlas

from .browser import opened_page, wait_until
from .person import button, draw, lonely_row, panel, places, set_state, state, surface

pytestmark = pytest.mark.slow

# Elements with words of their own that need more room than they have, and hide the rest.
# A name that is shortened by an ellipsis says so; what scrolls by itself can be read.
CUT = """() => [...document.querySelectorAll('#app *')].filter((element) => {
  const style = getComputedStyle(element);
  const shown = element.checkVisibility() && element.clientWidth > 2;
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const up = element.clientHeight > 0 && element.scrollHeight > element.clientHeight + 1;
  const across = element.scrollWidth > element.clientWidth + 1;
  const hides = style.overflowX !== 'visible' || style.overflowY !== 'visible';
  const text = own || element.className === 'legend';
  return shown && text && hides && (up || across) && style.textOverflow !== 'ellipsis';
}).map((element) => element.outerHTML.slice(0, 120))"""

# Letters smaller than ten CSS pixels, as they come to the screen (a drawing may be scaled).
TINY = """() => [...document.querySelectorAll('#app *')].filter((element) => {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !element.checkVisibility() || element.closest('.visually-hidden')) return false;
  const matrix = element instanceof SVGElement ? element.getScreenCTM() : null;
  const scale = matrix === null ? 1 : Math.hypot(matrix.a, matrix.b);
  return scale * parseFloat(getComputedStyle(element).fontSize) < 10;
}).map((element) => element.outerHTML.slice(0, 120))"""

# Words of a chart that stand outside of the screen.
OUTSIDE = """() => [...document.querySelectorAll('.chart text')].filter((element) => {
  const { left, right } = element.getBoundingClientRect();
  return element.checkVisibility() && (left < 0 || right > innerWidth);
}).map((element) => element.textContent)"""

PLACEHOLDER = """() => {
  const field = document.querySelector('.search');
  const style = getComputedStyle(field);
  const paint = document.createElement('canvas').getContext('2d');
  paint.font = `${style.fontSize} ${style.fontFamily}`;
  // A search field keeps room for the cross that empties it.
  const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return [paint.measureText(field.placeholder).width, room - 16];
}"""


# What the page shows, from above, in CSS pixels of the screen.
PARTS = """() => Object.fromEntries(['toolbar', 'stage', 'under', 'side'].map((part) => {
  const { top, bottom, height } = document.querySelector(`.${part}`).getBoundingClientRect();
  return [part, { top, bottom, height }];
}))"""


@pytest.fixture
def phone(browser: Any, address: str) -> Iterator[Any]:
    size = {"width": 390, "height": 844}
    with opened_page(browser, address, viewport=size, reduced_motion="reduce") as opened:
        yield opened


def test_no_words_are_cut_or_tiny(phone: Any) -> None:
    found: dict[str, list[str]] = {}

    def look(where: str) -> None:
        phone.wait_for_timeout(150)  # charts are drawn for the width that they find
        for sort, script in (("cut", CUT), ("tiny", TINY), ("outside", OUTSIDE)):
            if words := phone.evaluate(script):
                found[f"{where}: {sort}"] = words

    for colour in ("label", "reconstruction_mse", "trust"):
        set_state(phone, f"colour: '{colour}', selection: [1, 2, 3]")
        look(f"coloured by {colour}")
    set_state(phone, "filters: [{ column: 'label', off: [3] }]")
    look("a filter on another column")
    set_state(phone, "path: [{ row: 1 }, { row: 2 }], focus: 5")
    for step in ("Point", "Decode", "Path", "Draw", "Select", "Size", "Trust", "About"):
        button(phone, step).click()
        look(step)
    assert found == {}


def test_the_panel_is_a_sheet_that_takes_room_and_hides_nothing(
    browser: Any, address: str, walked: Atlas
) -> None:
    size = {"width": 390, "height": 844}
    touch: dict[str, Any] = {"has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}
    with opened_page(browser, address, viewport=size, **touch) as page:

        def parts(sheet: str) -> dict[str, dict[str, float]]:
            wait_until(page, f"document.getElementById('app').dataset.sheet === '{sheet}'")
            found: dict[str, dict[str, float]] = page.evaluate(PARTS)
            assert found["side"]["bottom"] <= 844.5  # nothing is below the screen
            assert found["stage"]["bottom"] <= found["side"]["top"]
            return found

        handle = button(page, "Details")
        closed = parts("closed")
        assert closed["side"]["height"] < 70
        assert closed["stage"]["height"] > 0.5 * 844
        area = surface(page, "t-SNE")
        row = lonely_row(places(walked, "tsne", area.bounding_box()))
        page.touchscreen.tap(*places(walked, "tsne", area.bounding_box())[row])
        opened = parts("open")
        assert state(page)["focus"] == row
        assert opened["side"]["height"] > 300
        assert opened["stage"]["height"] > 300
        assert opened["toolbar"]["height"] == opened["under"]["height"] == 0
        title = panel(page).get_by_role("heading").first
        assert title.bounding_box()["y"] < 844
        handle.tap()
        parts("closed")
        handle.tap()
        parts("open")
        page.wait_for_timeout(300)
        x, y = area.bounding_box()["x"] + 14, area.bounding_box()["y"] + 60
        assert np.hypot(*(places(walked, "tsne", area.bounding_box()) - [x, y]).T).min() > 20
        page.touchscreen.tap(x, y)  # where no point is
        assert state(page)["focus"] == -1
        parts("closed")
        button(page, "Draw").tap()
        parts("open")
        pad = page.locator(".pad").bounding_box()
        assert pad["y"] + pad["height"] <= 844
        draw(page, (140, 40), (140, 240))
        verdict = panel(page).get_by_text("nearest are labelled")
        verdict.wait_for()
        button(page, "Trust").tap()
        reading = page.get_by_role("main").bounding_box()
        assert reading["y"] + reading["height"] == pytest.approx(844, abs=1)
        page.locator(".card").last.scroll_into_view_if_needed()
        assert page.evaluate("document.documentElement.scrollTop") == 0  # it scrolls by itself
        assert page.get_by_role("navigation").is_visible()


def test_a_finger_decodes_and_two_move(browser: Any, address: str) -> None:
    size = {"width": 390, "height": 844}
    touch: dict[str, Any] = {"has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}
    with opened_page(browser, address, viewport=size, **touch) as page:
        button(page, "Decode").tap()
        page.wait_for_timeout(300)
        fingers = page.context.new_cdp_session(page)
        box = surface(page, "t-SNE").bounding_box()
        x, y = box["x"] + 100, box["y"] + 150

        def touches(kind: str, *points: tuple[float, float]) -> None:
            given = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": given})
            page.wait_for_timeout(80)

        touches("touchStart", (x, y))
        first = state(page)["place"]
        touches("touchMove", (x + 60, y + 20))
        second = state(page)["place"]
        assert first != second
        assert state(page)["cameras"] == {}
        touches("touchEnd")
        assert state(page)["placePinned"]
        assert state(page)["place"] == second
        touches("touchStart", (x, y), (x + 80, y))
        touches("touchMove", (x - 40, y), (x + 120, y))
        touches("touchEnd")
        assert state(page)["cameras"]["tsne"]["zoom"] > 1.5

        # A stray tap takes no selection away.
        button(page, "Select").tap()
        set_state(page, "selection: [1, 2, 3]")
        page.wait_for_timeout(300)
        page.touchscreen.tap(box["x"] + 12, box["y"] + 60)
        assert state(page)["selection"] == [1, 2, 3]
        button(page, "Keys").tap()
        assert page.get_by_role("heading", name="Keys").bounding_box()["y"] >= 0
        assert page.evaluate("document.querySelector('dialog').scrollTop") == 0


@pytest.mark.parametrize(("width", "height"), [(844, 390), (360, 640)])
def test_the_pad_fits_and_rests_under_the_hand(
    browser: Any, address: str, width: int, height: int
) -> None:
    size = {"width": width, "height": height}
    with opened_page(browser, address, viewport=size, has_touch=True, is_mobile=True) as page:
        button(page, "Draw").tap()
        page.wait_for_timeout(300)
        pad = page.locator(".pad")
        before = pad.bounding_box()
        assert before["y"] + before["height"] < height
        clear = panel(page).get_by_role("button", name="Clear", exact=True).bounding_box()
        assert clear["y"] + clear["height"] <= height
        assert before["x"] + before["width"] < width - 20  # there is room to scroll beside it
        draw(page, (140, 40), (140, 240))
        panel(page).get_by_text("nearest are labelled").wait_for()
        assert pad.bounding_box() == before
        side = page.locator(".draw")
        side.evaluate("(panel) => { panel.scrollTop = 60 }")
        moved = pad.bounding_box()
        page.mouse.click(moved["x"] + 20, moved["y"] + moved["height"] - 10)
        assert pad.bounding_box() == moved


def test_the_words_of_the_search_field_fit(phone: Any) -> None:
    needed, room = phone.evaluate(PLACEHOLDER)
    assert needed < room


def test_the_chip_of_a_selection_leaves_the_legend_its_width(phone: Any) -> None:
    width = "document.querySelector('.legend').getBoundingClientRect().width"
    before = phone.evaluate(width)
    set_state(phone, "selection: [1, 2, 3]")
    phone.get_by_text("3 points selected").wait_for()
    assert phone.evaluate(width) == before


def test_text_keeps_away_from_the_images_above_it(phone: Any) -> None:
    gap = """(above) => {
      const images = [...document.querySelectorAll(above)].at(-1);
      const words = images.nextElementSibling;
      return words.getBoundingClientRect().top - images.getBoundingClientRect().bottom;
    }"""
    set_state(phone, "path: [{ row: 1 }, { row: 2 }], tab: 'path'")
    wait_until(phone, "document.querySelectorAll('.film canvas').length === 24")
    assert phone.evaluate(gap, ".film") >= 8
    button(phone, "Size").click()
    assert phone.evaluate(gap, ".samples") >= 8


def test_a_chart_follows_the_width_of_the_page(phone: Any) -> None:
    button(phone, "Size").click()
    names = phone.locator(".chart-names")
    names.wait_for()  # drawn for the width that it finds
    assert "PCA" in names.inner_text()
    assert phone.locator(".chart .end").count() == 0
    phone.set_viewport_size({"width": 1000, "height": 800})
    wait_until(phone, "document.querySelectorAll('.chart .end').length === 2")
    names.wait_for(state="hidden")
    # Where the pointer stands is told by the lines as they are now.
    box = phone.locator(".chart").bounding_box()
    places = phone.evaluate(
        "[...document.querySelectorAll('.chart .dot-mark')]"
        ".map((dot) => Number(dot.getAttribute('cx')))"
    )
    assert max(places) > 0.6 * box["width"]
    for place, size in ((min(places), 2), (max(places), 16)):
        phone.mouse.move(box["x"] + place, box["y"] + box["height"] / 2)
        wait_until(phone, f"document.getElementById('app').latentscape.store.state.size === {size}")
