"""Reading an atlas, without torch and without the original data."""

from __future__ import annotations

import html
import importlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load

from latentscape.atlas.schema import (
    ARTEFACTS,
    MANIFEST,
    PARTS,
    Manifest,
    StageEntry,
    inside,
    read_manifest,
)
from latentscape.errors import AtlasError, StorageError
from latentscape.files import storage_error
from latentscape.images.npy_rows import NpyRows
from latentscape.types import AnyArray, FloatArray, IntArray, UInt8Array

if TYPE_CHECKING:
    from latentscape.maps import Map2D
    from latentscape.neighbors import NeighborGraph

T = TypeVar("T")

# What the libraries raise for files that are damaged, or were made to do harm.
_UNREADABLE = (
    ValueError,
    KeyError,
    EOFError,
    SyntaxError,  # of the header of a .npy file, as are the next
    TokenError,
    TypeError,
    RecursionError,
    MemoryError,
    SafetensorError,
)
_MODEL = re.compile(r"^d(\d+)-s(\d+)-[^.]+$")
_MAP_ORDER = ("direct", "pca", "lda", "tsne", "umap")


@dataclass(frozen=True, eq=False)
class DecodedPlane:
    """The plane of the two-neuron model, decoded on a grid.

    Attributes
    ----------
    images : uint8 array (rows, cols, H, W) or (rows, cols, H, W, C)
        Row 0 has the largest `y`, so the array looks like the picture.
    x : float32 array (cols,)
        First neuron's value in each column, rising.
    y : float32 array (rows,)
        Second neuron's value in each row, falling.
    """

    images: UInt8Array
    x: FloatArray
    y: FloatArray


@dataclass(frozen=True, eq=False)
class SizeSamples:
    """A few test images, and what models of each latent size make of them.

    Attributes
    ----------
    originals : uint8 array (m, H, W) or (m, H, W, C)
    reconstructions : dict of int to uint8 array
        By latent size; shaped like `originals`.
    seed : int
        Seed of the trainings of these models.
    """

    originals: UInt8Array
    reconstructions: dict[int, UInt8Array]
    seed: int


