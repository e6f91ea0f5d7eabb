"""How data are to be read."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from PIL import ImageColor

from latentscape.errors import SettingError

Mode: TypeAlias = Literal["grey", "rgb"]
Size: TypeAlias = tuple[int, int]
RGB: TypeAlias = tuple[int, int, int]
Range: TypeAlias = tuple[float, float]

MODES = ("grey", "rgb")
LARGEST_SIDE = 64  # of images that come in another size than was asked for
_MOST_SIDE = 4096


@dataclass(frozen=True)
class ReadingOptions:
    """What a caller of :func:`latentscape.load_images` has asked for, checked.

    Attributes
    ----------
    size : (height, width) or None
        Size of all images; None takes the commonest one.
    mode : {"grey", "rgb"} or None
        None takes what most images are.
    background : str
        Name or ``#rrggbb`` of the colour behind transparent pixels and around
        images of another shape.
    max_bad : float
        Largest share of images that may be unreadable.
    labels : str, path, sequence or None
        A column, a table, or the labels themselves.
    shape : tuple of int or None
        Height and width, or height, width and channels, of rows of pixels.
    value_ranges : mapping of str to (low, high)
        What is black and white in values that are no bytes, by kind; what is
        not in it is found from the data.
    fixed : bool
        True for new data that are read as others were: they are not split.
    """

    size: Size | None = None
    mode: Mode | None = None
    background: str = "white"
    max_bad: float = 0.01
    labels: Any = None
    shape: tuple[int, ...] | None = None
    value_ranges: Mapping[str, Range] = field(default_factory=dict)
    fixed: bool = False

    @property
    def background_rgb(self) -> RGB:
        """The background as three bytes."""
        return _colour(self.background)


def reading_options(
    *,
    size: int | str | Sequence[int] | None = None,
    mode: str | None = None,
    background: str = "white",
    max_bad: float = 0.01,
    labels: str | os.PathLike[str] | Sequence[Any] | None = None,
    shape: str | Sequence[int] | None = None,
    preprocessing: Mapping[str, Any] | None = None,
) -> ReadingOptions:
    """Check what was given and make :class:`ReadingOptions` of it.

    Raises
    ------
    SettingError
        A value makes no sense.
    """
    if mode is not None and mode not in MODES:
        msg = f"mode must be 'grey' or 'rgb', got {mode!r}"
        raise SettingError(msg)
    if (
        isinstance(max_bad, bool)
        or not isinstance(max_bad, (int, float))
        or not 0 <= max_bad <= 1
        or math.isnan(max_bad)
    ):
        msg = f"max_bad must be a share between 0 and 1, got {max_bad!r}"
        raise SettingError(msg)
    _colour(background)
    given: dict[str, Any] = {
        "size": None if size is None else _sides("size", size, square=True, counts=(2,)),
        "mode": mode,
        "background": background,
        "max_bad": float(max_bad),
        "labels": labels,
        "shape": None if shape is None else _sides("shape", shape, square=True, counts=(2, 3)),
    }
    if preprocessing is not None:
        given |= _as_before(preprocessing)
    return ReadingOptions(**given)


def _as_before(preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that read new data as others were read."""
    try:
        ranges = preprocessing.get("value_ranges", {})
        mode = preprocessing["mode"]
        if mode not in MODES:
            raise ValueError(mode)
        _colour(preprocessing["background"])
        return {
            "size": _sides("size", preprocessing["size"], square=False, counts=(2,)),
            "mode": mode,
            "background": str(preprocessing["background"]),
            "value_ranges": {
                str(kind): (float(low), float(high)) for kind, (low, high) in ranges.items()
            },
            "fixed": True,
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = (
            f"preprocessing is not what an image set or an atlas has stored ({error!r}); give "
            "its `preprocessing` as it is"
        )
        raise SettingError(msg) from error


def _sides(
    what: str, value: int | str | Sequence[int], *, square: bool, counts: tuple[int, ...]
) -> tuple[int, ...]:
    """Take 32, "32", "28x32" or (28, 32)."""
    sides: tuple[int, ...] = ()
    try:
        if isinstance(value, str):
            parts = re.split(r"[x×,]", value.strip().lower())
            sides = tuple(int(part) for part in parts)
        elif isinstance(value, Sequence):
            sides = tuple(int(side) for side in value if int(side) == side)
        elif int(value) == value:
            sides = (int(value),)
    except (TypeError, ValueError, OverflowError):
        sides = ()
    if len(sides) == 1 and square:
        sides *= 2
    channels_right = len(sides) < 3 or sides[2] in (1, 3, 4)
    if len(sides) not in counts or not all(1 <= s <= _MOST_SIDE for s in sides[:2]):
        channels_right = False
    if not channels_right:
        example = "32 or 28x32" if what == "size" else "28x28 or 32x32x3"
        msg = (
            f"{what} must be height and width in pixels from 1 to {_MOST_SIDE:,}, for example "
            f"{example}, got {value!r}"
        )
        raise SettingError(msg)
    return sides


def _colour(name: str) -> RGB:
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except (ValueError, AttributeError, TypeError):
        msg = f"background must be a colour such as white, black or #ff8800, got {name!r}"
        raise SettingError(msg) from None
    return red, green, blue
