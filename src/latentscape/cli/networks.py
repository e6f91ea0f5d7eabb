"""Options that say what encodes: a network to train, or an encoder from elsewhere."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from latentscape.cli.options import number, one_of
from latentscape.errors import SettingError

LAYOUTS = ("NCHW", "NHWC", "NHW", "flat")

Network = Annotated[
    str,
    typer.Option(
        "--network",
        help="What is trained: reference, residual, or a class of your own, which is imported.",
        metavar="NAME|MODULE:CLASS",
    ),
]
OwnNetwork = Annotated[
    str | None,
    typer.Option(
        "--network",
        help="The class of your own that the model was trained with; it is imported.",
        metavar="MODULE:CLASS",
    ),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="Take codes from an ONNX file or a torch module instead of training.",
        metavar="FILE.onnx|MODULE:NAME",
    ),
]
Decoder = Annotated[
    str | None,
    typer.Option("--decoder", help="Its decoder; else one is trained.", metavar="FILE|MODULE:NAME"),
]
Weights = Annotated[
    str | None,
    typer.Option("--weights", help="Of the torch module.", metavar="FILE.safetensors"),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="Order of the encoder's axes; found out if not given.",
        metavar="|".join(LAYOUTS),
        parser=one_of(LAYOUTS),
    ),
]
Scale = Annotated[
    float | None,
    typer.Option(
        "--scale",
        help="The encoder takes pixels from 0 to this; 1 if not given.",
        metavar="X",
        parser=number,
    ),
]
Mean = Annotated[
    str | None, typer.Option("--mean", help="Taken off, by channel.", metavar="X,X,...")
]
Std = Annotated[
    str | None, typer.Option("--std", help="Divided by then, by channel.", metavar="X,X,...")
]


def encoder_options(
    encoder: str | None,
    *,
    decoder: str | None,
    weights: str | None,
    layout: str | None,
    scale: float | None,
    mean: str | None,
    std: str | None,
) -> dict[str, Any]:
    """Return what was said of an encoder from elsewhere.

    Raises
    ------
    SettingError
        Something was said without --encoder, or is no number.
    """
    given = {
        "decoder": decoder,
        "weights": weights,
        "layout": layout,
        "scale": scale,
        "mean": _numbers("--mean", mean),
        "std": _numbers("--std", std),
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    if encoder is None and chosen:
        msg = f"--{next(iter(chosen))} is for an encoder from elsewhere; give --encoder as well"
        raise SettingError(msg)
    return chosen


def _numbers(option: str, text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        msg = f"{option} takes numbers with commas between them, got {text!r}"
        raise SettingError(msg) from None
