"""``latentscape train``: one model in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentscape.cli import networks, options
from latentscape.cli.output import conclude, listeners
from latentscape.errors import ModelFileError, SettingError

EXAMPLE = "train mnist --latent-dim 32 -o digits.safetensors"


def command(
    data: options.Data = "mnist",
    output: Annotated[
        str, typer.Option("-o", "--output", help="The model's file.", metavar="FILE")
    ] = "model.safetensors",
    latent_dim: Annotated[
        int,
        typer.Option(
            "--latent-dim",
            help="Size of the latent space.",
            metavar="N",
            parser=options.whole_number(1),
        ),
    ] = 32,
    network: networks.Network = "reference",
    epochs: options.Epochs = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: Annotated[
        int,
        typer.Option(
            "--threads",
            help="CPU threads; -1 for all cores.",
            metavar="N",
            parser=options.whole_number(),
        ),
    ] = 1,
    as_json: options.Json = False,
) -> None:
    """Train one model and store it."""
    from latentscape.files import check_writable
    from latentscape.images import load_images
    from latentscape.pipeline.checks import checked_estimator
    from latentscape.pipeline.settings import given_path

    path = given_path(output)
    check_replaceable(path)
    images = load_images(data)
    training = {**options.training_settings(epochs, device, network), "n_jobs": threads}
    model = checked_estimator(images, training, [latent_dim], seed=seed)
    check_writable(path)
    verbose, callbacks = listeners(as_json)
    model.set_params(latent_dim=latent_dim, verbose=verbose, callbacks=callbacks)
    model.fit(images.train)
    test_mse = -model.score(images.test)
    model.metrics_ = {"test_mse": test_mse}
    model.save(path)
    counts = {"n_train": len(images.train), "n_test": len(images.test)}
    facts = {"model": output, "latent_dim": latent_dim, "test_mse": test_mse, **counts}
    lines = [
        " ".join(
            [
                f"data       {counts['n_train']:,} training and {counts['n_test']:,} test images",
                *images.notes,
            ]
        ),
        f"test MSE   {test_mse:.5f}",
        f"model      {output}",
    ]
    conclude(as_json, facts, lines)


def check_replaceable(path: Path) -> None:
    """Refuse to put a model in the place of a file that is none.

    Raises
    ------
    SettingError
        Something else lies there, a data file for example.
    """
    from latentscape.autoencoder.storage import read_header

    if not path.is_file():
        return
    try:
        read_header(path)
    except ModelFileError:
        msg = f"{path} is there already and no model, so it is not replaced; give another name"
        raise SettingError(msg) from None
