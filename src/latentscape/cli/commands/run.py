"""``latentscape run``: everything."""

from __future__ import annotations

from typing import Annotated

import typer

from latentscape.cli import networks, options
from latentscape.cli.output import conclude, facts_of, listeners

EXAMPLE = "run mnist -o atlas --seeds 1"

ROWS = ("test", "train", "all")


def command(
    data: options.Data = "mnist",
    output: options.Output = "atlas",
    latent_dims: options.Sizes = "2,4,8,16,32,64,128",
    latent_dim: Annotated[
        str, typer.Option("--latent-dim", help="The size that is mapped.", metavar="auto|N")
    ] = "auto",
    seeds: options.Seeds = 3,
    maps: Annotated[
        str, typer.Option("--maps", help="Maps to make.", metavar="NAME,NAME,...")
    ] = ",".join(options.MAPS),
    rows: Annotated[
        str,
        typer.Option(
            "--rows",
            help="Which images are mapped.",
            metavar="|".join(ROWS),
            parser=options.one_of(ROWS),
        ),
    ] = "test",
    perplexity: options.Perplexity = None,
    n_neighbors: options.Neighbors = None,
    min_dist: options.MinDist = None,
    metric: options.Metric = "euclidean",
    network: networks.Network = "reference",
    encoder: networks.Encoder = None,
    decoder: networks.Decoder = None,
    weights: networks.Weights = None,
    layout: networks.Layout = None,
    scale: networks.Scale = None,
    mean: networks.Mean = None,
    std: networks.Std = None,
    epochs: options.Epochs = None,
    tolerance: options.Tolerance = 0.1,
    seed: options.Seed = 0,
    sample: options.Sample = None,
    memory: options.Memory = None,
    device: options.Device = "auto",
    engine: options.Engine = "auto",
    workers: options.Workers = None,
    size: options.Size = None,
    mode: options.Mode = None,
    background: options.Background = "white",
    max_bad: options.MaxBad = 0.01,
    labels: options.Labels = None,
    shape: options.Shape = None,
    key: options.Key = None,
    drop_nonfinite: options.DropNonfinite = False,
    as_json: options.Json = False,
) -> None:
    """Do everything: train, choose a latent size, map, judge and draw.

    What an earlier run has finished is kept, and an interrupted run goes on where it was.
    """
    from latentscape.pipeline import run, summarize

    wanted = options.names("--maps", maps)
    options.check_of_map(
        {"--perplexity": perplexity, "--n-neighbors": n_neighbors, "--min-dist": min_dist}, wanted
    )
    foreign = networks.encoder_options(
        encoder,
        decoder=decoder,
        weights=weights,
        layout=layout,
        scale=scale,
        mean=mean,
        std=std,
    )
    verbose, callbacks = listeners(as_json)
    atlas = run(
        data,
        output,
        engine=engine,
        n_jobs=workers,
        verbose=verbose,
        callbacks=callbacks,
        reading=options.reading(
            size, mode, background, max_bad, labels, shape, key=key, drop_nonfinite=drop_nonfinite
        ),
        latent_dims=options.whole_numbers("--latent-dims", latent_dims),
        latent_dim=options.auto_or_number("--latent-dim", latent_dim),
        n_seeds=seeds,
        maps=wanted,
        rows=rows,
        map_settings=options.map_settings(perplexity, n_neighbors, min_dist),
        encoder=encoder,
        encoder_options=foreign,
        training=options.training_settings(epochs, device, network),
        tolerance=tolerance,
        random_state=seed,
        sample=sample,
        metric=metric,
        memory=memory,
    )
    conclude(as_json, {"atlas": output, **facts_of(atlas)}, summarize(atlas))
