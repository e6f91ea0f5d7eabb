"""Colours for classes that stay apart for colour-blind readers and in grey print."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Ten colours, found by maximising the smallest OKLab distance between any two of them under
#: normal sight, deuteranopia and protanopia (Machado et al. 2009, severity 1) together with the
#: smallest step in lightness; ordered so that digits which are easily taken for one another
#: (4-9, 3-5-8, 7-9, 2-7 ...) are farthest apart. The tests measure these distances.
TEN = (
    "#d65277",  # rose
    "#a089e3",  # lavender
    "#99ab2d",  # olive
    "#4266f5",  # blue
    "#9a5c04",  # ochre
    "#78e258",  # green
    "#a9056b",  # wine
    "#1923b5",  # navy
    "#7c2912",  # brown
    "#44d5d2",  # turquoise
)

NO_CLASS = "#9aa1ab"


def class_colors(n_classes: int) -> list[str]:
    """Return one hex colour for each class.

    Parameters
    ----------
    n_classes : int
        Up to ten classes get colours that can be told apart; more get a wheel
        of hues, and only the labels on the map tell them apart.

    Returns
    -------
    list of str
    """
    if n_classes <= len(TEN):
        return list(TEN[:n_classes])
    from colorsys import hsv_to_rgb

    from matplotlib.colors import to_hex

    golden = (5**0.5 - 1) / 2  # neighbours in number are far apart in hue
    return [
        to_hex(hsv_to_rgb(k * golden % 1.0, (0.85, 0.6, 0.75)[k % 3], (0.55, 0.85, 0.7)[k % 3]))
        for k in range(n_classes)
    ]


def rgba(colors: Sequence[str], codes: np.ndarray, alpha: float) -> np.ndarray:
    """Return the float RGBA row for each class number; -1 (no class) is grey."""
    from matplotlib.colors import to_rgba_array

    table = to_rgba_array([*colors, NO_CLASS])
    table[:, 3] = alpha
    return table[np.where((codes >= 0) & (codes < len(colors)), codes, len(colors))]


def darker(color: str) -> str:
    """Return a shade of `color` that is readable as text on white."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(color)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    factor = min(1.0, 0.32 / max(luminance, 1e-6))
    return to_hex((red * factor, green * factor, blue * factor))
