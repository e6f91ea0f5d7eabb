"""Maps: one, two or four, moved and zoomed, coloured, filtered, named, and saved."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import Atlas

from .browser import opened_page, wait_until
from .person import (
    STORE,
    button,
    drag,
    lonely_row,
    panel,
    pixels,
    places,
    set_state,
    settled,
    state,
    surface,
    wait_for_change,
)

pytestmark = pytest.mark.slow

TITLES = {"direct": "Two neurons", "pca": "PCA", "lda": "LDA", "tsne": "t-SNE", "umap": "UMAP"}
SVG = "{http://www.w3.org/2000/svg}"


def coloured(picture: Any) -> int:
    """Count pixels that are no grey."""
    spread = picture.astype(int).max(axis=2) - picture.astype(int).min(axis=2)
    return int((spread > 30).sum())


def test_one_two_or_four_linked_maps(page: Any, walked: Atlas) -> None:
    for number in (1, 2, 4):
        button(page, "1 map" if number == 1 else f"{number} maps").click()
        panels = page.get_by_role("application")
        assert panels.count() == number
        for each in panels.all():
            assert coloured(settled(page, each)) > 500  # points stand on every one of them
    page.get_by_role("application").first.focus()
    page.keyboard.press("ArrowLeft")
    row = state(page)["focus"]
    # The held point is ringed on all four.
    for name in state(page)["maps"]:
        area = surface(page, TITLES[name])
        x, y = places(walked, name, area.bounding_box())[row]
        box = area.bounding_box()
        near = pixels(page, area)[
            max(0, int(y - box["y"]) - 9) : int(y - box["y"]) + 10,
            max(0, int(x - box["x"]) - 9) : int(x - box["x"]) + 10,
        ].astype(int)
        accent = (np.abs(near - [200, 16, 46]).sum(axis=2) < 90).sum()
        assert accent > 8, name


def test_moving_and_zooming(page: Any) -> None:
    area = surface(page, "t-SNE")
    box = area.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = settled(page, area)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    wait_until(page, f"{STORE}.state.cameras.tsne?.zoom > 1.5")
    camera = state(page)["cameras"]["tsne"]
    drag(page, (x, y), (x + 90, y - 40))
    after = state(page)["cameras"]["tsne"]
    assert after["x"] < camera["x"]
    assert after["y"] < camera["y"]
    assert after["zoom"] == camera["zoom"]
    page.mouse.move(5, 5)
    assert not np.array_equal(settled(page, area), before)
    area.locator("xpath=..").get_by_role("button", name="whole map").click()
    assert "tsne" not in state(page)["cameras"]
    assert np.array_equal(settled(page, area), before)
    page.mouse.dblclick(x, y)  # also from the map itself
    assert "tsne" not in state(page)["cameras"]


def test_two_fingers_zoom(browser: Any, address: str) -> None:
    size = {"width": 390, "height": 800}
    with opened_page(browser, address, viewport=size, has_touch=True) as page:
        box = page.get_by_role("application").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = page.context.new_cdp_session(page)
        for kind, apart in (("touchStart", 30), ("touchMove", 60), ("touchMove", 90)):
            fingers = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        (camera,) = state(page)["cameras"].values()
        assert camera["zoom"] == pytest.approx(3, rel=0.1)


# Notes every number that the drawing is told: the share of the way is among them.
MIXES = """window.told = [];
const given = WebGL2RenderingContext.prototype.uniform1f;
WebGL2RenderingContext.prototype.uniform1f = function (place, value) {
  window.told.push(value);
  given.call(this, place, value);
};"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_points_pass_smoothly_to_another_map(browser: Any, address: str, motion: str) -> None:
    with opened_page(browser, address, script=MIXES, reduced_motion=motion) as page:
        button(page, "1 map").click()
        area = page.get_by_role("application")
        before = settled(page, area)
        known = set(page.evaluate("told"))
        page.get_by_label("Map in this panel").select_option("pca")
        after = settled(page, area)
        assert not np.array_equal(before, after)
        between = [v for v in page.evaluate("told") if 0 < v < 1 and v not in known]
        if motion == "reduce":
            assert len(set(between)) <= 1  # at once (a size may differ)
        else:
            assert len(set(between)) >= 2
            assert between == sorted(between)  # ever onwards


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_resting_pointer_is_answered_after_the_passage(
    browser: Any, address: str, walked: Atlas, motion: str
) -> None:
    size = {"width": 1280, "height": 800}
    with opened_page(browser, address, viewport=size, reduced_motion=motion) as page:
        button(page, "1 map").click()
        area = page.get_by_role("application")
        placed = places(walked, "pca", area.bounding_box())
        row = lonely_row(placed)
        page.mouse.move(*placed[row])
        settled(page, area)
        # From here on the pointer does not move any more.
        set_state(page, "maps: ['pca']")
        wait_until(page, f"{STORE}.state.hover === {row}", 5)
        page.keyboard.press("d")
        set_state(page, "maps: ['tsne'], place: null")
        wait_until(page, f"{STORE}.state.place?.map === 'tsne'", 5)
        panel(page).get_by_text("Round trip").wait_for()
        set_state(page, "maps: ['pca'], place: null")
        wait_until(page, f"{STORE}.state.place?.map === 'pca'", 5)
        x, y = (state(page)["place"][axis] for axis in "xy")
        found = page.evaluate(
            f"document.getElementById('app').latentscape.compute.pick('pca', {x}, {y}, 1)"
        )
        assert found == row
        # Where no pointer is, nothing is decoded.
        page.mouse.move(5, 5)
        wait_until(page, f"{STORE}.state.place === null")
        set_state(page, "maps: ['tsne']")
        settled(page, area)
        assert state(page)["place"] is None


