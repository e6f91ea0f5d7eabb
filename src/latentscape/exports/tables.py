"""An atlas as one table or one archive of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError
from latentscape.types import AnyArray

_BLOCK = 50_000  # rows turned into a table together


def require_codes(atlas: Atlas) -> None:
    """Refuse an atlas that has nothing to export yet.

    Raises
    ------
    AtlasError
        It has no points or no codes.
    """
    for part in ("points", "codes"):
        if not atlas.has(part):
            raise AtlasError(
                f"{atlas.path} has no {part} yet; let `latentscape run` finish with this directory"
            )


def class_names(atlas: Atlas) -> list[str]:
    """Return the name of each class; empty without labels."""
    return [str(name) for name in atlas.data.get("class_names", [])]


def label_words(atlas: Atlas) -> AnyArray:
    """Return each row's class name, an str array of shape (n,); "" where it has none."""
    names = np.array([*class_names(atlas), ""], dtype=np.str_)
    labels = atlas.points["label"].to_numpy()
    return names[np.where((labels >= 0) & (labels < len(names) - 1), labels, len(names) - 1)]


def map_places(atlas: Atlas, name: str) -> AnyArray:
    """Return the positions of all rows on a map, float32 (n, 2)."""
    return atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy(np.float32)


def points_block(atlas: Atlas, rows: slice) -> pd.DataFrame:
    """Return some rows of the table: points, class names, codes.

    Columns are those of :attr:`latentscape.Atlas.points`, ``class_name`` after
    ``label``, and the codes as ``z0``, ``z1``, ... (float32).
    """
    table = atlas.points.iloc[rows].reset_index(drop=True)
    place = list(table.columns).index("label") + 1
    table.insert(place, "class_name", label_words(atlas)[rows].astype(object))
    codes = np.asarray(atlas.codes[rows])
    columns = [f"z{i}" for i in range(codes.shape[1])]
    return pd.concat([table, pd.DataFrame(codes, columns=columns)], axis=1)


def write_parquet(atlas: Atlas, path: Path) -> None:
    """Write the table as Parquet, some rows at a time."""
    schema = pa.Schema.from_pandas(points_block(atlas, slice(0, 1)), preserve_index=False)
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in _blocks(len(atlas.points)):
            block = points_block(atlas, rows)
            writer.write_table(pa.Table.from_pandas(block, schema, preserve_index=False))


def write_csv(atlas: Atlas, path: Path) -> None:
    """Write the table as CSV; numbers keep every bit."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for rows in _blocks(len(atlas.points)):
            points_block(atlas, rows).to_csv(file, index=False, header=rows.start == 0)


def write_npz(atlas: Atlas, path: Path) -> None:
    """Write ids, split, labels, codes, maps and, if there are any, images as arrays."""
    points = atlas.points
    arrays: dict[str, Any] = {
        "ids": points["id"].to_numpy(dtype=np.str_),
        "split": points["split"].to_numpy(dtype=np.str_),
        "codes": atlas.codes,
    }
    if class_names(atlas):
        arrays["labels"] = points["label"].to_numpy(np.int64)
        arrays["class_names"] = np.array(class_names(atlas), dtype=np.str_)
    if "reconstruction_mse" in points:
        arrays["reconstruction_mse"] = points["reconstruction_mse"].to_numpy()
    for part in ("images", "reconstructions"):
        if atlas.has(part):
            arrays[part] = getattr(atlas, part)
    arrays |= {name: map_places(atlas, name) for name in atlas.map_names}
    np.savez_compressed(path, allow_pickle=False, **arrays)


def _blocks(n: int) -> list[slice]:
    return [slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK)]
