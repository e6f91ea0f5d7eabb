"""``latentscape info``: what stands in an atlas or in a model's file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentscape.cli import options
from latentscape.cli.output import conclude

EXAMPLE = "info atlas"


def command(
    source: options.AtlasOrModel,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what an atlas or a model's file holds."""
    from latentscape.pipeline.settings import given_path

    path = given_path(source)
    if path.is_file():
        _tell_model(path, as_json)
    else:
        _tell_atlas(path, as_json)


def _tell_model(path: Path, as_json: bool) -> None:
    from latentscape.autoencoder.storage import read_header

    header = read_header(path)
    lines = [f"model      {path}"]
    for part in ("params", "metrics"):
        for name, value in header[part].items():
            lines.append(f"{name:<22} {value}")
    for name, value in (header.get("preprocessing") or {}).items():
        lines.append(f"{f'images: {name}':<22} {value}")
    conclude(as_json, header, lines)


def _tell_atlas(path: Path, as_json: bool) -> None:
    from latentscape.atlas import Atlas
    from latentscape.pipeline import summarize

    atlas = Atlas.open(path)
    stages = [
        f"           {name:<12} {entry['seconds']:>8.1f} s   {entry['finished']}"
        for name, entry in atlas.stages.items()
        if not name.startswith("model-")
    ]
    n_models = sum(name.startswith("model-") for name in atlas.stages)
    models = f"models     {n_models} in {path / 'model'}"
    conclude(as_json, dict(atlas.manifest), [*summarize(atlas), models, "stages", *stages])