def test_colours_by_every_column(page: Any) -> None:
    button(page, "1 map").click()
    choice = page.get_by_label("Colour by")
    offered = choice.evaluate("(select) => [...select.options].map((option) => option.value)")
    assert {"label", "reconstruction_mse", "trust", ""} <= set(offered)
    trust = {f"{name}_{part}" for name in ("tsne", "umap") for part in ("recall", "continuity")}
    assert trust <= set(offered)
    page.keyboard.press("n")  # names have colours of their own
    seen = {}
    for name in ("label", "reconstruction_mse", "tsne_recall", "umap_continuity", "trust", ""):
        choice.select_option(name)
        picture = settled(page, page.get_by_role("application"))
        assert coloured(picture) > 300, name
        seen[name] = picture.tobytes()
        legend = page.get_by_role("group", name="Legend")
        assert legend.is_visible() == (name != "")
    assert len(set(seen.values())) == len(seen)  # no two look alike


def test_false_and_missing_neighbours_are_told_apart(page: Any) -> None:
    page.get_by_label("Colour by").select_option("trust")
    legend = page.get_by_role("group", name="Legend")
    assert "false neighbours" in legend.inner_text()
    assert "missing neighbours" in legend.inner_text()
    picture = settled(page, surface(page, "t-SNE")).astype(int)
    orange = (picture[..., 0] > picture[..., 2] + 40).sum()
    blue = (picture[..., 2] > picture[..., 0] + 40).sum()
    assert orange > 50
    assert blue > 50


def test_the_legend_filters(page: Any, walked: Atlas) -> None:
    legend = page.get_by_role("group", name="Legend")
    labels = walked.points["label"].to_numpy()
    legend.get_by_role("button", name="3", exact=True).dblclick()
    assert state(page)["filters"] == [{"column": "label", "off": [0, 1, 2, 4, 5, 6, 7, 8, 9]}]
    assert (
        legend.get_by_role("button", name="3", exact=True).get_attribute("aria-pressed") == "true"
    )
    area = surface(page, "t-SNE")
    box = area.bounding_box()
    button(page, "Select").click()
    button(page, "Rectangle").click()
    drag(
        page,
        (box["x"] + 2, box["y"] + 2),
        (box["x"] + box["width"] - 2, box["y"] + box["height"] - 2),
    )
    assert state(page)["selection"] == np.flatnonzero(labels == 3).tolist()
    legend.get_by_role("button", name="all", exact=True).click()
    assert state(page)["filters"] == []


