"""Where the command line begins: the commands together, and their way out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import latentscape
from latentscape.cli.commands import encode, explore, export, info, judge, run, sweep, train
from latentscape.cli.commands import map as map_
from latentscape.cli.errors import (
    INTERRUPTED,
    TERMINATED,
    explain,
    explain_interruption,
    refuse,
)
from latentscape.cli.output import allow_any_encoding
from latentscape.cli.termination import Termination

app = typer.Typer(
    name="latentscape",
    help="See what an autoencoder has learned.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


# In the order of the help: the whole journey, and then its parts.
for _name, _module in {
    "run": run,
    "sweep": sweep,
    "train": train,
    "map": map_,
    "judge": judge,
    "explore": explore,
    "encode": encode,
    "export": export,
    "info": info,
}.items():
    _epilog = f"Example: [bold]latentscape {_module.EXAMPLE}[/]"
    app.command(_name, epilog=_epilog)(_module.command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input, 130 interrupted, 143 terminated.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after ``latentscape``; by default, what really was.
    """
    allow_any_encoding()
    given = list(sys.argv[1:] if arguments is None else arguments)
    command: Any = typer.main.get_command(app)
    termination = Termination()
    try:
        with termination:
            code = command(args=given, prog_name="latentscape", standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise  # a bug: its traceback is what we need to see
        refuse(given, *explained)
    if code == INTERRUPTED:
        refuse(
            given,
            *explain_interruption(given, by_signal=termination.asked),
            code=TERMINATED if termination.asked else INTERRUPTED,
        )
    sys.exit(code if isinstance(code, int) else 0)
