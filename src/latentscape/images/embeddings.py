"""`EmbeddingSet`: codes that an encoder elsewhere has made, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from latentscape.errors import DataError
from latentscape.images.checks import (
    UNLABELLED,
    as_index,
    begun_digest,
    frozen,
    refuse_equal_ids,
    refuse_other_splits,
)
from latentscape.images.code_checks import (
    check_codes,
    describe_codes,
    finite_rows,
    refuse_nonfinite,
    set_aside_note,
)
from latentscape.images.code_labels import (
    check_labels,
    count_message,
    index_labels,
    is_nothing,
    labels_in_words,
)
from latentscape.images.imageset import TEST, TRAIN, StrArray, numbered_ids
from latentscape.images.refused import Refused
from latentscape.types import AnyArray, FloatArray, IntArray, UInt8Array

_BLOCK = 1 << 16  # rows hashed together, so that codes on the disk stay there


@dataclass(frozen=True, eq=False)
class EmbeddingSet:
    """Codes with what is known of each row: image, label, split, id, further columns.

    The arrays are read-only. :meth:`from_arrays` fills in what is not at hand.

    Parameters
    ----------
    codes : float32 array of shape (n, d)
        Finite numbers, one row for each thing that was encoded.
    images : uint8 array of shape (n, H, W) or (n, H, W, C), or None
        The picture behind each row, grey or with C = 3 or 4 channels.
    labels : int64 array of shape (n,), or None
        Position of each row's class in `class_names`; -1 where it has none.
        Labels that are all -1 are the same as None.
    class_names : tuple of str
        One name for each class; empty when there are no labels.
    split : str array of shape (n,)
        ``"train"`` or ``"test"`` for each row.
    ids : str array of shape (n,)
        A distinct name for each row.
    name : str
        What the data are called in titles and reports.
    notes : tuple of str
        Sentences that the user should read.
    columns : mapping of str to array of shape (n,)
        Further columns, of strings or numbers.
    quarantine : tuple of Refused
        Rows that were set aside.
    sentence : str
        What was read, in one sentence.

    Raises
    ------
    DataError
        The arrays do not fit together, or codes are not finite; the message
        gives the counts or the rows.
    """

    codes: FloatArray
    images: UInt8Array | None
    labels: IntArray | None
    class_names: tuple[str, ...]
    split: StrArray
    ids: StrArray
    name: str
    notes: tuple[str, ...] = ()
    columns: Mapping[str, AnyArray] = field(default_factory=dict)
    quarantine: tuple[Refused, ...] = ()
    sentence: str = ""

    def __post_init__(self) -> None:
        codes = check_codes(self.codes)
        n = len(codes)
        refuse_nonfinite(codes, self.name)
        images = None if self.images is None else _check_images(self.images, n)
        split = _check_strings(self.split, n, "split", f"{TRAIN!r} or {TEST!r}")
        refuse_other_splits(split, (TRAIN, TEST), "row")
        ids = _check_strings(self.ids, n, "ids", "an id")
        refuse_equal_ids(ids, "row")
        class_names = tuple(str(name) for name in self.class_names)
        labels = self._checked_labels(class_names, n)
        checked = {
            "codes": frozen(codes),
            "images": None if images is None else frozen(images),
            "labels": None if labels is None else frozen(labels),
            "class_names": () if labels is None else class_names,
            "split": frozen(split),
            "ids": frozen(ids),
            "name": str(self.name),
            "notes": tuple(str(note) for note in self.notes),
            "columns": MappingProxyType(_check_columns(self.columns, n)),
            "quarantine": tuple(self.quarantine),
            "sentence": str(self.sentence),
        }
        for attribute, value in checked.items():
            object.__setattr__(self, attribute, value)

    def _checked_labels(self, class_names: tuple[str, ...], n: int) -> IntArray | None:
        if len(set(class_names)) != len(class_names):
            raise DataError(f"class_names must be distinct, got {class_names}")
        if self.labels is None:
            if class_names:
                raise DataError(
                    f"there are {len(class_names)} class names but no labels; leave the names out "
                    "or give the labels"
                )
            return None
        labels = check_labels(self.labels, n)
        if n and not UNLABELLED <= int(labels.min()) <= int(labels.max()) < len(class_names):
            raise DataError(
                f"labels must be between 0 and {len(class_names) - 1} for {len(class_names)} "
                f"class names, or -1 for none, got {labels.min()} to {labels.max()}"
            )
        return labels if (labels != UNLABELLED).any() else None

    @classmethod
    def from_arrays(
        cls,
        codes: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        images: ArrayLike | None = None,
        class_names: Sequence[str] | None = None,
        split: ArrayLike | None = None,
        ids: ArrayLike | None = None,
        columns: Mapping[str, ArrayLike] | None = None,
        name: str = "embeddings",
        notes: Sequence[str] = (),
        drop_nonfinite: bool = False,
        source: str = "",
    ) -> EmbeddingSet:
        """Make an embedding set from arrays, filling in what is left out.

        Parameters
        ----------
        codes : array of numbers, shape (n, d)
            Any real type; kept as float32.
        labels : array of integers or strings, shape (n,), optional
            Without `class_names` the sorted distinct labels become the class
            names; with them, integers are positions in them. -1, ``""`` and
            NaN mean that a row has no label.
        images : uint8 array of shape (n, H, W) or (n, H, W, C), optional
            The picture behind each row.
        class_names : sequence of str, optional
            One name for each class.
        split : str array of shape (n,), optional
            ``"train"`` or ``"test"``. Without it every row is ``"test"``:
            nothing is trained on codes, all of them are there to be looked at.
        ids : str array of shape (n,), optional
            Without them ``row-00000`` and so on.
        columns : mapping of str to array of shape (n,), optional
            Further columns.
        name : str
            What the data are called.
        notes : sequence of str
            Sentences for the user.
        drop_nonfinite : bool
            Set rows with NaN or infinity aside instead of refusing the data.
        source : str
            The file they come from, for the list of what was set aside.

        Returns
        -------
        EmbeddingSet
            The rows in the order given. Notes say when columns never change and
            when the lengths of the rows differ so much that a cosine distance
            may be meant.

        Raises
        ------
        DataError
            The arrays do not fit together, or codes are not finite.

        Examples
        --------
        >>> import numpy as np
        >>> table = EmbeddingSet.from_arrays(np.eye(4, 3), ["cat", "dog", "cat", ""], name="pets")
        >>> table.class_names, table.labels.tolist()
        (('cat', 'dog'), [0, 1, 0, -1])
        """
        rows = check_codes(codes)
        n = len(rows)
        indices, names = index_labels(labels, class_names, n)
        whole_notes = list(notes)
        fields: dict[str, Any] = {
            "codes": rows,
            "images": None if images is None else _check_images(images, n),
            "labels": indices,
            "split": _check_strings(
                np.full(n, TEST) if split is None else split, n, "split", f"{TRAIN!r} or {TEST!r}"
            ),
            "ids": _check_strings(
                numbered_ids("row", n) if ids is None else ids, n, "ids", "an id"
            ),
        }
        table = _check_columns(columns or {}, n)
        quarantine: list[Refused] = []
        if drop_nonfinite:
            good = finite_rows(rows)
            bad = np.flatnonzero(~good)
            if bad.size:
                where = source or name
                quarantine = [Refused(f"{where}, row {row}", "NaN or infinity") for row in bad]
                whole_notes.append(set_aside_note(bad, n))
                fields = {
                    key: None if value is None else value[good] for key, value in fields.items()
                }
                table = {key: value[good] for key, value in table.items()}
        else:
            refuse_nonfinite(rows, name)
        whole_notes += describe_codes(fields["codes"])
        made = cls(
            **fields,
            class_names=tuple(names),
            name=name,
            notes=tuple(whole_notes),
            columns=table,
            quarantine=tuple(quarantine),
        )
        object.__setattr__(made, "sentence", made._summary())
        return made

    def _summary(self) -> str:
        return sentence_of(
            self.name, len(self), self.latent_dim, self.image_shape, self.labels, self.n_classes,
            len(self.quarantine),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        images = ", with images" if self.images is not None else ""
        classes = f", {self.n_classes} classes" if self.labels is not None else ", no labels"
        return (
            f"<EmbeddingSet {self.name!r}: {len(self):,} rows of {self.latent_dim} numbers"
            f"{images}{classes}>"
        )

    def __reduce__(self) -> tuple[type[EmbeddingSet], tuple[Any, ...]]:
        # Without the cached subsets, and through the constructor, so that the
        # copy is read-only too; a mapping proxy itself cannot be sent.
        fields = (self.codes, self.images, self.labels, self.class_names, self.split, self.ids)
        more = (self.name, self.notes, dict(self.columns), self.quarantine, self.sentence)
        return EmbeddingSet, (*fields, *more)

    @cached_property
    def train(self) -> EmbeddingSet:
        """The rows whose split is ``"train"``."""
        return self.select(self.split == TRAIN)

    @cached_property
    def test(self) -> EmbeddingSet:
        """The rows whose split is ``"test"``."""
        return self.select(self.split == TEST)

    @property
    def latent_dim(self) -> int:
        """Width of the codes."""
        return int(self.codes.shape[1])

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, (H, W) or (H, W, C); empty without images."""
        return () if self.images is None else self.images.shape[1:]

    @property
    def preprocessing(self) -> Mapping[str, Any]:
        """What was done to files of images: nothing, codes are taken as they are."""
        return {}

    @property
    def n_classes(self) -> int:
        """Number of class names; 0 without labels."""
        return len(self.class_names)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256, in hex, of codes, images, labels, class names, split and ids.

        Neither `name`, `notes`, `columns` nor what was set aside is part of it.
        """
        head = {
            "shape": self.codes.shape,
            "images": None if self.images is None else self.images.shape,
            "labels": self.labels is not None,
            "class_names": self.class_names,
            "ids": self.ids.tolist(),
        }
        kind = b"latentscape.EmbeddingSet/1\n"
        digest = begun_digest(kind, head, self.split == TEST, self.labels)
        for start in range(0, len(self), _BLOCK):
            part = slice(start, start + _BLOCK)
            digest.update(self.codes[part].astype("<f4", copy=False).tobytes())
        if self.images is not None:
            digest.update(self.images.data if self.images.size else b"")
        return digest.hexdigest()

    def select(self, rows: ArrayLike | slice) -> EmbeddingSet:
        """Return the given rows as an embedding set of their own.

        Parameters
        ----------
        rows : bool array of shape (n,), integer array of shape (m,), or slice
            A mask, or positions in the order wanted.

        Returns
        -------
        EmbeddingSet
            With the same name, notes and sentence. A run of neighbouring rows
            shares memory with this set.

        Raises
        ------
        DataError
            The mask has the wrong length, or a position does not exist or
            occurs twice.
        """
        taken = as_index(rows, len(self), "row")
        return EmbeddingSet(
            codes=self.codes[taken],
            images=None if self.images is None else self.images[taken],
            labels=None if self.labels is None else self.labels[taken],
            class_names=self.class_names,
            split=self.split[taken],
            ids=self.ids[taken],
            name=self.name,
            notes=self.notes,
            columns={key: values[taken] for key, values in self.columns.items()},
            quarantine=self.quarantine,
            sentence=self.sentence,
        )


def sentence_of(
    name: str,
    n: int,
    latent_dim: int,
    image_shape: tuple[int, ...],
    labels: IntArray | None,
    n_classes: int,
    n_set_aside: int,
) -> str:
    """Say in one sentence what was read."""
    parts = [f"{n:,} embeddings of {latent_dim} numbers"]
    if image_shape:
        parts.append(f"images of {' × '.join(str(side) for side in image_shape)}")
    else:
        parts.append("no images")
    parts.append(labels_in_words(labels, n_classes))
    if n_set_aside:
        parts.append(f"{n_set_aside:,} rows set aside")
    return f"{name}: {', '.join(parts)}."


def _check_images(images: ArrayLike, n: int) -> UInt8Array:
    array = np.asarray(images)
    if array.dtype != np.uint8:
        raise DataError(
            f"images must be uint8 (0 to 255), got {array.dtype}; scale and round them first"
        )
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (3, 4)):
        raise DataError(
            "images must have the shape (n, height, width) or (n, height, width, channels) with "
            f"1, 3 or 4 channels, got {array.shape}"
        )
    if 0 in array.shape[1:]:
        raise DataError(f"images must have at least one pixel, got the shape {array.shape}")
    if len(array) != n:
        raise DataError(
            f"there are {n:,} rows of codes but {len(array):,} images; one image is needed for "
            "each row"
        )
    return np.ascontiguousarray(array)


def _check_strings(values: ArrayLike, n: int, what: str, each: str) -> StrArray:
    array = np.asarray(values)
    if array.shape != (n,):
        raise DataError(count_message(n, what, array.shape, each))
    return np.ascontiguousarray(array, dtype=np.str_)


def _check_columns(columns: Mapping[str, ArrayLike], n: int) -> dict[str, AnyArray]:
    checked: dict[str, AnyArray] = {}
    for name, values in columns.items():
        array = np.asarray(values)
        if array.shape != (n,):
            raise DataError(count_message(n, f"column {name!r}", array.shape, "one value"))
        if array.dtype.kind not in "fiubU":
            array = np.array(["" if is_nothing(v) else str(v) for v in array.tolist()], np.str_)
        checked[str(name)] = frozen(array)
    return checked
