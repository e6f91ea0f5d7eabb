"""The figure of benchmarks/maps.py: seconds on a logarithmic axis, quality beside them.

python benchmarks/maps_figure.py [results/maps.json] [--output docs/pictures]
"""

from __future__ import annotations

import argparse
import json
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from latentscape.figures.style import ACCENT, FAINT, HAIRLINE, INK, SOFT, house_style

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "maps.json"
QUALITY = (("knn_accuracy", "10-NN label accuracy"), ("trustworthiness", "trustworthiness"))


def maps_figure(content: dict[str, Any]) -> Figure:
    """Draw what benchmarks/maps.py has written.

    Parameters
    ----------
    content : dict
        With ``"rows"``, one for each method and number of codes.

    Returns
    -------
    Figure
    """
    rows = content["rows"]
    lines: list[tuple[float, dict[str, Any]]] = []
    heads: list[tuple[float, str]] = []
    height, n = 0.0, None
    for row in rows:
        if row["n"] != n:
            n = row["n"]
            heads.append((height + 0.6, f"{n:,} codes"))
            height += 1.5
        lines.append((height, row))
        height += 1.0
    with house_style():
        figure = Figure(figsize=(9.2, 0.9 + 0.27 * height), dpi=150)
        left, *others = figure.subplots(1, 3, sharey=True, width_ratios=[2.2, 1, 1])
        _seconds(left, lines)
        for axes, (name, title) in zip(others, QUALITY, strict=True):
            _quality(axes, lines, name, title)
        left.set_yticks([y for y, _ in lines], [row["title"] for _, row in lines])
        for label, (_, row) in zip(left.get_yticklabels(), lines, strict=True):
            label.set_color(INK)
            label.set_fontweight("bold" if _ours(row) else "normal")
        for y, text in heads:
            left.text(-0.32, y, text, transform=left.get_yaxis_transform(), color=SOFT, va="center")
        left.set_ylim(height, 0)
        for axes in (left, *others):
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            for y, _ in lines:
                axes.axhline(y, color=HAIRLINE, lw=0.6, zorder=0)
        threads = content["threads"]
        left.set_title(
            f"Seconds for a map, neighbours included ({threads} threads)", loc="left", fontsize=9.5
        )
        figure.subplots_adjust(left=0.22, right=0.98, top=1 - 0.5 / (0.9 + 0.27 * height),
                               bottom=0.55 / (0.9 + 0.27 * height), wspace=0.1)  # fmt: skip
    return figure


def _ours(row: dict[str, Any]) -> bool:
    return str(row["name"]).startswith("latentscape")


def _seconds(axes: Axes, lines: list[tuple[float, dict[str, Any]]]) -> None:
    axes.set_xscale("log")
    for y, row in lines:
        color = ACCENT if _ours(row) else INK
        warm = row["warm"] if row["warm"] is not None else row["call"]
        axes.plot([warm, row["fresh"]], [y, y], color=color, lw=1.2, alpha=0.5)
        axes.plot(row["fresh"], y, "o", ms=5, mfc="white", mec=color, mew=1.2)
        axes.plot(warm, y, "o", ms=5, color=color)
        text = f"{row['fresh']:.3g} s"
        axes.annotate(
            text, (row["fresh"], y), (7, 0), textcoords="offset points", va="center", color=SOFT,
            fontsize=8,
        )  # fmt: skip
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * 2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("open: in a fresh process, imports and compilation counted; filled: once more")


def _quality(axes: Axes, lines: list[tuple[float, dict[str, Any]]], name: str, title: str) -> None:
    for y, row in lines:
        if row.get(name) is not None:
            axes.plot(row[name], y, "o", ms=5, color=ACCENT if _ours(row) else INK)
        else:
            axes.text(
                0.5, y, "not measured", transform=axes.get_yaxis_transform(), ha="center",
                va="center", color=FAINT, fontsize=8,
            )  # fmt: skip
    low, high = axes.get_xlim()
    axes.set_xlim(low - 0.1 * (high - low), high + 0.1 * (high - low))
    axes.set_title(title, loc="left", fontsize=9.5)


def save(content: dict[str, Any], folder: Path) -> None:
    """Write the figure as a small PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = BytesIO()
    with house_style():
        maps_figure(content).savefig(drawn, format="png")
    with Image.open(drawn) as picture:
        small = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
        small.save(folder / "maps_benchmark.png", optimize=True)


def main() -> None:
    """Draw the figure from a file of results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    save(json.loads(options.results.read_text()), options.output)


if __name__ == "__main__":
    main()
