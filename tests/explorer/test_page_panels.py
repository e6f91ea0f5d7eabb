"""The panels, as a person uses them, and the pages to read."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import Atlas
from latentscape.images import ImageSet

from .browser import opened_page, wait_until
from .person import (
    STORE,
    button,
    draw,
    lonely_row,
    painted,
    panel,
    pixels,
    places,
    set_state,
    settled,
    state,
    surface,
)

pytestmark = pytest.mark.slow

TITLES = {"direct": "Two neurons", "pca": "PCA", "lda": "LDA", "tsne": "t-SNE", "umap": "UMAP"}


def marks(page: Any, area: Any, colour: tuple[int, int, int]) -> int:
    """Count pixels near a colour."""
    far = np.abs(settled(page, area).astype(int) - colour).sum(axis=2)
    return int((far < 60).sum())


def test_a_held_point_leads_to_its_neighbours(page: Any, walked: Atlas) -> None:
    area = surface(page, "t-SNE")
    row = lonely_row(places(walked, "tsne", area.bounding_box()))
    bare = settled(page, area)
    page.mouse.click(*places(walked, "tsne", area.bounding_box())[row])
    wait_until(page, "document.querySelectorAll('.strip .thumb').length === 10")
    page.mouse.move(3, 3)
    lines = settled(page, area)
    assert (lines != bare).any(axis=2).sum() > 100  # lines to the true neighbours
    text = panel(page).inner_text()
    error = walked.points["reconstruction_mse"][row]
    assert f"{error:.2g}"[:4] in text.replace("\u202f", "")
    assert "Kept by each map" in text
    for title in ("t-SNE", "UMAP", "PCA", "LDA", "Two neurons"):
        assert re.search(rf"{title}\s*\d+ of 10", text)
    for caption in ("image", "reconstruction"):
        figure = panel(page).locator("figure", has_text=re.compile(f"^{caption}$"))
        assert figure.locator("canvas").first.is_visible()
    first = panel(page).locator(".strip .thumb").first
    name = first.get_attribute("aria-label").removeprefix("Go to neighbour ").split(",")[0]
    first.click()
    assert walked.points["id"][state(page)["focus"]] == name
    page.keyboard.press("Escape")
    assert state(page)["focus"] == -1


def test_what_the_map_kept_is_what_numpy_counts(page: Any, walked: Atlas) -> None:
    row = 123
    set_state(page, f"focus: {row}")
    wait_until(page, "document.querySelectorAll('.kept-list li').length === 5")

    def nearest(space: Any) -> set[int]:
        apart = ((space - space[row]) ** 2).sum(axis=1)
        apart[row] = np.inf
        return set(np.argsort(apart)[:10].tolist())

    true = nearest(np.asarray(walked.codes, dtype=np.float64))
    for name, title in (("tsne", "t-SNE"), ("pca", "PCA")):
        kept = len(true & nearest(walked.points[[f"{name}_x", f"{name}_y"]].to_numpy(np.float64)))
        told = page.locator(".kept-list li", has_text=title).inner_text()
        found = re.search(r"(\d+) of 10", told)
        assert found
        assert abs(int(found[1]) - kept) <= 1  # positions and codes come in whole numbers


def test_every_map_decodes_live(page: Any) -> None:
    page.keyboard.press("d")
    set_state(page, "maps: ['direct', 'pca', 'lda', 'umap']")
    wait_until(page, "document.querySelectorAll('.panel').length === 4")
    page.wait_for_timeout(1500)  # the points pass to their other map, and the pen waits for them
    shown = set()
    for title in ("Two neurons", "PCA", "LDA", "UMAP"):
        box = surface(page, title).bounding_box()
        for share in (0.35, 0.65):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
            wait_until(page, f"{STORE}.state.place !== null")
            panel(page).get_by_role("heading", name=title).wait_for()
            page.wait_for_timeout(60)
            figure = panel(page).locator("figure", has_text="decoded").locator("canvas").first
            shown.add(pixels(page, figure).tobytes())
            told = panel(page).inner_text()
            assert re.search(r"times as far as is usual .*(\s%|none|all) of the points", told)
            assert "Encoded and placed again" in panel(page).inner_text()
    assert len(shown) >= 7  # other places, other images


def test_the_round_trip_is_an_arrow(page: Any) -> None:
    page.keyboard.press("d")
    page.keyboard.press("n")
    area = surface(page, "t-SNE")
    set_state(page, "place: { map: 'tsne', x: 0.31, y: -0.27 }, placePinned: true")
    assert marks(page, area, (200, 16, 46)) > 20


def test_a_path_is_played_and_dragged(page: Any) -> None:
    set_state(page, "path: [{ row: 3 }, { row: 700 }], tab: 'path', pen: 'path'")
    films = panel(page).locator(".film")
    wait_until(page, "document.querySelectorAll('.film canvas').length === 24")
    straight, across = (pixels(page, film) for film in films.all())
    assert not np.array_equal(straight, across)  # straight among codes is not straight on a map
    ends = panel(page).locator("figure canvas:visible")
    before = pixels(page, ends.first)
    button(page, "Play").click()
    wait_until(page, "Number(document.querySelector('.actions input[type=range]').value) > 0.5")
    button(page, "Stop").click()
    assert not np.array_equal(pixels(page, ends.first), before)
    slider = panel(page).get_by_label("Place on the path")
    slider.focus()
    page.keyboard.press("End")
    assert slider.input_value() == "1"
    button(page, "Play").click()  # from the start again, to its end
    page.get_by_role("button", name="Play", exact=True).wait_for(timeout=8000)
    assert slider.input_value() == "1"
    button(page, "Clear").first.click()
    assert state(page)["path"] == []


def test_who_wants_no_motion_sees_still_pictures(browser: Any, address: str) -> None:
    size = {"width": 1280, "height": 800}
    with opened_page(browser, address, viewport=size, reduced_motion="reduce") as page:
        set_state(page, "path: [{ row: 3 }, { row: 700 }], tab: 'path', pen: 'path'")
        wait_until(page, "document.querySelectorAll('.film canvas').length === 24")
        button(page, "Play").click()
        seen = set()
        for _ in range(120):
            seen.add(page.get_by_label("Place on the path").input_value())
            page.wait_for_timeout(20)
            if "1" in seen:
                break
        steps = {f"{k / 11:.3f}" for k in range(12)}
        assert {f"{float(place):.3f}" for place in seen} <= steps
        assert len(seen) > 4


def test_a_path_needs_two_ends(page: Any, walked: Atlas) -> None:
    page.keyboard.press("p")
    placed = places(walked, "tsne", surface(page, "t-SNE").bounding_box())
    row = lonely_row(placed)
    page.mouse.click(*placed[row])
    page.mouse.click(*placed[row])
    page.get_by_text("choose another one for its end").wait_for()
    assert state(page)["path"] == [{"row": row}]


def test_latent_axes_move_the_image(page: Any, walked: Atlas) -> None:
    set_state(page, "focus: 42, tab: 'point'")
    page.locator("summary", has_text="Latent axes").click()
    sliders = panel(page).locator(".axis input")
    sliders.last.wait_for()
    assert sliders.count() == 6
    picture = panel(page).locator(".axes-body canvas").first
    before = pixels(page, picture)
    sliders.first.focus()
    page.keyboard.press("End")
    assert not np.array_equal(pixels(page, picture), before)
    assert marks(page, surface(page, "t-SNE"), (255, 197, 49)) > 10  # the star where it lands
    shares = [float(text.split()[0].rstrip("\u00a0%")) for text in
              panel(page).locator(".axis .number.soft").all_inner_texts()]  # fmt: skip
    codes = np.asarray(walked.codes, dtype=np.float64)
    spectrum = np.linalg.eigvalsh(np.cov(codes.T))[::-1]
    np.testing.assert_allclose(shares, 100 * spectrum[:6] / spectrum.sum(), atol=0.6)
    button(page, "Back to the point").click()
    assert np.array_equal(pixels(page, picture), before)
    assert state(page)["axes"] == []


def test_latent_axes_stand_in_the_link_and_another_point_starts_anew(
    browser: Any, page: Any, address: str
) -> None:
    set_state(page, "focus: 42, tab: 'point', axes: [1.5, -0.7]")
    values = panel(page).locator(".axis-value")
    assert values.all_inner_texts()[:3] == ["+1.5 sd", "−0.7 sd", ""]
    wait_until(page, "location.hash.includes('axes')")
    link = page.evaluate("location.href")
    with opened_page(browser, link, viewport={"width": 1280, "height": 800}) as again:
        assert panel(again).locator(".axis input").first.input_value() == "1.5"
        assert marks(again, surface(again, "t-SNE"), (255, 197, 49)) > 10
        set_state(again, "focus: 43")
        assert state(again)["axes"] == []
        assert panel(again).locator(".axis input").first.input_value() == "0"


def test_an_image_file_is_placed_where_its_row_is(
    page: Any, mnist: ImageSet, walked: Atlas
) -> None:
    from PIL import Image

    row = 10
    digit = walked.images[row]
    content = io.BytesIO()
    Image.fromarray(np.asarray(255 - np.kron(digit, np.ones((8, 8), np.uint8)))).save(
        content, "PNG"
    )
    button(page, "Draw").click()
    with page.expect_file_chooser() as chooser:
        button(page, "Open an image…").click()
    file = {"name": "digit.png", "mimeType": "image/png", "buffer": content.getvalue()}
    chooser.value.set_files(file)
    panel(page).get_by_text("nearest are labelled").wait_for()
    label = walked.points["label"][row]
    assert f"labelled {label}" in panel(page).inner_text()
    assert panel(page).locator(".strip .thumb").count() >= 10
    assert marks(page, surface(page, "t-SNE"), (255, 197, 49)) > 10
    chooser = None
    with page.expect_file_chooser() as chooser:
        button(page, "Open an image…").click()
    chooser.value.set_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no image"})
    problem = panel(page).get_by_text("x.png is no image that the browser can read")
    problem.wait_for()
    assert f"labelled {label}" in panel(page).inner_text()  # what stands on the pad is as it was
    button(page, "Clear").last.click()
    assert not problem.is_visible()
    assert "nearest are labelled" not in panel(page).inner_text()


def test_a_blank_picture_and_a_file_beside_the_pad(page: Any) -> None:
    from PIL import Image

    content = io.BytesIO()
    Image.new("L", (64, 64), 255).save(content, "PNG")
    button(page, "Draw").click()
    with page.expect_file_chooser() as chooser:
        button(page, "Open an image…").click()
    blank = {"name": "white.png", "mimeType": "image/png", "buffer": content.getvalue()}
    chooser.value.set_files(blank)
    panel(page).get_by_text("white.png is blank").wait_for()
    assert "nearest are labelled" not in panel(page).inner_text()
    button(page, "Point").click()
    kept = page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(['no image'], 'notes.txt'));
          const given = { dataTransfer, bubbles: true, cancelable: true };
          const map = document.querySelector('.surface');
          return ['dragover', 'drop'].map((name) => !map.dispatchEvent(new DragEvent(name, given)));
        }"""
    )
    assert kept == [True, True]  # the browser does not leave the page for the file
    assert state(page)["tab"] == "draw"
    panel(page).get_by_text("notes.txt is no image").wait_for()