def test_a_range_filters_numbers(page: Any, walked: Atlas) -> None:
    page.get_by_label("Colour by").select_option("reconstruction_mse")
    least = page.get_by_label(re.compile("^Least"))
    least.focus()
    for _ in range(12):
        page.keyboard.press("PageUp")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    ((column, (low, _)),) = ((f["column"], f["range"]) for f in state(page)["filters"])
    assert column == "reconstruction_mse"
    inside = walked.points["reconstruction_mse"].to_numpy() >= low
    assert 10 < inside.sum() < 990
    area = surface(page, "t-SNE")
    box = area.bounding_box()
    page.keyboard.press("r")
    drag(
        page,
        (box["x"] + 2, box["y"] + 2),
        (box["x"] + box["width"] - 2, box["y"] + box["height"] - 2),
    )
    found = np.zeros(len(inside), dtype=bool)
    found[state(page)["selection"]] = True
    assert (found != inside).sum() <= 2  # numbers come in 65,535 steps


def test_names_on_clusters_can_be_hidden(page: Any) -> None:
    area = surface(page, "t-SNE")
    before = settled(page, area)
    button(page, "Names").click()
    assert not state(page)["labels"]
    assert not np.array_equal(settled(page, area), before)
    button(page, "Names").click()
    assert np.array_equal(settled(page, area), before)


def test_images_in_place_of_dots_and_the_mosaic(page: Any) -> None:
    area = surface(page, "t-SNE")
    before = settled(page, area)
    button(page, "Images").click()
    wait_for_change(page, area, before, 0.03)
    button(page, "Images").click()
    button(page, "Mosaic").click()
    wait_for_change(page, area, before, 0.2)
    button(page, "Mosaic").click()
    assert np.array_equal(settled(page, area), before)


def test_saved_files_show_what_the_page_shows(page: Any, walked: Atlas, tmp_path: Path) -> None:
    from PIL import Image

    legend = page.get_by_role("group", name="Legend")
    assert legend.get_by_role("button").count() >= 10
    files = {}
    for kind in ("PNG", "SVG"):
        page.locator("summary", has_text="Save").click()
        with page.expect_download() as started:
            button(page, f"t-SNE as {kind}").click()
        assert started.value.suggested_filename == f"tsne.{kind.lower()}"
        files[kind] = tmp_path / kind
        started.value.save_as(files[kind])
    box = surface(page, "t-SNE").bounding_box()
    picture = np.asarray(Image.open(io.BytesIO(files["PNG"].read_bytes())).convert("RGB"))
    whole = ET.parse(files["SVG"]).getroot()
    assert picture.shape[:2] == (3 * int(whole.attrib["height"]), round(3 * box["width"]))
    assert coloured(picture[90:-120]) > 5000
    assert coloured(picture[-100:]) > 500  # the legend
    drawing = whole.find(f"{SVG}svg")
    assert drawing is not None
    circles = drawing.findall(f".//{SVG}circle")
    assert len(circles) == len(walked.points)
    found = np.array([[float(c.attrib["cx"]), float(c.attrib["cy"])] for c in circles])
    wanted = places(walked, "tsne", box) - [box["x"], box["y"]]
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(wanted, axis=0), atol=1.5)
    assert sorted(text.text or "" for text in drawing.findall(f".//{SVG}text")) == list(
        "0123456789"
    )
    title, badge, *names = (text.text or "" for text in whole.findall(f"{SVG}text"))
    assert title.startswith("t-SNE · ")
    assert title.endswith(" · 1,000 test images")
    assert badge == page.locator(".panel .badge").first.inner_text()
    assert names == list("0123456789")


def saved_svg(page: Any, path: Path) -> tuple[Any, list[str]]:
    """Save the first map as SVG; return it and the words of its caption."""
    page.locator("summary", has_text="Save").click()
    with page.expect_download() as started:
        button(page, "t-SNE as SVG").click()
    started.value.save_as(path)
    whole = ET.parse(path).getroot()
    return whole, [text.text or "" for text in whole.findall(f"{SVG}text")][2:]


