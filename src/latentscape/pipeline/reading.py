"""Data that were given by name or path, read at the beginning of a command."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latentscape.atlas import Stage, fingerprint
from latentscape.errors import SettingError
from latentscape.images import EmbeddingSet, ImageSet, Refused, load_data
from latentscape.images.embedding_stream import EmbeddingStream
from latentscape.images.kinds import AnyStream
from latentscape.images.npy_rows import NotInBatchesError
from latentscape.images.stream import ImageStream
from latentscape.pipeline.recorder import Recorder
from latentscape.types import EventCallback, StageChange

QUARANTINE_FILE = "quarantine.csv"

_OF_CODES = ("labels", "drop_nonfinite")  # options that codes on the disk know


def read_data(
    data: Any, reading: Mapping[str, Any] | None, tell: EventCallback
) -> tuple[ImageSet | EmbeddingSet, list[StageChange]]:
    """Return data as an image set or an embedding set, and what is to be said of the reading.

    It is said by the caller, when nothing else stands in the way: a refusal is one sentence.

    Parameters
    ----------
    data : ImageSet, EmbeddingSet, or what :func:`latentscape.images.load_data` reads
        Sets are returned as they are.
    reading : mapping, optional
        Options of :func:`latentscape.images.load_data`, for data that are read.
    tell : callable
        Is called with the progress.

    Returns
    -------
    data : ImageSet or EmbeddingSet
    said : list of StageChange
        What was read, in a sentence; empty for sets.

    Raises
    ------
    SettingError
        There are options but nothing to read.
    LatentscapeError
        What :func:`latentscape.images.load_data` raises.
    """
    if isinstance(data, ImageSet | EmbeddingSet):
        if reading:
            msg = "the data were read already; give the options of reading to load_images instead"
            raise SettingError(msg)
        return data, []
    started = time.perf_counter()
    found = load_data(data, on_progress=tell, **dict(reading or {}))
    seconds = time.perf_counter() - started
    return found, [StageChange("data", "done", seconds, note=found.sentence)]


def stream_of(data: Any, reading: Mapping[str, Any] | None) -> AnyStream | None:
    """Return what can stay on the disk, without loading it: .npy files of images or codes.

    Parameters
    ----------
    data
        A stream, which is returned as it is; a path, or anything else.
    reading : mapping, optional
        Options of :func:`latentscape.images.load_data`.

    Returns
    -------
    ImageStream, EmbeddingStream or None
        None for what cannot be read in batches: the readers take it, or say what it is.

    Raises
    ------
    LatentscapeError
        What can stay on the disk has labels that do not fit, or cannot be read.
    """
    if isinstance(data, AnyStream):
        return data
    if not isinstance(data, str | os.PathLike):
        return None
    path, options = Path(data), reading or {}
    if path.is_dir():
        if (path / "atlas.json").exists():
            return None
        names = [file.name for file in path.iterdir() if not file.name.startswith(".")]
        if not names or not all(name.endswith(".npy") for name in names):
            return None
    elif path.suffix != ".npy" or not path.is_file():
        return None
    try:
        labels = options.get("labels")
        return ImageStream.open(path, labels if _is_array_file(labels) else None)
    except NotInBatchesError:
        pass
    if any(name not in _OF_CODES for name in options):
        return None
    try:
        codes = EmbeddingStream.open(path, options.get("labels"))
    except NotInBatchesError:
        return None
    # Whole numbers may be pixels as well: only who says so means codes.
    return codes if codes.file.dtype.kind == "f" or options.get("drop_nonfinite") else None


def prepared_stream(
    stream: AnyStream, reading: Mapping[str, Any] | None, tell: EventCallback
) -> tuple[AnyStream, list[StageChange]]:
    """Return a stream that is ready to be mapped, and what is to be said of the reading.

    Raises
    ------
    SettingError
        An option of reading makes no sense for it.
    LatentscapeError
        Codes hold NaN, or cannot be read.
    """
    options = dict(reading or {})
    if isinstance(stream, EmbeddingStream):
        started = time.perf_counter()
        drop = bool(options.get("drop_nonfinite"))
        found = stream.looked_at(drop_nonfinite=drop, on_progress=tell)
        seconds = time.perf_counter() - started
        return found, [StageChange("data", "done", seconds, note=found.sentence)]
    if _is_array_file(options.get("labels")):
        del options["labels"]  # which the stream has taken
    if options:
        msg = (
            f"images that stay on the disk are taken as they are, so there is no "
            f"{next(iter(options))} for them; leave it out, or do without a sample"
        )
        raise SettingError(msg)
    return stream, []


def _is_array_file(labels: Any) -> bool:
    return isinstance(labels, str | os.PathLike) and os.fspath(labels).lower().endswith(".npy")


def quarantine_stage(recorder: Recorder, quarantine: Sequence[Refused]) -> None:
    """Write the list of what was not read, where there is something in it."""
    if not quarantine:
        return
    rows = [[item.path, item.reason] for item in quarantine]

    def work(stage: Stage) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([["path", "reason"], *rows])
        content = text.getvalue().encode(errors="backslashreplace")
        recorder.writer.write_bytes(QUARANTINE_FILE, content)
        stage.info.update(n=len(rows))

    recorder.run("quarantine", fingerprint(rows=rows), work)
