"""Folders of pictures: by class, flat, with a table, with a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentscape.errors import DataError
from latentscape.images.imageset import TEST, TRAIN
from latentscape.images.options import ReadingOptions
from latentscape.images.readers.tables import Table, read_table
from latentscape.images.readers.tree import Tree, printable
from latentscape.images.refused import Refused
from latentscape.images.source import Picture, Source

_VALIDATION = "validation"
SPLITS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("test", "testing"), TEST),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), _VALIDATION),
}
_TABLES = ("metadata.csv", "metadata.jsonl", "labels.csv", "labels.tsv")
_NO_CLASS = {"images", "imgs", "img", "image", "data", "pictures", "photos", "png", "jpg"}


def read_folder(tree: Tree, name: str, options: ReadingOptions) -> Source:
    """Find out what the folders, and tables in them, say about the pictures.

    Raises
    ------
    DataError
        A table does not fit to the pictures.
    """
    root = tree.root
    paths = tree.images
    split, notes = _splits(paths, name)
    labels = _classes(paths, stripped=split is not None)
    tables = _tables(tree, options, split is not None)
    columns: dict[str, list[Any]] = {}
    refused = list(tree.refused)
    if tables:
        from_tables = _Tabled(root, paths)
        for table in tables:
            from_tables.take(table)
        refused += from_tables.missing
        columns = from_tables.columns
        if from_tables.has_labels:
            labels = from_tables.labels
        if from_tables.n_without:
            notes.append(
                f"{from_tables.n_without:,} of the {len(paths):,} images of {name} have no row in "
                f"{' or '.join(table.path.name for table in tables)}."
            )
    used = {table.path for table in tables}
    ignored = [
        Refused(printable(path), _why_ignored(path))
        for path in tree.others
        if root / path not in used
    ]
    return Source(
        name,
        str(root),
        pictures=[Picture(printable(path), root / path) for path in paths],
        ids=[printable(path) for path in paths],
        labels=labels,
        split=split,
        columns=columns,
        refused=refused,
        ignored=ignored,
        notes=notes,
        has_columns=True,
    )


def _splits(paths: list[Path], name: str) -> tuple[list[str] | None, list[str]]:
    """Return the split when the uppermost folders are train, test and their like."""
    parts = [SPLITS.get(path.parts[0].lower()) if len(path.parts) > 1 else None for path in paths]
    if TRAIN not in parts or None in parts:
        return None, []
    return as_two_parts([str(part) for part in parts], name)


def as_two_parts(parts: list[str], name: str) -> tuple[list[str], list[str]]:
    """Make two parts of three, and say what became of the validation images."""
    counts = Counter(parts)
    if not counts[_VALIDATION]:
        return parts, []
    home = TRAIN if counts[TEST] else TEST
    becomes = "are used for training" if home == TRAIN else "serve as test images"
    note = (
        f"The {counts[_VALIDATION]:,} validation images of {name} {becomes}; training takes "
        "validation images of its own from the training images."
    )
    return [home if part == _VALIDATION else part for part in parts], [note]


def _classes(paths: list[Path], *, stripped: bool) -> list[str | None] | None:
    """Return the uppermost folder (below the split) of each picture as its class."""
    parts = [path.parts[stripped:] for path in paths]
    classes = [printable(part[0]) if len(part) > 1 else None for part in parts]
    named = set(classes)
    if named == {None}:
        return None
    if len(named) == 1 and str(classes[0]).lower() in _NO_CLASS:
        return None
    return classes


def _tables(tree: Tree, options: ReadingOptions, has_splits: bool) -> list[Table]:
    """Read the tables that lie in the folder, in a split's folder, or were given."""
    column = options.labels if isinstance(options.labels, str) else None
    for given in (options.labels, tree.root / str(column)):
        if isinstance(given, str | Path) and str(given) and Path(given).is_file():
            return [read_table(Path(given))]
    found = [
        path
        for path in tree.others
        if path.name.lower() in _TABLES
        and (len(path.parts) == 1 or (has_splits and len(path.parts) == 2))
    ]
    if column is not None and not found:
        raise DataError(
            f"the labels {column!r} are no file, and {tree.root} has no labels.csv or metadata.csv "
            "with such a column; give the path of a table"
        )
    return [read_table(tree.root / path, column) for path in found]


class _Tabled:
    """What tables say about pictures."""

    def __init__(self, root: Path, paths: list[Path]) -> None:
        self.root = root
        self.paths = paths
        self.labels: list[Any] = [None] * len(paths)
        self.columns: dict[str, list[Any]] = {}
        self.missing: list[Refused] = []
        self.has_labels = False
        self.known: set[int] = set()

    @property
    def n_without(self) -> int:
        """Number of pictures that no table has a row for."""
        return len(self.paths) - len(self.known)

    def take(self, table: Table) -> None:
        """Bring the rows of a table to the pictures that they name."""
        if table.in_order:
            self._take_in_order(table)
            return
        below = table.path.parent
        if not below.is_relative_to(self.root):
            below = self.root
        rows = _find_rows(below.relative_to(self.root), self.paths, table)
        if not rows:
            raise DataError(
                f"{table.path} names none of the images in {self.root}: it has "
                f"{next(iter(table.rows))!r}, and an image is {printable(self.paths[0])!r}; give "
                "the paths of the images as they lie below the table"
            )
        for name in table.columns:
            self.columns.setdefault(name, [None] * len(self.paths))
        for key, row in rows.items():
            record: Mapping[str, Any] = table.rows[key]
            self.known.add(row)
            if table.label_column is not None:
                self.labels[row] = record.get(table.label_column)
            for name in table.columns:
                self.columns[name][row] = record.get(name)
        self.has_labels |= table.label_column is not None
        self.missing += [
            Refused(key, f"is named in {table.path.name}, but there is no such file")
            for key in table.rows
            if key not in rows
        ]

    def _take_in_order(self, table: Table) -> None:
        if len(table.in_order) != len(self.paths):
            raise DataError(
                f"{self.root} holds {len(self.paths):,} images but {table.path.name} "
                f"{len(table.in_order):,} labels; one label is needed for each image, or a second "
                "column with the images' names"
            )
        self.labels = list(table.in_order)
        self.has_labels = True
        self.known = set(range(len(self.paths)))


def _find_rows(below: Path, paths: list[Path], table: Table) -> dict[str, int]:
    """Return the picture that each key of a table names: by path, by name, or without suffix."""
    found: dict[str, int] = {}
    twice: set[str] = set()
    for row, path in enumerate(paths):
        if not path.is_relative_to(below):
            continue
        own = path.relative_to(below)
        spellings = (own, Path(own.name), own.with_suffix(""), Path(own.stem))
        key = next((text for p in spellings if (text := printable(p)) in table.rows), None)
        if key is None:
            continue
        if key in found:
            twice.add(key)
        found[key] = row
    if twice:
        raise DataError(
            f"{table.path} names {min(twice)}, but several images are called so; give their paths "
            "with folders"
        )
    return found


def _why_ignored(path: Path) -> str:
    if path.suffix.lower() in (".svg", ".svgz"):
        return "is a drawing (SVG), not pixels; store it as PNG"
    return "is not an image by its name" if path.suffix else "is not an image by its first bytes"
