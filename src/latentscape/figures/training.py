"""How each training went: one small panel for each latent size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError
from latentscape.figures.sampled import sample_words
from latentscape.figures.style import (
    ACCENT,
    HAIRLINE,
    INK,
    SOFT,
    Page,
    figures,
    in_house_style,
    label,
    percent,
    text_width,
)

_COLUMNS = 4
_PANEL = (1.75, 1.6)  # inches


@in_house_style
def training_curves(atlas: Atlas) -> Figure:
    """Draw training loss and validation error by epoch, every seed a line.

    Parameters
    ----------
    atlas : Atlas
        With the history of a sweep.

    Returns
    -------
    Figure

    Raises
    ------
    AtlasError
        If no training is recorded.
    """
    history = atlas.history.sort_values(["latent_dim", "seed", "epoch"])
    sizes = sorted(history["latent_dim"].unique())
    if not sizes:
        raise AtlasError(f"{atlas.path} has no training history: repeat the sweep")
    columns = min(_COLUMNS, len(sizes))
    rows = -(-len(sizes) // columns)
    n_seeds = int(history["seed"].nunique())

    width = max(0.95 + columns * (_PANEL[0] + 0.3) + 0.1, 5.0)
    page = Page(
        width,
        0.4 + rows * (_PANEL[1] + 0.6),
        title=_title(history),
        subtitle="Mean squared error by epoch, "
        + (f"one line for each of {n_seeds} seeds." if n_seeds > 1 else "one seed."),
        caption="Logarithmic scale. The training loss of an epoch is the mean over its batches, "
        f"while the weights still change; the validation error is taken at its end."
        f"{sample_words(atlas)}",
    )
    _key(page, [("validation error", ACCENT), ("training loss", SOFT)])
    limits = _limits(history)
    last_epoch = int(history["epoch"].max())
    for number, size in enumerate(sizes):
        row, column = divmod(number, columns)
        left = 0.8 + column * (_PANEL[0] + 0.3)
        below = page.top - 0.6 - row * (_PANEL[1] + 0.6) - _PANEL[1]
        axes = page.axes(left, below, *_PANEL)
        _panel(axes, history[history["latent_dim"] == size], int(size), limits, last_epoch)
        if column:
            axes.tick_params(labelleft=False)
        if number + columns >= len(sizes):
            axes.set_xlabel("epoch", labelpad=2)
    return page.figure


def _title(history: pd.DataFrame) -> str:
    steps = []
    for _, run in history.groupby(["latent_dim", "seed"]):
        values = run["validation_mse"].to_numpy()
        if len(values) > 1 and np.isfinite(values[-2:]).all() and values[-2] > 0:
            steps.append(1 - values[-1] / values[-2])
    n_epochs = int(history["epoch"].max())
    if not steps:
        return "One epoch of training"
    gain = float(np.median(steps))
    if gain < -0.005:
        return f"The last of {n_epochs} epochs makes the validation error {percent(-gain)} worse"
    if gain < 0.01:
        return f"After {n_epochs} epochs training has settled: the last one gains {_small(gain)}"
    return f"After {n_epochs} epochs the validation error still falls by {percent(gain)} an epoch"


def _small(gain: float) -> str:
    return percent(gain) if gain >= 0.001 else "less than 0.1 %"


def _limits(history: pd.DataFrame) -> tuple[float, float]:
    values = history[["train_loss", "validation_mse"]].to_numpy(dtype=float)
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return (1e-3, 1.0)
    return (float(values.min()) / 1.3, float(values.max()) * 1.2)


def _panel(
    axes: Axes, runs: pd.DataFrame, size: int, limits: tuple[float, float], last_epoch: int
) -> None:
    for _, run in runs.groupby("seed"):
        marker = "o" if len(run) == 1 else None
        axes.plot(
            run["epoch"],
            run["train_loss"],
            color=SOFT,
            linewidth=1.0,
            alpha=0.7,
            marker=marker,
            markersize=4,
        )
        axes.plot(
            run["epoch"],
            run["validation_mse"],
            color=ACCENT,
            linewidth=1.2,
            alpha=0.85,
            marker=marker,
            markersize=4,
        )
    axes.set_yscale("log")
    axes.set_ylim(limits)
    axes.set_xlim(0.5, last_epoch + 0.5)
    ticks = [m * 10.0**e for e in range(-7, 3) for m in (1, 2, 5)]
    inside = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
    axes.yaxis.set_major_locator(FixedLocator(inside[:: max(1, len(inside) // 4)]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: figures(value)))
    axes.yaxis.set_minor_locator(NullLocator())
    if last_epoch < 4:  # MaxNLocator would put ticks between epochs
        axes.xaxis.set_major_locator(FixedLocator(range(1, last_epoch + 1)))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0, pad=4)
    axes.set_title(
        f"{size} neurons" if size != 1 else "1 neuron",
        loc="left",
        fontsize=10,
        fontweight="bold",
        color=INK,
        pad=6,
    )
    ends = runs.loc[runs.groupby("seed")["epoch"].idxmax(), "validation_mse"]
    end = float(ends.mean())
    if np.isfinite(end) and end > 0:
        above = end < (limits[0] * limits[1]) ** 0.5
        label(
            axes,
            float(runs["epoch"].max()),
            end,
            figures(end),
            color=ACCENT,
            ha="right",
            va="bottom" if above else "top",
            dx=2,
            dy=7 if above else -7,
            weight="bold",
        )


def _key(page: Page, entries: list[tuple[str, str]]) -> None:
    left = page.margin
    for text, color in entries:
        y = page.top
        page.figure.text(
            left / page.width,
            y / page.height,
            f"— {text}",
            color=color,
            fontsize=9.5,
            fontweight="bold",
            va="top",
        )
        left += text_width(f"— {text}", 9.5, "bold") + 0.25
