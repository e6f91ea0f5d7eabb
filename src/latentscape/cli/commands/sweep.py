"""``latentscape sweep``: train every latent size and choose one."""

from __future__ import annotations

from latentscape.cli import networks, options
from latentscape.cli.output import conclude, facts_of, listeners

EXAMPLE = "sweep mnist -o atlas --latent-dims 8,16,32"


def command(
    data: options.Data = "mnist",
    output: options.Output = "atlas",
    latent_dims: options.Sizes = "2,4,8,16,32,64,128",
    seeds: options.Seeds = 3,
    network: networks.Network = "reference",
    epochs: options.Epochs = None,
    tolerance: options.Tolerance = 0.1,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    engine: options.Engine = "auto",
    workers: options.Workers = None,
    as_json: options.Json = False,
) -> None:
    """Train each latent size and choose one; `run` on the same atlas goes on from there."""
    from latentscape.pipeline import run, summarize

    verbose, callbacks = listeners(as_json)
    atlas = run(
        data,
        output,
        until="sweep",
        engine=engine,
        n_jobs=workers,
        verbose=verbose,
        callbacks=callbacks,
        latent_dims=options.whole_numbers("--latent-dims", latent_dims),
        n_seeds=seeds,
        tolerance=tolerance,
        random_state=seed,
        training=options.training_settings(epochs, device, network),
    )
    conclude(as_json, {"atlas": output, **facts_of(atlas)}, summarize(atlas))
