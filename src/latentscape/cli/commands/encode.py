"""``latentscape encode``: new data on a model and on an atlas's maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from latentscape.cli import networks, options
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
            help="codes.npy, or .npz, .parquet or .csv with map places too.",
            metavar="FILE",
        ),
    ] = "codes.npy",
    max_bad: options.MaxBad = 0.01,
    labels: options.Labels = None,
    shape: options.Shape = None,
    key: options.Key = None,
    drop_nonfinite: options.DropNonfinite = False,
    network: networks.OwnNetwork = None,
    encoder: networks.Encoder = None,
    weights: networks.Weights = None,
    layout: networks.Layout = None,
    scale: networks.Scale = None,
    mean: networks.Mean = None,
    std: networks.Std = None,
    as_json: options.Json = False,
) -> None:
    """Encode new data with a trained model, and place them on an atlas's maps.

    Images are prepared as those of the atlas were. Data that differ from them are warned about.
    """
    from latentscape.pipeline.encode import encode_images

    verbose, callbacks = listeners(as_json)
    foreign = networks.encoder_options(
        encoder, decoder=None, weights=weights, layout=layout, scale=scale, mean=mean, std=std
    )
    facts = encode_images(
        source,
        data,
        output,
        reading=options.reading(
            None, None, "white", max_bad, labels, shape, key=key, drop_nonfinite=drop_nonfinite
        ),
        network=network,
        encoder=encoder,
        encoder_options=foreign,
        verbose=verbose,
        callbacks=callbacks,
    )
    conclude(as_json, facts, _lines(facts))


def _lines(facts: Mapping[str, Any]) -> list[str]:
    lines = [f"data       {facts['sentence']}"] if facts["sentence"] else []
    lines.append(f"codes      {facts['n']:,} × {facts['latent_dim']} in {facts['output']}")
    if facts["reconstruction_mse"] is not None:
        lines.append(f"error      mean reconstruction MSE {facts['reconstruction_mse']:.5f}")
    if facts["maps"]:
        lines.append(f"places     on {', '.join(facts['maps'])}")
    lines += [f"lacking    {part}: {reason}" for part, reason in facts["lacking"].items()]
    lines += [f"note       {note}" for note in facts["notes"]]
    if facts["drift"] is not None:
        warnings = facts["drift"]["warnings"]
        lines += [f"drift      {sentence}" for sentence in warnings]
        if not warnings:
            lines.append(
                f"drift      none: the mean of a dimension moved by at most "
                f"{facts['drift']['largest_shift']:.2f} standard deviations"
            )
    return lines
