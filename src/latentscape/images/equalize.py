"""All images of one size, one mode and one range of values: pictures or an array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from latentscape.errors import DataError
from latentscape.images.decode import Look, PictureError, decode, kind_of, look_at
from latentscape.images.fitting import capped, choose_mode, choose_size, fit, to_mode
from latentscape.images.options import Mode, Range, ReadingOptions, Size
from latentscape.images.quarantine import check_share
from latentscape.images.ranges import Extent, choose_range, extent_of, to_bytes
from latentscape.images.refused import Refused
from latentscape.images.source import Picture, Source
from latentscape.types import AnyArray, Progress, ProgressCallback, UInt8Array

_BLOCK = 1024  # images of an array that are converted together
Made = TypeVar("Made")
_NOT_FINITE = "has values that are not finite numbers"


@dataclass
class Changes:
    """What was done to the images, to be told.

    Attributes
    ----------
    size : (height, width)
    mode : {"grey", "rgb"}
    sizes : Counter
        How many images came in which size.
    limited : bool
        The size is smaller than the commonest one, because that was too large.
    counts : Counter
        How many images were changed, by what was done to them.
    ranges : dict of str to (low, high)
        What was black and white, by the kind of values.
    notes : list of str
    """

    size: Size
    mode: Mode
    sizes: Counter[Size]
    limited: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    ranges: dict[str, Range] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class Equalized:
    """Images of one size, the rows of the source that they are, and what was refused."""

    images: UInt8Array
    kept: AnyArray
    refused: list[Refused]
    changes: Changes


def equalize(source: Source, options: ReadingOptions, report: ProgressCallback) -> Equalized:
    """Read all images of a source.

    Raises
    ------
    DataError
        Too much cannot be read, or it does not fit into memory.
    """
    try:
        if source.array is not None:
            return _equalize_array(source, source.array, options, report)
        return _Pictures(source, options, report).read()
    except MemoryError:
        raise DataError(
            f"the images of {source.where} do not fit into memory; choose a smaller size (--size) "
            "or fewer images"
        ) from None


def _plan(sizes: Counter[Size], greys: Counter[bool], options: ReadingOptions) -> Changes:
    """Decide on size and mode."""
    commonest = choose_size(sizes)
    size = options.size or capped(commonest)
    mode: Mode = options.mode or choose_mode(greys.elements())
    return Changes(size, mode, sizes, limited=options.size is None and size != commonest)


class _Pictures:
    """Pictures that are looked at, one after the other, and then decoded."""

    def __init__(self, source: Source, options: ReadingOptions, report: ProgressCallback) -> None:
        self.source = source
        self.options = options
        self.report = report
        self.pictures = source.pictures or ()
        self.bad: dict[int, str] = {}

    def read(self) -> Equalized:
        looks = dict(self._each("looking", range(len(self.pictures)), look_at))
        self._check()
        sizes = Counter((look.height, look.width) for look in looks.values())
        greys = Counter(look.grey for look in looks.values())
        if not looks:
            raise DataError(f"{self.source.where} holds no images")
        changes = _plan(sizes, greys, self.options)
        self._find_ranges(looks, changes)
        channels = () if changes.mode == "grey" else (3,)
        images = np.empty((len(looks), *changes.size, *channels), np.uint8)
        kept: list[int] = []
        rows = [row for row in looks if row not in self.bad]

        def pixels_of(picture: Picture) -> AnyArray:
            pixels = decode(picture)
            if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
                raise PictureError(_NOT_FINITE)
            return pixels

        for row, pixels in self._each("reading", rows, pixels_of):
            done = self._equal(pixels, looks[row], changes)
            images[len(kept)] = done[:, :, 0] if changes.mode == "grey" else done
            kept.append(row)
        self._check()
        refused = [Refused(self.pictures[row].name, why) for row, why in sorted(self.bad.items())]
        return Equalized(images[: len(kept)], np.array(kept, np.intp), refused, changes)

    def _each(
        self, task: str, rows: Sequence[int], work: Callable[[Picture], Made]
    ) -> Iterator[tuple[int, Made]]:
        """Yield what is made of each picture; what is bad is kept in mind."""
        every = max(1, len(rows) // 100)
        for done, row in enumerate(rows):
            if done % every == 0:
                self.report(Progress(task, done, len(rows)))
            try:
                yield row, work(self.pictures[row])
            except PictureError as error:
                self.bad[row] = str(error)
        self.report(Progress(task, len(rows), len(rows)))

    def _check(self) -> None:
        refused = [Refused(self.pictures[row].name, why) for row, why in sorted(self.bad.items())]
        refused = [*self.source.refused, *refused]
        n = len(self.pictures) + len(self.source.refused)
        check_share(refused, n, self.options.max_bad, self.source.where)

    def _find_ranges(self, looks: dict[int, Look], changes: Changes) -> None:
        extents: dict[str, Extent] = {}
        known = {"uint8", *self.options.value_ranges}
        kinds = {row: look.kind for row, look in looks.items() if look.kind not in known}
        for row, pixels in self._each("measuring", list(kinds), decode) if kinds else ():
            extents.setdefault(kinds[row], Extent()).add(pixels)
        changes.ranges.update(self.options.value_ranges)
        for kind, extent in extents.items():
            changes.ranges[kind], note = choose_range(kind, extent)
            if note:
                changes.notes.append(f"In {self.source.where} {note}.")

    def _equal(self, pixels: AnyArray, look: Look, changes: Changes) -> UInt8Array:
        counts = changes.counts
        background = self.options.background_rgb
        values = changes.ranges.get(look.kind)
        done, transparent = to_mode(to_bytes(pixels, values), changes.mode, background)
        counts["transparent"] += transparent
        counts["turned"] += look.turned
        counts["moving"] += look.moving
        counts["inks"] += look.inks
        counts["coloured"] += look.grey and changes.mode == "rgb"
        counts["greyed"] += not look.grey and changes.mode == "grey"
        counts["fitted"] += done.shape[:2] != changes.size
        return fit(done, changes.size, background)


def _equalize_array(
    source: Source, array: AnyArray, options: ReadingOptions, report: ProgressCallback
) -> Equalized:
    if array.ndim == 3:
        array = array[..., None]
    n, height, width, channels = array.shape
    if not array.size:
        raise DataError(f"{source.where} holds no images: its shape is {array.shape[:3]}")
    changes = _plan(Counter({(height, width): n}), Counter({channels < 3: n}), options)
    kind = kind_of(array.dtype)
    starts = range(0, n, _BLOCK)
    finite = np.ones(n, bool)
    if kind == "float":
        for start in starts:
            block = array[start : start + _BLOCK]
            finite[start : start + _BLOCK] = np.isfinite(block).all(axis=(1, 2, 3))
    kept = np.flatnonzero(finite)
    refused = [
        Refused(source.ids[row] if source.ids is not None else f"row {row:,}", _NOT_FINITE)
        for row in np.flatnonzero(~finite).tolist()
    ]
    check_share([*source.refused, *refused], n + len(source.refused), options.max_bad, source.where)
    values = options.value_ranges.get(kind)
    if values is None and options.fixed and kind == "uint8":
        values = (0.0, 255.0)
    if values is None:
        extent = extent_of(array[start : start + _BLOCK] for start in starts)
        values, note = choose_range(kind, extent)
        if note:
            changes.notes.append(f"In {source.where} {note}.")
    changes.ranges.update(options.value_ranges)
    plain = kind == "uint8" and values == (0.0, 255.0)
    if not plain:
        changes.ranges[kind] = values
    as_it_is = plain and (height, width) == changes.size
    if as_it_is and channels == {"grey": 1, "rgb": 3}[changes.mode]:
        images = array[..., 0] if changes.mode == "grey" else array
        return Equalized(images, kept, refused, changes)
    shape = (len(kept), *changes.size, 1 if changes.mode == "grey" else 3)
    images = np.empty(shape, np.uint8)
    background = options.background_rgb
    for start in range(0, len(kept), _BLOCK):
        report(Progress("reading", start, len(kept)))
        block = to_bytes(array[kept[start : start + _BLOCK]], values)
        if channels in (2, 4):
            changes.counts["transparent"] += int((block[..., -1] < 255).any(axis=(1, 2)).sum())
        done, _ = to_mode(block, changes.mode, background)
        if done.shape[1:3] != changes.size:
            done = np.stack([fit(pixels, changes.size, background) for pixels in done])
        images[start : start + _BLOCK] = done
    report(Progress("reading", len(kept), len(kept)))
    if (height, width) != changes.size:
        changes.counts["fitted"] = len(kept)
    if channels < 3 and changes.mode == "rgb":
        changes.counts["coloured"] = len(kept)
    if channels >= 3 and changes.mode == "grey":
        changes.counts["greyed"] = len(kept)
    return Equalized(images[..., 0] if changes.mode == "grey" else images, kept, refused, changes)
