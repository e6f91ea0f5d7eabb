"""What the page shows of an atlas, as a data block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError, ModelFileError
from latentscape.explorer import thumbnails
from latentscape.explorer.about import about, divided
from latentscape.explorer.container import Container, DataBlock, LateBlock
from latentscape.explorer.lacking import Lacking
from latentscape.explorer.networks import UnknownNetworkError, export_model
from latentscape.explorer.numbered import numbered
from latentscape.explorer.numbers import finite, level_scale, quantized, rounded, to_levels
from latentscape.explorer.rules import frame, map_rules
from latentscape.explorer.trust import TRUST_COLUMNS, map_badge, map_card, map_quality
from latentscape.neighbors import measured_rows
from latentscape.neighbors.search import nearest_rows
from latentscape.types import AnyArray, UInt8Array

Thumbnails = Literal["small", "exact"]

#: Levels of each column of the codes. With 2**13 the images decoded from rounded codes differ
#: from the exact ones by at most 2e-3 at the digits' 32 dimensions; with 2**8, by 5e-2.
CODE_LEVELS = 2**13
_CODE_BITS = 640  # of a row: codes of more dimensions get fewer levels, down to 2**8

MAP_TITLES = {
    "direct": "Two neurons",
    "pca": "PCA",
    "lda": "LDA",
    "tsne": "t-SNE",
    "umap": "UMAP",
}

_IMAGES_PER_BLOCK = 2000
_LARGEST_SIDE = 64  # pixels of a small image
_MOST_CATEGORIES = 1000
_PRINCIPAL = 8
_MOST_DISTANCES = 100_000_000  # that are computed for it: fewer rows of many
_SAMPLED_ROWS = 2000  # from which distances between codes are known, where there is no graph


def data_block(
    atlas: Atlas, *, thumbnails: Thumbnails = "small", served: bool = False
) -> DataBlock:
    """Put everything that the page shows of an atlas into one data block.

    Parameters
    ----------
    atlas : Atlas
        Finished at least up to its table of points.
    thumbnails : {"small", "exact"}, default "small"
        16 grey levels, or the images as they are.
    served : bool, default False
        For a server: codes and images stay on the disk until they are asked for.

    Raises
    ------
    AtlasError
        If there are no points, or a part is damaged.
    """
    points = atlas.points
    n = len(points)
    if n == 0:
        raise AtlasError(f"{atlas.path} holds no images: map at least one")
    box = Container(packed=not served)
    lacking = Lacking(atlas)
    # What the first picture needs comes first.
    header: dict[str, Any] = {
        "n": n,
        "about": about(atlas),
        "maps": [_map(atlas, box, name) for name in atlas.map_names],
        "columns": list(_columns(atlas, box)),
        "texts": list(_texts(atlas, box)),
        "codes": _served_codes(atlas, box) if served else _codes(atlas, box),
        "models": list(_models(atlas, box, lacking)),
        "principal": _principal(atlas, box),
        "size_samples": _size_samples(atlas, box),
        "ids": box.add_json("ids", numbered(str(name) for name in points["id"])),
        "images": _served_images(atlas) if served else _images(atlas, box, thumbnails),
        **_training(atlas),
        "lacking": lacking.reasons,
    }
    return box.finish(header)


# Maps and columns


def _map(atlas: Atlas, box: Container, name: str) -> dict[str, Any]:
    points = atlas.points
    places = points[[f"{name}_x", f"{name}_y"]].to_numpy(dtype=np.float64)
    if not np.isfinite(places).all():
        raise AtlasError(
            f"{atlas.path} holds positions of the map {name!r} that are no numbers: make it again "
            "with `latentscape map`"
        )
    center, scale = frame(places)
    numbers, low, step = quantized((places - center) / scale, 2**16)
    rules = None
    if atlas.has(f"maps/{name}.safetensors"):
        fitted = atlas.load_map(name)
        if len(fitted.embedding_) == len(places):
            rules = map_rules(fitted, center, scale)
    return {
        "name": name,
        "title": MAP_TITLES.get(name, name),
        "model": "plane" if name == "direct" else "main",
        "positions": box.add(f"map-{name}", numbers.T),
        "low": low.tolist(),
        "step": step.tolist(),
        "center": center.tolist(),
        "scale": scale,
        "badge": map_badge(atlas, name),
        "quality": map_quality(atlas, name),
        "card": map_card(atlas, name),
        "rules": rules,
    }


def _columns(atlas: Atlas, box: Container) -> Iterator[dict[str, Any]]:
    points = atlas.points
    maps = atlas.map_names
    places = {f"{name}_{axis}" for name in maps for axis in "xy"}
    first = [name for name in ("label", "split", "reconstruction_mse") if name in points]
    others = [c for c in points.columns if c not in {"id", *first, *places}]
    for name in [*first, *others]:
        column = points[name]
        if name == "label":
            entry = _labels(atlas, box, column)
        elif pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
            entry = _categories(box, name, column)
        else:
            entry = _numbers(box, name, column, maps)
        if entry is not None:
            yield entry


def _texts(atlas: Atlas, box: Container) -> Iterator[dict[str, Any]]:
    """Give columns of text that are too varied for colours: file names, descriptions."""
    points = atlas.points
    for name in points.columns:
        column = points[name]
        if name in ("id", "label") or pd.api.types.is_numeric_dtype(column):
            continue
        if column.nunique(dropna=True) > _MOST_CATEGORIES:
            values = [
                "" if missing else str(text)
                for text, missing in zip(column, column.isna(), strict=True)
            ]
            yield {
                "name": name,
                "title": _words(name),
                "block": box.add_json(f"text-{name}", values),
            }


def _labels(atlas: Atlas, box: Container, column: pd.Series[Any]) -> dict[str, Any] | None:
    labels = column.to_numpy(dtype=np.int64)
    if not (labels >= 0).any():
        return None
    names = [str(name) for name in atlas.data.get("class_names") or ()]
    names += [str(number) for number in range(len(names), int(labels.max()) + 1)]
    return _category_entry(box, "label", "label", labels, names)


def _categories(box: Container, name: str, column: pd.Series[Any]) -> dict[str, Any] | None:
    codes, names = pd.factorize(column, sort=False)
    if not 1 < len(names) <= _MOST_CATEGORIES:
        return None  # all alike, or too many: no colours could tell
    return _category_entry(box, name, _words(name), codes, [str(text) for text in names])


def _category_entry(
    box: Container, name: str, title: str, codes: AnyArray, names: list[str]
) -> dict[str, Any]:
    kind = np.uint8 if len(names) < 255 else np.uint16
    none = int(np.iinfo(kind).max)
    values = np.where((codes < 0) | (codes >= len(names)), none, codes).astype(kind)
    block = box.add(f"column-{name}", values)
    return {
        "kind": "category",
        "name": name,
        "title": title,
        "block": block,
        "names": names,
        "none": none,
    }


def _numbers(
    box: Container, name: str, column: pd.Series[Any], maps: tuple[str, ...]
) -> dict[str, Any] | None:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(values)
    if not known.any():
        return None
    of_map, measure = next(
        ((m, name.removeprefix(f"{m}_")) for m in maps if name.startswith(f"{m}_")), (None, name)
    )
    most = 255 if of_map else 65535  # a colour needs no more; an error is read as a number too
    low, high = float(values[known].min()), float(values[known].max())
    levels = _even_steps(values[known], most) or most
    step = (high - low) / (levels - 1) if levels > 1 and high > low else 1.0
    numbers = np.where(known, np.rint((np.where(known, values, low) - low) / step), levels)
    title, note = TRUST_COLUMNS.get(measure, (_words(measure), ""))
    if of_map:
        title = f"{MAP_TITLES.get(of_map, of_map)}: {title}"
    return {
        "kind": "number",
        "name": name,
        "title": title,
        "block": box.add(f"column-{name}", numbers.astype(np.uint8 if levels < 256 else np.uint16)),
        "low": low,
        "high": high,
        "levels": levels,
        "map": of_map,
        "note": note,
    }


def _even_steps(values: AnyArray, most: int) -> int | None:
    """Return how many levels hold the values exactly: tenths stay tenths; None where none do."""
    steps = np.unique(values)
    if not 1 < len(steps) <= most:
        return None
    apart = np.diff(steps).min()
    if steps[-1] - steps[0] > (most - 1) * apart:
        return None
    whole = (steps - steps[0]) / apart
    even = np.allclose(whole, np.rint(whole), rtol=0, atol=1e-3)
    return int(np.rint(whole[-1])) + 1 if even else None


def _words(name: str) -> str:
    return "reconstruction error" if name == "reconstruction_mse" else name.replace("_", " ")


# Codes and models


def code_levels(d: int) -> int:
    """Return how many levels the columns of codes with d dimensions have in a page."""
    return min(CODE_LEVELS, 1 << max(8, _CODE_BITS // d))


def _codes(atlas: Atlas, box: Container) -> dict[str, Any] | None:
    if not atlas.has("codes"):
        return None
    codes = _compared(atlas)[:]
    numbers, lows, steps = quantized(codes, code_levels(codes.shape[1]))
    return {
        "d": int(codes.shape[1]),
        "block": box.add("codes", numbers.T),
        "lows": rounded(lows, 9),
        "steps": rounded(steps, 9),
        "percentiles": _code_distances(atlas, codes),
    }


def _served_codes(atlas: Atlas, box: Container) -> dict[str, Any] | None:
    """Describe codes that stay on the disk; a server rounds the rows that it is asked for."""
    if not atlas.has("codes"):
        return None
    codes = _compared(atlas)
    n, d = codes.shape
    lows, steps = level_scale(codes, CODE_LEVELS)

    def read(offset: int, length: int) -> bytes:
        first, last = offset // (2 * d), -(-(offset + length) // (2 * d))
        numbers = to_levels(codes[first:last], lows, steps, CODE_LEVELS)
        start = offset - 2 * d * first
        return numbers.astype("<u2").tobytes()[start : start + length]

    return {
        "d": d,
        "block": box.add_late("codes", LateBlock(2 * n * d, read), "u2"),
        "by_row": True,
        "lows": rounded(lows, 9),
        "steps": rounded(steps, 9),
        "percentiles": _code_distances(atlas, codes),
    }


def _compared(atlas: Atlas) -> AnyArray:
    """Return the codes as the page shall compare them, which knows Euclidean distance alone."""
    return measured_rows(atlas.codes, "cosine") if divided(atlas) else atlas.codes


def _code_distances(atlas: Atlas, codes: AnyArray) -> list[float] | None:
    """Percentiles of the distance of a code to its nearest other one."""
    if len(codes) < 2:
        return None
    if atlas.has("neighbors"):
        graph = atlas.graph
        if graph.metric == "euclidean":
            return rounded(np.percentile(graph.distances[:, 0], np.arange(101)))
        if divided(atlas):
            return rounded(np.percentile(np.sqrt(2 * graph.distances[:, 0]), np.arange(101)))
    count = min(_SAMPLED_ROWS, len(codes), max(100, _MOST_DISTANCES // len(codes)))
    rows = np.linspace(0, len(codes) - 1, count).astype(np.int64)
    _, squared = nearest_rows(np.array(codes[rows]), np.array(codes), 2)
    return rounded(np.percentile(np.sqrt(squared[:, 1]), np.arange(101)))


def _models(atlas: Atlas, box: Container, lacking: Lacking) -> Iterator[dict[str, Any]]:
    for name, stage in (("main", "codes"), ("plane", "plane")):
        file = atlas.stage_info(stage).get("model")
        if file is None or not (atlas.path / str(file)).is_file():
            continue
        try:
            model = export_model(atlas.path / str(file))
        except ModelFileError as error:
            raise AtlasError(str(error)) from error
        except UnknownNetworkError as error:
            lacking.add("model", f"The autoencoder cannot run in the page: {error}.")
            continue
        yield {
            "name": name,
            "d": model.latent_dim,
            "seed": int(atlas.stage_info(stage).get("seed", model.seed)),
            "height": model.height,
            "width": model.width,
            "channels": model.channels,
            "block": box.add(f"model-{name}", model.weights),
            "encoder": model.encoder,
            "decoder": model.decoder,
        }


def _principal(atlas: Atlas, box: Container) -> dict[str, Any] | None:
    if not atlas.has("codes") or len(atlas.codes) < 2:
        return None
    codes = _compared(atlas)
    mean = codes.mean(axis=0, dtype=np.float64)
    moments = np.zeros((codes.shape[1], codes.shape[1]))
    for start in range(0, len(codes), 65536):
        part = codes[start : start + 65536] - mean
        moments += part.T @ part
    variances, vectors = np.linalg.eigh(moments / (len(codes) - 1))
    count = min(_PRINCIPAL, codes.shape[1])
    axes = vectors[:, ::-1][:, :count].T
    axes *= np.where(axes[np.arange(count), np.abs(axes).argmax(axis=1)] < 0, -1, 1)[:, None]
    variances = np.maximum(variances[::-1], 0)
    return {
        "block": box.add("principal", np.vstack([mean, axes]).astype(np.float32)),
        "count": count,
        "deviations": rounded(np.sqrt(variances[:count])),
        "shares": rounded(variances[:count] / (variances.sum() or 1.0)),
    }


# Images


def _images(atlas: Atlas, box: Container, kind: Thumbnails) -> dict[str, Any] | None:
    if not atlas.has("images"):
        return None
    images = atlas.images
    small = kind == "small"
    parts = range(0, len(images), _IMAGES_PER_BLOCK)
    example = _reduced(np.array(images[:1]), small)
    grey = example.ndim == 3
    entry: dict[str, Any] = {
        "height": example.shape[1],
        "width": example.shape[2],
        "channels": 1 if grey else example.shape[3],
        "ink": _is_ink(images),
        "levels": 16 if small else 256,
        "coding": "contexts" if small and grey else "bytes",
        "per_block": _IMAGES_PER_BLOCK,
        "blocks": [],
    }
    if entry["coding"] == "contexts":
        levels = np.concatenate(
            [_levels(_reduced(np.array(images[i : i + _IMAGES_PER_BLOCK]), True)) for i in parts]
        )
        table = thumbnails.frequency_table(levels)
        entry |= {"lane": thumbnails.LANE, "table": box.add("images-table", table.ravel())}
        for i in parts:
            words = thumbnails.encode(levels[i : i + _IMAGES_PER_BLOCK], table)
            # No order is left in the words.
            entry["blocks"].append(box.add(f"images-{i}", words, pack=False))
    else:
        for i in parts:
            part = _reduced(np.array(images[i : i + _IMAGES_PER_BLOCK]), small)
            if small:
                part = _levels(part) * np.uint8(17)
            entry["blocks"].append(box.add(f"images-{i}", part))
    return entry


def _is_ink(images: AnyArray) -> bool:
    """Tell whether images are grey on a dark ground: they are shown as ink on the page."""
    # In a few places only: each is a way of its own on a disk.
    starts = np.unique(np.linspace(0, max(0, len(images) - 10), 20).astype(np.int64))
    some = np.concatenate([images[start : start + 10] for start in starts])
    grey = images.ndim == 3 or images.shape[3] == 1
    return bool(grey and some.mean() < 127.5)


def _levels(images: UInt8Array) -> UInt8Array:
    return np.rint(images / 17).astype(np.uint8)


def _reduced(images: UInt8Array, small: bool) -> UInt8Array:
    """Average blocks of pixels until no side is longer than 64; one channel is none."""
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    factor = -(-max(images.shape[1:3]) // _LARGEST_SIDE) if small else 1
    if factor == 1:
        return images
    n, height, width = images.shape[:3]
    rows, columns = max(1, height // factor), max(1, width // factor)
    cut = images[:, : rows * factor, : columns * factor]
    tall, wide = min(factor, height), min(factor, width)
    blocks = cut.reshape(n, rows, tall, columns, wide, *images.shape[3:])
    shrunk: UInt8Array = np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)
    return shrunk


def _served_images(atlas: Atlas) -> dict[str, Any] | None:
    if not atlas.has("images"):
        return None
    example = page_images(atlas.images[:1])
    return {
        "height": example.shape[1],
        "width": example.shape[2],
        "channels": 1 if example.ndim == 3 else example.shape[3],
        "ink": _is_ink(atlas.images),
        "levels": 256,
        "coding": "rows",
    }


def page_images(images: AnyArray) -> UInt8Array:
    """Return images (n, H, W[, C]) as the page takes them: grey, or red-green-blue."""
    return _reduced(np.array(images), small=False)


# Training


def _training(atlas: Atlas) -> dict[str, Any]:
    found: dict[str, Any] = {"sweep": [], "history": [], "choice": None}
    if atlas.has("sweep"):
        found["sweep"] = _records(
            atlas.sweep,
            ("model", "latent_dim", "seed", "train_mse", "validation_mse", "test_mse", "seconds"),
        )
    if atlas.has("history"):
        found["history"] = _records(
            atlas.history, ("latent_dim", "seed", "epoch", "train_loss", "validation_mse")
        )
    if atlas.has("choice"):
        choice: Mapping[str, Any] = atlas.choice
        found["choice"] = {
            "latent_dim": int(choice["latent_dim"]),
            "rule": str(choice.get("rule", "")),
            "sentence": str(choice.get("sentence", "")),
            "band": [int(size) for size in choice.get("band") or ()],
            "rules": dict(choice.get("rules") or {}),
            "tolerance": finite(choice.get("tolerance")),
            "thin": bool(choice.get("thin", False)),
            "model_limited_above": finite(choice.get("model_limited_above")),
        }
    return found


def _records(table: pd.DataFrame, names: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = []
    for row in table.to_dict("records"):
        record: dict[str, Any] = {}
        for name in names:
            value = row.get(name)
            if isinstance(value, str):
                record[name] = value
            elif name in ("latent_dim", "seed", "epoch") and value is not None:
                record[name] = int(value)
            else:
                number = finite(value)
                record[name] = None if number is None else float(f"{number:.6g}")
        rows.append(record)
    return rows


def _size_samples(atlas: Atlas, box: Container) -> dict[str, Any] | None:
    if not atlas.has("size_samples"):
        return None
    samples = atlas.size_samples
    sizes = sorted(samples.reconstructions)
    stack = np.stack([samples.originals, *(samples.reconstructions[size] for size in sizes)])
    return {
        "block": box.add("size-samples", stack),
        "count": len(samples.originals),
        "height": samples.originals.shape[1],
        "width": samples.originals.shape[2],
        "channels": 1 if samples.originals.ndim == 3 else samples.originals.shape[3],
        "sizes": sizes,
        "seed": samples.seed,
    }
