"""``latentscape map``: one map of an atlas, made anew."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from latentscape.cli import options
from latentscape.cli.output import conclude, facts_of, listeners
from latentscape.errors import SettingError

EXAMPLE = "map atlas tsne --perplexity 50"

# Which map has which option.
_OF_MAP = {
    "--perplexity": ("tsne",),
    "--n-neighbors": ("umap",),
    "--min-dist": ("umap",),
    "--seed": ("tsne", "umap"),
}


def command(
    atlas: options.AtlasPath,
    method: Annotated[
        str,
        typer.Argument(
            help=f"Which map: {', '.join(options.MAPS)}.",
            metavar="MAP",
            parser=options.one_of(options.MAPS),
        ),
    ],
    perplexity: options.Perplexity = None,
    n_neighbors: options.Neighbors = None,
    min_dist: options.MinDist = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            help="By which codes are neighbours; another one than the atlas's remakes both t-SNE "
            "and UMAP and judges all maps again.",
            metavar="|".join(options.METRICS),
            parser=options.one_of(options.METRICS),
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            help="Seed of the map; the atlas's if not given.",
            metavar="N",
            parser=options.whole_number(0, options.LARGEST_SEED),
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Make one map of an atlas anew with other settings, and keep the rest."""
    from latentscape.pipeline import add_map, summarize

    if metric is not None and method not in ("tsne", "umap"):
        msg = (
            f"--metric is a setting of tsne and umap, not of {method}, which is linear and looks "
            "at no neighbours; to judge it by another metric give --metric to `latentscape run`"
        )
        raise SettingError(msg)
    for option, value in zip(_OF_MAP, (perplexity, n_neighbors, min_dist, seed), strict=True):
        if value is not None and method not in _OF_MAP[option]:
            msg = f"{option} is a setting of {' and '.join(_OF_MAP[option])}, not of {method}"
            raise SettingError(msg)
    verbose, callbacks = listeners(as_json)
    made = add_map(
        atlas,
        method,
        random_state=seed,
        metric=cast(Any, metric),  # one of the names, as it was parsed
        verbose=verbose,
        callbacks=callbacks,
        **options.map_settings(perplexity, n_neighbors, min_dist).get(method, {}),
    )
    conclude(as_json, {"atlas": atlas, **facts_of(made)}, summarize(made))
