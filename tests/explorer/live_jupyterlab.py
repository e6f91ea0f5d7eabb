"""The widget in a live JupyterLab: a person runs a cell, draws a lasso, and reads it in Python.

JupyterLab is large, so this is no part of the ordinary run: ``make lab``.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import latentscape
from latentscape.images import ImageSet

from .browser import wait_until

CELLS = [
    "import latentscape as ls\nexplorer = ls.Atlas.open('atlas').explore()\nexplorer",
    "print('chosen', len(explorer.selection), 'of', len(explorer.selected))",
    "explorer.selection = [1, 5, 9]",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, few_digits: ImageSet) -> Path:
    path = tmp_path_factory.mktemp("lab")
    settings: dict[str, Any] = {"latent_dims": (2, 4), "n_seeds": 1, "maps": ("pca",)}
    latentscape.run(few_digits, path / "atlas", engine="serial", verbose=0, **settings)
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "source": source,
         "execution_count": None}
        for i, source in enumerate(CELLS)
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4}
    (path / "walk.ipynb").write_text(json.dumps({**notebook, "nbformat_minor": 5}))
    return path


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[str]:
    """A JupyterLab on this machine, with a token of its own."""
    pytest.importorskip("jupyterlab", reason="needs the extra lab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kinds = ("CONFIG", "DATA", "RUNTIME")
    environment = {
        **os.environ,
        **{f"JUPYTER_{kind}_DIR": str(folder / f".{kind}") for kind in kinds},
        "IPYTHONDIR": str(folder / ".ipython"),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }  # fmt: skip
    options = [
        f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--no-browser", "--allow-root",
        "--IdentityProvider.token=walk", f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    with (folder / "lab.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=environment, cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token=walk").close()
                    break
                except OSError:
                    assert server.poll() is None, (folder / "lab.log").read_text()
                    assert time.monotonic() < end, "JupyterLab has not started in a minute"
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/lab/tree/walk.ipynb?token=walk&reset"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)


def run_cell(page: Any, number: int) -> None:
    """Put the cursor into a cell and press Shift+Enter."""
    page.locator(".jp-CodeCell .jp-InputArea-editor").nth(number).click()
    page.keyboard.press("Shift+Enter")


def test_a_cell_shows_the_explorer_and_python_hears_of_the_lasso(browser: Any, lab: str) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 1300})
    page = context.new_page()
    try:
        page.goto(lab)
        page.locator(".jp-CodeCell").first.wait_for(timeout=60_000)
        page.locator(
            "[data-status=idle], .jp-Notebook-ExecutionIndicator[data-status=idle]"
        ).first.wait_for(timeout=60_000, state="attached")
        run_cell(page, 0)
        widget = page.locator(".latentscape-widget")
        widget.wait_for(timeout=90_000)
        surface = widget.get_by_role("application").first
        surface.wait_for()
        surface.scroll_into_view_if_needed()
        wait_until(
            page, "document.querySelectorAll('.latentscape-widget .legend button').length >= 10"
        )
        page.wait_for_timeout(1000)

        widget.get_by_role("button", name="Select", exact=True).click()
        box = surface.bounding_box()
        x, y, w, h = (box[side] for side in ("x", "y", "width", "height"))
        page.mouse.move(x + 0.1 * w, y + 0.25 * h)
        page.mouse.down()
        for across, down in ((0.7, 0.25), (0.7, 0.95), (0.1, 0.95), (0.1, 0.25)):
            page.mouse.move(x + across * w, y + down * h, steps=6)
        page.mouse.up()
        told = widget.locator(".chip")
        told.get_by_text("points selected").wait_for()
        number = int(re.sub(r"\D", "", told.inner_text()))
        assert 2 < number < 300

        run_cell(page, 1)
        page.get_by_text(f"chosen {number} of {number}", exact=True).wait_for(timeout=30_000)
        run_cell(page, 2)
        told.get_by_text("3 points selected").wait_for(timeout=30_000)
        if picture := os.environ.get("LATENTSCAPE_LAB_PICTURE"):
            page.screenshot(path=picture)
    finally:
        context.close()
