"""``latentscape explore``: walk through an atlas in the browser."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from latentscape.cli import options

EXAMPLE = "explore atlas"

_THUMBNAILS = ("small", "exact")
_LARGEST_PORT = 65_535


def command(
    atlas: options.AtlasPath,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            help="Port of this machine; 0 takes a free one.",
            metavar="N",
            parser=options.whole_number(0, _LARGEST_PORT),
        ),
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser.")
    ] = True,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="Write the page to a file instead.", metavar="FILE"),
    ] = None,
    thumbnails: Annotated[
        str,
        typer.Option(
            "--thumbnails",
            help="small: 16 grey levels; exact: as they are.",
            metavar="KIND",
            parser=options.one_of(_THUMBNAILS),
        ),
    ] = "small",
) -> None:
    """Walk through an atlas in the browser, until Ctrl-C; with -o, write it as one HTML file."""
    from latentscape.atlas import Atlas
    from latentscape.explorer import build_page, serve
    from latentscape.explorer.data import Thumbnails
    from latentscape.files import write_atomically
    from latentscape.pipeline.settings import given_path

    opened = Atlas.open(given_path(atlas))
    if output is not None:
        path = given_path(output)
        write_atomically(path, build_page(opened, thumbnails=cast(Thumbnails, thumbnails)))
        typer.echo(str(path))
        return
    serve(
        opened,
        port=port,
        browser=browser,
        on_start=lambda address: typer.echo(f"{address}  (stop it with Ctrl-C)"),
    )
