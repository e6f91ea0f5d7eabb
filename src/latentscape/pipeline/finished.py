"""Whether a run was finished before: what it is made from, and whether that stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentscape.atlas import Atlas, AtlasWriter, fingerprint
from latentscape.errors import AtlasError
from latentscape.images.kinds import AnyData, AnyStream
from latentscape.pipeline.decoding import Asked, Encoded
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.settings import STAGE_VERSIONS, RunSettings
from latentscape.pipeline.tables import columns_hash
from latentscape.types import AnyArray, EventCallback, StageChange


def columns_of(data: AnyData) -> Mapping[str, AnyArray]:
    """Return the columns that came with the data."""
    return {} if isinstance(data, AnyStream) else data.columns


def whole_fingerprint(content_hash: str, settings: RunSettings, columns: str = "") -> str:
    """Return what a whole run is made from; ``columns`` is the hash of the data's own columns."""
    more = {"columns": columns} if columns else {}
    return fingerprint(
        versions=STAGE_VERSIONS, data=content_hash, settings=settings.made_from(), **more
    )


def run_fingerprint(data: AnyData, settings: RunSettings, encoded: Encoded | None) -> str:
    """Return what a whole run is made from, with what only some runs have."""
    found = whole_fingerprint(data.content_hash, settings, columns_hash(columns_of(data)))
    more: dict[str, Any] = _own_network(settings)
    if encoded is not None:
        more["decoded"] = encoded.decoded
    return fingerprint(run=found, **more) if more else found


def _own_network(settings: RunSettings) -> dict[str, Any]:
    """Return the code of a network of the user's own, which may have changed."""
    if ":" not in settings.network:
        return {}
    from latentscape.autoencoder.python_path import source_digest

    return {"network": source_digest(settings.network)}


def request_fingerprint(asked: Asked, settings: RunSettings) -> str:
    """Return what a run with an encoder from elsewhere is made from, before it has encoded.

    Empty where nothing names the encoder for good.
    """
    if not asked.encoder.digest:
        return ""
    return fingerprint(
        versions=STAGE_VERSIONS,
        settings=settings.made_from(),
        columns=columns_hash(columns_of(asked.images)),
        **asked.made_from,
        **_own_network(settings),
    )


def kept_as_asked(path: Path, request: str, tell: EventCallback) -> bool:
    """Tell whether this very run was finished, and nothing need be encoded to know it."""
    entry = _finished_run(path)
    if not request or entry is None or entry["info"].get("request") != request:
        return False
    with AtlasWriter.open(path) as writer:
        Recorder(writer, tell)  # tells of a manifest that was mended
        kept = nothing_to_do(writer, entry["fingerprint"])
    if kept:
        tell(StageChange("run", "kept"))
    return kept


def _finished_run(path: Path) -> Mapping[str, Any] | None:
    try:
        return Atlas.open(path).stages.get("run")
    except (AtlasError, OSError):  # the writer will say what is wrong with it
        return None


def was_finished(path: Path, whole: str) -> bool:
    """Tell whether an atlas says that this very run was finished; its files are not looked at."""
    entry = _finished_run(path)
    return entry is not None and entry["fingerprint"] == whole


def nothing_to_do(writer: AtlasWriter, whole: str) -> bool:
    """Tell whether a run was finished, and every file is intact."""
    if not writer.is_current("run", whole):
        return False
    stages: dict[str, str] = writer.stage_info("run")["stages"]
    # Each stage is looked at by the recorder later if one of them is damaged.
    intact = all(writer.is_current(name, made) for name, made in stages.items())
    if not intact:
        writer.damaged.clear()
    return intact
