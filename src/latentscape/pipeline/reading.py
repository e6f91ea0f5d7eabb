"""Data that were given by name or path, read at the beginning of a command."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from typing import Any

from latentscape.atlas import Stage, fingerprint
from latentscape.errors import SettingError
from latentscape.images import EmbeddingSet, ImageSet, Refused, load_data
from latentscape.pipeline.recorder import Recorder
from latentscape.types import EventCallback, StageChange

QUARANTINE_FILE = "quarantine.csv"


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
