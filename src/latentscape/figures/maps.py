"""Maps of the latent space: every image a point, every class a colour and a label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError
from latentscape.figures.labels import label_places
from latentscape.figures.palette import class_colors, darker, rgba
from latentscape.figures.sampled import sample_words
from latentscape.figures.style import INK, Page, halo, in_house_style, percent
from latentscape.types import AnyArray, IntArray

TITLES = {
    "direct": "Two neurons",
    "pca": "PCA",
    "lda": "LDA",
    "tsne": "t-SNE",
    "umap": "UMAP",
}
_BLOCK = 1 << 16  # rows of codes
SHEET = ("pca", "lda", "tsne", "umap")
_MAX_LABELS = 20
MOST_DRAWN = 200_000  # points of one map; more cost minutes and look the same
_WITHOUT_UNITS = ("tsne", "umap")


@dataclass(frozen=True, eq=False)
class MapPoints:
    """What is drawn of one map: finite positions (n, 2), class numbers (n,), class names."""

    name: str
    xy: AnyArray
    labels: IntArray
    class_names: tuple[str, ...]

    @property
    def title(self) -> str:
        """The map's name in print."""
        return TITLES.get(self.name, self.name)

    @property
    def classes(self) -> list[int]:
        """Class numbers that occur, largest class first."""
        numbers, counts = np.unique(self.labels[self.labels >= 0], return_counts=True)
        return [int(k) for k in numbers[np.argsort(-counts, kind="stable")]]

    def some(self, n: int) -> MapPoints:
        """Return `n` of the points, drawn at random."""
        rows = np.sort(np.random.default_rng(0).permutation(len(self.xy))[:n])
        return replace(self, xy=self.xy[rows], labels=self.labels[rows])

    def class_name(self, number: int) -> str:
        """Return the name of a class, or its number where it has none."""
        return self.class_names[number] if number < len(self.class_names) else str(number)


def map_points(atlas: Atlas, name: str) -> MapPoints:
    """Collect what is drawn of the map `name`.

    Raises
    ------
    AtlasError
        If the atlas has no such map, or none of its positions is finite.
    """
    if name not in atlas.map_names:
        there = ", ".join(atlas.map_names) or "none"
        raise AtlasError(
            f"{atlas.path} has no map {name!r} (it has: {there}): make it with `latentscape map`"
        )
    points = atlas.points
    xy = points[[f"{name}_x", f"{name}_y"]].to_numpy(dtype=np.float32)
    labels = points["label"].to_numpy(dtype=np.int64, na_value=-1)
    finite = np.isfinite(xy).all(axis=1)
    if not finite.any():
        raise AtlasError(f"the map {name!r} of {atlas.path} has no finite position: make it again")
    names = tuple(str(each) for each in atlas.data.get("class_names", ()))
    return MapPoints(name, xy[finite], labels[finite], names)


@in_house_style
def map_figure(atlas: Atlas, name: str) -> Figure:
    """Draw one map, with a label on each class.

    Parameters
    ----------
    atlas : Atlas
    name : str
        ``"direct"``, ``"pca"``, ``"lda"``, ``"tsne"``, ``"umap"`` or another
        map of the atlas.

    Returns
    -------
    Figure

    Raises
    ------
    AtlasError
        If the atlas has no such map.
    """
    points = map_points(atlas, name)
    width, height = np.ptp(points.xy, axis=0)
    page = Page(
        7.2,
        6.5 * float(np.clip((height or 1.0) / (width or 1.0), 0.7, 1.0)),
        title=_title(atlas, points),
        subtitle=_subtitle(atlas, points),
        caption=caption(atlas, len(points.xy), name),
    )
    with_axes = name not in _WITHOUT_UNITS
    left, below = (0.85, 0.45) if with_axes else (Page.margin, 0.0)
    bottom = page.bottom + below
    side = (page.width - left - Page.margin, page.top - bottom)
    axes = page.axes(left, bottom, *side)
    draw_map(axes, points, side=min(side))
    _frame(axes, atlas, points)
    return page.figure


