"""The command line: a skin over library calls."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

import latentscape
from latentscape.errors import LatentscapeError, SettingError
from latentscape.types import EventCallback, Progress, StageChange

app = typer.Typer(
    name="latentscape",
    help="See what an autoencoder has learned.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Rows(StrEnum):
    """Which images are mapped."""

    test = "test"
    train = "train"
    all = "all"


class MapName(StrEnum):
    """A map of the codes."""

    pca = "pca"
    lda = "lda"
    tsne = "tsne"
    umap = "umap"


class EngineName(StrEnum):
    """What runs trainings and maps."""

    auto = "auto"
    serial = "serial"
    processes = "processes"


Data = Annotated[
    str, typer.Argument(help="[bold]mnist[/] (bundled), an IDX file or a folder of IDX files.")
]
# Paths stay text until the library has them: Path("") would be the current directory.
AtlasPath = Annotated[
    str, typer.Argument(help="An atlas: a directory made by `run`.", metavar="ATLAS")
]
AtlasOrModel = Annotated[
    str, typer.Argument(help="An atlas, or a model's file.", metavar="ATLAS|MODEL")
]
Output = Annotated[str, typer.Option("-o", "--output", help="The atlas.", metavar="DIR")]
Sizes = Annotated[
    str, typer.Option("--latent-dims", help="Latent sizes to train.", metavar="N,N,...")
]
Seeds = Annotated[int, typer.Option("--seeds", help="Trainings of each size.", metavar="N")]
Seed = Annotated[
    int, typer.Option("--seed", help="First seed of trainings; seed of maps.", metavar="N")
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", help="Passes over the training images.", metavar="N")
]
Engine = Annotated[EngineName, typer.Option("--engine", help="What runs trainings and maps.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", help="Worker processes; one a core if not given.", metavar="N"),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print events as JSON, one a line, instead of progress bars.")
]
Tolerance = Annotated[
    float,
    typer.Option(
        "--tolerance", help="How far above the best error the choice may go.", metavar="X"
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, ... for training.")]


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(latentscape.__version__)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
    else:
        return
    raise typer.Exit


@app.command("run", epilog="Example: [bold]latentscape run mnist -o atlas --seeds 1[/]")
def _run(
    data: Data = "mnist",
    output: Output = "atlas",
    latent_dims: Sizes = "2,4,8,16,32,64,128",
    latent_dim: Annotated[
        str, typer.Option("--latent-dim", help="The size that is mapped.", metavar="auto|N")
    ] = "auto",
    seeds: Seeds = 3,
    maps: Annotated[
        str, typer.Option("--maps", help="Maps to make.", metavar="NAME,NAME,...")
    ] = "pca,lda,tsne,umap",
    rows: Annotated[Rows, typer.Option("--rows", help="Which images are mapped.")] = Rows.test,
    perplexity: Annotated[
        float | None, typer.Option("--perplexity", help="Of t-SNE.", metavar="X")
    ] = None,
    n_neighbors: Annotated[
        int | None, typer.Option("--n-neighbors", help="Of UMAP.", metavar="N")
    ] = None,
    min_dist: Annotated[
        float | None, typer.Option("--min-dist", help="Of UMAP.", metavar="X")
    ] = None,
    epochs: Epochs = None,
    tolerance: Tolerance = 0.1,
    seed: Seed = 0,
    device: Device = "auto",
    engine: Engine = EngineName.auto,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Do everything: train, choose a latent size, map, judge and draw.

    What an earlier run has finished is kept, and an interrupted run goes on where it was.
    """
    from latentscape.pipeline import run, summarize

    settings: dict[str, Any] = {
        "latent_dims": _whole_numbers("--latent-dims", latent_dims),
        "latent_dim": "auto" if latent_dim == "auto" else _whole_number("--latent-dim", latent_dim),
        "n_seeds": seeds,
        "maps": _names("--maps", maps),
        "rows": rows.value,
        "map_settings": _map_settings(perplexity, n_neighbors, min_dist),
        "training": _training(epochs, device),
        "tolerance": tolerance,
        "random_state": seed,
    }
    verbose, callbacks = _listeners(as_json)
    atlas = run(
        data,
        output,
        engine=engine.value,
        n_jobs=workers,
        verbose=verbose,
        callbacks=callbacks,
        **settings,
    )
    _conclude(as_json, {"atlas": output, **_facts(atlas)}, summarize(atlas))