def test_the_keyboard_keeps_its_place(page: Any) -> None:
    def has_focus(name: str) -> None:
        active = "(document.activeElement.className || document.activeElement.tagName)"
        wait_until(page, f"{active}.includes('{name}')", seconds=5)

    def press(element: Any, then: str) -> None:
        element.focus()
        page.keyboard.press("Enter")
        has_focus(then)

    page.keyboard.press("w")
    has_focus("pad")
    page.keyboard.press("v")
    has_focus("panel-body")
    set_state(page, "focus: 42, tab: 'point'")
    press(button(page, "Path from here"), "panel-body")
    set_state(page, "path: [{ row: 3 }, { row: 700 }]")
    press(button(page, "Clear").first, "panel-body")
    set_state(page, "selection: [1, 2, 3], tab: 'selection'")
    press(panel(page).get_by_role("button", name="Clear", exact=True), "panel-body")
    page.locator("summary", has_text="Save").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="as SVG").first.focus()
    with page.expect_download():
        page.keyboard.press("Enter")
    has_focus("SUMMARY")
    set_state(page, "cameras: { tsne: { x: 0, y: 0, zoom: 3 } }")
    press(button(page, "whole map"), "surface")
    set_state(page, "filters: [{ column: 'label', off: [3] }]")
    press(page.get_by_role("group", name="Legend").get_by_role("button", name="all"), "legend-item")
    button(page, "Trust").click()
    press(page.get_by_role("button", name="Colour the maps by trust"), "surface")


