"""What was read, in one sentence, and the notes that go with it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from latentscape.images.equalize import Changes
from latentscape.images.imageset import TEST, ImageSet
from latentscape.images.options import LARGEST_SIDE, ReadingOptions, Size
from latentscape.images.ranges import describe_range

_SIZES_SHOWN = 4
_MODE_WORDS = {"grey": "grey", "rgb": "RGB"}


def describe(images: ImageSet, changes: Changes, options: ReadingOptions) -> str:
    """Say how many images of which kind there are, and what was done to them."""
    n, n_test = len(images), int(np.count_nonzero(images.split == TEST))
    size = _times(changes.size)
    plural = "" if n == 1 else "s"
    head = f"{images.name}: {n:,} {_MODE_WORDS[changes.mode]} image{plural} of {size} pixels"
    if not options.fixed:
        head += f" ({n - n_test:,} for training, {n_test:,} for testing)"
    parts = [f"{head} {_classes(images)}", *_changes(changes, options)]
    if images.quarantine:
        parts.append(f"{_n(len(images.quarantine), 'file')} set aside")
    return "; ".join(parts) + "."


def describe_sizes(changes: Changes, name: str) -> list[str]:
    """List the sizes in a sentence where there is more than one."""
    if len(changes.sizes) < 2:
        return []
    common = changes.sizes.most_common(_SIZES_SHOWN)
    listed = ", ".join(f"{_times(size)} ({count:,})" for size, count in common)
    more = len(changes.sizes) - _SIZES_SHOWN
    rest = f" and {more:,} more" if more > 0 else ""
    return [
        f"The images of {name} come in {len(changes.sizes):,} sizes: {listed}{rest}; --size "
        "chooses another than "
        f"{_times(changes.size)}."
    ]


def _classes(images: ImageSet) -> str:
    if images.labels is None:
        return "without labels"
    k = images.n_classes
    text = f"in {k:,} class{'' if k == 1 else 'es'}"
    n_without = int(np.count_nonzero(images.labels < 0))
    return f"{text}, {n_without:,} of them without a label" if n_without else text


def _changes(changes: Changes, options: ReadingOptions) -> list[str]:
    counts: Counter[str] = changes.counts
    size = _times(changes.size)
    parts = []
    if changes.limited:
        parts.append(
            f"made smaller so that no side is longer than {LARGEST_SIDE} pixels (--size changes "
            "that)"
        )
    if counts["fitted"] and not (changes.limited and len(changes.sizes) == 1):
        parts.append(f"{counts['fitted']:,} of another size fitted to {size}")
    if counts["transparent"]:
        parts.append(f"{counts['transparent']:,} with transparency laid over {options.background}")
    if counts["coloured"]:
        parts.append(f"{counts['coloured']:,} in grey made RGB")
    if counts["greyed"]:
        parts.append(f"{counts['greyed']:,} in colour made grey")
    if counts["inks"]:
        parts.append(f"{counts['inks']:,} converted from CMYK")
    if counts["turned"]:
        parts.append(f"{counts['turned']:,} turned as their EXIF data say")
    if counts["moving"]:
        parts.append(f"the first frame taken of {_n(counts['moving'], 'animation')}")
    told = (describe_range(kind, values) for kind, values in changes.ranges.items())
    return [*parts, *(text for text in told if text)]


def _times(size: Size) -> str:
    return "×".join(str(side) for side in size)


def _n(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