class Atlas:
    """Everything a run has found, read from its directory when it is asked for.

    Parameters
    ----------
    path : str or Path
        A directory made by ``latentscape run``.

    Raises
    ------
    AtlasError
        If the directory is no atlas, or was made by a newer latentscape.
        Properties raise it when their stage is not finished or a file is
        missing or damaged.

    Examples
    --------
    >>> atlas = Atlas.open("demo/atlas")  # doctest: +SKIP
    >>> atlas.points[["label", "tsne_x", "tsne_y"]].head()  # doctest: +SKIP
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._manifest = read_manifest(self.path)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open the atlas at `path` for reading; the same as ``Atlas(path)``."""
        return cls(path)

    # What it is about

    @property
    def manifest(self) -> Manifest:
        """The content of ``atlas.json``."""
        return self._manifest

    @property
    def data(self) -> Mapping[str, Any]:
        """What was analysed: name, n_train, n_test, image_shape, class_names, content_hash."""
        return self._manifest["data"]

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the run."""
        return self._manifest["settings"]

    @property
    def stages(self) -> Mapping[str, StageEntry]:
        """The finished stages: fingerprint, finished, seconds, files, info."""
        return self._manifest["stages"]

    def stage_info(self, name: str) -> Mapping[str, Any]:
        """Return what the stage `name` has recorded; empty if it is not finished."""
        entry = self.stages.get(name)
        return entry["info"] if entry else {}

    def has(self, name: str) -> bool:
        """Tell whether a part is there.

        Parameters
        ----------
        name : str
            ``"sweep"``, ``"history"``, ``"points"``, ``"codes"``, ``"codes2"``,
            ``"images"``, ``"reconstructions"``, ``"plane"``, ``"quality"``,
            ``"size_samples"``, ``"choice"``, or the relative name of a file.
        """
        if name == "choice":
            return "latent_dim" in self.stage_info("choice")
        file = ARTEFACTS.get(name, name)
        return self._recorded(file) is not None and (self.path / file).is_file()

    @property
    def lacking(self) -> Mapping[str, str]:
        """What these data cannot have, and why: name of the part to the reason.

        Parts are those of :meth:`has`, the names of maps, ``"labels"``,
        ``"label measures"``, ``"model"``, ``"quality of <map>"`` and ``"explorer"``. What a run
        has not come to yet is not among them.
        """
        found: dict[str, str] = {}
        for stage, entry in self.stages.items():
            own = entry["info"].get("lacking")
            if isinstance(own, dict):
                found |= {str(part): str(reason) for part, reason in own.items()}
            reason = entry["info"].get("skipped")
            if reason is not None:
                named = stage.removeprefix("maps-").replace("quality-", "quality of ")
                found |= dict.fromkeys(PARTS.get(stage, (named,)), str(reason))
        return found

    # Tables

    @cached_property
    def sweep(self) -> pd.DataFrame:
        """One row for each training and each PCA size.

        Columns: model ("autoencoder" or "pca"), latent_dim, seed (-1 for PCA),
        train_mse, validation_mse, test_mse, seconds, n_epochs, key.
        """
        return self._read("sweep", pd.read_parquet)

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row for each epoch of each training.

        Columns: latent_dim, seed, epoch (from 1), train_loss, validation_mse,
        learning_rate, seconds.
        """
        return self._read("history", pd.read_parquet)

    @cached_property
    def points(self) -> pd.DataFrame:
        """One row for each mapped image.

        Columns: id, split, label (-1 = none), reconstruction_mse (where images
        were rebuilt), ``<map>_x``, ``<map>_y`` (float32) for each map, and the
        columns that came with the data.
        """
        return self._read("points", pd.read_parquet)

    @property
    def n_points(self) -> int:
        """How many images, or rows of codes, are mapped; `points` is not read for it."""
        return self._points_head[0]

    @cached_property
    def _points_head(self) -> tuple[int, tuple[str, ...]]:
        """Return the number of rows and the columns of `points`."""
        return self._read("points", _table_head)

    @cached_property
    def quality(self) -> dict[str, Any]:
        """How far the maps can be trusted."""
        return self._read("quality", _read_json)

    @property
    def choice(self) -> dict[str, Any]:
        """The chosen latent size: latent_dim, rule, band, rules, thin, sentence."""
        if not self.has("choice"):
            raise self._without("choice") or self._not_finished("the choice of a latent size")
        return self.stages["choice"]["info"]

    # Arrays: mapped from the disk, so that opening costs nothing

    @cached_property
    def codes(self) -> FloatArray:
        """Latent codes of the mapped images, float32 (n, d), read-only."""
        return cast(FloatArray, self._read("codes", _map_array))

    @cached_property
    def sample(self) -> IntArray | None:
        """Rows on which the maps are fitted and judged, int64, rising; None where all are.

        The other rows were placed on the finished maps.
        """
        if not self.has("sample"):
            return None
        return cast(IntArray, np.array(self._read("sample", _map_array)))

    @property
    def mapped_codes(self) -> FloatArray:
        """The codes on which the maps are fitted, float32 (m, d): all, or those of `sample`."""
        return cast(FloatArray, self._rows("codes", self.codes))

    @property
    def mapped_images(self) -> UInt8Array:
        """The images on which the maps are judged, uint8 (m, ...): all, or those of `sample`."""
        return cast(UInt8Array, self._rows("images", self.images))

    @property
    def mapped_codes2(self) -> FloatArray:
        """The codes of the two-neuron model on which its map is fitted, float32 (m, 2)."""
        return cast(FloatArray, self._rows("codes2", self.codes2))

    @cached_property
    def codes2(self) -> FloatArray:
        """Codes of the two-neuron model, float32 (n, 2), read-only."""
        return cast(FloatArray, self._read("codes2", _map_array))

    @cached_property
    def images(self) -> UInt8Array:
        """The mapped images, uint8 (n, H, W) or (n, H, W, C), read-only."""
        return cast(UInt8Array, self._read("images", _map_array))

    @cached_property
    def reconstructions(self) -> UInt8Array:
        """The images decoded from `codes`, uint8, shaped like `images`, read-only."""
        return cast(UInt8Array, self._read("reconstructions", _map_array))

    @cached_property
    def graph(self) -> NeighborGraph:
        """The nearest neighbours of each code, on which maps and measures stand."""
        from latentscape.neighbors import NeighborGraph

        codes = self.mapped_codes
        return self._read(
            "neighbors", lambda path: NeighborGraph.from_bytes(path.read_bytes(), codes)
        )

    @property
    def metric(self) -> Literal["euclidean", "cosine"]:
        """By which codes are neighbours, for t-SNE, UMAP and all measures."""
        found = self.stage_info("neighbors").get("metric")
        return "cosine" if found == "cosine" else "euclidean"

    @cached_property
    def plane(self) -> DecodedPlane:
        """The plane of the two-neuron model, decoded on a grid."""
        tensors = self._read("plane", _read_tensors)
        missing = {"images", "x", "y"} - tensors.keys()
        if missing:
            raise self._damaged(ARTEFACTS["plane"], f"it has no {', '.join(sorted(missing))}")
        return DecodedPlane(tensors["images"], tensors["x"], tensors["y"])

    @cached_property
    def size_samples(self) -> SizeSamples:
        """A few test images, rebuilt by a model of each latent size of the sweep."""
        tensors = self._read("size_samples", _read_tensors)
        if "originals" not in tensors:
            raise self._damaged(ARTEFACTS["size_samples"], "it has no originals")
        seed = int(self.stage_info("size-samples").get("seed", 0))
        rebuilt = {int(name[1:]): tensors[name] for name in tensors if re.fullmatch(r"d\d+", name)}
        return SizeSamples(tensors["originals"], dict(sorted(rebuilt.items())), seed)

    def _rows(self, name: str, whole: AnyArray) -> AnyArray:
        """Return a copy of the rows of the sample, or of all."""
        if self.sample is None:
            return np.array(whole)
        # Of an array in memory-mapped pages, each row would bring its neighbours into memory too.
        return self.on_disk(name).read(self.sample)

    def on_disk(self, name: str) -> NpyRows:
        """Return an array whose rows are read when they are asked for, into the caller's buffer.

        Parameters
        ----------
        name : str
            ``"codes"``, ``"codes2"``, ``"images"``, ``"reconstructions"``.
        """
        return self._read(name, NpyRows.open)

    # Maps, models, figures

    @property
    def map_names(self) -> tuple[str, ...]:
        """Names of the maps that `points` has coordinates of."""
        if not self.has("points"):
            return ()
        columns = self._points_head[1]
        found = [c[:-2] for c in columns if c.endswith("_x") and c[:-2] + "_y" in columns]
        known = [name for name in _MAP_ORDER if name in found]
        return (*known, *(name for name in found if name not in known))

    def load_map(self, name: str) -> Map2D:
        """Load a fitted map, to place new codes on it or to go back from it.

        Parameters
        ----------
        name : str
            For example ``"tsne"``.

        Returns
        -------
        Map2D
            With ``transform`` and ``inverse_transform``.
        """
        file = f"maps/{name}.safetensors"
        if self._recorded(file) is None:
            if without := self._without(name):
                raise without
            there = sorted(
                Path(f).stem
                for e in self.stages.values()
                for f in e["files"]
                if f.startswith("maps/")
            )
            raise AtlasError(
                f"{self.path} has no fitted map {name!r} (it has: {', '.join(there) or 'none'}): "
                "make it with `latentscape map`"
            )
        from latentscape.maps import load_map  # not needed for looking at an atlas

        return self._read(file, load_map)

    @property
    def model_paths(self) -> dict[tuple[int, int], Path]:
        """The stored model for each (latent_dim, seed) of the run."""
        found: dict[tuple[int, int], list[Path]] = {}
        for path in sorted(self.path.glob("model/*.safetensors")):
            match = _MODEL.match(path.stem)
            if match:
                found.setdefault((int(match[1]), int(match[2])), []).append(path)
        keys = set(self.sweep["key"].astype(str)) - {""} if self.has("sweep") else set()
        # The two-neuron model and the mapped one need not be part of the sweep.
        keys |= {Path(self.stage_info(s).get("model", "")).stem for s in ("codes", "plane")} - {""}
        chosen = {}
        for size_and_seed, paths in found.items():
            # Trainings with earlier settings may lie beside those of this sweep.
            of_sweep = [path for path in paths if any(_has_key(path.stem, key) for key in keys)]
            if of_sweep or not keys:
                chosen[size_and_seed] = (of_sweep or paths)[-1]
        return dict(sorted(chosen.items()))

    def model_path(self, latent_dim: int, seed: int = 0) -> Path:
        """Return the file of one trained model."""
        paths = self.model_paths
        if (latent_dim, seed) not in paths:
            if without := self._without("model"):
                raise without
            there = ", ".join(f"{d} (seed {s})" for d, s in paths) or "none"
            raise AtlasError(
                f"{self.path} has no model with latent size {latent_dim} and seed {seed} "
                f"(it has: {there}): train it with `latentscape sweep`"
            )
        return paths[latent_dim, seed]

    @property
    def figure_paths(self) -> dict[str, Path]:
        """The finished figures by file name, such as ``"loss_curve.png"``."""
        files = sorted(
            f for e in self.stages.values() for f in e["files"] if f.startswith("figures/")
        )
        return {Path(file).name: self.path / file for file in files}

    def explore(self, **options: Any) -> Any:
        """Show the explorer: a widget in a notebook, otherwise the page in the browser.

        Parameters
        ----------
        **options
            ``thumbnails="exact"`` keeps all grey levels; ``height`` is the widget's, in pixels.

        Returns
        -------
        latentscape.explorer.Explorer or None
            The widget, whose ``selection`` can be read and set; None outside of notebooks.
        """
        # Of the layer above, so by name, and only when it is asked for.
        show = importlib.import_module("latentscape.explorer.show").show
        return show(self, **options)

    # Reading

    def _recorded(self, file: str) -> int | None:
        """Return the size in bytes that a finished stage has recorded, or None."""
        for entry in self.stages.values():
            if file in entry["files"]:
                return entry["files"][file]["bytes"]
        return None

    def _read(self, name: str, parse: Callable[[Path], T]) -> T:
        file = ARTEFACTS.get(name, name)
        try:
            return self._read_once(name, file, parse)
        except (AtlasError, StorageError):
            # A writer may have redone the stage since the manifest was read.
            fresh = read_manifest(self.path)
            if fresh == self._manifest:
                raise
            self._manifest = fresh
            return self._read_once(name, file, parse)

    def _read_once(self, name: str, file: str, parse: Callable[[Path], T]) -> T:
        size = self._recorded(file)
        if size is None:
            whole_name = f"{name} ({file})" if name != file else file
            raise self._without(name) or self._not_finished(whole_name)
        path = inside(self.path, file)
        try:
            found = path.stat().st_size
            if found != size:
                raise self._damaged(file, f"{found:,} bytes instead of {size:,}")
            return parse(path)
        except (FileNotFoundError, NotADirectoryError):
            raise self._damaged(file, "it is missing") from None
        except (AtlasError, StorageError):
            raise
        except OSError as error:
            if error.errno is None:  # pyarrow reports damaged content in this way
                raise self._damaged(file, str(error)) from error
            raise storage_error(error, path, doing="reading") from error
        except _UNREADABLE as error:
            raise self._damaged(file, str(error)) from error

    def _damaged(self, file: str, what: str) -> AtlasError:
        return AtlasError(
            f"{self.path / file} is damaged ({what}): run `latentscape run` again with the same "
            "directory; it makes only the damaged part anew"
        )

    def _without(self, part: str) -> AtlasError | None:
        """Return the error for a part that these data cannot have."""
        reason = self.lacking.get(part)
        if reason is None:
            return None
        return AtlasError(f"{self.path} has no {part}: {reason}; see `lacking` for all of these")

    def _not_finished(self, what: str) -> AtlasError:
        return AtlasError(
            f"{self.path} has no {what.removeprefix('the ')} yet: let `latentscape run` finish "
            "with this directory"
        )

    # Showing

    def _facts(self) -> dict[str, str]:
        facts = {"data": str(self.data.get("name", "unknown"))}
        counts = [
            f"{self.data[f'n_{part}']:,} {part}"
            for part in ("train", "test")
            if isinstance(self.data.get(f"n_{part}"), int)
        ]
        if counts:
            facts["data"] += f" ({' + '.join(counts)} {self.data.get('kind', 'images')})"
        codes = self.stage_info("codes")
        if "latent_dim" in codes:
            facts["codes"] = f"{codes['latent_dim']} numbers"
            if "encoder" in codes:
                facts["codes"] += f" (from {codes['encoder']})"
            elif "model" in codes:
                facts["codes"] = f"{codes['latent_dim']} neurons, seed {codes.get('seed', 0)}"
        if "latent_dim" in self.stage_info("choice"):
            facts["chosen latent size"] = str(self.choice["latent_dim"])
        maps = [
            name.removeprefix("maps-")
            for name, entry in self.stages.items()
            if name.startswith("maps-") and "skipped" not in entry["info"]
        ]
        facts["maps"] = ", ".join(maps) or "none yet"
        facts["models"] = str(len(list(self.path.glob("model/*.safetensors"))))
        if self.lacking:
            facts["lacking"] = ", ".join(self.lacking)
        return facts

    def __repr__(self) -> str:
        facts = "; ".join(f"{key}: {value}" for key, value in self._facts().items())
        return f"Atlas({str(self.path)!r}; {facts})"

    def _repr_html_(self) -> str:
        facts = {"atlas": str(self.path / MANIFEST).removesuffix(MANIFEST)} | self._facts()
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(key)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for key, value in facts.items()
        )
        return f"<table>{rows}</table>"


def _has_key(stem: str, key: str) -> bool:
    return stem == key or stem.endswith("-" + key.rsplit("-", 1)[-1][:12])


def _table_head(path: Path) -> tuple[int, tuple[str, ...]]:
    head = pq.read_metadata(path)
    return head.num_rows, tuple(head.schema.to_arrow_schema().names)


def _read_json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    return content


def _read_tensors(path: Path) -> dict[str, AnyArray]:
    # Not load_file, to which a file without permission is one that does not exist.
    return load(path.read_bytes())


def _map_array(path: Path) -> AnyArray:
    return cast(AnyArray, np.load(path, mmap_mode="r", allow_pickle=False))