@in_house_style
def map_sheet(atlas: Atlas) -> Figure:
    """Draw the PCA, LDA, t-SNE and UMAP maps on one sheet.

    Parameters
    ----------
    atlas : Atlas
        With at least one of the four; a missing one leaves no gap.

    Returns
    -------
    Figure

    Raises
    ------
    AtlasError
        If it has none of them.
    """
    names = [name for name in SHEET if name in atlas.map_names]
    if not names:
        raise AtlasError(f"{atlas.path} has no map yet: make one with `latentscape map`")
    drawn = [map_points(atlas, name) for name in names]
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    side, gap = (4.5, 0.35) if columns > 1 else (6.5, 0.35)
    page = Page(
        2 * Page.margin + columns * side + (columns - 1) * gap,
        rows * (side + 0.35),
        title=_sheet_title(atlas, drawn),
        subtitle=_sheet_subtitle(atlas, drawn),
        caption=caption(atlas, len(drawn[0].xy), None),
    )
    for number, points in enumerate(drawn):
        row, column = divmod(number, columns)
        left = Page.margin + column * (side + gap)
        top = page.top - row * (side + 0.35)
        accuracy = accuracy_of(atlas, points.name)
        heading = points.title + (f"   {percent(accuracy)}" if accuracy is not None else "")
        page.figure.text(
            left / page.width,
            (top - 0.05) / page.height,
            heading,
            va="top",
            fontsize=11,
            fontweight="bold",
            color=INK,
        )
        axes = page.axes(left, top - 0.3 - side, side, side)
        draw_map(axes, points, side=side)
        axes.set_axis_off()
    return page.figure


def draw_map(axes: Axes, points: MapPoints, *, side: float) -> None:
    """Draw points and class labels into axes of about `side` × `side` inches."""
    n = len(points.xy)
    numbers = points.classes
    if n > MOST_DRAWN:
        points = points.some(MOST_DRAWN)
        n = MOST_DRAWN
    n_colors = max([len(points.class_names), *(k + 1 for k in numbers)], default=0)
    size, alpha = point_look(n, side)
    order = np.random.default_rng(0).permutation(n)  # so that no class covers another
    axes.scatter(
        points.xy[order, 0],
        points.xy[order, 1],
        s=size,
        c=rgba(class_colors(n_colors), points.labels[order], alpha),
        linewidths=0.5 if n <= 300 else 0.0,
        edgecolors="white" if n <= 300 else "none",
        rasterized=True,  # one picture in an SVG instead of n circles
    )
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.04)
    labelled = numbers[:_MAX_LABELS]
    colors = class_colors(n_colors)
    texts = [points.class_name(k) for k in labelled]
    longest = max((len(text) for text in texts), default=1)
    font = (15.0 if longest <= 2 else 10.5) * min(1.0, side / 5.5)
    gap = 1.4 * font / 72 / side
    for k, text, (x, y) in zip(
        labelled, texts, label_places(points.xy, points.labels, labelled, gap=gap), strict=True
    ):
        # A label may cover some of many points, but never one of a few.
        shift = 0.0 if n > 300 else size**0.5 / 2 + 0.6 * font
        axes.annotate(
            text,
            (x, y),
            xytext=(0, shift),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=font,
            fontweight="bold",
            color=darker(colors[k]),
            path_effects=halo(3.5),
            zorder=10,
        )


def point_look(n: int, side: float) -> tuple[float, float]:
    """Return marker area (points²) and opacity for `n` points on `side` inches."""
    size = float(np.clip(0.4 * (72 * side) ** 2 / max(n, 1), 0.3, 45.0))
    alpha = float(np.clip(1.15 - 0.125 * np.log10(max(n, 1)), 0.3, 0.95))
    return size, alpha


def _frame(axes: Axes, atlas: Atlas, points: MapPoints) -> None:
    if points.name in _WITHOUT_UNITS or points.name not in TITLES:
        axes.set_axis_off()
        return
    labels = atlas.stage_info(f"maps-{points.name}").get("axes")
    if not labels and points.name == "pca":
        labels = _pca_axes(atlas)
    elif not labels and points.name == "lda":
        labels = ("LD 1", "LD 2" if len(points.classes) > 2 else "PC 1 of the rest")
    elif not labels:
        labels = ("neuron 1", "neuron 2")
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.tick_params(length=3)


def _pca_axes(atlas: Atlas) -> tuple[str, str]:
    """Name the axes, with their share of the codes' variance where that can be computed."""
    if not atlas.has("codes"):
        return "PC 1", "PC 2"
    total = _total_variance(atlas)
    spread = atlas.points[["pca_x", "pca_y"]].to_numpy(dtype=np.float64).var(axis=0)
    if not 0 < spread.sum() <= 1.001 * total:
        return "PC 1", "PC 2"
    return (
        f"PC 1 ({percent(spread[0] / total)} of the variance)",
        f"PC 2 ({percent(spread[1] / total)} of the variance)",
    )


def _total_variance(atlas: Atlas) -> float:
    """Return the sum of the columns' variances, of codes that may be larger than the memory."""
    codes = atlas.on_disk("codes")
    buffer = codes.new_buffer(min(len(codes), _BLOCK))
    mean = sum(part.sum(axis=0, dtype=np.float64) for _, part in codes.batches(buffer)) / len(codes)
    return sum(
        float(np.square(part - mean).sum(dtype=np.float64)) for _, part in codes.batches(buffer)
    ) / len(codes)


# Words


def accuracy_of(atlas: Atlas, name: str) -> float | None:
    """Return the k-NN label accuracy of a map (or of ``"codes"``), if it was measured."""
    if not atlas.has("quality"):
        return None
    value = (atlas.quality.get("knn_accuracy") or {}).get(name)
    return float(value) if isinstance(value, (int, float)) else None


