"""Originals beside what the autoencoder makes of them."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError
from latentscape.figures.pixels import ink_on_paper
from latentscape.figures.sampled import sample_words
from latentscape.figures.style import INK, SOFT, Page, figures, in_house_style
from latentscape.types import AnyArray, IntArray

_CELL = 0.62  # inches
_MAX_ROWS = 20
_ROWS_WITHOUT_CLASSES = 6
_COLUMNS = ("best", "median", "worst")


@in_house_style
def reconstructions(atlas: Atlas) -> Figure:
    """Draw, for each class, the best, the median and the worst reconstruction.

    Parameters
    ----------
    atlas : Atlas
        With images and their reconstructions. Without labels the rows are the
        best, the middle and the worst images of all.

    Returns
    -------
    Figure

    Raises
    ------
    AtlasError
        If there are no images.
    """
    images, decoded = atlas.images, atlas.reconstructions
    errors = atlas.points["reconstruction_mse"].to_numpy(dtype=float)
    labels = atlas.points["label"].to_numpy()
    if not len(errors):
        raise AtlasError(f"{atlas.path} holds no images: map at least one")
    rows, left_out = _rows(errors, labels, [str(n) for n in atlas.data.get("class_names", [])])

    size = atlas.stage_info("codes").get("latent_dim")
    pitch = _CELL + 0.24
    name_width = 0.3 + 0.085 * max((len(name) for name, _ in rows), default=0)
    pair = 2 * _CELL + 0.06
    page = Page(
        max(2 * Page.margin + name_width + 3 * pair + 2 * 0.5, 6.2),
        0.3 + len(rows) * pitch,
        title=_title(errors, labels, rows),
        subtitle="Left the original, right what "
        + (f"{size} neurons" if size else "the code")
        + " keep of it; below each pair its mean squared error.",
        caption=f"{len(errors):,} images of {atlas.data.get('name', 'the data')}, ranked by error "
        + ("within each class" if rows[0][0] else "together")
        + (f"; {left_out} more classes are not shown." if left_out else ".")
        + sample_words(atlas),
    )
    axes = page.axes(0, 0, page.width, page.height)
    axes.set(xlim=(0, page.width), ylim=(0, page.height))
    axes.axis("off")
    paper = ink_on_paper(images)
    start = page.margin + name_width
    for column, heading in enumerate(_COLUMNS):
        x = start + column * (pair + 0.5) + pair / 2
        axes.text(x, page.top - 0.12, heading, ha="center", va="center", color=SOFT, fontsize=9.5)
    for row, (name, picks) in enumerate(rows):
        y = page.top - 0.3 - row * pitch - _CELL
        axes.text(
            page.margin,
            y + _CELL / 2,
            name,
            ha="left",
            va="center",
            color=INK,
            fontsize=12 if len(name) < 3 else 9,
            fontweight="bold",
        )
        for column, pick in enumerate(picks):
            x = start + column * (pair + 0.5)
            for shift, source in ((0.0, images), (_CELL + 0.06, decoded)):
                shown, options = paper(np.asarray(source[pick]))
                axes.imshow(
                    shown,
                    extent=(x + shift, x + shift + _CELL, y, y + _CELL),
                    interpolation="nearest",
                    aspect="auto",
                    **options,
                )
            axes.text(
                x + pair / 2,
                y - 0.09,
                _error(errors[pick]),
                ha="center",
                va="center",
                color=SOFT,
                fontsize=7.5,
            )
    axes.set(xlim=(0, page.width), ylim=(0, page.height))  # imshow moves the limits
    return page.figure


def _error(value: float) -> str:
    return f"{value:.4f}" if value >= 0.001 else figures(value)


def _rows(
    errors: AnyArray, labels: IntArray, names: list[str]
) -> tuple[list[tuple[str, list[int]]], int]:
    """Pick the images of each row; also count the classes that found no room."""
    rank = np.argsort(errors, kind="stable")
    rank = rank[np.isfinite(errors[rank])]
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    if not len(classes):
        n = len(rank)
        rows = []
        for k in range(min(_ROWS_WITHOUT_CLASSES, max(n // 3, 1))):
            middle = min(max((n - 1) // 2 + (k + 1) // 2 * (-1) ** k, 0), n - 1)
            rows.append(("", [int(rank[k]), int(rank[middle]), int(rank[n - 1 - k])]))
        return rows, 0
    shown = np.sort(classes[np.argsort(-counts, kind="stable")[:_MAX_ROWS]])
    rows = []
    for number in shown:
        mine = rank[labels[rank] == number]
        if len(mine):
            name = names[number] if number < len(names) else str(number)
            rows.append((name, [int(mine[0]), int(mine[(len(mine) - 1) // 2]), int(mine[-1])]))
    return rows, len(classes) - len(shown)


def _title(errors: AnyArray, labels: IntArray, rows: list[tuple[str, list[int]]]) -> str:
    means = {
        name: float(np.nanmean(errors[labels == labels[picks[0]]])) for name, picks in rows if name
    }
    if len(means) < 2:
        middle, worst = errors[rows[0][1][1]], errors[rows[0][1][2]]
        if middle > 0:
            return f"The worst image has {figures(worst / middle)} times the median error"
        return "Originals and reconstructions"
    hardest, easiest = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    ratio = means[hardest] / means[easiest] if means[easiest] > 0 else float("inf")
    times = f"{figures(ratio)} times the error of “{easiest}”" if np.isfinite(ratio) else "by far"
    return f"“{hardest}” is the hardest class to rebuild: {times}"
