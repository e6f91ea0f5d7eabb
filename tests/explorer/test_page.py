"""The explorer's page in a real Chromium, used as a person would use it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import Atlas

from .browser import lacking, opened_page, wait_until
from .person import STORE, draw, lonely_row, places, state, surface

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"

pytestmark = pytest.mark.slow


def test_hovering_tells_what_is_under_the_pointer(page: Any, walked: Atlas) -> None:
    area = surface(page, "t-SNE")
    placed = places(walked, "tsne", area.bounding_box())
    row = lonely_row(placed)
    page.mouse.move(*placed[row])
    wait_until(page, f"{STORE}.state.hover === {row}")
    point = page.get_by_role("complementary")
    assert walked.points["id"][row] in point.inner_text()
    assert point.get_by_role("heading", level=2).inner_text() == str(walked.points["label"][row])
    wait_until(page, "document.querySelectorAll('.strip .thumb').length === 10")
    codes = np.asarray(walked.codes, dtype=np.float64)
    distance = ((codes - codes[row]) ** 2).sum(axis=1)
    distance[row] = np.inf
    nearest = set(walked.points["id"].to_numpy()[np.argsort(distance)[:10]])
    told = [
        button.get_attribute("aria-label").removeprefix("Go to neighbour ").split(",")[0]
        for button in point.locator(".strip .thumb").all()
    ]
    assert len(nearest & set(told)) >= 9  # codes come in whole numbers: one may change places
    page.mouse.click(*placed[row])
    assert state(page)["focus"] == row


def test_decoding_any_place_and_how_far_it_is_from_the_data(page: Any, walked: Atlas) -> None:
    page.get_by_role("button", name="Decode", exact=True).click()
    box = surface(page, "t-SNE").bounding_box()
    placed = places(walked, "tsne", box)
    page.mouse.move(*placed[0])
    side = page.get_by_role("complementary")
    side.get_by_text("Round trip").wait_for()
    assert "No data here" not in side.inner_text()
    page.mouse.move(box["x"] + 4, box["y"] + box["height"] - 4)
    side.get_by_text("No data here").wait_for()
    page.mouse.click(box["x"] + 4, box["y"] + box["height"] - 4)
    assert state(page)["placePinned"]


def test_a_drawn_seven_lands_among_the_sevens(page: Any, walked: Atlas) -> None:
    page.get_by_role("button", name="Draw", exact=True).click()
    draw(page, (80, 65), (205, 65), (135, 235))
    side = page.get_by_role("complementary")
    side.get_by_text("of its 10 nearest are labelled 7").wait_for()
    spots = page.evaluate(
        """async () => {
          const { compute } = document.getElementById('app').latentscape;
          const pad = document.querySelector('.pad').getContext('2d');
          return pad.getImageData(0, 0, 280, 280).data.some((value) => value > 0);
        }"""
    )
    assert spots
    page.get_by_role("button", name="Clear", exact=True).click()
    assert side.get_by_text("nearest are labelled").count() == 0 or not (
        side.get_by_text("nearest are labelled").is_visible()
    )


def test_the_lasso_selects_what_numpy_says(page: Any, walked: Atlas, tmp_path: Path) -> None:
    page.get_by_role("button", name="Select", exact=True).click()
    page.get_by_role("button", name="Rectangle").click()
    box = surface(page, "t-SNE").bounding_box()
    placed = places(walked, "tsne", box)
    left, top = np.round(np.quantile(placed, 0.3, axis=0))
    right, bottom = np.round(np.quantile(placed, 0.7, axis=0))
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=6)
    page.mouse.up()
    corners = np.array([[left, top], [right, bottom]])
    inside = np.asarray(((placed > corners[0]) & (placed < corners[1])).all(axis=1))
    near = np.asarray((np.abs(placed[:, None] - corners) < 1).any(axis=(1, 2)))
    found = np.zeros(len(placed), dtype=bool)
    found[state(page)["selection"]] = True
    assert inside.sum() > 20
    np.testing.assert_array_equal(found[~near], inside[~near])
    with page.expect_download() as started:
        page.get_by_role("button", name="Save ids as CSV").click()
    file = tmp_path / "selection.csv"
    started.value.save_as(file)
    rows = list(csv.DictReader(file.read_text("utf8").splitlines()))
    assert [row["id"] for row in rows] == list(walked.points["id"].to_numpy()[found])
    page.get_by_role("button", name="Clear", exact=True).click()
    assert state(page)["selection"] == []


def test_a_path_between_two_points(page: Any, walked: Atlas) -> None:
    page.get_by_role("button", name="Path", exact=True).click()
    placed = places(walked, "tsne", surface(page, "t-SNE").bounding_box())
    first, second = lonely_row(placed), int(placed[:, 0].argmax())
    page.mouse.click(*placed[first])
    page.mouse.click(*placed[second])
    films = page.locator(".film")
    assert [film.locator("canvas").count() for film in films.all()] == [12, 12]
    page.get_by_role("button", name="Play").click()
    wait_until(page, "Number(document.querySelector('.actions input[type=range]').value) > 0.1")
    assert len(state(page)["path"]) == 2


def test_maps_as_files(page: Any, tmp_path: Path) -> None:
    for kind, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        page.locator("summary", has_text="Save").click()
        with page.expect_download() as started:
            page.get_by_role("button", name=f"t-SNE as {kind}").click()
        file = tmp_path / f"map.{kind}"
        started.value.save_as(file)
        content = file.read_bytes()
        assert content.startswith(start)
        assert len(content) > 20_000
    assert content.count(b"<circle") == 1000


def test_a_link_restores_the_view(browser: Any, page: Any, address: str) -> None:
    page.keyboard.press("1")
    page.get_by_label("Map in this panel").select_option("pca")
    page.get_by_label("Colour by").select_option("reconstruction_mse")
    page.evaluate(f"{STORE}.set({{ focus: 7, selection: [3, 4, 5, 90] }})")
    wait_until(page, "location.hash.includes('rows')")
    fragment = page.evaluate("location.hash")
    with opened_page(browser, address + fragment, viewport={"width": 900, "height": 700}) as again:
        found = state(again)
        assert found["maps"] == ["pca"]
        assert found["colour"] == "reconstruction_mse"
        assert found["focus"] == 7
        assert found["selection"] == [3, 4, 5, 90]


def test_everything_by_keyboard(page: Any) -> None:
    surface(page, "t-SNE").focus()
    page.keyboard.press("ArrowRight")
    first = state(page)["focus"]
    page.keyboard.press("ArrowRight")
    second = state(page)["focus"]
    assert first >= 0
    assert second not in (-1, first)
    page.keyboard.press("Enter")
    assert state(page)["selection"] == [second]
    page.keyboard.press("+")
    assert state(page)["cameras"]["tsne"]["zoom"] > 1
    page.keyboard.press("0")
    page.keyboard.press("d")
    page.keyboard.press("ArrowUp")
    assert state(page)["place"]["map"] == "tsne"
    page.keyboard.press("/")
    page.keyboard.type("7")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert len(state(page)["selection"]) > 50
    surface(page, "t-SNE").focus()  # out of the field that was typed into
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("this sheet").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.keyboard.press("m")
    assert state(page)["mosaic"]


def test_pages_to_read(page: Any, walked: Atlas) -> None:
    page.get_by_role("button", name="Size", exact=True).click()
    page.get_by_role("button", name="2", exact=True).last.click()
    assert state(page)["size"] == 2
    assert page.locator(".sample").count() == 16
    page.get_by_role("button", name="Trust", exact=True).click()
    page.get_by_text("the codes themselves").wait_for()
    page.get_by_role("button", name="About", exact=True).click()
    assert walked.data["content_hash"] in page.get_by_role("main").inner_text()


def test_a_filter_takes_a_class_out(page: Any, walked: Atlas) -> None:
    page.get_by_role("group", name="Legend").get_by_role("button", name="7").click()
    assert state(page)["filters"] == [{"column": "label", "off": [7]}]
    placed = places(walked, "tsne", surface(page, "t-SNE").bounding_box())
    seven = int(np.flatnonzero(walked.points["label"] == 7)[0])
    page.mouse.move(*placed[seven])
    page.wait_for_timeout(150)
    assert state(page)["hover"] != seven


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_that_axe_finds(browser: Any, address: str, scheme: str, width: int) -> None:
    if not AXE.exists():
        lacking("needs axe-core (npm ci in web/)")
    size = {"width": width, "height": 800}
    # Without motion: axe would take a colour on its way to another for the colour that is meant.
    still: dict[str, Any] = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}
    with opened_page(browser, address, **still) as page:
        assert (
            page.evaluate("getComputedStyle(document.querySelector('button')).transitionDuration")
            == "0s"
        )
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0
        page.evaluate(AXE.read_text("utf8"))
        found: dict[tuple[str, str], str] = {}
        for step in ("Maps", "Decode", "Path", "Draw", "Select", "Size", "Trust", "About"):
            page.get_by_role("button", name=step, exact=True).click()
            if step == "Maps":
                page.evaluate(f"{STORE}.set({{ focus: 5 }})")
            if step == "Path":
                page.evaluate(f"{STORE}.set({{ path: [{{ row: 1 }}, {{ row: 2 }}] }})")
            if step == "Select":
                page.evaluate(f"{STORE}.set({{ selection: [1, 2, 3] }})")
            page.wait_for_timeout(200)
            for each in page.evaluate("axe.run(document).then((result) => result.violations)"):
                found[each["id"], each["nodes"][0]["html"][:200]] = step
    assert not found


# Read from a copy: Chromium complains of a canvas that is read again and again.
POINTS_ARE_DRAWN = """(() => {
  const copy = new OffscreenCanvas(900, 500).getContext('2d', { willReadFrequently: true });
  copy.drawImage([...document.querySelectorAll('canvas.layer')][1], 0, 0);
  return copy.getImageData(0, 0, 900, 500).data.some((value) => value > 0);
})()"""


def test_without_webgl_the_points_are_there_and_the_page_says_so(
    browser: Any, address: str
) -> None:
    context = browser.new_context(viewport={"width": 1000, "height": 700})
    context.add_init_script(
        """const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
          return kind.startsWith('webgl') ? null : get.call(this, kind, ...rest);
        };"""
    )
    page = context.new_page()
    page.goto(address)
    wait_until(page, "!!document.getElementById('app').latentscape?.store")
    page.get_by_text("WebGL2 is not available here").wait_for()
    wait_until(page, POINTS_ARE_DRAWN)
    context.close()


def test_a_lost_context_is_replaced(page: Any) -> None:
    page.evaluate(
        """document.querySelectorAll('canvas.layer')[1].getContext('webgl2')
          .getExtension('WEBGL_lose_context').loseContext()"""
    )
    page.get_by_text("The graphics card was taken away").wait_for()
    wait_until(page, POINTS_ARE_DRAWN)
