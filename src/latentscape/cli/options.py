"""Arguments and options that several commands take, and what was typed for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import typer

from latentscape.errors import SettingError

ENGINES = ("auto", "serial", "processes")
MODES = ("grey", "rgb")
METRICS = ("euclidean", "cosine")
MAPS = ("pca", "lda", "tsne", "umap")
LARGEST_SEED = 2**32 - 1
LEAST_SAMPLE = 100

# What was typed. These say what is wrong in the same words whatever version of
# the command-line library is at work.


def whole_number(least: int | None = None, most: int | None = None) -> Callable[[Any], int]:
    """Return a parser of whole numbers from `least` to `most`."""
    bounds = "" if least is None else f" of at least {least}"
    if most is not None:
        bounds = f" from {least} to {most}"
    low = -math.inf if least is None else least
    high = math.inf if most is None else most

    def parse(text: Any) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            msg = f"must be a whole number{bounds}, got {str(text)!r}"
            raise typer.BadParameter(msg)
        return number

    return parse


def number(text: Any) -> float:
    """Parse any number; the library knows which ones make sense."""
    try:
        return float(text)
    except ValueError:
        msg = f"must be a number, got {str(text)!r}"
        raise typer.BadParameter(msg) from None


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """Return a parser of one of these names."""

    def parse(text: str) -> str:
        if text not in names:
            msg = f"must be one of {', '.join(names)}, got {text!r}"
            raise typer.BadParameter(msg)
        return text

    return parse


def whole_numbers(option: str, text: str) -> list[int]:
    """Take whole numbers of at least 1 with commas between them."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        msg = f"{option} takes whole numbers of at least 1 with commas between them, got {text!r}"
        raise SettingError(msg)
    return numbers


def auto_or_number(option: str, text: str) -> int | Literal["auto"]:
    """Take "auto" or a whole number of at least 1."""
    if text == "auto":
        return "auto"
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        msg = f"{option} takes 'auto' or a whole number of at least 1, got {text!r}"
        raise SettingError(msg)
    return number


