"""The page decodes, encodes, inverts and places as Python does, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import Atlas
from latentscape.autoencoder import ConvAutoencoder
from latentscape.explorer.rules import frame
from latentscape.types import AnyArray

from .browser import HELPERS, as_file, as_js, from_js, opened_page

pytestmark = pytest.mark.slow

N = 1000
MAPS = ("direct", "pca", "lda", "tsne", "umap")


@pytest.fixture(scope="module")
def atlas(walked: Atlas) -> Atlas:
    return walked


@pytest.fixture(scope="module")
def page(browser: Any, atlas: Atlas) -> Iterator[Any]:
    with opened_page(browser, as_file(atlas.path / "explorer.html")) as page:
        page.evaluate(HELPERS)
        page.evaluate("window.compute = document.getElementById('app').latentscape.compute")
        yield page


def in_page(page: Any, call: str, rows: AnyArray, width: int) -> AnyArray:
    """Call the page once for each row, which it knows as `v`."""
    function = f"([x, d]) => toPython(rows(fromPython(x), d, (v) => {call}))"
    answer = page.evaluate(function, [as_js(rows), rows.shape[1]])
    found: AnyArray = from_js(answer, (len(rows), width))
    return found


def model_of(atlas: Atlas, stage: str) -> ConvAutoencoder:
    return ConvAutoencoder.load(atlas.path / str(atlas.stage_info(stage)["model"]))


@pytest.mark.parametrize(("name", "stage"), [("main", "codes"), ("plane", "plane")])
def test_models(page: Any, atlas: Atlas, name: str, stage: str) -> None:
    model = model_of(atlas, stage)
    codes = np.array(atlas.codes if name == "main" else atlas.codes2)[:N]
    decoded = in_page(page, f"compute.decode('{name}', v)", codes, 784)
    assert np.abs(decoded - model.inverse_transform(codes).reshape(N, -1)).max() < 2e-3
    images = np.array(atlas.images)[:N].reshape(N, -1) / 255
    encoded = in_page(page, f"compute.encode('{name}', v)", images, codes.shape[1])
    # Codes have no unit of their own: their spread is the measure.
    assert (np.abs(encoded - codes) / codes.std(axis=0)).max() < 2e-3


def places(atlas: Atlas, name: str) -> tuple[Any, AnyArray, AnyArray, float]:
    """Return the map, places among and away from its rows (normalised), and its frame."""
    fitted = atlas.load_map(name)
    center, scale = frame(fitted.embedding_)
    rng = np.random.default_rng(0)
    rows = rng.choice(len(fitted.embedding_), N // 2)
    near = (fitted.embedding_[rows] - center) / scale + rng.normal(scale=0.004, size=(N // 2, 2))
    away = rng.uniform(-1, 1, (N // 2, 2))
    return fitted, np.concatenate([near, away]).astype(np.float32), center, scale


@pytest.mark.parametrize("name", MAPS)
def test_inverse_map(page: Any, atlas: Atlas, name: str) -> None:
    fitted, queries, center, scale = places(atlas, name)
    back = (center + scale * queries.astype(np.float64)).astype(np.float32)
    codes, distance = fitted.inverse_transform(back, return_distance=True)
    call = f"(({{code, distance}}) => [...code, distance])(compute.inverse('{name}', v[0], v[1]))"
    found = in_page(page, call, queries, codes.shape[1] + 1)
    spread = np.array(atlas.codes2 if name == "direct" else atlas.codes).std(axis=0)
    error = (np.abs(found[:, :-1] - codes) / spread).max(axis=1)
    # Positions are rounded to 1/65,536 of the map, codes to 1/8,192 of their range.
    assert np.median(error) < 0.005
    assert error.max() < 0.1
    assert (np.abs(found[:, -1] - distance) / (1 + distance)).max() < 0.02


@pytest.mark.parametrize("name", MAPS)
def test_placement(page: Any, atlas: Atlas, name: str) -> None:
    fitted, _, center, scale = places(atlas, name)
    codes = np.array(atlas.codes2 if name == "direct" else atlas.codes)[:N]
    noise = np.random.default_rng(1).normal(size=codes.shape) * codes.std(axis=0) / 10
    for new in (codes, (codes + noise).astype(np.float32)):
        found = in_page(page, f"compute.place('{name}', v)", new, 2)
        apart = np.hypot(*(found - (fitted.transform(new) - center) / scale).T)
        # Where two islands have nearly the same votes, rounding may tip the balance.
        assert np.quantile(apart, 0.99) < 1e-3


def test_a_newer_format_is_refused_in_words(browser: Any, atlas: Atlas, tmp_path: Path) -> None:
    import base64
    import struct

    from latentscape.explorer.container import MAGIC, schema
    from latentscape.explorer.page import build_page

    lead = MAGIC + struct.pack("<I", schema()["version"])
    newer = MAGIC + struct.pack("<I", 99)
    old, new = (base64.b64encode(text) for text in (lead, newer))
    html = build_page(atlas)
    assert html.count(old) == 1
    path = tmp_path / "newer.html"
    path.write_bytes(html.replace(old, new))
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(as_file(path))
        page.get_by_role("alert").wait_for()
        assert "version 99" in page.get_by_role("alert").inner_text()
    finally:
        context.close()


def test_thumbnails(page: Any, atlas: Atlas) -> None:
    page.evaluate(
        "async () => { const { images, n } = document.getElementById('app').latentscape.atlas;"
        " await images.want(Array.from({ length: n }, (_, row) => row)); }"
    )
    rows = np.arange(len(atlas.images), dtype=np.float32)[:, None]
    call = "Array.from(document.getElementById('app').latentscape.atlas.images.get(v[0]))"
    found = in_page(page, call, rows, 784)
    assert np.array_equal(found, np.rint(atlas.images.reshape(len(rows), -1) / 17) * 17)
