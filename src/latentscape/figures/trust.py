"""How far each map can be trusted: a table, curves, and the maps coloured point by point."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError
from latentscape.figures.maps import TITLES, caption, point_look
from latentscape.figures.style import (
    FAINT,
    HAIRLINE,
    INK,
    SOFT,
    Page,
    figures,
    in_house_style,
    label,
    percent,
    spread,
)
from latentscape.types import AnyArray

# One colour for each map, apart for colour-blind readers (Okabe and Ito 2008).
COLORS = {
    "direct": "#cc79a7",
    "pca": "#e69f00",
    "lda": "#56b4e9",
    "tsne": "#009e73",
    "umap": "#0072b2",
}
_OTHER = "#7f7f7f"

# Measures of one kind agree mostly; quality.json has them all.
_IN_TABLE = (
    "recall",
    "r_nx_auc",
    "trustworthiness",
    "continuity",
    "gap_crossing",
    "density",
    "triplets",
    "shepard_spearman",
    "stress",
    "centroid_distances",
    "label_accuracy",
    "silhouette",
    "stability",
    "procrustes",
    "round_trip",
    "off_data",
)
_TABLE = LinearSegmentedColormap.from_list("trust", ["#ffffff", "#cfe3d9", "#6fb39a"])

# Corners of the two-way scale: neither, false neighbours, missing neighbours, both.
_CORNERS = np.array([[[214, 217, 222], [217, 95, 2]], [[33, 102, 172], [60, 10, 70]]]) / 255
_WORST = 0.1  # a point's loss of trustworthiness or continuity at which its colour is full


def judged_maps(atlas: Atlas) -> dict[str, dict[str, Any]]:
    """Return the reports of the maps that were judged, by name.

    Raises
    ------
    AtlasError
        If none was.
    """
    maps = atlas.quality.get("maps") if atlas.has("quality") else None
    if not maps:
        raise AtlasError(f"no map of {atlas.path} has been judged: run `latentscape judge` on it")
    return {name: maps[name] for name in atlas.map_names if name in maps}


@in_house_style
def measures_table(atlas: Atlas) -> Figure:
    """Draw the table of maps and measures, each figure with its error and a random map's.

    The greener a cell, the nearer it is to the best possible value, counted from the random map.

    Parameters
    ----------
    atlas : Atlas
        Whose maps have been judged.

    Returns
    -------
    Figure

    Raises
    ------
    AtlasError
        If they have not.
    """
    maps = judged_maps(atlas)
    rows = _table_rows(maps)
    needs = atlas.lacking.get("label measures")
    names = list(maps)
    first, cell, step = 2.5, 1.18, 0.36
    width = 2 * Page.margin + first + cell * (len(names) + 1)
    best = _best_of(maps, "r_nx_auc")
    title = (
        f"{TITLES.get(best, best)} keeps neighbours of all sizes best"
        if best is not None and len(names) > 1
        else "How far the maps can be trusted"
    )
    page = Page(
        width,
        step * (len(rows) + 1 + bool(needs)) + 0.15,
        title=title,
        subtitle="Every measure with its standard error. Green: near the best value that there "
        "is; white: no better than a map of random places.",
        caption=caption(atlas, len(atlas.points), None),
    )
    figure = page.figure

    def write(x: float, y: float, text: str, **look: Any) -> None:
        figure.text(x / page.width, y / page.height, text, va="center", **look)

    y = page.top - step / 2
    for column, name in enumerate([*names, "random"]):
        x = Page.margin + first + cell * (column + 0.5)
        heading = "random" if name == "random" else TITLES.get(name, name)
        write(x, y, heading, ha="center", fontweight="bold", fontsize=9.5,
              color=SOFT if name == "random" else INK)  # fmt: skip
    axes = page.axes(0, 0, page.width, page.height)
    axes.set_axis_off()
    axes.set(xlim=(0, page.width), ylim=(0, page.height))
    for key, heading, scope in rows:
        y -= step
        axes.plot([Page.margin, page.width - Page.margin], [y + step / 2] * 2, color=HAIRLINE, lw=1)
        write(Page.margin, y + 0.055, heading, fontsize=9)
        write(Page.margin, y - 0.085, scope, fontsize=7, color=SOFT)
        for column, name in enumerate(names):
            measure = maps[name]["measures"].get(key)
            if measure is None or measure["value"] is None:
                write(Page.margin + first + cell * (column + 0.5), y, "–", ha="center", color=SOFT)
                continue
            x = Page.margin + first + cell * column
            axes.fill_between(
                [x + 0.04, x + cell - 0.04], y - step / 2 + 0.03, y + step / 2 - 0.03,
                color=_TABLE(_share_of_best(measure)), lw=0,
            )  # fmt: skip
            write(x + cell / 2, y + 0.05, f"{measure['value']:.3f}", ha="center", fontsize=9)
            error = measure.get("standard_error")
            if error:
                write(x + cell / 2, y - 0.09, f"± {figures(error, 1)}", ha="center", fontsize=6.5,
                      color=SOFT)  # fmt: skip
        known = [
            maps[name]["measures"][key].get("random")
            for name in names
            if key in maps[name]["measures"]
        ]
        known = [value for value in known if value is not None]
        if known:
            # A random map is the same for all, but where a measure depends on a map's own islands.
            low, high = f"{min(known):.2f}", f"{max(known):.2f}"
            same = low == high
            text = f"{known[0]:.3f}" if same else f"{low} to {high}"
            write(
                Page.margin + first + cell * (len(names) + 0.5),
                y,
                text,
                ha="center",
                fontsize=9 if same else 8,
                color=SOFT,
            )
    if needs:
        y -= step
        axes.plot([Page.margin, page.width - Page.margin], [y + step / 2] * 2, color=HAIRLINE, lw=1)
        write(Page.margin, y, "label measures", fontsize=9)
        write(Page.margin + first, y, needs, fontsize=9, color=SOFT)
    return figure


@in_house_style
def neighborhood_curves(atlas: Atlas) -> Figure:
    """Draw how well each map keeps neighbourhoods, from the nearest to half of all points.

    Parameters
    ----------
    atlas : Atlas
        Whose maps have been judged.

    Returns
    -------
    Figure

    Raises
    ------
    AtlasError
        If they have not.
    """
    maps = judged_maps(atlas)
    ends: dict[str, float] = {}
    best = _best_of(maps, "r_nx_auc")
    page = Page(
        7.2,
        4.3,
        title=(
            f"From near to far, {TITLES.get(best, best)} keeps the most"
            if best is not None and len(maps) > 1
            else "Neighbourhoods from near to far"
        ),
        subtitle="Share of the K nearest codes that are also among the K nearest on the map, "
        "rescaled so that a random map has 0 and a perfect one 1 (R_NX, Lee et al. 2015).",
        caption=caption(atlas, len(atlas.points), None),
    )
    axes = page.axes(
        0.75, page.bottom + 0.45, page.width - 0.75 - 1.35, page.top - page.bottom - 0.55
    )
    for name, report in maps.items():
        curve = report["curves"]["map"]
        k = np.asarray(curve["sizes"], dtype=float)
        r = np.asarray(curve["values"], dtype=float)
        shown = k <= k.max() / 2
        axes.plot(k[shown], r[shown], color=COLORS.get(name, _OTHER), lw=2)
        ends[name] = float(r[shown][-1])
    axes.axhline(0, color=FAINT, lw=1)
    axes.set(xscale="log", xlabel="K nearest neighbours", ylabel="kept, beyond chance (R_NX)")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.grid(axis="y", color=HAIRLINE)
    axes.set_axisbelow(True)
    low, high = axes.get_ylim()
    right = axes.get_xlim()[1]
    places = spread(list(ends.values()), 0.055 * (high - low))
    for (name, _), y in zip(ends.items(), places, strict=True):
        label(axes, right, y, TITLES.get(name, name), color=COLORS.get(name, _OTHER), dx=6,
              weight="bold")  # fmt: skip
    label(axes, right, min(0.0, min(places) - 0.07 * (high - low)) if min(places) < 0.05 * high
          else 0.0, "random map", color=SOFT, dx=6)  # fmt: skip
    return page.figure


@in_house_style
def trust_sheet(atlas: Atlas) -> Figure:
    """Draw the maps with each point coloured by how far its place can be trusted.

    Orange: neighbours on the map that are none among the codes (false). Blue: neighbours among
    the codes that the map has moved away (missing). Dark: both. Grey: neither.

    Parameters
    ----------
    atlas : Atlas
        Whose maps have been judged.

    Returns
    -------
    Figure

    Raises
    ------
    AtlasError
        If they have not.
    """
    names = [
        name
        for name in judged_maps(atlas)
        if name != "direct" and f"{name}_trustworthiness" in atlas.points
    ]
    if not names:
        raise AtlasError(f"{atlas.path} has no trust point by point: run `latentscape judge` on it")
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    side, gap = (4.5, 0.35) if columns > 1 else (6.5, 0.35)
    page = Page(
        2 * Page.margin + columns * side + (columns - 1) * gap,
        rows * (side + 0.35) + 1.15,
        title=_trust_title(atlas, names),
        subtitle="Orange: neighbours on the map that are none among the codes. Blue: neighbours "
        "among the codes that lie elsewhere on the map. Dark: both. Grey: neither.",
        caption=caption(atlas, len(atlas.points), None),
    )
    for number, name in enumerate(names):
        row, column = divmod(number, columns)
        left = Page.margin + column * (side + gap)
        top = page.top - row * (side + 0.35)
        page.figure.text(
            left / page.width,
            (top - 0.05) / page.height,
            f"{TITLES.get(name, name)}   {percent(_share_in_doubt(atlas, name))} in doubt",
            va="top",
            fontsize=11,
            fontweight="bold",
            color=INK,
        )
        axes = page.axes(left, top - 0.3 - side, side, side)
        false, missing = _losses(atlas, name)
        xy = atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy()[_judged(atlas, name)]
        size, alpha = point_look(len(xy), side)
        order = np.argsort(np.maximum(false, missing), kind="stable")  # the doubtful ones on top
        axes.scatter(
            xy[order, 0],
            xy[order, 1],
            s=1.3 * size,
            c=two_way_colors(false, missing)[order],
            alpha=min(1.0, alpha + 0.15),
            linewidths=0,
            rasterized=True,
        )
        axes.set_aspect("equal", adjustable="datalim")
        axes.margins(0.04)
        axes.set_axis_off()
    _legend(page)
    return page.figure


def two_way_colors(false: AnyArray, missing: AnyArray) -> AnyArray:
    """Mix the colours of false and of missing neighbours.

    Parameters
    ----------
    false, missing : arrays, shape (n,)
        A point's loss of trustworthiness and of continuity, 0 is none.

    Returns
    -------
    float array, shape (n, 3)
        Red, green and blue in [0, 1].
    """
    x = np.clip(false / _WORST, 0, 1)[:, None]
    y = np.clip(missing / _WORST, 0, 1)[:, None]
    near = _CORNERS[0, 0] * (1 - x) + _CORNERS[0, 1] * x
    far = _CORNERS[1, 0] * (1 - x) + _CORNERS[1, 1] * x
    mixed: AnyArray = near * (1 - y) + far * y
    return mixed


def _legend(page: Page) -> None:
    side = 0.72
    left, bottom = Page.margin + 0.2, page.bottom + 0.28
    axes = page.axes(left, bottom, side, side)
    steps = np.linspace(0, _WORST, 24)
    x, y = np.meshgrid(steps, steps)
    axes.imshow(
        two_way_colors(x.ravel(), y.ravel()).reshape(24, 24, 3), origin="lower", aspect="auto"
    )
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_xlabel("false neighbours →", fontsize=7)
    axes.set_ylabel("missing →", fontsize=7)
    page.figure.text(
        (left + side + 0.25) / page.width,
        (bottom + side / 2) / page.height,
        f"Full colour from a point's trustworthiness or continuity of {1 - _WORST:g} down\n"
        "(10 neighbours, weighted by how far from being neighbours they are).\n"
        "In doubt: below that in one of them.",
        fontsize=8,
        color=SOFT,
        va="center",
    )


def _losses(atlas: Atlas, name: str) -> tuple[AnyArray, AnyArray]:
    points, judged = atlas.points, _judged(atlas, name)
    false = 1 - points[f"{name}_trustworthiness"].to_numpy(dtype=np.float64)[judged]
    missing = 1 - points[f"{name}_continuity"].to_numpy(dtype=np.float64)[judged]
    return false, missing


def _judged(atlas: Atlas, name: str) -> AnyArray:
    """Return which points have a place and a verdict: those of the sample, if there is one."""
    columns = [f"{name}_{part}" for part in ("x", "y", "trustworthiness", "continuity")]
    judged: AnyArray = np.isfinite(atlas.points[columns].to_numpy(dtype=np.float64)).all(axis=1)
    return judged


def _share_in_doubt(atlas: Atlas, name: str) -> float:
    false, missing = _losses(atlas, name)
    return float((np.maximum(false, missing) >= _WORST).mean())


def _trust_title(atlas: Atlas, names: list[str]) -> str:
    shares = {name: _share_in_doubt(atlas, name) for name in names}
    best = min(shares, key=shares.__getitem__)
    title = TITLES.get(best, best)
    if len(names) == 1:
        return f"{title}: {percent(shares[best])} of the places are in doubt"
    worst = max(shares, key=shares.__getitem__)
    return (
        f"{title} misplaces the fewest points: {percent(shares[best])} are in doubt, on "
        f"{TITLES.get(worst, worst)} {percent(shares[worst])}"
    )


def _table_rows(maps: dict[str, dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return key, heading and scope of the measures in the table that some map has."""
    rows = []
    for key in _IN_TABLE:
        measure = next((m["measures"][key] for m in maps.values() if key in m["measures"]), None)
        if measure is not None:
            rows.append((key, measure["title"], measure["scope"]))
    return rows


def _share_of_best(measure: dict[str, Any]) -> float:
    """Return where a value stands between a random map (0) and the best there is (1)."""
    random, best = measure.get("random"), measure.get("best")
    if random is None or best is None or random == best:
        return 0.0
    return float(np.clip((measure["value"] - random) / (best - random), 0, 1))


def _best_of(maps: dict[str, dict[str, Any]], key: str) -> str | None:
    values = {
        name: report["measures"][key]["value"]
        for name, report in maps.items()
        if name != "direct" and report["measures"].get(key, {}).get("value") is not None
    }
    return max(values, key=values.__getitem__) if values else None
