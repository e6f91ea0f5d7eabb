"""Embeddings in tables: Parquet, CSV, TSV, and the files of TensorBoard's projector."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from latentscape.errors import DataError
from latentscape.images.embedding_files.raw import (
    CODE_NAMES,
    ID_NAMES,
    LABEL_NAMES,
    SPLIT_NAME,
    RawEmbeddings,
    Wanted,
    damage_told,
    first_known,
    named,
    regular_file,
)
from latentscape.types import AnyArray

ARROW_ERRORS = (pa.ArrowException, ValueError, TypeError, KeyError, OverflowError, UnicodeError)
VECTOR_NAMES = ("vectors.tsv", "tensors.tsv")
METADATA_NAME = "metadata.tsv"
_NUMBERED = re.compile(r"^(?P<prefix>.*?)_?(?P<number>\d+)$")
_PIXELS = re.compile(r"^(pixel|px|p)_?\d+$|^\d+x\d+$", re.IGNORECASE)
_LONGEST_LINE = 1 << 24


def read_parquet(path: Path, wanted: Wanted) -> RawEmbeddings:
    """Read a list column, or numeric columns, with what else the table holds."""
    regular_file(path)
    with damage_told(path, "a Parquet file", *ARROW_ERRORS):
        return from_table(parquet.read_table(path), path, wanted)


def read_csv(path: Path, wanted: Wanted) -> RawEmbeddings:
    """Read a table of numbers with or without a header; tabs in .tsv, commas otherwise."""
    size = regular_file(path)
    if not size:
        raise DataError(f"{path} is empty; make or copy it again")
    is_vectors = path.name.lower() in VECTOR_NAMES
    with damage_told(path, "a table of numbers", *ARROW_ERRORS, csv.Error):
        header = None if is_vectors else csv_header(path)
        raw = from_table(_read_text(path, header), path, wanted)
        beside = path.with_name(METADATA_NAME)
        if is_vectors and beside.is_file():
            _add_metadata(raw, beside, wanted)
    return raw


def csv_header(path: Path) -> list[str] | None:
    """Return the names in the first line, or None when it holds numbers already."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = file.readline(_LONGEST_LINE)
    cells = next(csv.reader([line], delimiter=_delimiter(path)), [])
    return None if cells and all(_is_number(cell) for cell in cells) else cells


def csv_looks_like_embeddings(path: Path) -> bool:
    """Tell a table of real numbers from one of pixels or of file names."""
    try:
        header = csv_header(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            if header is not None:
                file.readline(_LONGEST_LINE)
            line = file.readline(_LONGEST_LINE)
    except (OSError, ValueError, csv.Error):
        return False
    if header is not None and any(_PIXELS.match(name) for name in header):
        return False
    cells = next(csv.reader([line], delimiter=_delimiter(path)), [])
    numbers = [cell for cell in cells if _is_number(cell)]
    # Pixels are whole numbers from 0 on.
    return len(numbers) >= 2 and any(not cell.strip().isdigit() for cell in numbers)


def parquet_looks_like_embeddings(path: Path) -> bool:
    """Tell by the columns alone whether a Parquet file holds codes and no pictures."""
    try:
        schema = parquet.read_schema(path)
    except (OSError, *ARROW_ERRORS):
        return False
    if any(pa.types.is_struct(field.type) or _is_bytes(field.type) for field in schema):
        return False  # encoded pictures, as Hugging Face stores them
    if any(_PIXELS.match(str(field.name)) for field in schema):
        return False
    if any(_is_list_of_floats(field.type) for field in schema):
        return True
    return len([field for field in schema if pa.types.is_floating(field.type)]) >= 2


def from_table(table: pa.Table, path: Path, wanted: Wanted) -> RawEmbeddings:
    """Find codes, labels, ids and split among the columns of a table."""
    names = list(table.column_names)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path} has two columns {twice!r}; give each a name of its own")
    if not table.num_rows:
        raise DataError(f"{path} holds no rows")
    labels = wanted.labels and named(wanted.labels, names, path, "column")
    ids = wanted.ids and named(wanted.ids, names, path, "column")
    plain = [name for name in names if not _is_list_of_floats(table.schema.field(name).type)]
    labels = labels or first_known(LABEL_NAMES, plain)
    ids = ids or first_known(ID_NAMES, [name for name in plain if name != labels])
    spoken_for = [name for name in (labels, ids, first_known([SPLIT_NAME], plain)) if name]
    codes, used = _codes_of(table, path, wanted.key, spoken_for)
    columns = {
        name: _column(table, name) for name in names if name not in used and _is_plain(table, name)
    }
    raw = RawEmbeddings(codes)
    place_columns(raw, columns, labels, ids)
    return raw


def place_columns(
    raw: RawEmbeddings, columns: dict[str, AnyArray], labels: str | None, ids: str | None
) -> None:
    """Put columns where they belong: labels, ids and split, and the rest beside them."""
    columns = dict(columns)
    if labels is not None and labels in columns:
        raw.labels = columns.pop(labels)
    if ids is not None and ids in columns:
        values = [str(value) for value in columns[ids].tolist()]
        if len(set(values)) == len(values):
            columns.pop(ids)
            raw.ids = values
    split = first_known([SPLIT_NAME], list(columns))
    if split is not None and set(columns[split].tolist()) <= {"train", "test"}:
        raw.split = columns.pop(split)
    raw.columns = {**raw.columns, **columns}