def names(option: str, text: str) -> list[str]:
    """Take names with commas between them."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        msg = f"{option} takes names with commas between them, got {text!r}"
        raise SettingError(msg)
    return found


# Which map has which option.
OF_MAP = {"--perplexity": "tsne", "--n-neighbors": "umap", "--min-dist": "umap"}


def check_of_map(given: Mapping[str, Any], maps: Sequence[str]) -> None:
    """Refuse an option of a map that is not to be made.

    Raises
    ------
    SettingError
        With the option and the map.
    """
    for option, value in given.items():
        name = OF_MAP[option]
        if value is not None and name not in maps:
            msg = (
                f"{option} is a setting of {name}, which --maps does not name; add {name} to "
                f"--maps, or leave {option} out"
            )
            raise SettingError(msg)


# Arguments. Paths stay text until the library has them: Path("") would be the
# current directory.

Data = Annotated[
    str,
    typer.Argument(
        help="[bold]mnist[/] (bundled), a folder of images, or a file: npy, npz, Parquet, Arrow, "
        "CSV, tar, IDX."
    ),
]
AtlasPath = Annotated[
    str, typer.Argument(help="An atlas: a directory made by `run`.", metavar="ATLAS")
]
AtlasOrModel = Annotated[
    str, typer.Argument(help="An atlas, or a model's file.", metavar="ATLAS|MODEL")
]

# Options.

Output = Annotated[str, typer.Option("-o", "--output", help="The atlas.", metavar="DIR")]
Sizes = Annotated[
    str, typer.Option("--latent-dims", help="Latent sizes to train.", metavar="N,N,...")
]
Seeds = Annotated[
    int,
    typer.Option("--seeds", help="Trainings of each size.", metavar="N", parser=whole_number(1)),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed",
        help="First seed of trainings; seed of maps.",
        metavar="N",
        parser=whole_number(0, LARGEST_SEED),
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        help="Passes over the training images.",
        metavar="N",
        parser=whole_number(1),
    ),
]
Tolerance = Annotated[
    float,
    typer.Option(
        "--tolerance",
        help="How far above the best error the choice may go.",
        metavar="X",
        parser=number,
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, ... for training.")]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        help="What runs trainings and maps.",
        metavar="|".join(ENGINES),
        parser=one_of(ENGINES),
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="Worker processes; one a core if not given.",
        metavar="N",
        parser=whole_number(1),
    ),
]
Perplexity = Annotated[
    float | None, typer.Option("--perplexity", help="Of t-SNE.", metavar="X", parser=number)
]
Neighbors = Annotated[
    int | None,
    typer.Option("--n-neighbors", help="Of UMAP.", metavar="N", parser=whole_number(2)),
]
MinDist = Annotated[
    float | None, typer.Option("--min-dist", help="Of UMAP.", metavar="X", parser=number)
]
Metric = Annotated[
    str,
    typer.Option(
        "--metric",
        help="By which codes are neighbours, for t-SNE, UMAP and all measures.",
        metavar="|".join(METRICS),
        parser=one_of(METRICS),
    ),
]
Sample = Annotated[
    int | None,
    typer.Option(
        "--sample",
        help="Fit maps on N rows, place the others; a .npy file then stays on the disk.",
        metavar="N",
        parser=whole_number(LEAST_SAMPLE),
    ),
]
Memory = Annotated[
    float | None,
    typer.Option("--memory", help="How much memory may be used.", metavar="GB", parser=number),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        help="Size of all images; the commonest one (at most 64) if not given.",
        metavar="N|HxW",
    ),
]
Mode = Annotated[
    str | None,
    typer.Option(
        "--mode",
        help="What images are made; what most are if not given.",
        metavar="|".join(MODES),
        parser=one_of(MODES),
    ),
]
Background = Annotated[
    str,
    typer.Option(
        "--background", help="Behind transparent pixels: a name or #rrggbb.", metavar="COLOUR"
    ),
]
MaxBad = Annotated[
    float,
    typer.Option(
        "--max-bad",
        help="Largest share of unreadable images that are set aside.",
        metavar="X",
        parser=number,
    ),
]
Labels = Annotated[
    str | None,
    typer.Option("--labels", help="The column of labels, or their file.", metavar="COLUMN|FILE"),
]
Shape = Annotated[
    str | None,
    typer.Option("--shape", help="Of pixels in rows; a square if not given.", metavar="HxW[xC]"),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key", help="Of embeddings: the array, column or entry that holds them.", metavar="NAME"
    ),
]
DropNonfinite = Annotated[
    bool,
    typer.Option("--drop-nonfinite", help="Set rows of embeddings with NaN or infinity aside."),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print events as JSON, one a line, instead of progress bars.")
]

# What the library wants to be given.


def training_settings(
    epochs: int | None, device: str, network: str = "reference"
) -> dict[str, Any]:
    """Return those settings of a training that are not the defaults."""
    chosen: dict[str, Any] = {} if epochs is None else {"n_epochs": epochs}
    if network != "reference":
        chosen["network"] = network
    return chosen if device == "auto" else {**chosen, "device": device}


def reading(
    size: str | None,
    mode: str | None,
    background: str,
    max_bad: float,
    labels: str | None,
    shape: str | None,
    key: str | None = None,
    drop_nonfinite: bool = False,
) -> dict[str, Any]:
    """Return those options of reading that are not the defaults."""
    given: dict[str, Any] = {"size": size, "mode": mode, "labels": labels, "shape": shape}
    given |= {"key": key, "drop_nonfinite": drop_nonfinite or None}
    chosen = {name: value for name, value in given.items() if value is not None}
    if background != "white":
        chosen["background"] = background
    return chosen if max_bad == 0.01 else {**chosen, "max_bad": max_bad}


def map_settings(
    perplexity: float | None, n_neighbors: int | None, min_dist: float | None
) -> dict[str, dict[str, Any]]:
    """Return the settings that were given, by the name of their map."""
    given: dict[str, dict[str, Any]] = {
        "tsne": {"perplexity": perplexity},
        "umap": {"n_neighbors": n_neighbors, "min_dist": min_dist},
    }
    chosen = {
        name: {key: value for key, value in settings.items() if value is not None}
        for name, settings in given.items()
    }
    return {name: settings for name, settings in chosen.items() if settings}
