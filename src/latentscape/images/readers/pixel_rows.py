"""A column for each pixel: CSV as Kaggle's MNIST comes, and tables of the same form."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from latentscape.errors import DataError
from latentscape.images.embedding_files.raw import damage_told, first_known, regular_file
from latentscape.images.embedding_files.tables import ARROW_ERRORS
from latentscape.images.options import ReadingOptions
from latentscape.images.readers.folder import SPLITS, as_two_parts
from latentscape.images.readers.stack import shape_of_rows
from latentscape.images.readers.tables import LABEL_COLUMNS
from latentscape.images.source import Source
from latentscape.types import AnyArray

_NUMBERS = ("", "unnamed: 0", "index", "id", "image_id", "imageid")
_LONGEST_LINE = 1 << 24


def read_csv(paths: list[Path], name: str, options: ReadingOptions) -> Source:
    """Read rows of pixels, with a column of labels or without, with a head or without.

    Several files are the parts of one data set when their names say so
    (``mnist_train.csv``, ``mnist_test.csv``).

    Raises
    ------
    DataError
        A row is shorter than others, a cell is no number, or no shape fits.
    """
    if len(paths) == 1:
        return _read_one(paths[0], name, options)
    parts = {SPLITS[w]: p for p in paths for w in _words(p.stem) if w in SPLITS}
    if len(parts) != len(paths) or "train" not in parts:
        raise DataError(
            f"{paths[0].parent} holds {len(paths)} CSV files; give the one with the images, or "
            "call them train.csv and test.csv"
        )
    sources = {part: _read_one(path, name, options) for part, path in sorted(parts.items())}
    arrays = [source.array for source in sources.values() if source.array is not None]
    if len({array.shape[1:] for array in arrays}) > 1:
        raise DataError(f"the CSV files in {paths[0].parent} hold images of different sizes")
    split, notes = as_two_parts([p for p, s in sources.items() for _ in range(len(s))], name)
    joined = Source(
        name, str(paths[0].parent), array=np.concatenate(arrays), split=split, has_columns=True
    )
    joined.notes = [*notes, *(note for source in sources.values() for note in source.notes)]
    if any(source.labels is not None for source in sources.values()):
        joined.labels = [
            label
            for source in sources.values()
            for label in (source.labels if source.labels is not None else [None] * len(source))
        ]
    return joined


def _read_one(path: Path, name: str, options: ReadingOptions) -> Source:
    regular_file(path)
    with damage_told(path, "a table of pixels", *ARROW_ERRORS, zlib.error, EOFError, csv.Error):
        head, delimiter, first = _first_lines(path)
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                column_names=None if head else [f"f{i}" for i in range(len(first))]
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
        )
        if len(set(table.column_names)) != table.num_columns:
            raise DataError(f"{path} has two columns of the same name; give each one of its own")
        columns = {n: table.column(n) for n in table.column_names}
        for n, column in columns.items():
            if column.null_count and n.strip().lower() not in LABEL_COLUMNS:
                row = int(np.flatnonzero(np.asarray(column.is_null()))[0])
                raise DataError(
                    f"{path}: row {row:,} of the data has an empty cell in the column {n!r}; the "
                    "file may be cut short"
                )
        plain: dict[str, Any] = {
            n: c.to_numpy() if _is_number(c.type) and not c.null_count else c.to_pylist()
            for n, c in columns.items()
        }
    if not table.num_rows:
        raise DataError(f"{path} holds no rows")
    wanted = options.labels if isinstance(options.labels, str) else None
    if wanted is not None and wanted not in plain:
        raise DataError(f"{path} has no column {wanted!r}; it begins with {', '.join(first[:4])}")
    label = wanted or first_known(LABEL_COLUMNS, list(plain))
    n_columns = len(plain)
    if label is None and not head and _is_square(n_columns - 1) and not _is_square(n_columns):
        label = "f0"
    source = source_of_pixel_columns(plain, label, path, name, options)
    if not _ends_with_line_end(path):
        source.notes.append(
            f"{path.name} does not end with a line end: should it have been cut short, then its "
            "last number is wrong."
        )
    return source


def source_of_pixel_columns(
    columns: Mapping[str, Any],
    label: str | None,
    path: Path,
    name: str,
    options: ReadingOptions,
) -> Source:
    """Make images of columns of numbers; columns of words go along.

    Raises
    ------
    DataError
        There are no such columns, or no shape fits to their number.
    """
    numbers = {
        n: np.asarray(values)
        for n, values in columns.items()
        if n != label and np.asarray(values).dtype.kind in "iuf"
    }
    further = {n: values for n, values in columns.items() if n not in numbers and n != label}
    n_pixels = len(numbers) if options.shape is None else math.prod(options.shape)
    if len(numbers) > n_pixels or not _is_square(len(numbers)):
        for n in [n for n in numbers if n.strip().lower() in _NUMBERS]:  # rows that are numbered
            further[n] = numbers.pop(n)
    if len(numbers) < 2:
        raise DataError(
            f"{path} holds no images: no column of pictures or lists, and {len(numbers)} columns "
            "of numbers, of which each would be one pixel; for a table of file names give the "
            "folder with the files, and the table as its labels (labels, --labels)"
        )
    shape = shape_of_rows(len(numbers), str(path), options)
    pixels: AnyArray = np.stack(list(numbers.values()), axis=1)
    source = Source(name.removesuffix(".csv"), str(path), array=pixels.reshape(-1, *shape))
    source.labels = None if label is None else columns[label]
    source.columns = further
    source.has_columns = True
    return source


def _first_lines(path: Path) -> tuple[bool, str, list[str]]:
    """Return whether there is a head, what stands between cells, and the first line's cells."""
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as file:
        line = file.readline(_LONGEST_LINE).decode("utf-8-sig", errors="replace")
    if not line.strip():
        raise DataError(f"{path} is empty or begins with an empty line")
    delimiter = max(",;\t", key=line.count)
    cells = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    return not all(_looks_like_a_number(cell) for cell in cells), delimiter, cells


def _ends_with_line_end(path: Path) -> bool:
    if path.suffix.lower() == ".gz":
        return True  # whose own end was checked
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) in b"\r\n"


def _looks_like_a_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_square(n: int) -> bool:
    return n > 0 and any(math.isqrt(n // c) ** 2 * c == n for c in (1, 3))


def _words(text: str) -> list[str]:
    return [word for word in text.lower().replace("-", "_").replace(".", "_").split("_") if word]
