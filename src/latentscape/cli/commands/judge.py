"""``latentscape judge``: how far the maps of an atlas can be trusted."""

from __future__ import annotations

from latentscape.cli import options
from latentscape.cli.output import conclude, listeners

EXAMPLE = "judge atlas"


def command(atlas: options.AtlasPath, as_json: options.Json = False) -> None:
    """Tell how far each map can be trusted, in figures and in words; judge it if need be."""
    from latentscape.pipeline import judge, trust_lines

    verbose, callbacks = listeners(as_json)
    judged = judge(atlas, verbose=verbose, callbacks=callbacks)
    conclude(as_json, {"atlas": atlas, "quality": judged.quality}, trust_lines(judged))