def _neighbors(atlas: Atlas) -> int:
    return int(atlas.quality.get("k", 10)) if atlas.has("quality") else 10


def _what(atlas: Atlas, name: str | None) -> str:
    info = atlas.stage_info("codes")
    if name == "direct":
        return "codes of the two-neuron autoencoder"
    if "latent_dim" in info:
        if "seed" not in info:
            return f"{info['latent_dim']} numbers each"
        return f"{info['latent_dim']}-neuron codes, seed {info.get('seed', 0)}"
    return "codes"


def caption(atlas: Atlas, n: int, name: str | None) -> str:
    """Say what the points are, and how well their neighbours name their class."""
    splits = set(atlas.points["split"].astype(str)) if "split" in atlas.points else set()
    kind = f"{splits.pop()} " if len(splits) == 1 else ""
    if kind_of(atlas) != "images":
        kind = ""
    text = (
        f"n = {n:,} {kind}{kind_of(atlas)} of {atlas.data.get('name', 'the data')}; "
        f"{_what(atlas, name)}"
    )
    if atlas.metric == "cosine":
        text += ", compared by cosine distance"
    labels = atlas.points["label"].to_numpy()
    n_known = int((labels >= 0).sum())
    n_judged = n_known if atlas.sample is None else int((labels[atlas.sample] >= 0).sum())
    accuracy = accuracy_of(atlas, name) if name else None
    if accuracy is not None:
        error = (accuracy * (1 - accuracy) / max(1, n_judged)) ** 0.5
        text += (
            f"; {_neighbors(atlas)}-nearest-neighbour accuracy on the map "
            f"{100 * accuracy:.1f}\u00a0±\u00a0{100 * error:.1f}\u00a0% (leave one out)"
        )
    if 0 < n_known < len(atlas.points):
        text += f"; grey: the {len(atlas.points) - n_known:,} without a label"
    if n > MOST_DRAWN:
        text += f"; drawn: {MOST_DRAWN:,} of them at random"
    return f"{text}.{sample_words(atlas)}"


def kind_of(atlas: Atlas) -> str:
    """Return what the points are: ``"images"`` or ``"embeddings"``."""
    return str(atlas.data.get("kind", "images"))


def _title(atlas: Atlas, points: MapPoints) -> str:
    accuracy = accuracy_of(atlas, points.name)
    if accuracy is None:
        return f"{points.title}: {len(points.xy):,} {kind_of(atlas)} by their codes"
    return f"{points.title}: neighbours name the class of {percent(accuracy)} of {kind_of(atlas)}"


def _subtitle(atlas: Atlas, points: MapPoints) -> str:
    parts = []
    codes = accuracy_of(atlas, "codes")
    accuracy = accuracy_of(atlas, points.name)
    if points.name != "direct" and codes is not None and accuracy is not None:
        parts.append(f"Among the codes themselves it is {percent(codes)}.")
    if points.name in _WITHOUT_UNITS:
        parts.append("Close points have similar codes; axes and wide distances mean nothing.")
    if len(points.classes) > _MAX_LABELS:
        parts.append(f"Labels on the {_MAX_LABELS} largest of {len(points.classes)} classes.")
    return " ".join(parts)


def _sheet_title(atlas: Atlas, drawn: list[MapPoints]) -> str:
    measured = {p.title: a for p in drawn if (a := accuracy_of(atlas, p.name)) is not None}
    if len(measured) < 2:
        return f"{len(drawn)} maps of the same codes" if len(drawn) > 1 else drawn[0].title
    best, worst = max(measured, key=measured.__getitem__), min(measured, key=measured.__getitem__)
    high, low = percent(measured[best]), percent(measured[worst])
    kind = kind_of(atlas)
    if high == low:
        return f"The maps keep the classes equally apart: neighbours are right for {high} of {kind}"
    first = [title for title, value in measured.items() if percent(value) == high]
    if len(first) > 1:
        return (
            f"{', '.join(first[:-1])} and {first[-1]} keep the classes apart best: neighbours are "
            f"right for {high} of the {kind}, on {worst} for {low}"
        )
    return (
        f"{best} keeps the classes apart best: neighbours are right for "
        f"{high} of the {kind}, on {worst} for {low}"
    )


def _sheet_subtitle(atlas: Atlas, drawn: list[MapPoints]) -> str:
    if all(accuracy_of(atlas, points.name) is None for points in drawn):
        return ""
    text = (
        f"In per cent: {kind_of(atlas)} whose {_neighbors(atlas)} nearest neighbours name their "
        "class."
    )
    codes = accuracy_of(atlas, "codes")
    return text + (f" Among the codes themselves: {percent(codes)}." if codes is not None else "")