def test_maps_without_gaps_have_no_gap_to_cross(page: Any, walked: Atlas) -> None:
    button(page, "Trust").click()
    row = page.locator(".measures tr", has_text="neighbours across gaps")
    cells = row.locator("td").all_inner_texts()
    names = page.locator(".measures thead th").all_inner_texts()
    for name, cell in zip(names, cells, strict=True):
        if name in ("random", "best"):
            continue
        short = next(key for key, title in TITLES.items() if title == name)
        assert (cell == "–") == (walked.quality["maps"][short]["n_islands"] < 2)
    assert 0 < cells.count("–") < 5


def test_a_scribble_is_unlike_the_data(page: Any) -> None:
    button(page, "Draw").click()
    for x in range(20, 270, 26):
        draw(page, (x, 15), (x + 8, 265))
    panel(page).get_by_text("Unlike the data").wait_for()


def test_the_pad_can_be_drawn_on_with_keys(page: Any) -> None:
    page.keyboard.press("w")
    page.locator(".pad").focus()
    for _ in range(11):
        page.keyboard.press("Shift+ArrowDown")
    panel(page).get_by_text("nearest are labelled 1").wait_for()


def test_a_selection_is_described(page: Any, walked: Atlas, tmp_path: Path) -> None:
    labels = walked.points["label"].to_numpy()
    rows = np.flatnonzero((labels == 3) | (labels == 8))
    page.evaluate(f"(rows) => {STORE}.set({{ selection: rows, tab: 'selection' }})", rows.tolist())
    side = panel(page)
    text = side.inner_text()
    assert f"{len(rows)} points ({100 * len(rows) / 1000:.0f}" in text.replace("\u00a0", " ")
    for digit in (3, 8):
        assert re.search(rf"^{digit}\s+{(labels == digit).sum()}$", text, re.M)
    sheet = side.locator(".sheet .thumb")
    assert sheet.count() == 120
    assert "120 of them" in text
    codes = np.asarray(walked.codes, dtype=np.float64)[rows]
    order = np.argsort(((codes - codes.mean(axis=0)) ** 2).sum(axis=1))
    wait_until(page, "document.querySelectorAll('.typical .thumb').length === 12")
    names = [
        each.get_attribute("aria-label").split(" ", 1)[1].split(",")[0]
        for each in side.locator(".typical .thumb").all()
    ]
    ids = walked.points["id"].to_numpy()[rows][order]
    assert names[0] == ids[0]  # the most typical
    assert names[6] == ids[-1]  # the least typical
    painted(page, ".typical figure canvas")
    with page.expect_download() as started:
        button(page, "Save ids as CSV").click()
    assert started.value.suggested_filename == "selection.csv"
    file = tmp_path / "rows.csv"
    started.value.save_as(file)
    saved = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    assert [int(row["row"]) for row in saved] == rows.tolist()
    assert [row["label"] for row in saved] == [str(label) for label in labels[rows]]


