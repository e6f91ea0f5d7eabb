"""`ImageSet`: images with their labels, split and identity, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentscape.errors import DataError
from latentscape.images.checks import (
    UNLABELLED,
    as_index,
    begun_digest,
    checked_columns,
    checked_images,
    checked_labels,
    checked_strings,
    frozen,
    refuse_equal_ids,
    refuse_other_splits,
)
from latentscape.images.refused import Refused
from latentscape.types import AnyArray, IntArray, UInt8Array

StrArray: TypeAlias = NDArray[np.str_]

TRAIN, TEST = "train", "test"
_SPLIT_SEED = 0
_ONE_IN = 7  # MNIST's own proportion: 10,000 test images in 70,000


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one size with labels, class names, a split and an id each.

    The arrays are read-only. :meth:`from_arrays` fills in what is not at hand.

    Parameters
    ----------
    images : uint8 array of shape (n, H, W) or (n, H, W, C)
        Grey images, or images with C = 1, 3 or 4 channels in the last axis.
    labels : int64 array of shape (n,), or None
        Position of each image's class in `class_names`; -1 where an image has
        no label. When none has one, `labels` becomes None.
    class_names : tuple of str
        One name for each class; empty when there are no labels.
    split : str array of shape (n,)
        ``"train"`` or ``"test"`` for each image.
    ids : str array of shape (n,)
        A distinct name for each image.
    name : str
        What the data are called in titles and reports.
    notes : tuple of str
        Sentences that the user should read, for example that test images had
        to be set aside.
    columns : mapping of str to array of shape (n,)
        What else is known of each image, for example from a metadata.csv:
        strings or numbers.
    quarantine : tuple of Refused
        Every file that was not read, with the reason.
    sentence : str
        What was read, in one sentence.
    preprocessing : mapping
        What was done to the files, JSON-ready; given to
        :func:`latentscape.load_images`, it does the same to new ones.

    Raises
    ------
    DataError
        The arrays do not fit together; the message gives the counts.
    """

    images: UInt8Array
    labels: IntArray | None
    class_names: tuple[str, ...]
    split: StrArray
    ids: StrArray
    name: str
    notes: tuple[str, ...] = ()
    columns: Mapping[str, AnyArray] = field(default_factory=dict)
    quarantine: tuple[Refused, ...] = ()
    sentence: str = ""
    preprocessing: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        images = checked_images(self.images)
        n = len(images)
        split = checked_strings(self.split, n, "split", f"{TRAIN!r} or {TEST!r}")
        refuse_other_splits(split, (TRAIN, TEST), "image")
        ids = checked_strings(self.ids, n, "ids", "an id")
        refuse_equal_ids(ids, "image")
        class_names = tuple(str(name) for name in self.class_names)
        if len(set(class_names)) != len(class_names):
            raise DataError(f"class_names must be distinct, got {class_names}")
        labels = None
        if self.labels is not None:
            labels = checked_labels(self.labels, n)
            if n and not UNLABELLED <= int(labels.min()) <= int(labels.max()) < len(class_names):
                raise DataError(
                    "labels must be -1 (not labelled) or "
                    f"between 0 and {len(class_names) - 1} for {len(class_names)} class names, "
                    f"got {labels.min()} to {labels.max()}"
                )
            if n and int(labels.max()) == UNLABELLED:
                labels, class_names = None, ()
        elif class_names:
            raise DataError(
                f"there are {len(class_names)} class names but no labels; leave the names out "
                "or give the labels"
            )
        checked = {
            "images": frozen(images),
            "labels": None if labels is None else frozen(labels),
            "class_names": class_names,
            "split": frozen(split),
            "ids": frozen(ids),
            "name": str(self.name),
            "notes": tuple(str(note) for note in self.notes),
            "columns": checked_columns(self.columns, n),
            "quarantine": tuple(self.quarantine),
            "sentence": str(self.sentence),
            "preprocessing": dict(self.preprocessing),
        }
        for key, value in checked.items():
            object.__setattr__(self, key, value)

    @classmethod
    def from_arrays(
        cls,
        images: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        class_names: Sequence[str] | None = None,
        split: ArrayLike | None = None,
        ids: ArrayLike | None = None,
        name: str = "images",
        notes: Sequence[str] = (),
        columns: Mapping[str, ArrayLike] | None = None,
        quarantine: Sequence[Refused] = (),
    ) -> ImageSet:
        """Make an image set from arrays, filling in what is left out.

        Parameters
        ----------
        images : uint8 array of shape (n, H, W) or (n, H, W, C)
            The images.
        labels : integer array of shape (n,), optional
            Any integers. Without `class_names` the sorted distinct labels
            become the class names; with them, labels are positions in them, and
            -1 stands for an image without a label.
        class_names : sequence of str, optional
            One name for each class.
        split : str array of shape (n,), optional
            ``"train"`` or ``"test"``. Without it one image in seven, drawn
            with a fixed seed, is set aside for testing, and a note says so.
        ids : str array of shape (n,), optional
            Without them ``image-00000`` and so on.
        name : str
            What the data are called.
        notes : sequence of str
            Sentences for the user.
        columns : mapping of str to array of shape (n,), optional
            What else is known of each image.
        quarantine : sequence of Refused
            Files that were not read.

        Returns
        -------
        ImageSet
            The rows in the order given.

        Raises
        ------
        DataError
            The arrays do not fit together, or there is too little to split.

        Examples
        --------
        >>> import numpy as np
        >>> pictures = ImageSet.from_arrays(np.zeros((14, 8, 8), np.uint8), np.arange(14) % 2 + 3)
        >>> pictures.class_names, len(pictures.train), len(pictures.test)
        (('3', '4'), 12, 2)
        """
        pixels = checked_images(images)
        n = len(pixels)
        indices: IntArray | None = None
        if labels is not None:
            indices = checked_labels(labels, n)
            if class_names is None:
                values, positions = np.unique(indices, return_inverse=True)
                class_names = [str(value) for value in values]
                indices = positions.reshape(-1).astype(np.int64)
        notes = list(notes)
        if split is None:
            split, note = set_aside(n, name)
            notes.append(note)
        return cls(
            images=pixels,
            labels=indices,
            class_names=tuple(class_names or ()),
            split=np.asarray(split, dtype=np.str_),
            ids=numbered_ids("image", n) if ids is None else np.asarray(ids, dtype=np.str_),
            name=name,
            notes=tuple(notes),
            columns={name: np.asarray(values) for name, values in (columns or {}).items()},
            quarantine=tuple(quarantine),
        )

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        size = "×".join(str(n) for n in self.image_shape)
        classes = f", {self.n_classes} classes" if self.labels is not None else ", no labels"
        n_test = int(np.count_nonzero(self.split == TEST))
        return (
            f"<ImageSet {self.name!r}: {len(self):,} images of {size}{classes}, "
            f"{len(self) - n_test:,} train, {n_test:,} test>"
        )

    def __reduce__(self) -> tuple[type[ImageSet], tuple[Any, ...]]:
        # Without the cached subsets, which would double what is sent to a
        # worker; and through the constructor, so the copy is read-only too.
        fields = (self.images, self.labels, self.class_names, self.split, self.ids)
        told = (self.name, self.notes, dict(self.columns), self.quarantine, self.sentence)
        return ImageSet, (*fields, *told, self.preprocessing)

    @cached_property
    def train(self) -> ImageSet:
        """The training images (no copy where they lie together)."""
        return self.select(self.split == TRAIN)

    @cached_property
    def test(self) -> ImageSet:
        """The test images (no copy where they lie together)."""
        return self.select(self.split == TEST)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image: (H, W) or (H, W, C)."""
        return self.images.shape[1:]

    @property
    def n_classes(self) -> int:
        """Number of class names; 0 without labels."""
        return len(self.class_names)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256, in hex, of images, labels, class names, split and ids.

        Nothing else is part of it: the same images in a folder with another
        name are the same content.
        """
        head = {
            "shape": self.images.shape,
            "labels": self.labels is not None,
            "class_names": self.class_names,
            "ids": self.ids.tolist(),
        }
        kind = b"latentscape.ImageSet/1\n"
        digest = begun_digest(kind, head, self.split == TEST, self.labels)
        digest.update(self.images.data if self.images.size else b"")
        return digest.hexdigest()

    def select(self, rows: ArrayLike | slice) -> ImageSet:
        """Return the images in the given rows as an image set of their own.

        Parameters
        ----------
        rows : bool array of shape (n,), integer array of shape (m,), or slice
            A mask, or positions in the order wanted.

        Returns
        -------
        ImageSet
            With the same class names, name and what was said of the whole. A run of neighbouring
            rows shares memory with this set.

        Raises
        ------
        DataError
            The mask has the wrong length, or a position does not exist or
            occurs twice.
        """
        taken = as_index(rows, len(self), "image")
        return ImageSet(
            images=self.images[taken],
            labels=None if self.labels is None else self.labels[taken],
            class_names=self.class_names,
            split=self.split[taken],
            ids=self.ids[taken],
            name=self.name,
            notes=self.notes,
            columns={name: values[taken] for name, values in self.columns.items()},
            quarantine=self.quarantine,
            sentence=self.sentence,
            preprocessing=self.preprocessing,
        )


def numbered_ids(prefix: str, n: int) -> StrArray:
    """Return ``prefix-00000`` and so on, an str array of shape (n,)."""
    return np.array([f"{prefix}-{i:05d}" for i in range(n)], dtype=np.str_)


def set_aside(n: int, name: str) -> tuple[StrArray, str]:
    """Split off one image in seven for testing; the same ones every time."""
    if n < 2:
        raise DataError(
            f"{name} has {n} image{'' if n == 1 else 's'}, but at least 2 are needed: one to "
            "train with and one to test with"
        )
    n_test = max(1, round(n / _ONE_IN))
    # RandomState's stream is frozen by numpy's compatibility policy (NEP 19),
    # so the split, and with it every key made from the data, never changes.
    chosen = np.random.RandomState(_SPLIT_SEED).permutation(n)[:n_test]
    split = np.full(n, TRAIN, dtype="<U5")
    split[chosen] = TEST
    note = (
        f"{name} has no test images of its own, so {n_test:,} of its {n:,} images (one in seven, "
        "drawn with a fixed seed) were set aside for testing."
    )
    return split, note
