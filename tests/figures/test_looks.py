"""Colours stay apart for colour-blind readers and in grey; labels find their clusters."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from latentscape.figures.labels import label_places
from latentscape.figures.palette import TEN, class_colors, darker
from latentscape.figures.style import figures, percent, spread, text_width, wrap

# Machado, Oliveira, Fernandes (2009), severity 1.0, for linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}


def linear(colors: list[str]) -> np.ndarray:
    rgb = np.array([to_rgb(color) for color in colors])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Ottosson (2020): https://bottosson.github.io/posts/oklab/."""
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.asarray(np.cbrt(rgb @ to_lms.T) @ to_lab.T)


def smallest_distance(colors: list[str], sight: str) -> float:
    lab = oklab((linear(colors) @ SIGHT[sight].T).clip(0, 1))
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    return float(distance[np.triu_indices(len(colors), 1)].min())


@pytest.mark.parametrize("sight", SIGHT)
def test_ten_colours_stay_apart(sight: str) -> None:
    assert smallest_distance(list(TEN), sight) > 0.11
    usual = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"]
    usual += ["#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"]
    if sight != "normal":
        assert smallest_distance(usual, sight) < 0.08  # the measure can say no


def test_ten_colours_are_ten_greys() -> None:
    luminance = np.sort(np.cbrt(linear(list(TEN)) @ [0.2126, 0.7152, 0.0722]))
    assert np.diff(luminance).min() > 0.02


def test_label_colours_are_readable_on_white() -> None:
    for color in [*TEN, *class_colors(40)]:
        luminance = float((linear([darker(color)]) @ [0.2126, 0.7152, 0.0722])[0])
        assert 1.05 / (luminance + 0.05) > 4.5  # WCAG contrast


def test_a_label_sits_in_the_middle_of_its_cluster() -> None:
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0], [10, 0], [0, 10]])
    labels = np.repeat([0, 1, 2], 500)
    xy = centers[labels] + rng.normal(size=(1500, 2))
    xy[::25] = rng.uniform(-20, 20, size=(60, 2))  # strays move a mean, not a mode
    places = np.array(label_places(xy, labels, [0, 1, 2], gap=0.05))
    assert np.linalg.norm(places - centers, axis=1).max() < 0.7


def test_labels_of_classes_on_top_of_each_other_keep_apart() -> None:
    rng = np.random.default_rng(0)
    xy, labels = rng.normal(size=(600, 2)), np.arange(600) % 4
    places = np.array(label_places(xy, labels, [0, 1, 2, 3], gap=0.1))
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1)[np.triu_indices(4, 1)]
    assert distance.min() >= 0.65 * 0.1 * np.ptp(xy, axis=0).max()
    same = label_places(np.zeros((20, 2)), np.arange(20) % 2, [0, 1], gap=0.1)
    assert same == [(0.0, 0.0), (0.0, 0.0)]


def test_spread_moves_as_little_as_needed() -> None:
    assert spread([1.0, 5.0], 1.0) == [1.0, 5.0]
    assert spread([2.0, 2.0, 9.0], 1.0) == [1.5, 2.5, 9.0]
    moved = np.sort(spread([0.0, 0.1, 0.2, 1.0], 0.5))
    assert np.diff(moved).min() >= 0.5 - 1e-9
    assert spread([], 1.0) == []


def test_numbers_are_written_plainly() -> None:
    assert [figures(v) for v in (0.0044, 12.0, 0.00000123, 0.0, 120.0)] == [
        "0.0044",
        "12",
        "0.0000012",
        "0",
        "120",
    ]
    assert percent(0.416).replace("\u00a0", " ") == "42 %"
    assert percent(0.004).replace("\u00a0", " ") == "0.4 %"


def test_lines_fit_and_lose_no_word() -> None:
    text = "The quick brown fox jumps over the lazy dog " * 5
    lines = wrap(text.strip(), 9.5, 3.0)
    assert " ".join(lines) == text.strip()
    assert all(text_width(line, 9.5) <= 3.0 for line in lines)
    assert wrap("", 9.5, 3.0) == []


def test_places_of_labels_are_those_of_this_map_whatever_was_drawn_before() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    maps = [rng.normal(size=(300, 2)) + 9 * np.eye(3, 2)[(labels + k) % 3] for k in range(12)]
    first = [label_places(xy, labels, [0, 1, 2], gap=0.1) for xy in maps]
    for xy, places in zip(maps, first, strict=True):
        assert label_places(xy, labels, [0, 1, 2], gap=0.1) == places
        for number, (x, y) in enumerate(places):
            row = np.flatnonzero((xy == (x, y)).all(axis=1))
            assert labels[row].tolist() == [number]
    moved = label_places(maps[0], (labels + 1) % 3, [0, 1, 2], gap=0.1)
    assert moved == [first[0][2], first[0][0], first[0][1]]
