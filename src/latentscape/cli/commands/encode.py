"""``latentscape encode``: new images on a model and on an atlas's maps."""

from __future__ import annotations

from typing import Annotated

import typer

from latentscape.cli import options
from latentscape.cli.output import conclude, listeners

EXAMPLE = "encode atlas t10k-images-idx3-ubyte.gz -o codes.npz"


def command(
    source: options.AtlasOrModel,
    data: options.Data,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            help="codes.npy, or .npz or .parquet with map places too.",
            metavar="FILE",
        ),
    ] = "codes.npy",
    max_bad: options.MaxBad = 0.01,
    shape: options.Shape = None,
    as_json: options.Json = False,
) -> None:
    """Encode images with a trained model, and place them on an atlas's maps."""
    from latentscape.pipeline.encode import encode_images

    verbose, callbacks = listeners(as_json)
    facts = encode_images(
        source,
        data,
        output,
        reading=options.reading(None, None, "white", max_bad, None, shape),
        verbose=verbose,
        callbacks=callbacks,
    )
    lines = [
        f"codes      {facts['n']:,} × {facts['latent_dim']} in {output}",
        f"error      mean reconstruction MSE {facts['reconstruction_mse']:.5f}",
    ]
    if facts["maps"]:
        lines.append(f"places     on {', '.join(facts['maps'])}")
    conclude(as_json, facts, lines)
