"""Figures as files: PNG and SVG, the same bytes for the same atlas."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from latentscape.atlas import Atlas
from latentscape.figures.loss import loss_curve
from latentscape.figures.maps import SHEET, map_figure, map_sheet
from latentscape.figures.plane import decoded_plane
from latentscape.figures.reconstructions import reconstructions
from latentscape.figures.style import house_style
from latentscape.figures.training import training_curves
from latentscape.figures.trust import measures_table, neighborhood_curves, trust_sheet
from latentscape.types import Progress, ProgressCallback

DPI = 200
_COMPRESSION = 3  # of 9: half the time of the usual 6, and 5 % more bytes


def to_png(figure: Figure) -> bytes:
    """Return a figure as PNG (200 dpi)."""
    with house_style():
        canvas: Any = FigureCanvasAgg(figure)  # matplotlib has no types for it
        dpi = figure.dpi
        try:
            figure.set_dpi(DPI)
            canvas.draw()
            # Every pixel is opaque: three channels are written in half the time of four.
            pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]
            picture = Image.fromarray(np.ascontiguousarray(pixels))
        finally:
            figure.set_dpi(dpi)
    buffer = io.BytesIO()
    picture.save(buffer, format="png", dpi=(DPI, DPI), compress_level=_COMPRESSION)
    return buffer.getvalue()


def to_svg(figure: Figure) -> bytes:
    """Return a figure as SVG: text and axes as vectors, clouds of points as a picture."""
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format="svg", dpi=DPI, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def drawable(atlas: Atlas) -> dict[str, Callable[[], Figure]]:
    """Return, by name, the figures that `atlas` has material for."""
    found: dict[str, Callable[[], Figure]] = {}
    if atlas.has("sweep") and (atlas.sweep["model"] == "autoencoder").any():
        found["loss_curve"] = partial(loss_curve, atlas)
    if atlas.has("history") and len(atlas.history):
        found["training_curves"] = partial(training_curves, atlas)
    if all(atlas.has(part) for part in ("images", "reconstructions", "points")):
        found["reconstructions"] = partial(reconstructions, atlas)
    for name in atlas.map_names:
        found[f"map_{name}"] = partial(map_figure, atlas, name)
    if any(name in atlas.map_names for name in SHEET):
        found["map_sheet"] = partial(map_sheet, atlas)
    if atlas.has("quality") and atlas.quality.get("maps"):
        found["measures_table"] = partial(measures_table, atlas)
        found["neighborhood_curves"] = partial(neighborhood_curves, atlas)
        if any(f"{name}_trustworthiness" in atlas.points for name in SHEET):
            found["trust_sheet"] = partial(trust_sheet, atlas)
    if atlas.has("plane"):
        found["decoded_plane"] = partial(decoded_plane, atlas)
    return found


def render_all(
    atlas: Atlas, on_progress: ProgressCallback | None = None
) -> Iterator[tuple[str, bytes]]:
    """Draw every figure that `atlas` has material for.

    Parameters
    ----------
    atlas : Atlas
        Parts that are not there are left out.
    on_progress : callable, optional
        Called before the first and after each figure with the task ``"figures"``.

    Yields
    ------
    name : str
        Relative to the atlas: ``"figures/loss_curve.png"``, then the same as .svg.
    content : bytes
        The file, the same bytes each time.
    """
    figures = drawable(atlas)
    report = on_progress or (lambda progress: None)
    report(Progress("figures", 0, len(figures)))
    for step, (name, draw) in enumerate(figures.items(), start=1):
        figure = draw()
        yield f"figures/{name}.png", to_png(figure)
        yield f"figures/{name}.svg", to_svg(figure)
        report(Progress("figures", step, len(figures)))
