"""The look that all figures share: white space, one accent, words that state the finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

P = ParamSpec("P")

ACCENT = "#c8102e"
INK = "#1f2328"
SOFT = "#6b7280"
FAINT = "#c9ced6"
HAIRLINE = "#e5e7eb"
WASH = "#fbeff0"

_SETTINGS = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures look alike everywhere
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "svg.hashsalt": "latentscape",  # the same ids, so the same bytes, in every SVG
    "svg.fonttype": "path",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in latentscape's style, whatever the caller's rcParams are; they come back after."""
    with matplotlib.style.context(["default", _SETTINGS]):
        yield


def in_house_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a function that draws a figure do so in :func:`house_style`."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with house_style():
            return draw(*args, **kwargs)

    return drawn


class Page:
    """A figure with a title, a line of explanation and a caption; lengths in inches.

    Parameters
    ----------
    width : float
        Width of the whole figure.
    content : float
        Height of what is drawn between the words; the figure is as high as
        that and the words need.
    title : str
        The finding, in words.
    subtitle : str
        What is drawn.
    caption : str
        Where it comes from.

    Attributes
    ----------
    figure : Figure
    height : float
        Height of the whole figure.
    top, bottom : float
        The room for `content`, from the lower edge of the figure.
    """

    margin = 0.35

    def __init__(
        self, width: float, content: float, *, title: str, subtitle: str = "", caption: str = ""
    ) -> None:
        room = width - 2 * self.margin
        blocks = {  # size in points, inches from line to line
            "title": (wrap(title, 13.5, room, weight="bold"), 13.5, 0.25),
            "subtitle": (wrap(subtitle, 9.5, room), 9.5, 0.185),
            "caption": (wrap(caption, 8.0, room), 8.0, 0.155),
        }
        heights = {name: len(lines) * step for name, (lines, _, step) in blocks.items()}
        self.bottom = 0.2 + heights["caption"] + (0.15 if heights["caption"] else 0.0)
        self.top = self.bottom + content
        self.width, self.height = width, self.top + 0.15 + sum(heights.values()) + 0.34
        self.height -= heights["caption"]
        self.figure = Figure(figsize=(self.width, self.height))
        FigureCanvasAgg(self.figure)
        for name, start, color in (
            ("title", self.height - 0.28, INK),
            ("subtitle", self.height - 0.32 - heights["title"], SOFT),
            ("caption", 0.2 + heights["caption"], SOFT),
        ):
            lines, size, step = blocks[name]
            for number, line in enumerate(lines):
                self.figure.text(
                    self.margin / self.width,
                    (start - number * step) / self.height,
                    line,
                    fontsize=size,
                    color=color,
                    va="top",
                    fontweight="bold" if name == "title" else "normal",
                )

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Add axes at a place given in inches from the lower left corner."""
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of one line in inches, by the metrics of its font."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def wrap(text: str, size: float, room: float, weight: str = "normal") -> list[str]:
    """Break `text` into lines that fit `room` inches at `size` points."""
    lines: list[str] = []
    for word in text.split(" ") if text else []:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def halo(width: float = 3.0, color: str = "white") -> list[AbstractPathEffect]:
    """Return the white rim that keeps text readable above points and lines."""
    return [Stroke(linewidth=width, foreground=color), Normal()]


def label(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    color: str = INK,
    size: float = 9.0,
    ha: str = "left",
    va: str = "center",
    dx: float = 0.0,
    dy: float = 0.0,
    weight: str = "normal",
) -> Text:
    """Write a direct label with a halo, shifted by (dx, dy) points from a place in data units."""
    return axes.annotate(
        text,
        (x, y),
        xytext=(dx, dy),
        textcoords="offset points",
        ha=ha,
        va=va,
        fontsize=size,
        color=color,
        fontweight=weight,
        path_effects=halo(),
        annotation_clip=False,
        zorder=10,
    )


def spread(positions: list[float], gap: float) -> list[float]:
    """Move positions apart until they are at least `gap` apart, as little as possible."""
    if not positions:
        return []
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    groups: list[tuple[float, int]] = []  # centre and size of what has been pushed together
    for index in order:
        centre, size = positions[index], 1
        while groups:
            before, many = groups[-1]
            if before + gap * (many - 1) / 2 + gap <= centre - gap * (size - 1) / 2:
                break
            groups.pop()
            centre, size = (before * many + centre * size) / (many + size), many + size
        groups.append((centre, size))
    moved = [centre + gap * (i - (size - 1) / 2) for centre, size in groups for i in range(size)]
    result = [0.0] * len(positions)
    for index, value in zip(order, moved, strict=True):
        result[index] = value
    return result


def figures(value: float, digits: int = 2) -> str:
    """Write a number with `digits` significant digits and no exponent: 0.0046, 12."""
    if value == 0 or value != value:
        return "0" if value == 0 else "–"
    text = f"{value:.{digits}g}"
    if "e" in text:
        text = f"{float(text):.12f}".rstrip("0").rstrip(".")
    return text


def percent(share: float) -> str:
    """Write a share as a percentage: ``"42 %"``, ``"0.4 %"``, with a space that does not break."""
    value = 100 * share
    return f"{value:.0f}\u00a0%" if abs(value) >= 10 or value == 0 else f"{value:.1f}\u00a0%"
