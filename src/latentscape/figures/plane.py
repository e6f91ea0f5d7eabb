"""What the decoder draws at each place of the two-neuron plane."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from scipy.spatial import cKDTree

from latentscape.atlas import Atlas, DecodedPlane
from latentscape.errors import AtlasError
from latentscape.figures.maps import MapPoints, draw_map, map_points
from latentscape.figures.pixels import ink_on_paper
from latentscape.figures.sampled import sample_words
from latentscape.figures.style import SOFT, Page, figures, in_house_style
from latentscape.types import AnyArray

_SIDE = 5.2  # inches of the longer side of a panel


@in_house_style
def decoded_plane(atlas: Atlas) -> Figure:
    """Draw the decoded plane, and beside it the images that lie there.

    Parameters
    ----------
    atlas : Atlas
        With a decoded plane; the points are shown if the map ``"direct"`` is
        there too.

    Returns
    -------
    Figure

    Raises
    ------
    AtlasError
        If no plane was decoded.
    """
    plane = atlas.plane
    rows, columns = plane.images.shape[:2]
    if not rows or not columns:
        raise AtlasError(f"the decoded plane of {atlas.path} is empty: decode it again")
    points = map_points(atlas, "direct") if "direct" in atlas.map_names else None
    canvas = _mosaic(plane)
    ratio = float(np.clip(canvas.shape[0] / canvas.shape[1], 0.4, 2.5))
    width, height = (_SIDE, _SIDE * ratio) if ratio <= 1 else (_SIDE / ratio, _SIDE)
    panels = 1 if points is None else 2
    page = Page(
        max(0.8 + panels * width + (panels - 1) * 0.75 + Page.margin, 5.5),
        height + 0.55,
        title=_title(plane, points),
        subtitle=f"Left: {rows} × {columns} places of the plane, decoded. Right: the same part of "
        "the plane with the images that are encoded there."
        if points is not None
        else f"{rows} × {columns} places of the plane, decoded.",
        caption=f"{atlas.data.get('name', 'data')}: the autoencoder with two neurons; axes in the "
        "neurons’ own units"
        + (f"; n = {len(points.xy):,} points." if points is not None else ".")
        + sample_words(atlas),
    )
    bottom = page.bottom + 0.45
    left = page.axes(0.8, bottom, width, height)
    shown, options = ink_on_paper(plane.images.reshape(-1, *plane.images.shape[2:]))(canvas)
    low_x, high_x, low_y, high_y = _extent(plane)
    even = _evenly_spaced(plane.x) and _evenly_spaced(plane.y)
    if even:
        left.imshow(
            shown,
            extent=(low_x, high_x, low_y, high_y),
            aspect="auto",
            interpolation="antialiased",
            **options,
        )
    else:
        left.imshow(
            shown,
            extent=(0, columns, rows, 0),
            aspect="auto",
            interpolation="antialiased",
            **options,
        )
        _tick_by_index(left, plane)
    _name_axes(left)
    if points is not None:
        right = page.axes(0.8 + width + 0.75, bottom, width, height)
        draw_map(right, points, side=min(width, height))
        right.set_aspect("auto")
        right.set(xlim=(low_x, high_x), ylim=(low_y, high_y))
        for text in right.texts:  # no labels of classes that lie outside the decoded part
            x, y = text.xy if isinstance(text, Annotation) else text.get_position()
            text.set_visible(low_x <= x <= high_x and low_y <= y <= high_y)
        _name_axes(right)
        right.set_ylabel("")
    return page.figure


def _mosaic(plane: DecodedPlane) -> AnyArray:
    """Join the images (rows, cols, H, W[, C]) into one (rows·H, cols·W[, C])."""
    images = np.moveaxis(plane.images, 2, 1)
    rows, height, columns, width = images.shape[:4]
    return images.reshape(rows * height, columns * width, *images.shape[4:])


def _evenly_spaced(values: AnyArray) -> bool:
    steps = np.diff(values.astype(np.float64))
    return len(steps) == 0 or bool(np.allclose(steps, steps.mean(), rtol=1e-2))


def _extent(plane: DecodedPlane) -> tuple[float, float, float, float]:
    """Return the edges of the mosaic, half a step beyond the outer centres."""
    edges = []
    for values in (plane.x, plane.y[::-1]):
        low, high = float(values[0]), float(values[-1])
        half = (high - low) / (2 * (len(values) - 1)) if len(values) > 1 else 0.5
        edges += [low - half, high + half]
    return edges[0], edges[1], edges[2], edges[3]


def _tick_by_index(axes: Axes, plane: DecodedPlane) -> None:
    for axis, values in ((axes.xaxis, plane.x), (axes.yaxis, plane.y)):
        picks = np.unique(np.linspace(0, len(values) - 1, min(6, len(values))).round().astype(int))
        axis.set_ticks(picks + 0.5, [figures(float(values[i])) for i in picks])


def _name_axes(axes: Axes) -> None:
    axes.set_xlabel("neuron 1")
    axes.set_ylabel("neuron 2")
    axes.tick_params(length=3, color=SOFT)


def _title(plane: DecodedPlane, points: MapPoints | None) -> str:
    """Count the classes that are the nearest one somewhere on the grid."""
    if points is None or len(points.classes) < 2:
        return "The plane of two neurons, decoded"
    known = points.labels >= 0
    grid = np.stack(np.meshgrid(plane.x, plane.y), axis=-1).reshape(-1, 2)
    nearest = cKDTree(points.xy[known]).query(grid)[1]
    found, total = len(np.unique(points.labels[known][nearest])), len(points.classes)
    if found == total:
        return f"The plane of two neurons: each of {total} classes is the nearest one somewhere"
    return f"The plane of two neurons: {found} of {total} classes are the nearest one somewhere"