def test_a_saved_map_says_what_its_colours_mean_and_what_is_faint(
    page: Any, walked: Atlas, tmp_path: Path
) -> None:
    set_state(page, "filters: [{ column: 'label', off: [3, 8] }]")
    whole, words = saved_svg(page, tmp_path / "filtered.svg")
    assert words == [*"01245679", "label without 3, 8; the others faint"]
    off = int(np.isin(walked.points["label"].to_numpy(), (3, 8)).sum())
    faint = [
        len(group)
        for group in whole.findall(f"{SVG}svg/{SVG}g/{SVG}g")
        if float(group.attrib["fill-opacity"]) < 0.2
    ]
    assert sum(faint) == off
    assert sorted(text.text or "" for text in whole.findall(f"{SVG}svg/{SVG}text")) == [*"01245679"]

    set_state(page, "filters: [], colour: 'reconstruction_mse', selection: [1, 2, 3]")
    _, words = saved_svg(page, tmp_path / "error.svg")
    assert words[2:] == ["reconstruction error", "3 points selected; the others faint"]
    assert all(re.fullmatch(r"[≤≥]?\u2009?0\.0\d+", end) for end in words[:2])

    set_state(page, "colour: 'trust', selection: []")
    _, words = saved_svg(page, tmp_path / "trust.svg")
    assert words == ["neither", "false neighbours", "missing neighbours", "both"]

    set_state(page, "colour: ''")
    whole, words = saved_svg(page, tmp_path / "plain.svg")
    assert words == []
    assert whole.findall(f"{SVG}svg/{SVG}image") == []


def test_what_has_no_vectors_enters_an_svg_as_a_picture(page: Any, tmp_path: Path) -> None:
    for number, (change, pictures) in enumerate(
        [
            ("focus: 42", 1),
            ("focus: -1, path: [{ row: 3 }, { row: 700 }], tab: 'path'", 1),
            ("path: [], tab: 'point', thumbnails: true", 1),
            ("mosaic: true", 2),
        ]
    ):
        set_state(page, change)
        page.wait_for_timeout(300)
        whole, _ = saved_svg(page, tmp_path / f"{number}.svg")
        found = whole.findall(f"{SVG}svg/{SVG}image")
        assert len(found) == pictures, change
        assert all(each.attrib["href"].startswith("data:image/png;base64,") for each in found)
        assert len(whole.findall(f".//{SVG}circle")) == 1000  # the points stay vectors


def test_dots_grow_with_the_zoom_of_their_own_map_only(page: Any) -> None:
    other = surface(page, "UMAP")
    before = settled(page, other)
    set_state(page, "cameras: { tsne: { x: 0, y: 0, zoom: 12 } }")
    assert np.array_equal(settled(page, other), before)


def test_names_stand_on_maps_of_any_colouring(page: Any) -> None:
    area = surface(page, "t-SNE")
    for colour in ("", "trust", "reconstruction_mse"):
        set_state(page, f"colour: '{colour}', labels: true")
        named = settled(page, area)
        set_state(page, "labels: false")
        assert not np.array_equal(settled(page, area), named), colour


def test_the_mosaic_follows_the_theme(page: Any) -> None:
    set_state(page, "mosaic: true, labels: false, theme: 'dark'")
    page.wait_for_timeout(600)
    area = surface(page, "t-SNE")
    wanted = settled(page, area)
    set_state(page, "theme: 'light'")
    page.wait_for_timeout(600)
    set_state(page, "theme: 'dark'")
    page.wait_for_timeout(600)
    assert np.array_equal(settled(page, area), wanted)
    set_state(page, "mosaic: false")
    assert (settled(page, area) != wanted).any(axis=2).mean() > 0.1


def test_fewer_maps_and_then_more_are_the_same(page: Any) -> None:
    page.get_by_label("Map in this panel").last.select_option("lda")
    shown = state(page)["maps"]
    assert shown == ["tsne", "lda"]
    page.keyboard.press("1")
    assert state(page)["maps"] == ["tsne"]
    page.keyboard.press("2")
    assert state(page)["maps"] == shown


def test_a_filter_on_another_column_is_told_and_can_be_removed(page: Any) -> None:
    legend = page.get_by_role("group", name="Legend")
    legend.get_by_role("button", name="3", exact=True).click()
    chip = page.get_by_role("button", name="Remove the filter label without 3")
    assert chip.count() == 0  # the legend itself shows it
    page.get_by_label("Colour by").select_option("reconstruction_mse")
    chip.click()
    assert state(page)["filters"] == []
    chip.wait_for(state="hidden")


