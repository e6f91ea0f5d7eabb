"""The tests of the page would notice what they are there to notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .browser import as_file, is_own, lacking, opened_page, started_browser

PAGE = """<!doctype html><meta charset=utf-8><div id=app></div>
<script>document.getElementById('app').latentscape = {{ compute: {{}} }}; {script}</script>"""


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("file:///tmp/a/page.html", True),
        ("file:///tmp/a/page.html#maps=pca", True),
        ("file:///tmp/a/page.html?x", False),
        ("file:///tmp/a/other.html", False),
        ("file:///tmp/a/page.htmlx", False),
        ("https://tmp/a/page.html", False),
        ("data:image/png;base64,AA", True),
    ],
)
def test_a_file_is_itself_only(url: str, own: bool) -> None:
    assert is_own(url, "file:///tmp/a/page.html#point=3") is own


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8000/data", True),
        ("http://127.0.0.1:80001/data", False),
        ("http://127.0.0.1.evil.example:8000/", False),
        ("https://127.0.0.1:8000/data", False),
        ("blob:http://127.0.0.1:8000/1", True),
    ],
)
def test_a_served_page_may_ask_its_server_only(url: str, own: bool) -> None:
    assert is_own(url, "http://127.0.0.1:8000/") is own


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        "fetch('other.json').catch(() => 0)",
        "new Image().src = 'http://127.0.0.1:9/x.png'",
        "console.log('something')",
        "setTimeout(() => { throw new Error('late') })",
    ],
)
def test_a_page_that_asks_or_speaks_is_caught(browser: Any, tmp_path: Path, script: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(PAGE.format(script=script), encoding="utf-8")
    with pytest.raises(AssertionError), opened_page(browser, as_file(file)) as page:
        page.wait_for_timeout(200)


def test_ci_does_not_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{started_browser.__module__}.chromium_path", lambda: None)
    monkeypatch.setenv("LATENTSCAPE_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="LATENTSCAPE_REQUIRE_ALL"):
        started_browser().__enter__()
    with pytest.raises(pytest.fail.Exception, match="this and that, and"):
        lacking("this and that")
    monkeypatch.setenv("LATENTSCAPE_REQUIRE_ALL", "0")
    with pytest.raises(pytest.skip.Exception, match="needs a Chromium"):
        started_browser().__enter__()
