"""Reconstruction error against the size of the latent space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError
from latentscape.figures.sampled import sample_words
from latentscape.figures.style import (
    ACCENT,
    HAIRLINE,
    INK,
    SOFT,
    WASH,
    Page,
    figures,
    in_house_style,
    label,
    percent,
    spread,
)

#: Test MSE by latent size that was published for this network on MNIST.
PUBLISHED = {2: 0.0388, 4: 0.0275, 8: 0.0172, 16: 0.0110, 32: 0.0076, 64: 0.0054, 128: 0.0056}

_HEIGHT = 3.85  # inches of the axes
_TICKS = [m * 10.0**e for e in range(-7, 3) for m in (1, 1.5, 2, 3, 4, 6, 8)]


@in_house_style
def loss_curve(atlas: Atlas) -> Figure:
    """Draw the test error against the latent size, with PCA's beside it.

    Parameters
    ----------
    atlas : Atlas
        With a finished sweep; the choice of a size is marked if there is one.

    Returns
    -------
    Figure

    Raises
    ------
    AtlasError
        If the sweep is not finished or holds no finite error.
    """
    sweep = atlas.sweep
    sweep = sweep[np.isfinite(sweep["test_mse"]) & (sweep["test_mse"] > 0)]
    ours = sweep[sweep["model"] == "autoencoder"]
    if ours.empty:
        raise AtlasError(f"{atlas.path} has no finite test error: repeat the sweep")
    mean = ours.groupby("latent_dim")["test_mse"].mean()
    pca = sweep[sweep["model"] == "pca"].groupby("latent_dim")["test_mse"].mean()
    n_seeds = int(ours["seed"].nunique())
    choice: dict[str, Any] = atlas.choice if atlas.has("choice") else {}

    page = Page(
        8.7,
        4.4,
        title=_title(mean, pca, choice),
        subtitle=str(choice.get("sentence", "")),
        caption=_caption(atlas, n_seeds),
    )
    axes = page.axes(0.95, page.bottom + 0.45, 5.3, _HEIGHT)
    lines = [("autoencoder" + (f", mean of {n_seeds} seeds" if n_seeds > 1 else ""), ACCENT, mean)]
    if len(pca):
        lines.append(("PCA", INK, pca))
    if atlas.data.get("name") == "mnist" and atlas.settings.get("network") == "reference":
        lines.append(("published curve", SOFT, pd.Series(PUBLISHED)))

    _scales(axes, lines, sorted(mean.index))
    if choice:
        _mark_choice(axes, choice, mean)
    for (_, color, curve), dashes in zip(reversed(lines), _dashes(len(lines)), strict=True):
        axes.plot(curve.index, curve, color=color, linewidth=1.6, linestyle=dashes, zorder=3)
    axes.plot(
        ours["latent_dim"],
        ours["test_mse"],
        "o",
        color=ACCENT,
        alpha=0.55,
        markersize=5,
        markeredgewidth=0,
        zorder=4,
    )
    _label_ends(axes, lines, height=_HEIGHT)
    return page.figure


def _dashes(n_lines: int) -> list[Any]:
    return [(0, (1, 1.5)), (0, (5, 2)), "solid"][3 - n_lines :]


def _title(mean: pd.Series, pca: pd.Series, choice: dict[str, Any]) -> str:
    size = int(choice.get("latent_dim", -1))
    if size not in mean.index:
        size = int(mean.index[int(np.argmin(mean.to_numpy()))])
    neurons = "1 neuron" if size == 1 else f"{size} neurons"
    if size not in pca.index:
        return f"{neurons}: the test error is {figures(mean[size])}"
    share = mean[size] / pca[size]
    if share > 1:
        return f"{neurons}: PCA does better, with {percent(1 / share)} of the test error"
    return f"{neurons}: the test error is {percent(share)} of PCA’s"


def _caption(atlas: Atlas, n_seeds: int) -> str:
    dots = "Each dot is one training" + ("." if n_seeds > 1 else " (a single seed: thin evidence).")
    n_test = atlas.data.get("n_test")
    images = f"{n_test:,} test images" if isinstance(n_test, int) else "the test images"
    return (
        f"{dots} Mean squared error over {images} of {atlas.data.get('name', 'the data')} and "
        f"their pixels in [0, 1]; both axes are logarithmic.{sample_words(atlas)}"
    )


def _scales(axes: Axes, lines: list[tuple[str, str, pd.Series]], sizes: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlim(sizes[0] / 2**0.35, sizes[-1] * 2**0.35)
    shown = [curve[curve.index.isin(sizes)] for _, _, curve in lines]
    values = pd.concat([curve for curve in shown if len(curve)])
    axes.set_ylim(values.min() / 1.7, values.max() * 1.35)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    axes.yaxis.set_major_locator(FixedLocator(ticks[:: max(1, len(ticks) // 7)]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: figures(value)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0, pad=5)
    axes.tick_params(axis="x", length=3)
    axes.set_xlabel("neurons in the latent space")
    axes.set_ylabel("test error (MSE)")


def _mark_choice(axes: Axes, choice: dict[str, Any], mean: pd.Series) -> None:
    size = int(choice.get("latent_dim", -1))
    low, high = (choice.get("band") or [size, size])[:2]
    if low is not None and high is not None and high > low:
        axes.axvspan(low / 2**0.22, high * 2**0.22, color=WASH, linewidth=0, zorder=0)
        axes.annotate(
            f"other rules choose {low} to {high}",
            ((low * high) ** 0.5, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, -6),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8.5,
            color=ACCENT,
        )
    if size in mean.index:
        axes.plot(
            [size],
            [mean[size]],
            "o",
            markersize=13,
            markerfacecolor="none",
            markeredgecolor=ACCENT,
            markeredgewidth=1.6,
            zorder=5,
        )
        # Below the curve and before the point; at the left edge that is where the ticks stand.
        left = axes.transAxes.inverted().transform(axes.transData.transform((size, 1)))[0] < 0.25
        label(
            axes,
            size,
            mean[size],
            f"chosen: {size}\n(MSE {figures(mean[size])})",
            color=ACCENT,
            ha="left" if left else "right",
            va="bottom" if left else "top",
            dx=8 if left else -7,
            dy=7 if left else -7,
            weight="bold",
        )


def _label_ends(axes: Axes, lines: list[tuple[str, str, pd.Series]], *, height: float) -> None:
    low, high = np.log(axes.get_ylim())
    right = axes.get_xlim()[1]
    ends = [curve[curve.index <= right].iloc[-1] for _, _, curve in lines]
    inches = [float((np.log(end) - low) / (high - low)) * height for end in ends]
    for (text, color, curve), end, place in zip(lines, ends, spread(inches, 0.19), strict=True):
        last = curve[curve.index <= right].index[-1]
        axes.annotate(
            text,
            (last, end),
            xytext=(1.02, place / height),
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            color=color,
            annotation_clip=False,
            fontweight="bold" if color == ACCENT else "normal",
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 0.5,
                "alpha": 0.6,
                "shrinkA": 2,
                "shrinkB": 5,
            },
        )