@app.command(
    "sweep", epilog="Example: [bold]latentscape sweep mnist -o atlas --latent-dims 8,16,32[/]"
)
def _sweep(
    data: Data = "mnist",
    output: Output = "atlas",
    latent_dims: Sizes = "2,4,8,16,32,64,128",
    seeds: Seeds = 3,
    epochs: Epochs = None,
    tolerance: Tolerance = 0.1,
    seed: Seed = 0,
    device: Device = "auto",
    engine: Engine = EngineName.auto,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Train each latent size and choose one; `run` on the same atlas goes on from there."""
    from latentscape.pipeline import run, summarize

    verbose, callbacks = _listeners(as_json)
    atlas = run(
        data,
        output,
        until="sweep",
        engine=engine.value,
        n_jobs=workers,
        verbose=verbose,
        callbacks=callbacks,
        latent_dims=_whole_numbers("--latent-dims", latent_dims),
        n_seeds=seeds,
        tolerance=tolerance,
        random_state=seed,
        training=_training(epochs, device),
    )
    _conclude(as_json, {"atlas": output, **_facts(atlas)}, summarize(atlas))


@app.command(
    "train",
    epilog="Example: [bold]latentscape train mnist --latent-dim 32 -o digits.safetensors[/]",
)
def _train(
    data: Data = "mnist",
    output: Annotated[
        str, typer.Option("-o", "--output", help="The model's file.", metavar="FILE")
    ] = "model.safetensors",
    latent_dim: Annotated[
        int, typer.Option("--latent-dim", help="Size of the latent space.", metavar="N")
    ] = 32,
    epochs: Epochs = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Annotated[int, typer.Option("--threads", help="CPU threads.", metavar="N")] = 1,
    as_json: Json = False,
) -> None:
    """Train one model and store it."""
    from latentscape.files import check_writable
    from latentscape.images import load_images
    from latentscape.pipeline.checks import checked_estimator
    from latentscape.pipeline.settings import given_path

    path = given_path(output)
    images = load_images(data)
    training = {**_training(epochs, device), "n_jobs": threads}
    model = checked_estimator(images, training, [latent_dim], seed=seed)
    check_writable(path)
    verbose, callbacks = _listeners(as_json)
    model.set_params(latent_dim=latent_dim, verbose=verbose, callbacks=callbacks)
    model.fit(images.train)
    test_mse = -model.score(images.test)
    model.metrics_ = {"test_mse": test_mse}
    model.save(path)
    facts = {"model": output, "latent_dim": latent_dim, "test_mse": test_mse}
    _conclude(as_json, facts, [f"test MSE   {test_mse:.5f}", f"model      {output}"])


@app.command("map", epilog="Example: [bold]latentscape map atlas tsne --perplexity 50[/]")
def _map(
    atlas: AtlasPath,
    method: Annotated[MapName, typer.Argument(help="Which map.")],
    perplexity: Annotated[float | None, typer.Option(help="Of t-SNE.", metavar="X")] = None,
    n_neighbors: Annotated[int | None, typer.Option(help="Of UMAP.", metavar="N")] = None,
    min_dist: Annotated[float | None, typer.Option(help="Of UMAP.", metavar="X")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the map.", metavar="N")] = None,
    as_json: Json = False,
) -> None:
    """Make one map of an atlas anew with other settings, and keep the rest."""
    from latentscape.pipeline import add_map, summarize

    given = _map_settings(perplexity, n_neighbors, min_dist)
    others = [name for name in given if name != method.value]
    if others:
        msg = f"{', '.join(given[others[0]])} is a setting of {others[0]}, not of {method.value}"
        raise SettingError(msg)
    verbose, callbacks = _listeners(as_json)
    made = add_map(
        atlas,
        method.value,
        random_state=seed,
        verbose=verbose,
        callbacks=callbacks,
        **given.get(method.value, {}),
    )
    _conclude(as_json, {"atlas": atlas, **_facts(made)}, summarize(made))


@app.command(
    "encode",
    epilog="Example: [bold]latentscape encode atlas t10k-images-idx3-ubyte.gz -o codes.npz[/]",
)
def _encode(
    source: AtlasOrModel,
    data: Data,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            help="codes.npy, or .npz or .parquet with map places too.",
            metavar="FILE",
        ),
    ] = "codes.npy",
    as_json: Json = False,
) -> None:
    """Encode images with a trained model, and place them on an atlas's maps."""
    from latentscape.pipeline.encode import encode_images

    verbose, callbacks = _listeners(as_json)
    facts = encode_images(source, data, output, verbose=verbose, callbacks=callbacks)
    lines = [
        f"codes      {facts['n']:,} × {facts['latent_dim']} in {output}",
        f"error      mean reconstruction MSE {facts['reconstruction_mse']:.5f}",
    ]
    if facts["maps"]:
        lines.append(f"places     on {', '.join(facts['maps'])}")
    _conclude(as_json, facts, lines)


@app.command("info", epilog="Example: [bold]latentscape info atlas[/]")
def _info(
    source: AtlasOrModel,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what an atlas or a model's file holds."""
    from latentscape.atlas import Atlas
    from latentscape.pipeline import summarize
    from latentscape.pipeline.settings import given_path

    path = given_path(source)
    if path.is_file():
        from latentscape.autoencoder.storage import read_header

        header = read_header(path)
        lines = [f"model      {path}"]
        for part in ("params", "metrics"):
            for name, value in header[part].items():
                lines.append(f"{name:<22} {value}")
        _conclude(as_json, header, lines)
        return
    atlas = Atlas.open(path)
    stages = [
        f"{name:<12} {entry['seconds']:>8.1f} s   {entry['finished']}"
        for name, entry in atlas.stages.items()
        if not name.startswith("model-")
    ]
    n_models = sum(name.startswith("model-") for name in atlas.stages)
    lines = [*summarize(atlas), f"models     {n_models} in {path / 'model'}", "stages"]
    _conclude(as_json, dict(atlas.manifest), [*lines, *(f"           {line}" for line in stages)])


def _listeners(as_json: bool) -> tuple[int, list[EventCallback]]:
    """Return ``verbose`` and callbacks: progress bars for people, or JSON lines for programs."""
    return (0, [_print_event]) if as_json else (1, [])


def _print_event(event: Progress | StageChange) -> None:
    if isinstance(event, Progress):
        text = {
            "event": "progress",
            "task": event.task,
            "step": event.step,
            "total": event.total,
            "metrics": {
                name: value if math.isfinite(value) else None  # JSON has no word for NaN
                for name, value in event.metrics.items()
            },
        }
    else:
        text = {
            "event": "stage",
            "stage": event.stage,
            "state": event.state,
            "seconds": round(event.seconds, 3),
            "note": event.note,
        }
    _print_json(text)


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()


def _conclude(as_json: bool, facts: dict[str, Any], lines: list[str]) -> None:
    if as_json:
        _print_json({"event": "result", **facts})
        return
    console = Console()
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _facts(atlas: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if atlas.has("sweep"):
        facts["choice"] = atlas.choice
    if atlas.has("quality"):
        facts["quality"] = atlas.quality
    facts["figures"] = [str(path) for path in atlas.figure_paths.values()]
    return facts


def _names(option: str, text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        msg = f"{option} takes names with commas between them, got {text!r}"
        raise SettingError(msg)
    return names


def _whole_numbers(option: str, text: str) -> list[int]:
    return [_whole_number(option, part) for part in text.split(",")]


def _whole_number(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        msg = f"{option} takes whole numbers, got {text.strip()!r}"
        raise SettingError(msg) from None


def _training(epochs: int | None, device: str) -> dict[str, Any]:
    chosen: dict[str, Any] = {} if epochs is None else {"n_epochs": epochs}
    return chosen if device == "auto" else {**chosen, "device": device}


def _map_settings(
    perplexity: float | None, n_neighbors: int | None, min_dist: float | None
) -> dict[str, dict[str, Any]]:
    given: dict[str, dict[str, Any]] = {
        "tsne": {"perplexity": perplexity},
        "umap": {"n_neighbors": n_neighbors, "min_dist": min_dist},
    }
    chosen = {
        name: {key: value for key, value in settings.items() if value is not None}
        for name, settings in given.items()
    }
    return {name: settings for name, settings in chosen.items() if settings}


# The command-line library's own class of errors in what was typed.
_ClickException: Any = typer.BadParameter.__mro__[2]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input, 130 interrupted.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after ``latentscape``; by default, what really was.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    run: Any = typer.main.get_command(app)
    try:
        code = run(args=given, prog_name="latentscape", standalone_mode=False)
    except LatentscapeError as error:
        _refuse(given, type(error).__name__, str(error))
    except _ClickException as error:
        command = error.ctx.command_path if getattr(error, "ctx", None) else "latentscape"
        text = f"{error.format_message().rstrip('.')}; see `{command} --help`"
        _refuse(given, "UsageError", text)
    except OSError as error:
        if error.filename is None:
            raise
        from latentscape.files import storage_error

        _refuse(given, "StorageError", str(storage_error(error, error.filename, doing="opening")))
    except MemoryError:
        _refuse(given, "MemoryError", "there is not enough memory; use fewer workers or images")
    except KeyboardInterrupt:
        code = 130
    if code == 130:
        text = "interrupted"
        if given[:1] in (["run"], ["sweep"]):
            text += "; everything finished is kept, and the same command goes on from there"
        _refuse(given, "KeyboardInterrupt", text, code=130)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(arguments: list[str], kind: str, message: str, *, code: int = 2) -> NoReturn:
    """Say in one line why nothing (more) is done, and exit."""
    message = re.sub(r"\s*\n\s*", " ", message.strip())
    if "--json" in arguments:
        _print_json({"event": "error", "kind": kind, "message": message})
    Console(stderr=True).print(
        f"latentscape: {message}", style="red", highlight=False, markup=False, soft_wrap=True
    )
    sys.exit(code)


if __name__ == "__main__":
    main()
