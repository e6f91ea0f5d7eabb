"""The program of the page: packed into it, and run only if it is the one that was built."""

from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from latentscape.explorer import build_page
from latentscape.explorer.page import page_policy, static_text

from .browser import as_file, opened_page, wait_until
from .small_atlas import small_atlas

PACKED = re.compile(rb'(id="latentscape-program">)([^<]*)')
RUNS = "!!document.getElementById('app').latentscape"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_page(small_atlas(tmp_path_factory.mktemp("program") / "atlas", n=20))


def deflated(text: str) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return base64.b64encode(packer.compress(text.encode()) + packer.flush())


def test_the_page_has_the_program_and_nothing_runs_but_what_its_policy_names(
    content: bytes,
) -> None:
    packed = PACKED.search(content)
    assert packed
    program = zlib.decompress(base64.b64decode(packed[2]), wbits=-15).decode()
    assert program == static_text("app.js")
    assert len(packed[2]) < 0.55 * len(program)
    scripts = page_policy(served=False).split("script-src ")[1].split(";")[0].split()
    assert len(scripts) == 2
    assert all(each.startswith("'sha256-") for each in scripts)  # no unsafe-…, no address


@pytest.mark.slow
def test_it_is_unpacked_and_run(browser: Any, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(content)
    with opened_page(browser, as_file(file)) as page:
        assert page.get_by_role("application").count() == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "packed",
    [
        deflated("window.stranger = true; document.getElementById('app').latentscape = {};"),
        deflated(static_text("app.js") + " "),
        deflated(static_text("app.js"))[:4000],
        b"no base64",
        b"",
    ],
    ids=["another", "altered", "cut", "no base64", "empty"],
)
def test_another_program_is_refused_and_the_page_says_so(
    browser: Any, content: bytes, tmp_path: Path, packed: bytes
) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(PACKED.sub(lambda found: found[1] + packed, content))
    page = browser.new_page()
    page.goto(as_file(file))
    page.get_by_text("The program of this page is damaged; make the page again.").wait_for()
    assert not page.evaluate(RUNS)
    assert page.evaluate("window.stranger") is None
    page.close()


@pytest.mark.slow
def test_an_old_browser_is_told_so(browser: Any, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(content)
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(as_file(file))
    wait_until(page, "document.body.innerText.includes('browser is too old')")
    page.close()
