"""A real Chromium for the tests of the page.

Without playwright or Chromium these tests are skipped, with the reason. Where
``LATENTSCAPE_REQUIRE_ALL`` is 1, as in CI, they fail instead: nothing passes unseen.
"""

from __future__ import annotations

import base64
import importlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ..atlas_tools import lacking as lacking

ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
]

READY = "!!document.getElementById('app').latentscape?.compute"


def chromium_path() -> str | None:
    """Return where Chromium is, or None."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


@contextmanager
def started_browser() -> Iterator[Any]:
    """Start Chromium, or say why there is none."""
    try:
        api = importlib.import_module("playwright.sync_api")
    except ImportError:
        lacking("needs playwright (pip install playwright)")
    path = chromium_path()
    if path is None:
        lacking("needs a Chromium (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def is_own(url: str, address: str) -> bool:
    """Tell whether a page at `address` may ask for `url`.

    A file may ask for nothing but itself, a served page for what its own server has;
    what a page makes itself (blob:, data:) has no network in it.
    """
    asked, own = urlsplit(url), urlsplit(address)
    if asked.scheme in ("blob", "data"):
        return True
    if own.scheme == "file":
        return asked._replace(fragment="") == own._replace(fragment="")
    return (asked.scheme, asked.netloc) == (own.scheme, own.netloc)


@contextmanager
def opened_page(
    browser: Any, address: str, *, script: str | None = None, ready: str = READY, **options: Any
) -> Iterator[Any]:
    """Open a page, and make sure in the end that it asked for nothing and said nothing.

    `script` runs before the page's own; the page can be used when the expression `ready` is
    true; `options` are those of a browser context.
    """
    context = browser.new_context(**options)
    if script is not None:
        context.add_init_script(script)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    context.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    wait_until(page, ready)
    try:
        yield page
        assert asked
        assert [url for url in asked if not is_own(url, address)] == []
        assert said == [], said
    finally:
        context.close()


def wait_until(page: Any, expression: str, seconds: float = 60) -> None:
    """Wait until an expression is true; Playwright's own way needs eval, which the page forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"{expression} has not come true in {seconds} s"
        page.wait_for_timeout(20)


def as_js(array: Any) -> str:
    """Send an array to a page: float32 as base64, to be read by `fromPython`."""
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def from_js(text: str, shape: tuple[int, ...]) -> Any:
    """Read what `toPython` has sent."""
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)


HELPERS = """() => {
window.fromPython = (text) =>
  new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
window.toPython = (values) => {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return btoa(text);
};
window.rows = (numbers, d, f) => {
  const out = [];
  for (let i = 0; i < numbers.length; i += d) out.push(...f(numbers.subarray(i, i + d)));
  return out;
};
}"""


def as_file(path: Path) -> str:
    """Return the address of a file."""
    return path.resolve().as_uri()