def test_the_lasso_follows_the_hand_and_shift_adds(page: Any, walked: Atlas) -> None:
    box = surface(page, "t-SNE").bounding_box()
    placed = places(walked, "tsne", box)
    middle = placed.mean(axis=0)
    button(page, "Select").click()
    button(page, "Lasso").click()

    def lasso(corners: Any) -> None:
        page.mouse.move(*corners[0])
        page.mouse.down()
        for corner in [*corners[1:], corners[0]]:
            page.mouse.move(*corner, steps=4)
        page.mouse.up()

    half = np.array([[-90, -90], [90, -90], [-90, 90]])  # a triangle: no box would do
    lasso(middle + half)
    along = placed - middle
    inside = (along[:, 0] > -90) & (along[:, 1] > -90) & (along.sum(axis=1) < 0)
    edge = (
        np.min([abs(along[:, 0] + 90), abs(along[:, 1] + 90), abs(along.sum(axis=1))], axis=0) < 2
    )
    found = np.zeros(len(placed), dtype=bool)
    found[state(page)["selection"]] = True
    assert inside.sum() > 5
    np.testing.assert_array_equal(found[~edge], inside[~edge])
    page.keyboard.down("Shift")
    lasso(middle - half)
    page.keyboard.up("Shift")
    more = np.zeros(len(placed), dtype=bool)
    more[state(page)["selection"]] = True
    assert (more & found).sum() == found.sum()
    assert more.sum() > found.sum()


