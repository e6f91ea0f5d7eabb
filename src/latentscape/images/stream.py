"""Images that stay on the disk: read batch by batch into one buffer that is used again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from latentscape.errors import DataError
from latentscape.files import storage_error
from latentscape.images.code_labels import index_labels
from latentscape.images.imageset import ImageSet
from latentscape.images.npy_rows import UNREADABLE, NotInBatchesError, NpyRows
from latentscape.types import AnyArray, IntArray, UInt8Array

_BATCH = 4096  # images: some MB, and larger ones are no faster
_CHANNELS = (1, 3, 4)


@dataclass(frozen=True, eq=False)
class ImageStream:
    """Images in .npy files that are never loaded as a whole.

    Made by :meth:`open`. One file holds uint8 of shape (n, H, W) or (n, H, W, C); a folder holds
    several such files, whose images follow each other in the order of the files' names. Labels
    are those that are given, or ``<name>-labels.npy`` or ``labels.npy`` beside the file, or
    ``labels.npy`` in the folder: words, or whole numbers with -1 for none.

    Attributes
    ----------
    shards : tuple of NpyRows
    image_shape : tuple of int
        (H, W) or (H, W, C).
    name : str
    labels : int64 array, shape (n,), or None
        Positions in `class_names`; -1 where an image has none.
    class_names : tuple of str
    """

    shards: tuple[NpyRows, ...]
    image_shape: tuple[int, ...]
    name: str
    labels: IntArray | None = None
    class_names: tuple[str, ...] = ()

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None
    ) -> ImageStream:
        """Look at the headers of a .npy file, or of a folder of them; read no image.

        Raises
        ------
        NotInBatchesError
            If they hold no images of one size, or are cut short.
        DataError
            If the labels do not fit.
        StorageError
            If they cannot be read.
        """
        path = Path(path)
        folder = path.is_dir()
        files = sorted(f for f in path.glob("*.npy") if f.name != "labels.npy") if folder else []
        shards, shapes = [], []
        for file in files if folder else [path]:
            shard, shape = _look_at(file)
            shards.append(shard)
            shapes.append(shape)
        if not shards:
            raise NotInBatchesError(f"{path} holds no .npy file; give one, or a folder of them")
        strange = [k for k, shape in enumerate(shapes) if shape != shapes[0]]
        if strange:
            raise NotInBatchesError(
                f"{shards[strange[0]].path} holds images of {_sides(shapes[strange[0]])} and "
                f"{shards[0].path} of {_sides(shapes[0])}; all must have one size"
            )
        beside = [path / "labels.npy"]
        if not folder:
            beside = [path.with_name(name) for name in (f"{path.stem}-labels.npy", "labels.npy")]
        there = next((f for f in beside if f.is_file()), None) if labels is None else Path(labels)
        n = sum(len(shard) for shard in shards)
        owner, names = (None, ()) if there is None else _read_labels(there, n)
        name = path.resolve().name.removesuffix(".npy")
        return cls(tuple(shards), shapes[0], name, owner, names)

    def __len__(self) -> int:
        return sum(len(shard) for shard in self.shards)

    @property
    def image_bytes(self) -> int:
        """Bytes of one image."""
        return int(np.prod(self.image_shape))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256, in hex, of shape, labels, class names and all pixels; reads every file."""
        digest = hashlib.sha256(b"latentscape.ImageStream/1\n")
        digest.update(repr((len(self), self.image_shape, self.class_names)).encode())
        if self.labels is not None:
            digest.update(self.labels.astype("<i8", copy=False).tobytes())
        for _, batch in self.batches():
            digest.update(batch.data)
        return digest.hexdigest()

    def batches(self, size: int = _BATCH) -> Iterator[tuple[slice, UInt8Array]]:
        """Yield row numbers and images, in order.

        The images are a view of one buffer, which the next batch overwrites.

        Raises
        ------
        DataError
            If a file has become shorter.
        StorageError
            If a file cannot be read.
        """
        buffer = np.empty((size, *self.image_shape), np.uint8)
        first = 0
        for shard in self.shards:
            for rows, part in shard.batches(buffer):
                yield slice(first + rows.start, first + rows.stop), part
            first += len(shard)

    def read(self, rows: IntArray) -> UInt8Array:
        """Return the images in the given rows, which rise.

        Raises
        ------
        DataError, StorageError
            As :meth:`batches`.
        """
        found = np.empty((len(rows), *self.image_shape), np.uint8)
        first = 0
        for shard in self.shards:
            low, high = np.searchsorted(rows, [first, first + len(shard)])
            if low < high:
                part = shard.read(rows[low:high] - first)
                found[low:high] = part.reshape(-1, *self.image_shape)
            first += len(shard)
        return found

    def sample_rows(self, n: int, seed: int = 0) -> IntArray:
        """Return `n` rows drawn without repetition, rising; all where there are no more."""
        return draw_rows(len(self), n, seed)

    def sample(self, rows: IntArray) -> ImageSet:
        """Return the images in the given rows as a set to train on, one in seven for testing."""
        return ImageSet.from_arrays(
            self.read(rows),
            None if self.labels is None else self.labels[rows],
            class_names=None if self.labels is None else self.class_names,
            ids=self.ids(rows),
            name=self.name,
        )

    def ids(self, rows: IntArray) -> AnyArray:
        """Return a name for each row: ``image-`` and its number."""
        width = max(5, len(str(max(0, len(self) - 1))))
        return np.char.add("image-", np.char.zfill(rows.astype(np.str_), width))


