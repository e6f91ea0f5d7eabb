"""Filling an atlas stage by stage, so that an interruption costs one stage at most."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

import numpy as np
import pandas as pd
from numpy.lib import format as npy
from numpy.typing import DTypeLike

from latentscape.atlas.encoding import encode_json, encode_table, encode_tensors
from latentscape.atlas.lock import WriterLock
from latentscape.atlas.schema import (
    MANIFEST,
    MANIFEST_COPY,
    FileEntry,
    StageEntry,
    checked_name,
    compare_file,
    inside,
    manifest_damage,
    new_manifest,
    read_manifest,
    refuse_foreign,
)
from latentscape.errors import AtlasError
from latentscape.files import (
    AtomicFile,
    Buffer,
    make_folder,
    sha256_of_file,
    sweep_temporaries,
    write_atomically,
)
from latentscape.types import AnyArray


class Stage:
    """The stage that is being worked on.

    Attributes
    ----------
    name, fingerprint : str
        What it is, and what it was made from.
    info : dict
        Facts for ``atlas.json``; fill it with ``stage.info.update(...)``.
    seconds : float
        Time that was spent on it elsewhere, to be added to its own.
    """

    def __init__(self, name: str, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.info: dict[str, Any] = {}
        self.seconds = 0.0
        self._pending: dict[str, AtomicFile] = {}
        self._files: dict[str, FileEntry] = {}


class AtlasWriter:
    """Write an atlas; one process at a time.

    Files belong to stages. Inside ``with writer.stage(name, fingerprint)`` each
    ``write_...`` call puts a complete file on the disk under a temporary name;
    when the block ends, all of them take their names and the stage enters
    ``atlas.json``. After an exception or a kill the stage is as it was before.

    Parameters
    ----------
    path : str or Path
        The directory. It is made if needed; a directory with other things in it
        is refused.

    Attributes
    ----------
    path : Path
    damaged : dict of str to str
        Files that :meth:`is_current` found missing or changed, and how.

    Raises
    ------
    AtlasError
        If the directory holds something else, or an atlas that cannot be used.
    AtlasLockedError
        If another process is writing to it.
    StorageError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from latentscape.atlas import fingerprint
    >>> folder = tempfile.mkdtemp()
    >>> with AtlasWriter.open(folder) as writer:
    ...     made_from = fingerprint(seed=0)
    ...     if not writer.is_current("codes", made_from):
    ...         with writer.stage("codes", made_from) as stage:
    ...             _ = writer.write_array("codes.npy", np.zeros((3, 2), np.float32))
    ...             stage.info.update(latent_dim=2)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.damaged: dict[str, str] = {}
        self._stage: Stage | None = None
        refuse_foreign(self.path)
        make_folder(self.path)
        self._lock = WriterLock(self.path)
        self._lock.acquire()
        try:
            refuse_foreign(self.path)
            sweep_temporaries(self.path)
            if (self.path / MANIFEST).exists():
                self._manifest = read_manifest(self.path)
                self._mend_manifest()
            else:
                self._manifest = new_manifest(_version())
                self._save_manifest()
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open the atlas at `path` for writing; the same as ``AtlasWriter(path)``."""
        return cls(path)

    def close(self) -> None:
        """Let others write. What is finished stays."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:  # workers that were stopped in the middle of a file are gone by now
            sweep_temporaries(self.path)
        self.close()

    def set_header(
        self,
        *,
        data: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        """Record what the atlas is about; what is not given stays as it is.

        Parameters
        ----------
        data : mapping, optional
            ``name``, ``n_train``, ``n_test``, ``image_shape``, ``class_names``,
            ``content_hash``.
        settings : mapping, optional
            The settings of the run.
        versions : mapping of str to str, optional
            Python's and the libraries' versions.
        """
        before = encode_json(self._manifest)
        self._manifest["latentscape_version"] = _version()
        if data is not None:
            self._manifest["data"] = json.loads(encode_json(data))
        if settings is not None:
            self._manifest["settings"] = json.loads(encode_json(settings))
        if versions is not None:
            self._manifest["versions"] = json.loads(encode_json(versions))
        if encode_json(self._manifest) != before:
            self._save_manifest()

    # Stages

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the finished stages, oldest first."""
        return tuple(self._manifest["stages"])

    def stage_info(self, name: str) -> dict[str, Any]:
        """Return a copy of the facts that the finished stage `name` has recorded."""
        if name not in self._manifest["stages"]:
            raise AtlasError(f"{self.path} has no finished stage {name!r}: run that stage first")
        return cast(dict[str, Any], json.loads(encode_json(self._manifest["stages"][name]["info"])))

    def stage_seconds(self, name: str) -> float:
        """Return how long the finished stage `name` took."""
        return float(self._manifest["stages"][name]["seconds"])

    def is_current(self, name: str, fingerprint: str) -> bool:
        """Tell whether a stage is finished, made from the same, and undamaged.

        Parameters
        ----------
        name, fingerprint : str
            The stage, and what it would be made from now.

        Returns
        -------
        bool
            False also when one of its files is missing or not byte for byte
            what was written; `damaged` then says which.
        """
        entry = self._manifest["stages"].get(name)
        if entry is None or entry["fingerprint"] != fingerprint:
            return False
        intact = True
        for file, record in entry["files"].items():
            problem = compare_file(self.path / file, record)
            if problem is None:
                self.damaged.pop(file, None)
            else:
                self.damaged[file] = problem
                intact = False
        return intact

    @contextlib.contextmanager
    def stage(self, name: str, fingerprint: str) -> Iterator[Stage]:
        """Work on a stage; it counts as finished when the block ends without an exception.

        Parameters
        ----------
        name : str
            For example ``"codes"`` or ``"maps-tsne"``.
        fingerprint : str
            What the stage is made from; see :func:`fingerprint`.

        Yields
        ------
        Stage
            With the dictionary ``info`` to fill.
        """
        if self._stage is not None:
            raise RuntimeError(f"stage {self._stage.name!r} is not finished yet")
        stage = self._stage = Stage(name, fingerprint)
        start = time.perf_counter()
        try:
            yield stage
            self._commit(stage, time.perf_counter() - start)
        finally:
            self._stage = None
            for file in stage._pending.values():
                file.discard()

    def _commit(self, stage: Stage, seconds: float) -> None:
        info = json.loads(encode_json(stage.info))  # fails before anything is renamed
        for name, file in stage._pending.items():
            file.publish()
            stage._files[name] = FileEntry(sha256=file.sha256, bytes=file.size)
        stage._pending.clear()
        stages = dict(self._manifest["stages"])
        old = stages.pop(stage.name, None)
        stages[stage.name] = StageEntry(
            fingerprint=stage.fingerprint,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(seconds + stage.seconds, 3),
            files=dict(sorted(stage._files.items())),
            info=info,
        )
        self._save_manifest(stages)
        for name in set(old["files"] if old else ()) - set(stage._files):
            self._remove(name)
        for name in stage._files:
            self.damaged.pop(name, None)

    def drop_stage(self, name: str) -> None:
        """Forget a stage, then remove its files; nothing happens if there is none."""
        stages = dict(self._manifest["stages"])
        entry = stages.pop(name, None)
        if entry is None:
            return
        self._save_manifest(stages)
        for file in entry["files"]:
            self._remove(file)
            self.damaged.pop(file, None)

    # Files

    def write_array(self, name: str, array: AnyArray) -> Path:
        """Write an array as .npy, memory-mappable, in C order; return its path.

        Nothing is pickled: an array of Python objects is refused with a ValueError.
        """
        array = np.asarray(array)
        if array.flags.f_contiguous and not array.flags.c_contiguous:
            array = np.ascontiguousarray(array)

        with self._new_file(name, needed=array.nbytes) as file:
            # numpy only calls write() here, so the bytes are hashed on their way
            npy.write_array(cast(BinaryIO, file), array, allow_pickle=False)
        return file.path

    @contextlib.contextmanager
    def new_array(
        self, name: str, shape: tuple[int, ...], dtype: DTypeLike
    ) -> Iterator[Callable[[AnyArray], None]]:
        """Write an array as .npy row by row, so that it need not be in memory as a whole.

        Parameters
        ----------
        name : str
            Relative file name.
        shape : tuple of int
            Of the whole array.
        dtype : dtype
            Of its elements.

        Yields
        ------
        callable
            Takes the next rows, in order.

        Raises
        ------
        ValueError
            If the rows have another shape or type, or were not as many as `shape` says.
        """
        kind = np.dtype(dtype)
        written = 0
        with self._new_file(name, needed=kind.itemsize * int(np.prod(shape, dtype=object))) as file:
            header = {"descr": npy.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(cast(BinaryIO, file), header)

            def append(rows: AnyArray) -> None:
                nonlocal written
                if rows.dtype != kind or rows.shape[1:] != shape[1:]:
                    raise ValueError(f"rows of {name} are {rows.dtype} {rows.shape[1:]}")
                file.write(np.ascontiguousarray(rows).data)
                written += len(rows)

            yield append
            if written != shape[0]:
                raise ValueError(f"{name} got {written} rows instead of {shape[0]}")

    def write_table(self, name: str, table: pd.DataFrame) -> Path:
        """Write a table as Parquet (zstd), without its index; return its path."""
        return self.write_bytes(name, encode_table(table))

    def write_tensors(
        self,
        name: str,
        tensors: Mapping[str, AnyArray],
        metadata: Mapping[str, str] | None = None,
    ) -> Path:
        """Write named arrays as one safetensors file; return its path.

        Equal content gives equal bytes, whatever the order of the mappings.
        """
        return self.write_bytes(name, encode_tensors(tensors, metadata))

    def write_json(self, name: str, value: Any) -> Path:
        """Write JSON (UTF-8; NaN becomes null); return its path."""
        return self.write_bytes(name, encode_json(value))

    def write_bytes(self, name: str, data: Buffer) -> Path:
        """Write bytes as they are; return the path."""
        with self._new_file(name, needed=memoryview(data).nbytes) as file:
            file.write(data)
        return file.path

    def adopt(self, name: str) -> Path:
        """Count a finished file that somebody else wrote (a worker) to the running stage."""
        stage, name = self._own(name)
        path = inside(self.path, name)
        digest = sha256_of_file(path)
        stage._files[name] = FileEntry(sha256=digest, bytes=path.stat().st_size)
        return path

    @contextlib.contextmanager
    def _new_file(self, name: str, *, needed: int) -> Iterator[AtomicFile]:
        stage, name = self._own(name)
        with AtomicFile(inside(self.path, name), needed=needed, hold=True) as file:
            yield file
        earlier = stage._pending.get(name)
        stage._pending[name] = file
        if earlier is not None:
            earlier.discard()

    def _own(self, name: str) -> tuple[Stage, str]:
        if self._stage is None:
            raise RuntimeError("files are written inside `with writer.stage(...)`")
        name = checked_name(name)
        for other, entry in self._manifest["stages"].items():
            if other != self._stage.name and name in entry["files"]:
                raise AtlasError(
                    f"{name} belongs to the stage {other!r} of {self.path}, so the stage "
                    f"{self._stage.name!r} cannot write it: use another name, or drop {other!r}"
                )
        return self._stage, name

    def _remove(self, name: str) -> None:
        # No longer in the manifest, a file does no harm; one that a link leads to is another's.
        with contextlib.suppress(OSError, AtlasError):
            path = inside(self.path, checked_name(name))
            os.unlink(path)
            if path.parent != self.path:
                path.parent.rmdir()  # only goes when empty

    def _save_manifest(self, stages: dict[str, StageEntry] | None = None) -> None:
        manifest = self._manifest.copy()
        if stages is not None:
            manifest["stages"] = stages
        content = encode_json(manifest)
        write_atomically(self.path / MANIFEST, content)
        self._manifest = manifest  # only after it is on the disk
        write_atomically(self.path / MANIFEST_COPY, content)

    def _mend_manifest(self) -> None:
        """Put the copy in the place of a manifest that is not what was written."""
        damage = manifest_damage(self.path)
        if damage is not None:
            self._save_manifest()
            what = damage.partition("): ")[0] + ")" * ("): " in damage)
            self.damaged[MANIFEST] = f"was restored from its copy, as {what}"


def _version() -> str:
    # The root package names every layer, torch's too, so no layer imports it; it is loaded anyway.
    return str(sys.modules["latentscape"].__version__)
