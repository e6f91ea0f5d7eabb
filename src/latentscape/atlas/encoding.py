"""Values as bytes, the same bytes each time."""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save

from latentscape.types import AnyArray


def encode_json(value: Any) -> bytes:
    """Write JSON for people: indented, UTF-8, keys in the order given.

    Numpy scalars and arrays, paths and tuples become plain JSON; a number that
    JSON cannot hold (NaN, infinity) becomes null.
    """
    text = json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, PathLike):
        return Path(fspath(value)).as_posix()
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    return value


def encode_table(table: pd.DataFrame) -> bytes:
    """Write a table as Parquet (zstd), without its index."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
    return buffer.getvalue()


def encode_tensors(
    tensors: Mapping[str, AnyArray], metadata: Mapping[str, str] | None = None
) -> bytes:
    """Write named arrays as safetensors; the order of the mappings does not matter."""
    arrays = {key: np.ascontiguousarray(tensors[key]) for key in sorted(tensors)}
    content = save(arrays, dict(metadata) if metadata else None)
    return _sorted_header(content)


def _sorted_header(content: bytes) -> bytes:
    """Sort the metadata of a safetensors file, which the library writes in random order."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    if "__metadata__" not in header:
        return content
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content[8 + length :]
