"""What commands print: progress and results, for people or as JSON lines for programs."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from latentscape.errors import StorageError
from latentscape.types import EventCallback, Progress, StageChange

if TYPE_CHECKING:
    from latentscape.atlas import Atlas

READER_GONE = 141  # 128 + SIGPIPE, as shells have it


def listeners(as_json: bool) -> tuple[int, list[EventCallback]]:
    """Return ``verbose`` and callbacks: progress bars for people, or JSON lines for programs."""
    return (0, [print_event]) if as_json else (1, [])


def print_event(event: Progress | StageChange) -> None:
    """Print an event of a run as one line of JSON."""
    if isinstance(event, Progress):
        print_json(
            {
                "event": "progress",
                "task": event.task,
                "step": event.step,
                "total": event.total,
                "metrics": event.metrics,
            }
        )
    else:
        print_json(
            {
                "event": "stage",
                "stage": event.stage,
                "state": event.state,
                "seconds": round(event.seconds, 3),
                "note": event.note,
            }
        )


def print_json(value: Mapping[str, Any]) -> None:
    """Print one line of JSON."""
    _write(json.dumps(_without_nan(value), default=str, allow_nan=False) + "\n")


def conclude(as_json: bool, facts: Mapping[str, Any], lines: Sequence[str]) -> None:
    """Print the result: `facts` for programs, `lines` for people."""
    if as_json:
        print_json({"event": "result", **facts})
    else:
        _write("".join(f"{line}\n" for line in lines))


def facts_of(atlas: Atlas) -> dict[str, Any]:
    """Return what a program wants to know of a finished atlas."""
    facts: dict[str, Any] = {}
    if atlas.has("sweep"):
        facts["choice"] = atlas.choice
    if atlas.has("quality"):
        facts["quality"] = atlas.quality
    facts["figures"] = [str(path) for path in atlas.figure_paths.values()]
    return facts


def allow_any_encoding() -> None:
    """Print a question mark where a terminal or a file has no such character."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as `head` has
        _close_for_good(sys.stdout)
        raise SystemExit(READER_GONE) from None
    except OSError as error:
        _close_for_good(sys.stdout)
        reason = error.strerror or error
        msg = f"the output cannot be written ({reason}); send it to another place"
        raise StorageError(msg) from error


def _close_for_good(stream: TextIO) -> None:
    """Let go what is left to be written, or Python would try it again on its way out."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _without_nan(value: Any) -> Any:
    """Write NaN and infinities as null, as JSON has no word for them."""
    if isinstance(value, Mapping):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
