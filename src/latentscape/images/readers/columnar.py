"""Parquet, Arrow and Feather: a column of pictures, of arrays, or a column for each pixel."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from latentscape.errors import DataError
from latentscape.images.embedding_files.raw import damage_told, first_known, regular_file
from latentscape.images.embedding_files.tables import ARROW_ERRORS
from latentscape.images.options import ReadingOptions
from latentscape.images.readers.folder import SPLITS, as_two_parts
from latentscape.images.readers.pixel_rows import source_of_pixel_columns
from latentscape.images.readers.stack import as_stack
from latentscape.images.readers.tables import FILE_COLUMNS, LABEL_COLUMNS
from latentscape.images.refused import Refused
from latentscape.images.source import Picture, Source
from latentscape.types import AnyArray

_IMAGE_COLUMNS = ("image", "img", "picture", "pixels", "image_bytes", "bytes", "png", "jpg", "x")
_FINE_LABEL = ("fine_label", "coarse_label")  # as CIFAR-100 has them


def read_columnar(paths: list[Path], name: str, options: ReadingOptions) -> Source:
    """Read one table, or the shards of one (``train-00000-of-00002.parquet``).

    Raises
    ------
    DataError
        A file is damaged, or holds no images.
    """
    sources = [_source_of(read_arrow(path), path, name, options) for path in sorted(paths)]
    parts = [next((SPLITS.get(w) for w in _words(p.stem) if w in SPLITS), None) for p in paths]
    if len(sources) == 1:
        return sources[0]
    return _join(sources, [part for _, part in sorted(zip(paths, parts, strict=True))], name)


def read_arrow(path: Path) -> pa.Table:
    """Read a Parquet file, or an Arrow file or stream.

    Raises
    ------
    DataError
        It is damaged.
    """
    regular_file(path)
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    kind = "a Parquet file" if is_parquet else "an Arrow file"
    with damage_told(path, kind, *ARROW_ERRORS):
        if is_parquet:
            # Of one file: paths with "train=1" in them are no columns.
            table = parquet.ParquetFile(path).read()
        else:
            with path.open("rb") as file:
                is_file = file.read(6) == b"ARROW1"
            with pa.memory_map(str(path)) as file:
                opened = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
                table = opened.read_all()
        table.validate(full=True)
    return table


def _source_of(table: pa.Table, path: Path, name: str, options: ReadingOptions) -> Source:
    names = list(table.column_names)
    if len(set(names)) != len(names):
        raise DataError(f"{path} has two columns of the same name; its columns are {_few(names)}")
    if not table.num_rows:
        raise DataError(f"{path} holds no rows")
    wanted = options.labels if isinstance(options.labels, str) else None
    if wanted is not None and wanted not in names:
        raise DataError(f"{path} has no column {wanted!r}; its columns are {_few(names)}")
    candidates = [f.name for f in table.schema if _holds_images(f.type) and f.name != wanted]
    column = first_known(_IMAGE_COLUMNS, candidates) or (candidates[0] if candidates else None)
    with damage_told(path, "a table of images", *ARROW_ERRORS):
        plain = {f.name: _plain(table.column(f.name)) for f in table.schema if _is_plain(f.type)}
        label = wanted or first_known((*LABEL_COLUMNS, *_FINE_LABEL), list(plain))
        if column is None:
            return source_of_pixel_columns(plain, label, path, name, options)
        source = _images_of(table.column(column), path, name, options)
    if label is not None and label not in plain:
        raise DataError(f"the column {label!r} of {path} holds neither words nor numbers")
    if label is not None:
        source.labels = plain.pop(label)
        source.class_names = _class_names(table.schema, label)
    own = first_known(FILE_COLUMNS, list(plain))
    if source.ids is None and own and _are_distinct(plain[own]):
        source.ids = [str(value) for value in plain[own]]
    source.columns = plain
    source.has_columns = True
    return _without(source, source.refused)


def _images_of(column: Any, path: Path, name: str, options: ReadingOptions) -> Source:
    kind = column.type
    if pa.types.is_struct(kind) or _is_bytes(kind):
        return _encoded(column, path, name)
    values = column.combine_chunks()
    stack = _regular(values)
    if stack is not None:
        return Source(name, str(path), array=as_stack(stack, str(path), options))
    rows = [np.array(row) if row is not None else None for row in column.to_pylist()]
    for row, pixels in enumerate(rows):
        if pixels is not None and (pixels.ndim not in (2, 3) or pixels.dtype.kind not in "biuf"):
            raise DataError(
                f"row {row:,} of {path} holds a list of shape {pixels.shape}, but images in a "
                "column of lists need height and width, or all the same length"
            )
    return _rows(name, path, rows, None)


def _encoded(column: Any, path: Path, name: str) -> Source:
    """Read a column of encoded pictures, as Hugging Face stores them or plain."""
    ids: list[str] | None = None
    if pa.types.is_struct(column.type):
        cells = column.to_pylist()
        contents = [cell and cell.get("bytes") for cell in cells]
        paths = [str(cell.get("path") or "") if cell else "" for cell in cells]
        ids = paths if _are_distinct(paths) else None
    else:
        contents = column.to_pylist()
    return _rows(name, path, contents, ids)


def _rows(name: str, path: Path, rows: Sequence[Any], ids: list[str] | None) -> Source:
    """Make pictures of cells; empty ones are refused by their row."""
    source = Source(
        name,
        str(path),
        pictures=[Picture(f"row {row:,}", content) for row, content in enumerate(rows)],
        ids=ids,
    )
    source.refused = [
        Refused(f"row {row:,}", "has no image in it")
        for row, content in enumerate(rows)
        if content is None
    ]
    return source


def _without(source: Source, refused: list[Refused]) -> Source:
    """Take the rows out that have no image."""
    if not refused or source.pictures is None:
        return source
    gone = {item.path for item in refused}
    kept = [row for row, picture in enumerate(source.pictures) if picture.name not in gone]
    source.pictures = [source.pictures[row] for row in kept]
    for field in ("ids", "labels"):
        values = getattr(source, field)
        if values is not None:
            setattr(source, field, [values[row] for row in kept])
    source.columns = {n: [values[row] for row in kept] for n, values in source.columns.items()}
    return source


def _join(sources: list[Source], parts: list[str | None], name: str) -> Source:
    """Put the shards of a table together."""
    first = sources[0]
    if any((s.array is None) != (first.array is None) for s in sources):
        raise DataError(f"the files of {name} hold images in different forms; give one of them")
    notes: list[str] = []
    split = None
    if None not in parts and "train" in parts:
        each = [str(p) for p, s in zip(parts, sources, strict=True) for _ in range(len(s))]
        split, notes = as_two_parts(each, name)
    columns = {
        n: [v for s in sources for v in s.columns[n]]
        for n in first.columns
        if all(n in s.columns for s in sources)
    }
    joined = Source(
        name,
        str(Path(first.where).parent),
        split=split,
        notes=notes,
        class_names=first.class_names,
        columns=columns,
        has_columns=True,
    )
    if any(s.class_names != first.class_names for s in sources):
        raise DataError(f"the files of {name} have different classes; give one of them")
    if any(s.labels is not None for s in sources):
        joined.labels = [v for s in sources for v in (s.labels or [None] * len(s))]
    for source in sources:
        shard = Path(source.where).name
        joined.refused += [Refused(f"{shard}: {item.path}", item.reason) for item in source.refused]
    if first.array is not None:
        arrays = [s.array for s in sources if s.array is not None]
        if len({array.shape[1:] for array in arrays}) > 1:
            raise DataError(f"the files of {name} hold images of different sizes; give one of them")
        joined.array = np.concatenate(arrays)
    else:
        joined.pictures = [
            Picture(f"{Path(s.where).name}: {p.name}", p.content)
            for s in sources
            for p in s.pictures or ()
        ]
    return joined


def _class_names(schema: pa.Schema, label: str) -> list[str] | None:
    """Return the names that Hugging Face's metadata have for a column of numbers."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])
        names = info["info"]["features"][label]["names"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
    whole = pa.types.is_integer(schema.field(label).type)
    right = whole and isinstance(names, list) and all(isinstance(n, str) for n in names)
    return names if right and len(set(names)) == len(names) else None


def _regular(values: Any) -> AnyArray | None:
    """Return nested lists as an array, when all are of one shape and nothing is missing."""
    shape = [len(values)]
    while _is_list(values.type):
        if values.null_count:
            return None
        if pa.types.is_fixed_size_list(values.type):
            length = values.type.list_size
        else:
            lengths = np.diff(np.asarray(values.offsets))
            length = int(lengths[0]) if len(lengths) else 0
            if (lengths != length).any():
                return None
        shape.append(length)
        values = values.flatten()
    if values.null_count:
        return None
    return np.asarray(values).reshape(shape)


def _holds_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _is_bytes(field.type) for field in kind)
    if _is_bytes(kind):
        return True
    if not _is_list(kind):
        return False
    while _is_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
    )


def _plain(column: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values


def _are_distinct(values: Sequence[Any]) -> bool:
    known = {str(value) for value in values if value not in (None, "")}
    return len(known) == len(values)


def _words(text: str) -> list[str]:
    return re.split(r"[^a-z]+", text.lower())


def _few(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
