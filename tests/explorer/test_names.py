"""Names from elsewhere (labels, ids, columns, data, maps) are text, whatever is in them."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from latentscape.atlas import Atlas, AtlasWriter, fingerprint

from .browser import wait_until
from .person import STORE, button, panel, set_state, state
from .small_atlas import clustered_codes, small_atlas, small_images
from .test_lacking import shown

pytestmark = pytest.mark.slow

ODD = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "👩‍🚀 café ﷽",
    "שלום עולם \u202e321",
    "x" * 10_000,
    "=HYPERLINK(\"http://evil.example\")",
    "a,b\"c\nd\te\x00\x1b[31m",
    "<!--", "]]>", "&amp;", "${alert(3)}", "javascript:alert(4)", "__proto__", "constructor", "",
    "\ud83d",  # half a character
    "e\u0301" * 60,
]  # fmt: skip


@pytest.fixture(scope="module")
def odd_atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    n = 200
    classes = clustered_codes(n)[1]
    safe = [name.encode("utf-8", "replace").decode() for name in ODD]  # as files can hold them
    ids = [f"{safe[row % len(safe)]} {row}" for row in range(n)]
    path = tmp_path_factory.mktemp("odd") / "<b>אב"
    small_atlas(
        path,
        labels=[row % len(ODD) for row in range(n)],  # type: ignore[arg-type]  # a list will do
        class_names=safe,
        images=small_images(classes),
        columns={
            "<i>kind</i>": [safe[row % 5] for row in range(n)],
            "__proto__": [float(row) for row in range(n)],
            "<u>": ["a" if row % 2 else "<s>b</s>" for row in range(n)],
        },
        ids=ids,
        name=safe[0] + safe[1],
    )
    # A map whose own name is odd, too.
    made_from = fingerprint(n=n)
    with AtlasWriter.open(path) as writer:
        table = pd.read_parquet(path / "points.parquet")
        table["<b>m_x"], table["<b>m_y"] = table["pca_y"], table["pca_x"]
        with writer.stage("points", made_from + "odd"):
            writer.write_table("points.parquet", table)
    return Atlas.open(path)


@pytest.fixture(params=["file", "server"])
def odd_page(request: pytest.FixtureRequest, browser: Any, odd_atlas: Atlas) -> Iterator[Any]:
    with shown(browser, odd_atlas, request.param) as page:
        asked: list[str] = []

        def refuse(dialog: Any) -> None:
            asked.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", refuse)
        yield page
        assert asked == []
        assert page.locator("#app :is(img, script, b, u, s, iframe, a)").count() == 0


def narrow(page: Any) -> None:
    """Nothing sticks out of the page."""
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_shown_as_text_in_every_panel(odd_page: Any, odd_atlas: Atlas) -> None:
    page = odd_page
    assert page.title() == f"{odd_atlas.data['name']} · latentscape"
    legend = page.get_by_role("group", name="Legend").inner_text()
    assert ODD[0][:20] in legend
    assert "עולם" in legend
    assert "👩‍🚀" in legend
    ids = odd_atlas.points["id"]
    for row in range(len(ODD)):
        set_state(page, f"focus: {row}, tab: 'point'")
        wait_until(page, "document.querySelectorAll('.strip .thumb').length === 10")
        text = panel(page).inner_text()
        assert str(ids[row]).split("\n")[0].strip()[:20].split("\t")[0].rstrip("\x00\x1b") in text
        narrow(page)
    page.evaluate(f"{STORE}.set({{ selection: [...Array(200).keys()], tab: 'selection' }})")
    assert ODD[0][:20] in panel(page).inner_text()
    set_state(page, "path: [{ row: 0 }, { row: 4 }], tab: 'path'")
    for name in ("Size", "Trust", "About"):
        button(page, name).click()
        narrow(page)
    assert ODD[0] in page.get_by_role("main").inner_text()
    page.set_viewport_size({"width": 390, "height": 800})
    for name in ("About", "Maps", "Decode", "Draw", "Select", "Point"):
        button(page, name).click()
        narrow(page)


def test_coloured_filtered_and_searched(odd_page: Any, odd_atlas: Atlas) -> None:
    page = odd_page
    for column in ("<i>kind</i>", "__proto__", "<u>", "label"):
        page.get_by_label("Colour by").select_option(column)
        assert state(page)["colour"] == column
        narrow(page)
    legend = page.get_by_role("group", name="Legend")
    legend.get_by_role("button").first.click()
    assert state(page)["filters"] == [{"column": "label", "off": [0]}]
    field = page.get_by_role("searchbox")
    for row in (0, 1, 2, 3, 5, 12):
        wanted = str(odd_atlas.points["id"][row])
        field.fill(wanted)
        page.keyboard.press("Enter")
        assert state(page)["focus"] == row
        narrow(page)
    # The map of that odd name, and the view from its link.
    page.get_by_label("Map in this panel").first.select_option("<b>m")
    assert "<b>m" in state(page)["maps"]
    # The two maps have changed places; the link is written a moment later.
    wait_until(page, "/%253Cb%253Em.*pca/.test(location.hash)")
    before = state(page)
    page.reload()
    wait_until(page, "!!document.getElementById('app').latentscape?.compute")
    after = state(page)
    for name in ("maps", "focus", "filters", "query", "colour"):
        assert after[name] == before[name]


def test_saved_files_hold_names_as_text(odd_page: Any, odd_atlas: Atlas, tmp_path: Path) -> None:
    page = odd_page
    page.evaluate(f"{STORE}.set({{ selection: [...Array(40).keys()], tab: 'selection' }})")
    with page.expect_download() as started:
        button(page, "Save ids as CSV").click()
    started.value.save_as(tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    for row in rows:
        wanted = str(odd_atlas.points["id"][int(row["row"])])
        # What a spreadsheet would run is marked as text.
        assert row["id"] == (f"'{wanted}" if wanted[:1] in tuple("=+-@\t\r") else wanted)
    page.locator("summary", has_text="Save").click()
    with page.expect_download() as started:
        page.get_by_role("button", name="as SVG").first.click()
    started.value.save_as(tmp_path / "map.svg")
    drawing = ET.parse(tmp_path / "map.svg").getroot()  # well-formed, whatever the names hold
    texts = [each.text or "" for each in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert any(text.startswith("<img src=x") for text in texts)
