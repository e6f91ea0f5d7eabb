"""Errors in one sentence, without a traceback."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from rich.console import Console

from latentscape.cli.output import print_json
from latentscape.errors import LatentscapeError

REFUSED = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
TERMINATED = 143  # 128 + SIGTERM

# The command-line library's own class of errors in what was typed. Some of its
# versions stand on click, others bring a copy of it along.
_UsageError: Any = next(
    parent for parent in typer.BadParameter.__mro__ if parent.__name__ == "ClickException"
)


def explain(error: Exception) -> tuple[str, str] | None:
    """Return the kind of an error and what to tell the user; None for a bug."""
    if isinstance(error, LatentscapeError):
        return type(error).__name__, str(error)
    if isinstance(error, _UsageError):
        command = error.ctx.command_path if getattr(error, "ctx", None) else "latentscape"
        text = f"{error.format_message().rstrip('.')}; see `{command} --help`"
        return "UsageError", text
    if isinstance(error, OSError) and error.filename is not None:
        from latentscape.files import storage_error

        return "StorageError", str(storage_error(error, error.filename, doing="opening"))
    if isinstance(error, MemoryError):
        return "MemoryError", "there is not enough memory; use fewer workers or images"
    return None


def explain_interruption(arguments: Sequence[str], *, by_signal: bool) -> tuple[str, str]:
    """Return the kind and the sentence for a command that Ctrl-C, or SIGTERM, has ended."""
    text = "terminated by SIGTERM" if by_signal else "interrupted"
    if arguments and arguments[0] in ("run", "sweep"):
        text += "; everything finished is kept, and the same command goes on from there"
    return "Terminated" if by_signal else "KeyboardInterrupt", text


def refuse(arguments: Sequence[str], kind: str, message: str, *, code: int = REFUSED) -> NoReturn:
    """Say in one line why nothing (more) is done, and exit."""
    message = re.sub(r"\s*\n\s*", " ", message.strip())
    if "--json" in arguments:
        print_json({"event": "error", "kind": kind, "message": message})
    Console(stderr=True).print(
        f"latentscape: {message}", style="red", highlight=False, markup=False, soft_wrap=True
    )
    sys.exit(code)
