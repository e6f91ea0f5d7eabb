"""Codes that stay on the disk: read batch by batch into one buffer that is used again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.errors import DataError
from latentscape.images.checks import UNLABELLED
from latentscape.images.code_checks import CodesSeen, finite_rows, refuse_rows, set_aside_note
from latentscape.images.code_labels import index_labels
from latentscape.images.embedding_files.arrays import mapped_npy
from latentscape.images.embedding_files.tables import VECTOR_NAMES
from latentscape.images.embeddings import sentence_of
from latentscape.images.npy_rows import NotInBatchesError, NpyRows
from latentscape.images.refused import Refused
from latentscape.types import AnyArray, FloatArray, IntArray, Progress, ProgressCallback

_BATCH_BYTES = 1 << 24  # some MB, and larger batches are no faster
_FOLDER_FILES = ("codes.npy", "embeddings.npy")
_BESIDE_TOO = (*VECTOR_NAMES, "images.npy", "ids.npy")  # what is not read in batches


@dataclass(frozen=True, eq=False)
class EmbeddingStream:
    """Codes in a .npy file that are never loaded as a whole.

    Made by :meth:`open` from the header alone; :meth:`looked_at` then reads the rows once, and
    only what it returns can be mapped. The file holds real numbers of shape (n, d) in C order;
    labels are those that are given, or ``<name>-labels.npy`` beside the file, or ``labels.npy`` in
    a folder that holds ``codes.npy``.

    Attributes
    ----------
    file : NpyRows
    name : str
    labels : int64 array, shape (n,), or None
        Positions in `class_names`; -1 where a row has none.
    class_names : tuple of str
    kept : bool array, shape (rows of the file,), or None
        False for rows that were set aside; None where all are taken.
    zero_rows : int64 array
        Rows without a direction.
    content_hash : str
        SHA-256, in hex, of shape, labels, class names and codes as float32.
    sentence, notes, quarantine
        As of :class:`latentscape.images.EmbeddingSet`.
    """

    file: NpyRows
    name: str
    labels: IntArray | None = None
    class_names: tuple[str, ...] = ()
    kept: AnyArray | None = None
    zero_rows: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    content_hash: str = ""
    sentence: str = ""
    notes: tuple[str, ...] = ()
    quarantine: tuple[Refused, ...] = ()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        labels: str | os.PathLike[str] | Sequence[Any] | None = None,
    ) -> EmbeddingStream:
        """Look at the header of a .npy file, or of the one in a folder; read no row.

        Raises
        ------
        NotInBatchesError
            If it holds no codes, or is cut short.
        DataError
            If the labels do not fit.
        StorageError
            If it cannot be read.
        """
        path = Path(path)
        beside = path.with_name(f"{path.stem}-labels.npy")
        name = path.resolve().name
        if path.is_dir():
            path, beside = _in_folder(path), path / "labels.npy"
        file = NpyRows.open(path, "codes")
        if len(file.shape) != 2 or file.dtype.kind not in "fiub" or file.shape[1] < 1:
            raise NotInBatchesError(
                f"{path} holds {file.dtype} values of the shape {file.shape}, but embeddings are "
                "numbers of the shape (n, d)"
            )
        if labels is None and beside.is_file():
            labels = beside
        if isinstance(labels, str | os.PathLike):
            if Path(labels).suffix.lower() != ".npy":
                raise DataError(
                    f"{path} holds codes without names, so there is no column {str(labels)!r}; "
                    "give labels as an .npy file with one for each row"
                )
            given: Any = mapped_npy(Path(labels))
        else:
            given = labels
        owner, names = index_labels(given, None, len(file))
        if owner is not None and not (owner != UNLABELLED).any():
            owner, names = None, ()
        return cls(file, name, owner, tuple(names))

    def __len__(self) -> int:
        return len(self.file) if self.kept is None else int(np.count_nonzero(self.kept))

    @property
    def latent_dim(self) -> int:
        """Width of the codes."""
        return self.file.shape[1]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Empty: there are no images."""
        return ()

    @property
    def n_classes(self) -> int:
        """Number of class names; 0 without labels."""
        return len(self.class_names)

    def ids(self, rows: IntArray) -> list[str]:
        """Return a name for each row: ``row-`` and its number in the file."""
        numbers = rows if self.kept is None else np.flatnonzero(self.kept)[rows]
        return [f"row-{number:05d}" for number in numbers.tolist()]

    def batches(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield row numbers and codes, float32 (m, d), in order.

        The codes may be a view of one buffer, which the next batch overwrites.

        Raises
        ------
        DataError
            If the file has become shorter.
        StorageError
            If it cannot be read.
        """
        first = 0
        for rows, block in self._blocks():
            part = block if self.kept is None else block[self.kept[rows]]
            if len(part):
                yield slice(first, first + len(part)), part
            first += len(part)

    def looked_at(
        self, *, drop_nonfinite: bool = False, on_progress: ProgressCallback | None = None
    ) -> EmbeddingStream:
        """Read all rows once and return the stream with what is to be known of them.

        Raises
        ------
        DataError
            If rows hold NaN or infinity, unless they are to be set aside.
        StorageError
            If the file cannot be read.
        """
        n = len(self.file)
        tell = on_progress or (lambda progress: None)
        tell(Progress("read codes", 0, n))
        seen, kept = CodesSeen(self.latent_dim), np.ones(n, bool)
        digest = hashlib.sha256()
        for rows, block in self._blocks():
            good = finite_rows(block)
            kept[rows] = good
            part = block if good.all() else block[good]
            seen.add(part)
            digest.update(part.astype("<f4", copy=False).data)
            tell(Progress("read codes", rows.stop, n))
        bad = np.flatnonzero(~kept)
        if not drop_nonfinite:
            refuse_rows(bad, n, self.name)
        notes = [set_aside_note(bad, n)] if bad.size else []
        labels = self.labels if self.labels is None or not bad.size else self.labels[kept]
        quarantine = tuple(Refused(f"{self.file.path}, row {r}", "NaN or infinity") for r in bad)
        head = repr(("latentscape.EmbeddingStream/1", n - len(bad), self.latent_dim))
        whole = hashlib.sha256(head.encode() + repr(self.class_names).encode() + digest.digest())
        if labels is not None:
            whole.update(labels.astype("<i8", copy=False).tobytes())
        return replace(
            self,
            labels=labels,
            kept=kept if bad.size else None,
            zero_rows=seen.zero_rows.astype(np.int64),
            content_hash=whole.hexdigest(),
            notes=(*notes, *seen.notes()),
            quarantine=quarantine,
            sentence=sentence_of(
                self.name, n - len(bad), self.latent_dim, (), labels, self.n_classes, len(bad)
            ),
        )

    def _blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield all rows of the file as float32, those that are not finite too."""
        size = max(1, min(len(self.file), _BATCH_BYTES // self.file.row_bytes))
        native = np.empty((size, self.latent_dim), np.float32)
        for rows, raw in self.file.batches(self.file.new_buffer(size)):
            if raw.dtype == np.float32:
                yield rows, raw
                continue
            part = native[: len(raw)]
            with np.errstate(over="ignore"):  # too large for float32 becomes infinity, told by row
                np.copyto(part, raw, casting="unsafe")
            yield rows, part


def _in_folder(folder: Path) -> Path:
    found = next((folder / name for name in _FOLDER_FILES if (folder / name).is_file()), None)
    if found is None:
        raise NotInBatchesError(f"{folder} holds neither of {', '.join(_FOLDER_FILES)}; give one")
    other = next((name for name in _BESIDE_TOO if (folder / name).exists()), None)
    if other is not None:
        raise NotInBatchesError(f"{folder} holds {other} too, which is not read in batches")
    return found