def test_pointing_at_a_size_rebuilds_the_images(page: Any, walked: Atlas) -> None:
    button(page, "Size").click()
    chart = page.locator(".chart-box svg").first
    seen = {}
    for share, size in ((0.12, 2), (0.95, 16)):
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        wait_until(page, f"{STORE}.state.size === {size}")
        samples = page.locator(".sample")
        assert samples.count() == 16
        seen[size] = [pixels(page, each.locator("canvas").nth(1)) for each in samples.all()[:4]]
    assert not np.array_equal(seen[2][0], seen[16][0])
    text = page.get_by_role("main").inner_text()
    assert walked.choice["sentence"] in text.replace("\u00a0", " ")
    assert "PCA" in text
    title = chart.get_attribute("aria-label") or chart.locator("title").first.text_content()
    for size, error in walked.sweep.query("model == 'autoencoder'")[
        ["latent_dim", "test_mse"]
    ].values:
        assert (
            f"{int(size)}: {error:.2g}" in title.replace("\u202f", "") or f"{int(size)}: " in title
        )


def test_trust_has_every_map_and_measure(page: Any, walked: Atlas) -> None:
    button(page, "Trust").click()
    table = page.locator("table.measures")
    heads = table.locator("thead th").all_inner_texts()
    assert [head.strip() for head in heads][-2:] == ["random", "best"]
    assert {"PCA", "LDA", "t-SNE", "UMAP"} <= {head.strip() for head in heads}
    measured = walked.quality["maps"]["tsne"]
    rows = table.locator("tbody tr").all_inner_texts()
    assert len(rows) >= 8
    assert any("±" in row for row in rows)  # with their errors
    decoded = table.locator("tbody", has_text="Decoded places").locator("tr").all_inner_texts()
    assert len(decoded) == 3  # the name of the group, round trip, off the data
    assert "round trip" in decoded[1]
    assert "±" in decoded[1]
    assert measured
    assert page.locator(".card").count() >= 4
    assert "Are the gaps real?" in page.locator(".card").first.inner_text()
    assert page.get_by_text("Neighbourhoods from near to far").is_visible()
    button(page, "Colour the maps by trust").click()
    assert state(page)["colour"] == "trust"
    assert state(page)["tab"] == "point"


def test_another_page_begins_at_its_top(page: Any) -> None:
    top = "document.querySelector('.reading').scrollTop"
    button(page, "Trust").click()
    page.locator("table.measures").scroll_into_view_if_needed()
    assert page.evaluate(top) > 0
    button(page, "About").click()
    assert page.evaluate(top) == 0


def test_about_tells_where_everything_comes_from(page: Any, walked: Atlas) -> None:
    button(page, "About").click()
    text = page.get_by_role("main").inner_text()
    for wanted in (walked.data["content_hash"], "torch", "numpy", "@software{latentscape", "8,000"):
        assert wanted in text.replace("\u202f", ",").replace("\u00a0", ","), wanted
    assert page.locator(".chart-box svg").count() == 1  # the training curves
    assert "n epochs 8" in text or "n_epochs 8" in text