def test_range_handles_answer_while_they_are_moved(page: Any, walked: Atlas) -> None:
    page.get_by_label("Colour by").select_option("reconstruction_mse")
    greatest = page.get_by_label(re.compile("^Greatest"))
    greatest.focus()
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    wait_until(page, f"{STORE}.state.filters.length === 1")
    page.wait_for_timeout(100)
    assert page.evaluate("document.activeElement.ariaLabel").startswith("Greatest")
    (found,) = state(page)["filters"]
    low, high = found["range"]
    assert low == float("-inf")  # the lower end of the scale is no limit
    values = walked.points["reconstruction_mse"].to_numpy()
    told = page.locator(".legend-note").inner_text()
    count = re.search(r"up to (\S+): (\d+) points shown", told)
    assert count
    assert abs(int(count[2]) - (values <= high).sum()) <= 1
    assert greatest.get_attribute("aria-valuetext") == count[1]
    least = page.get_by_label(re.compile("^Least"))
    least.focus()
    page.keyboard.press("End")  # the handles do not pass each other
    assert float(least.input_value()) == pytest.approx(float(greatest.input_value()))
    page.keyboard.press("Home")
    # Another filter takes its share of what is shown.
    set_state(page, f"filters: [...{STORE}.state.filters, {{ column: 'label', off: [3] }}]")
    both = ((values <= high) & (walked.points["label"].to_numpy() != 3)).sum()
    page.wait_for_timeout(100)
    count = re.search(r"(\d+) points shown", page.locator(".legend-note").inner_text())
    assert count
    assert abs(int(count[1]) - both) <= 1
    page.get_by_role("button", name="Remove the filter label without 3").click()
    page.get_by_role("group", name="Legend").get_by_role("button", name="all").click()
    assert state(page)["filters"] == []
    assert float(greatest.input_value()) > high


def test_the_badge_leads_to_the_evidence(page: Any) -> None:
    badge = page.locator(".panel .badge").first
    assert re.search(r"\d", badge.inner_text())
    badge.click()
    assert state(page)["tab"] == "trust"
    title = page.evaluate("document.activeElement.querySelector('h3').textContent")
    assert title.startswith("t-SNE")
    assert page.evaluate("document.getElementById('app').scrollTop") == 0
    assert 48 < page.locator(".card:focus h3").bounding_box()["y"] < 200
    for key in ("1", "m", "i", "n"):  # what is not seen is not changed
        page.keyboard.press(key)
    assert len(state(page)["maps"]) == 2
    assert not state(page)["mosaic"]
    page.keyboard.press("Escape")
    assert state(page)["tab"] == "point"


def test_search_by_id_and_by_label(page: Any, walked: Atlas) -> None:
    field = page.get_by_role("searchbox")
    wanted = str(walked.points["id"][321])
    field.fill(wanted)
    page.keyboard.press("Enter")
    assert state(page)["focus"] == 321
    set_state(page, "focus: -1")
    field.fill(re.sub(r"(?<=\D)0+(?=\d)", "", wanted))  # test-321 for test-00321
    page.keyboard.press("Enter")
    assert state(page)["focus"] == 321
    assert not page.locator(".found").is_visible()
    page.keyboard.press("Escape")
    set_state(page, "tab: 'path'")
    field.fill("4")
    page.get_by_role("button", name=re.compile("^Select .* matches")).click()
    assert state(page)["pen"] == "lasso"  # the pen of the panel that is lit
    fours = np.flatnonzero(walked.points["label"] == 4).tolist()
    assert state(page)["selection"] == fours
    field.fill("no such thing")
    assert page.get_by_role("button", name="Nothing found").is_disabled()