def draw_rows(n_rows: int, n: int, seed: int = 0) -> IntArray:
    """Return `n` of `n_rows` row numbers, drawn without repetition and rising."""
    if n >= n_rows:
        return np.arange(n_rows, dtype=np.int64)
    drawn = np.random.default_rng(seed).choice(n_rows, n, replace=False, shuffle=False)
    return np.sort(drawn).astype(np.int64)


def _look_at(path: Path) -> tuple[NpyRows, tuple[int, ...]]:
    """Return where the pixels of a .npy file lie, and the shape of one image."""
    shard = NpyRows.open(path, "images")
    if shard.dtype != np.uint8:
        raise NotInBatchesError(
            f"{path} holds {shard.dtype}; images that are read in batches must be uint8 in C order"
        )
    shape = shard.shape
    if (
        len(shape) not in (3, 4)
        or min(shape) < 1
        or (len(shape) == 4 and shape[3] not in _CHANNELS)
    ):
        raise NotInBatchesError(
            f"{path} holds an array of shape {shape}; images have the shape (n, height, width) or "
            "(n, height, width, channels) with 1, 3 or 4 channels"
        )
    return shard, shape[1:3] if len(shape) == 4 and shape[3] == 1 else shape[1:]


def _read_labels(path: Path, n: int) -> tuple[IntArray | None, tuple[str, ...]]:
    try:
        given = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise storage_error(error, path, doing="reading") from error
    except UNREADABLE as error:
        raise DataError(f"{path} holds no labels that can be read ({error})") from error
    if given.shape != (n,) or given.dtype.kind not in "iuU":
        raise DataError(
            f"{path} holds {given.dtype} of shape {given.shape}; a word or whole number is "
            f"needed for each of {n:,} images"
        )
    if given.dtype.kind == "U":
        words, class_names = index_labels(given, None, n)
        return words, tuple(class_names)
    labels = np.array(given, np.int64)
    known = labels >= 0
    if not known.any():
        return None, ()
    values, places = np.unique(labels[known], return_inverse=True)
    owner = np.full(n, -1, np.int64)
    owner[known] = places.reshape(-1)
    return owner, tuple(str(value) for value in values)


def _sides(shape: tuple[int, ...]) -> str:
    return " × ".join(str(side) for side in shape)
