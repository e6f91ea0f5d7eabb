"""``latentscape export``: an atlas in the formats of other tools."""

from __future__ import annotations

from typing import Annotated

import typer

from latentscape.cli import networks, options
from latentscape.cli.output import conclude, listeners

EXAMPLE = "export atlas -o out --format onnx,parquet"


def command(
    atlas: options.AtlasPath,
    output: Annotated[
        str, typer.Option("-o", "--output", help="Where the files go.", metavar="DIR")
    ] = "export",
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="onnx, parquet, csv, projector, anndata, npz; all if not given.",
            metavar="NAME,NAME,...",
        ),
    ] = None,
    network: networks.OwnNetwork = None,
    as_json: options.Json = False,
) -> None:
    """Write an atlas for other tools: ONNX, tables, TensorBoard's projector, AnnData, npz."""
    from latentscape.exports import export
    from latentscape.pipeline.settings import given_path
    from latentscape.progress import progress_bars
    from latentscape.types import Progress

    verbose, callbacks = listeners(as_json)
    wanted = None if formats is None else options.names("--format", formats)
    with progress_bars(verbose) as show:

        def tell(event: Progress) -> None:
            for callback in (*callbacks, show):
                callback(event)

        report = export(
            given_path(atlas), given_path(output), wanted, network=network, on_progress=tell
        )
    lines = [f"{report.folder / name}  {size:,} bytes" for name, size in report.files.items()]
    lines += [
        f"onnx       {method}: the largest difference from torch is {difference:.1e}"
        for method, difference in report.onnx_differences.items()
    ]
    lines += [f"left out   {name}: {reason}" for name, reason in report.lacking.items()]
    facts = {
        "folder": str(report.folder),
        "files": dict(report.files),
        "onnx_differences": dict(report.onnx_differences),
        "lacking": dict(report.lacking),
    }
    conclude(as_json, facts, lines)