def test_the_whole_view_returns_from_its_link(browser: Any, page: Any, address: str) -> None:
    wanted = {
        "maps": ["pca", "lda", "tsne", "umap"],
        "cameras": {"lda": {"x": 0.25, "y": -0.125, "zoom": 3}},
        "focus": 17,
        "selection": [2, 3, 4, 5, 99, 500],
        "filters": [{"column": "label", "off": [1, 8]}],
        "colour": "tsne_recall",
        "tab": "path",
        "pen": "path",
        "theme": "dark",
        "thumbnails": True,
        "labels": False,
        "mosaic": True,
        "path": [{"row": 5}, {"map": "umap", "x": 0.5, "y": 0.25}],
        "size": 2,
        "query": "7",
        "place": {"map": "pca", "x": 0.125, "y": 0.5},
        "placePinned": True,
    }
    page.evaluate(f"(change) => {STORE}.set(change)", wanted)
    wait_until(page, "location.hash.includes('find')")
    link = page.evaluate("location.href")
    with opened_page(browser, link, viewport={"width": 1280, "height": 800}) as again:
        found = state(again)
        assert {name: found[name] for name in wanted} == wanted
        assert again.get_by_role("application").count() == 4
        again.evaluate("location.hash = ''")  # and back to the beginning, without loading again
        wait_until(again, f"{STORE}.state.focus === -1")
        assert state(again)["selection"] == []


def test_nonsense_in_the_link_is_left_out(browser: Any, address: str) -> None:
    cut = "#maps=%E0%A4%A,tsne,nothing&point=9999999&rows=zzzzzzz-&off=label,-1,x&camera=tsne,a,b,0"
    with opened_page(browser, address + cut + "&colour=<b>&tab=x&path=1,2;;&size=-3") as page:
        assert state(page)["maps"] == ["tsne"]
        assert state(page)["focus"] == -1
        assert state(page)["filters"] == []
        assert state(page)["colour"] == "label"


def test_without_a_pointer(page: Any, walked: Atlas) -> None:
    """From the first Tab on: a map, a point, its neighbour, a path, the saved file."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role') === 'application'"):
            break
    else:
        raise AssertionError("no map can be reached with Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    shadow = page.evaluate("getComputedStyle(document.activeElement).boxShadow")
    assert outline != "none" or shadow != "none"  # one sees where one is
    page.keyboard.press("ArrowRight")
    first = state(page)["focus"]
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert state(page)["path"] == [{"row": first}, {"row": state(page)["focus"]}]
    assert panel(page).locator(".film").count() == 2
    page.keyboard.press("l")
    page.keyboard.press("Enter")
    assert state(page)["selection"] == [state(page)["focus"]]
    page.keyboard.press("Escape")
    assert state(page)["focus"] == -1
    page.locator("summary", has_text="Save").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="as PNG").first.wait_for()
    page.keyboard.press("Tab")
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert started.value.suggested_filename.endswith(".png")


def test_on_a_phone(browser: Any, address: str, walked: Atlas) -> None:
    size = {"width": 390, "height": 844}
    with opened_page(
        browser, address, viewport=size, has_touch=True, is_mobile=True, device_scale_factor=2
    ) as page:
        assert page.get_by_role("application").count() == 1
        area = page.get_by_role("application").first
        box = area.bounding_box()
        assert box["width"] > 340
        assert box["height"] > 250
        placed = places(walked, "tsne", box)
        row = lonely_row(placed)
        page.touchscreen.tap(*placed[row])
        wait_until(page, f"{STORE}.state.focus === {row}")
        assert str(walked.points["id"][row]) in panel(page).inner_text()
        for name in ("Decode", "Path", "Draw", "Select", "Size", "Trust", "About", "Maps"):
            button(page, name).click()
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        small = page.evaluate(
            """[...document.querySelectorAll('button, select, summary, input')]
              .filter((each) => each.offsetParent !== null && !each.matches('.thumb, [type=range]'))
              .map((each) => [each.textContent || each.ariaLabel, each.getBoundingClientRect()])
              .filter(([, box]) => box.width > 0 && Math.min(box.width, box.height) < 24)
              .map(([name]) => name)"""
        )
        assert small == []  # WCAG 2.2: targets of at least 24 pixels


def test_the_dark_page(browser: Any, address: str) -> None:
    with opened_page(browser, address, color_scheme="dark") as page:
        area = surface(page, "t-SNE")
        assert np.median(settled(page, area)) < 60
        button(page, "Light page").click()
        assert np.median(settled(page, area)) > 200
        assert state(page)["theme"] == "light"


def test_long_runs_make_short_links(page: Any) -> None:
    set_state(page, "selection: Array.from({ length: 1000 }, (_, i) => i)")
    wait_until(page, "location.hash.includes('rows=0-rr')")
    assert len(page.evaluate("location.hash")) < 200
