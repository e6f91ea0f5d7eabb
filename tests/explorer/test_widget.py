"""The notebook widget: its module in a real page with a model such as notebooks give it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import Atlas
from latentscape.explorer.page import static_text

from .browser import as_file, lacking, opened_page, wait_until
from .small_atlas import clustered_codes, small_atlas, small_images

pytestmark = pytest.mark.slow

# What anywidget gives a widget's module: values by name, and who wants to hear of changes.
PAGE = """<!doctype html><meta charset="utf-8"><title>cell</title><style>{style}</style>
<body><p id="before">cell</p><div id="cell"></div>
<script type="module">
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const text = new TextDecoder().decode(bytes("{module}"));
const values = {{
  data: new DataView(bytes("{data}").buffer), selection: {selection}, height: 500, _esm: text,
}};
const heard = new Map();
const model = window.model = {{
  saved: [],
  get: (name) => values[name],
  set: (name, value) => {{ values[name] = value; }},
  save_changes: () => model.saved.push(values.selection),
  on: (event, call) => heard.set(event, [...(heard.get(event) ?? []), call]),
  off: (event, call) => heard.set(event, (heard.get(event) ?? []).filter((each) => each !== call)),
  fromPython: (name, value) => {{
    values[name] = value;
    for (const call of heard.get(`change:${{name}}`) ?? []) call();
  }},
  listeners: () => [...heard.values()].flat().length,
}};
const module = await import(URL.createObjectURL(new Blob([text], {{ type: "text/javascript" }})));
const close = await module.default.render({{ model, el: document.getElementById("cell") }});
window.closeWidget = close;
</script>"""

DRAWN = "!!window.closeWidget && document.querySelectorAll('.latentscape-widget canvas').length > 2"


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    labels = clustered_codes(300)[1]
    path = tmp_path_factory.mktemp("widget") / "atlas"
    return small_atlas(path, n=300, labels=labels, images=small_images(labels), maps=("pca", "lda"))


@pytest.fixture
def widget(atlas: Atlas) -> Any:
    pytest.importorskip("anywidget", reason="needs the extra notebook")
    from latentscape.explorer import Explorer

    made = Explorer(atlas)
    yield made
    made.close()


@pytest.fixture
def cell(browser: Any, widget: Any, tmp_path: Path) -> Iterator[Any]:
    """A page with the widget in it."""
    widget.selection = [4, 2]

    def as_text(content: bytes) -> str:
        return base64.b64encode(content).decode()

    file = tmp_path / "cell.html"
    file.write_text(
        PAGE.format(
            style=widget._css,
            module=as_text(widget._esm.encode()),
            data=as_text(bytes(widget.data)),
            selection=widget.selection,
        ),
        encoding="utf-8",
    )
    size = {"width": 1100, "height": 700}
    with opened_page(browser, as_file(file), ready=DRAWN, viewport=size) as page:
        yield page


def colours(page: Any, area: Any) -> int:
    """Count the distinct colours of what is on the screen in a part of the page."""
    try:
        from PIL import Image
    except ImportError:
        lacking("needs Pillow")
    picture = Image.open(io.BytesIO(page.screenshot(clip=area.bounding_box()))).convert("RGB")
    return len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0))


def surface(page: Any) -> Any:
    return page.get_by_role("application").first


def test_maps_are_drawn(cell: Any) -> None:
    wait_until(cell, "document.querySelector('.legend').childElementCount >= 4")
    assert colours(cell, surface(cell)) > 100
    assert cell.locator(".latentscape-widget").bounding_box()["height"] == 500
    assert "2 points selected" in cell.locator(".chip").inner_text()


def test_a_lasso_arrives_in_python(cell: Any, widget: Any) -> None:
    cell.get_by_role("button", name="Select", exact=True).click()
    box = surface(cell).bounding_box()
    x, y, w, h = (box[side] for side in ("x", "y", "width", "height"))
    cell.mouse.move(x + 0.1 * w, y + 0.25 * h)
    cell.mouse.down()
    for across, down in ((0.6, 0.25), (0.6, 0.95), (0.1, 0.95), (0.1, 0.25)):
        cell.mouse.move(x + across * w, y + down * h, steps=6)
    cell.mouse.up()
    wait_until(cell, "model.saved.length > 0")
    rows = cell.evaluate("model.get('selection')")
    assert 2 < len(rows) < 300
    widget.selection = rows  # the traits accept what the page has sent
    assert widget.selection == rows
    assert f"{len(rows)} points selected" in cell.locator(".chip").inner_text()


def test_python_selects_in_the_page(cell: Any) -> None:
    cell.evaluate("model.fromPython('selection', [1, 5, 9])")
    assert "3 points selected" in cell.locator(".chip").inner_text()
    assert cell.evaluate("model.saved.length") == 0  # nothing is sent back that came from there
    cell.evaluate("model.fromPython('height', 640)")
    assert cell.locator(".latentscape-widget").bounding_box()["height"] == 640


def test_keys_stay_in_the_widget(cell: Any) -> None:
    cell.locator("#before").click()
    cell.keyboard.press("t")
    assert cell.locator(".latentscape-widget").get_attribute("data-theme") == "light"
    surface(cell).focus()
    cell.keyboard.press("t")
    assert cell.locator(".latentscape-widget").get_attribute("data-theme") == "dark"
    assert "#" not in cell.url  # the notebook's address is not ours


def test_closing_leaves_nothing(cell: Any) -> None:
    assert cell.evaluate("model.listeners()") == 2
    cell.evaluate("closeWidget()")
    assert cell.evaluate("document.getElementById('cell').childElementCount") == 0
    assert cell.evaluate("model.listeners()") == 0


def test_traits(widget: Any, atlas: Atlas) -> None:
    import traitlets

    assert widget._esm == static_text("widget.js")
    heard: list[Any] = []
    widget.observe(lambda change: heard.append(change["new"]), "selection")
    widget.selection = [5, 3, 5]
    assert widget.selection == heard[-1] == [3, 5]
    assert widget.selected["id"].tolist() == atlas.points["id"].iloc[[3, 5]].tolist()
    twos = atlas.points["label"] == 2
    widget.select(twos)
    assert widget.selection == np.flatnonzero(twos).tolist()
    for wrong in ([-1], [len(atlas.points)]):
        with pytest.raises(traitlets.TraitError, match="selection takes rows from 0"):
            widget.selection = wrong
    with pytest.raises(traitlets.TraitError):
        widget.height = 10
