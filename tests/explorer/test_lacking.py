"""The page of an atlas that lacks what a run may lack: it says what is not there, and works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import Atlas
from latentscape.explorer import build_page
from latentscape.explorer.server import ExplorerServer

from .browser import as_file, opened_page, wait_until
from .person import STORE, button, drag, panel, places, settled, state
from .small_atlas import clustered_codes, small_atlas, small_images

pytestmark = pytest.mark.slow

CLASSES = clustered_codes(200)[1]
PARTLY = np.where(np.arange(200) % 3 == 0, CLASSES, -1)
IMAGES = small_images(CLASSES)
COLOURED = small_images(CLASSES, (12, 10, 3))

LACKING: dict[str, Callable[[Path], Atlas]] = {
    "labels": lambda path: small_atlas(path, images=IMAGES, maps=("pca", "lda")),
    "some labels": lambda path: small_atlas(
        path, labels=PARTLY, images=IMAGES, maps=("pca", "lda")
    ),
    "images": lambda path: small_atlas(path, labels=CLASSES, maps=("pca", "lda")),
    "all but codes": lambda path: small_atlas(path, maps=("pca", "lda")),
    "all but one map": lambda path: small_atlas(path, labels=CLASSES, images=IMAGES),
    "fitted maps": lambda path: small_atlas(path, labels=CLASSES, images=IMAGES, with_fitted=False),
    "grey": lambda path: small_atlas(path, labels=CLASSES, images=COLOURED),
    "all but four rows": lambda path: small_atlas(path, n=4, images=IMAGES[:4]),
}


@contextmanager
def served(atlas: Atlas) -> Iterator[str]:
    """Serve an atlas from a thread of this process."""
    with ExplorerServer(atlas) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.address
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def shown(browser: Any, atlas: Atlas, way: str) -> Iterator[Any]:
    """Open the page of an atlas, as a file or from a server."""
    size = {"width": 1200, "height": 800}
    if way == "file":
        file = atlas.path / "page.html"
        file.write_bytes(build_page(atlas))
        with opened_page(browser, as_file(file), viewport=size) as page:
            yield page
    else:
        with served(atlas) as address, opened_page(browser, address, viewport=size) as page:
            yield page


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Atlas]:
    folder = tmp_path_factory.mktemp("lacking")
    kept: dict[str, Atlas] = {}

    def make(what: str) -> Atlas:
        if what not in kept:
            kept[what] = LACKING[what](folder / what.replace(" ", "-"))
        return kept[what]

    return make


@pytest.mark.parametrize("way", ["file", "server"])
@pytest.mark.parametrize("what", LACKING)
def test_every_panel_works_without(
    browser: Any, made: Callable[[str], Atlas], what: str, way: str
) -> None:
    atlas = made(what)
    n = len(atlas.points)
    with shown(browser, atlas, way) as page:
        area = page.get_by_role("application").first
        picture = settled(page, area)
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 3
        map_name = state(page)["maps"][0]
        placed = places(atlas, map_name, area.bounding_box())
        page.mouse.move(*placed[1])
        wait_until(page, f"{STORE}.state.hover >= 0")
        page.mouse.click(*placed[1])
        row = state(page)["focus"]
        assert str(atlas.points["id"][row]) in panel(page).inner_text()
        wait_until(page, f"document.querySelectorAll('.strip .thumb').length >= {min(n - 1, 10)}")
        for name in (
            "Decode",
            "Path",
            "Draw",
            "Select",
            "Size",
            "Trust",
            "About",
            "Maps",
            "Decode",
        ):
            button(page, name).click()
        page.mouse.move(*placed[0])
        wait_until(page, f"{STORE}.state.place !== null")
        assert page.get_by_role("complementary").inner_text().strip()
        button(page, "Draw").click()
        assert "no encoder" in panel(page).inner_text()
        page.keyboard.press("r")
        box = area.bounding_box()
        drag(page, (box["x"] + 2, box["y"] + 2),
             (box["x"] + box["width"] - 2, box["y"] + box["height"] - 2))  # fmt: skip
        assert state(page)["selection"] == list(range(n))
        page.wait_for_timeout(150)
        assert panel(page).locator(".sheet .thumb").count() == min(n, 120)
        for key in ("i", "m", "n", "2", "1", "t", "Escape"):
            page.keyboard.press(key)
        page.wait_for_timeout(150)
        alert = page.locator(".trouble")
        assert not alert.is_visible()


def test_no_labels_no_legend(browser: Any, made: Callable[[str], Atlas]) -> None:
    with shown(browser, made("all but codes"), "file") as page:
        legend = page.get_by_role("group", name="Legend")
        assert legend.get_by_role("button").count() == 0
        assert "label" in legend.inner_text()  # in place of names, why there are none
        options = page.get_by_label("Colour by").locator("option").all_inner_texts()
        assert options == ["one colour"]
        assert not button(page, "Images").is_visible()
        assert not button(page, "Names").is_visible()


def test_rows_without_a_label_are_grey(browser: Any, made: Callable[[str], Atlas]) -> None:
    with shown(browser, made("some labels"), "file") as page:
        page.keyboard.press("n")
        picture = settled(page, page.get_by_role("application").first).astype(int)
        spread = picture.max(axis=2) - picture.min(axis=2)
        grey = (spread < 25) & (picture.mean(axis=2) > 90) & (picture.mean(axis=2) < 215)
        assert grey.sum() > 300
        assert (spread > 60).sum() > 300
        page.evaluate(f"{STORE}.set({{ selection: [0, 1, 2], tab: 'selection' }})")
        assert "no label" in panel(page).inner_text()


def test_one_map_needs_no_choice_of_how_many(browser: Any, made: Callable[[str], Atlas]) -> None:
    with shown(browser, made("all but one map"), "file") as page:
        assert page.get_by_role("group", name="Number of maps").count() == 0
        assert page.get_by_role("application").count() == 1


@pytest.mark.parametrize("way", ["file", "server"])
def test_images_are_those_of_their_rows(
    browser: Any, made: Callable[[str], Atlas], way: str
) -> None:
    """Grey and coloured images arrive pixel by pixel, by either way."""
    for what, images in (("all but one map", IMAGES), ("grey", COLOURED)):
        with shown(browser, made(what), way) as page:
            found = page.evaluate(
                """async () => {
                  const { images } = document.getElementById('app').latentscape.atlas;
                  await images.want([7, 150, 0]);
                  return [7, 150, 0].map((row) => Array.from(images.get(row)));
                }"""
            )
            exact = images[[7, 150, 0]].reshape(3, -1).astype(int)
            wanted = exact if way == "server" else np.rint(exact / 17) * 17
            np.testing.assert_array_equal(found, wanted)


def test_a_server_that_is_gone_is_told(browser: Any, made: Callable[[str], Atlas]) -> None:
    ask = """async (row) => {
      const { images } = document.getElementById('app').latentscape.atlas;
      return images.want([row]).then(() => '', (error) => error.message);
    }"""
    context = browser.new_context()
    try:
        with served(made("labels")) as address:
            page = context.new_page()
            page.goto(address)
            wait_until(page, "!!document.getElementById('app').latentscape?.compute")
            assert page.evaluate(ask, 180) == ""
            context.set_offline(True)
            assert "is it still running?" in page.evaluate(ask, 181)
            context.set_offline(False)
            assert page.evaluate(ask, 181) == ""  # it can be asked for again
    finally:
        context.close()


def test_rows_that_are_no_images_are_not_called_so(
    browser: Any, made: Callable[[str], Atlas]
) -> None:
    for what, kind in (("all but codes", "rows"), ("labels", "images")):
        with shown(browser, made(what), "file") as page:
            assert f"200 {kind}" in page.locator("header").inner_text().replace("test ", "")
            button(page, "About").click()
            assert f"200 {kind}" in page.locator("main .lead").first.inner_text().replace(
                "test ", ""
            )
