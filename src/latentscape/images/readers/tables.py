"""Tables that say what images show: labels.csv, metadata.csv, metadata.jsonl."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentscape.errors import DataError, StorageError

FILE_COLUMNS = (
    *("file_name", "filename", "file", "path", "filepath", "file_path", "image", "image_path"),
    *("image_id", "img", "id", "name"),
)
LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "class_name", "y")


@dataclass(frozen=True)
class Table:
    """Rows of words by the name of the file that they belong to.

    Attributes
    ----------
    path : Path
    rows : dict of str to mapping
        By the text in the column of files.
    label_column : str or None
    columns : tuple of str
        The others but the files' names.
    in_order : tuple of str
        Labels alone, in the order of the images, where the table has no other column.
    """

    path: Path
    rows: dict[str, Mapping[str, Any]]
    label_column: str | None
    columns: tuple[str, ...]
    in_order: tuple[str, ...] = ()


def read_table(path: Path, label_column: str | None = None) -> Table:
    """Read a table of labels.

    Parameters
    ----------
    path : Path
        CSV with a head (comma, semicolon or tab), or JSON lines.
    label_column : str, optional
        Which column is the label; by default one with such a name, or the
        second of two.

    Raises
    ------
    DataError
        It is no such table, or names a file twice.
    StorageError
        It cannot be read.
    """
    text = read_text(path)
    records = _json_lines(path, text) if path.suffix == ".jsonl" else _comma_rows(path, text)
    if not records:
        raise DataError(f"{path} holds no rows; it needs a head and a row for each image")
    names = list(dict.fromkeys(name for _, record in records for name in record))
    if len(names) == 1:
        in_order = tuple(str(record[names[0]]) for _, record in records)
        return Table(path, {}, names[0], (), in_order)
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    file_column = next((by_lower[name] for name in FILE_COLUMNS if name in by_lower), names[0])
    others = tuple(name for name in names if name != file_column)
    if label_column is not None and label_column not in others:
        raise DataError(
            f"{path} has no column {label_column!r}; its columns are {', '.join(names)}"
        )
    if label_column is None:
        known = (by_lower[name] for name in LABEL_COLUMNS if by_lower.get(name) in others)
        label_column = next(known, others[0] if len(others) == 1 else None)
    rows: dict[str, Mapping[str, Any]] = {}
    lines: dict[str, int] = {}
    for line, record in records:
        key = str(record.get(file_column, "")).strip().replace("\\", "/").removeprefix("./")
        if key in rows:
            raise DataError(
                f"{path} names {key} twice (lines {lines[key]:,} and {line:,}); keep one of them"
            )
        rows[key], lines[key] = record, line
    columns = tuple(name for name in others if name != label_column)
    return Table(path, rows, label_column, columns)


def read_text(path: Path) -> str:
    """Read a text file in UTF-8.

    Raises
    ------
    DataError
        It is no text.
    StorageError
        It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not text in UTF-8 (byte {error.start:,}); store it as UTF-8"
        ) from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error


def _comma_rows(path: Path, text: str) -> list[tuple[int, dict[str, Any]]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        head = [name.strip() for name in next(lines, [])]
        if len(set(head)) != len(head):
            raise DataError(f"{path} has two columns of the same name; its head is {first.strip()}")
        return list(_records(path, head, lines))
    except csv.Error as error:
        raise DataError(f"{path} is not a table that can be read: {error}") from None


def _records(path: Path, head: list[str], lines: Any) -> Iterable[tuple[int, dict[str, Any]]]:
    for values in lines:
        if not values:
            continue
        if len(values) != len(head):
            raise DataError(
                f"{path}: line {lines.line_num:,} has {len(values)} values but the head has "
                f"{len(head)}; the file may be cut short"
            )
        yield lines.line_num, dict(zip(head, values, strict=True))


def _json_lines(path: Path, text: str) -> list[tuple[int, dict[str, Any]]]:
    records = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise DataError(f"{path}: line {number:,} is not a JSON object; mend or remove it")
        flat = {name: v for name, v in record.items() if isinstance(v, str | int | float | None)}
        records.append((number, flat))
    return records