def _codes_of(
    table: pa.Table, path: Path, key: str | None, spoken_for: Sequence[str]
) -> tuple[AnyArray, list[str]]:
    """Return the codes and the names of their columns."""
    lists = [n for n in table.column_names if _is_list_of_floats(table.schema.field(n).type)]
    if key is not None and key in table.column_names and key not in lists:
        raise DataError(f"{path}: the column {key!r} holds no lists of numbers")
    if key is not None and key not in lists:
        numbered = _numbered(table, key)
        if numbered:
            return _stack(table, numbered), numbered
        named(key, table.column_names, path, "column")
    if lists:
        chosen = key or first_known(CODE_NAMES, lists) or (lists[0] if len(lists) == 1 else None)
        if chosen is None:
            raise DataError(
                f"{path} has several columns of lists ({', '.join(lists)}); name the one with the "
                "codes with key="
            )
        return _from_lists(table, path, chosen), [chosen]
    used = _numbered(table) or [
        field.name
        for field in table.schema
        if _is_numeric(field.type) and field.name not in spoken_for
    ]
    if not used:
        raise DataError(
            f"{path} has no column of numbers; embeddings are a column of lists, or a column of "
            "numbers for each dimension"
        )
    return _stack(table, used), used


def _numbered(table: pa.Table, prefix: str | None = None) -> list[str]:
    """Return the longest group of numeric columns such as z0, z1, z2, in their order."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for field in table.schema:
        match = _NUMBERED.match(field.name)
        if match and _is_numeric(field.type) and prefix in (None, match["prefix"]):
            groups.setdefault(match["prefix"], []).append((int(match["number"]), field.name))
    whole = [
        sorted(group)
        for group in groups.values()
        if len(group) > 1 and len({number for number, _ in group}) == len(group)
    ]
    longest = max(whole, key=len, default=[])
    return [name for _, name in longest]


def _from_lists(table: pa.Table, path: Path, name: str) -> AnyArray:
    column = table.column(name).combine_chunks()
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"{path}: the column {name!r} has no codes in row {row:,}")
    widths = np.asarray(column.value_lengths() if not _is_fixed(column.type) else [])
    if widths.size and (widths != widths[0]).any():
        row = int(np.flatnonzero(widths != widths[0])[0])
        raise DataError(
            f"{path}: the column {name!r} holds {widths[0]} numbers in row 0 but {widths[row]} in "
            f"row {row:,}; every row needs equally many"
        )
    values = column.flatten()
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        raise DataError(f"{path}: the column {name!r} holds lists of lists, not of numbers")
    flat = np.asarray(values.to_numpy(zero_copy_only=False))
    return flat.reshape(len(column), len(flat) // len(column))


def _stack(table: pa.Table, names: Sequence[str]) -> AnyArray:
    codes = np.empty((table.num_rows, len(names)), dtype=np.float32)
    with np.errstate(over="ignore"):  # what is too large is reported by its row
        for position, name in enumerate(names):
            codes[:, position] = table.column(name).to_numpy()
    return codes


def _column(table: pa.Table, name: str) -> AnyArray:
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values = column.to_numpy()
    if values.dtype.kind in "fiub":
        return np.asarray(values)
    return np.array(["" if v is None else str(v) for v in values.tolist()], dtype=np.str_)


def _read_text(path: Path, header: list[str] | None) -> pa.Table:
    return arrow_csv.read_csv(
        path,
        read_options=arrow_csv.ReadOptions(
            autogenerate_column_names=header is None, use_threads=False
        ),
        parse_options=arrow_csv.ParseOptions(delimiter=_delimiter(path)),
    )


def _add_metadata(raw: RawEmbeddings, path: Path, wanted: Wanted) -> None:
    """Add TensorBoard's metadata: one column has no header, several have one."""
    regular_file(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline(_LONGEST_LINE)
    single = "\t" not in first
    options = arrow_csv.ReadOptions(column_names=["label"] if single else None, use_threads=False)
    table = arrow_csv.read_csv(
        path,
        read_options=options,
        parse_options=arrow_csv.ParseOptions(delimiter="\t"),
        convert_options=arrow_csv.ConvertOptions(strings_can_be_null=False),
    )
    n = len(raw.codes)
    if table.num_rows != n:
        raise DataError(
            f"there are {n:,} rows in {path.with_name('vectors.tsv').name} but {table.num_rows:,} "
            f"in {path}; give the two files that belong together"
        )
    names = list(table.column_names)
    columns = {name: _column(table, name) for name in names if _is_plain(table, name)}
    labels = wanted.labels or first_known(LABEL_NAMES, names)
    ids = wanted.ids or first_known(ID_NAMES, [name for name in names if name != labels])
    place_columns(raw, columns, labels, ids)


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _is_list_of_floats(kind: Any) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or _is_fixed(kind)):
        return False
    return bool(pa.types.is_floating(kind.value_type))


def _is_fixed(kind: Any) -> bool:
    return bool(pa.types.is_fixed_size_list(kind))


def _is_bytes(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_numeric(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _is_plain(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        _is_numeric(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_null(kind)
    )
