"""Picture the explorer: a real Chromium opens an atlas's page and walks through it.

python docs/strip.py demo

It writes ``docs/pictures/explorer.png``, a digit drawn with the mouse, and
``docs/pictures/explorer_strip.png``, six moments of a walk.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import sync_playwright

from latentscape import Atlas
from latentscape.explorer import build_page

PICTURES = Path(__file__).parent / "pictures"
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"]
FLAGS += ["--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
VIEW = {"width": 1180, "height": 740}
FRAME, GAP, HEAD, COLUMNS = (944, 592), 28, 46, 2
INK, PAPER = (32, 36, 44), (255, 255, 255)

HANDLE = "document.getElementById('app').latentscape"


def wait(page: Any, expression: str, seconds: float = 60) -> None:
    """Wait for an expression; Playwright's own way needs eval, which the page forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        if time.monotonic() > end:
            raise TimeoutError(expression)
        page.wait_for_timeout(20)


def show(page: Any, change: str) -> None:
    """Change what is looked at."""
    page.evaluate(f"{HANDLE}.store.set({{ {change} }})")


def press(page: Any, name: str) -> None:
    """Press a button."""
    page.get_by_role("button", name=name, exact=True).click()


def torn(atlas: Atlas) -> int:
    """Return the row that t-SNE keeps with its neighbours and PCA strews farthest apart."""
    near = atlas.graph.indices[:, :10]
    places = atlas.points[["pca_x", "pca_y"]].to_numpy()
    spread = np.linalg.norm(places[near] - places[:, None], axis=2).mean(axis=1)
    kept = atlas.points["tsne_recall"].to_numpy()
    return int(np.where(kept >= np.quantile(kept, 0.95), spread, 0).argmax())


def overview(page: Any, atlas: Atlas) -> None:
    """Two maps of the same codes."""


def neighbours(page: Any, atlas: Atlas) -> None:
    """Hold a point."""
    show(page, f"maps: ['pca', 'tsne'], focus: {torn(atlas)}, tab: 'point'")
    wait(page, "document.querySelectorAll('.strip .thumb').length === 10")


def decode(page: Any, atlas: Atlas) -> None:
    """Point between two clusters with the pen on decode."""
    show(page, "maps: ['tsne', 'umap'], focus: -1, tab: 'point'")
    page.wait_for_timeout(1500)
    press(page, "Decode")
    box = page.get_by_role("application").first.bounding_box()
    page.mouse.move(box["x"] + 0.405 * box["width"], box["y"] + 0.565 * box["height"])
    wait(page, f"{HANDLE}.store.state.place !== null")


def path(page: Any, atlas: Atlas) -> None:
    """Walk from a nought to a three."""
    labels, errors = (atlas.points[name].to_numpy() for name in ("label", "reconstruction_mse"))
    middle = np.abs(errors - np.median(errors))
    ends = [int(np.where(labels == digit, middle, np.inf).argmin()) for digit in (0, 3)]
    rows = ", ".join(f"{{ row: {row} }}" for row in ends)
    show(page, f"place: null, path: [{rows}], tab: 'path', pen: 'path'")
    wait(page, "document.querySelectorAll('.film canvas').length === 24")
    slider = page.get_by_label("Place on the path")
    slider.focus()
    for _ in range(4):
        page.keyboard.press("PageUp")


def draw(page: Any, atlas: Atlas) -> None:
    """Draw a seven."""
    show(page, "path: []")
    press(page, "Draw")
    pad = page.locator(".pad").bounding_box()
    x, y, width, height = (pad[side] for side in ("x", "y", "width", "height"))
    page.mouse.move(x + 0.28 * width, y + 0.24 * height)
    page.mouse.down()
    page.mouse.move(x + 0.72 * width, y + 0.24 * height, steps=12)
    page.mouse.move(x + 0.46 * width, y + 0.83 * height, steps=12)
    page.mouse.up()
    page.get_by_text("nearest are labelled").first.wait_for()


def trust(page: Any, atlas: Atlas) -> None:
    """Read how far each map can be trusted."""
    press(page, "Trust")
    page.locator("table.measures").wait_for()


WALK: list[tuple[str, Callable[[Any, Atlas], None]]] = [
    ("Maps of the same codes, linked", overview),
    ("A point and its true neighbours: what PCA tore apart", neighbours),
    ("Any place decoded, with its round trip", decode),
    ("A path: straight in code space, straight on the map", path),
    ("Draw a digit, and see where it lands", draw),
    ("How far each map can be trusted", trust),
]


def picture(page: Any) -> Image.Image:
    """Take a picture of the page when it has come to rest."""
    before = b""
    for _ in range(40):
        page.wait_for_timeout(400)
        now = page.screenshot()
        if now == before:
            break
        before = now
    return Image.open(io.BytesIO(now)).convert("RGB")


def save(image: Image.Image, name: str) -> None:
    """Write a picture in 256 colours."""
    small = image.quantize(256, dither=Image.Dither.NONE)
    small.save(PICTURES / f"{name}.png", optimize=True)


def strip(frames: list[tuple[str, Image.Image]]) -> Image.Image:
    """Put frames side by side, each below its title."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # a font that is always there
    font = ImageFont.truetype(str(folder / "DejaVuSans.ttf"), 25)
    rows = -(-len(frames) // COLUMNS)
    width = COLUMNS * FRAME[0] + (COLUMNS + 1) * GAP
    sheet = Image.new("RGB", (width, rows * (FRAME[1] + HEAD + GAP)), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, (title, frame) in enumerate(frames):
        x = GAP + number % COLUMNS * (FRAME[0] + GAP)
        y = HEAD + number // COLUMNS * (FRAME[1] + HEAD + GAP)
        pen.text((x, y - 12), f"{number + 1}  {title}", INK, font=font, anchor="ls")
        sheet.paste(frame.resize(FRAME, Image.Resampling.LANCZOS), (x, y))
        pen.rectangle((x - 1, y - 1, x + FRAME[0], y + FRAME[1]), outline=(205, 208, 214))
    return sheet


def main(folder: str) -> None:
    """Walk through the page and write both pictures."""
    atlas = Atlas.open(folder)
    browsers = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    chromium = next((found for found in browsers if found), None)
    if chromium is None:
        raise SystemExit("the pictures of the explorer need a Chromium: apt-get install chromium")
    frames = []
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        file = Path(scratch) / "explorer.html"
        file.write_bytes(build_page(atlas))
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport=VIEW, color_scheme="light")
        page.goto(file.as_uri())
        wait(page, f"!!{HANDLE}?.compute")
        wait(page, f"{HANDLE}.atlas.images.loaded === {HANDLE}.atlas.n")
        for title, step in WALK:
            step(page, atlas)
            frames.append((title, picture(page)))
            if step is draw:
                save(frames[-1][1], "explorer")
        browser.close()
    save(strip(frames), "explorer_strip")


if __name__ == "__main__":
    main(sys.argv[1])
