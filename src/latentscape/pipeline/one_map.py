"""One map of a finished atlas, made anew with other settings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from latentscape.atlas import Atlas, AtlasWriter
from latentscape.errors import AtlasError
from latentscape.pipeline.checks import check_map_settings
from latentscape.pipeline.journey import draw, whole_fingerprint
from latentscape.pipeline.judging import judge_stages
from latentscape.pipeline.settings import RunSettings, given_path, run_settings
from latentscape.pipeline.stages import (
    NEIGHBOR_MAPS,
    QUALITY_STAGE,
    MapJob,
    Recorder,
    maps_stages,
    n_neighbors_needed,
    neighbors_stage,
    points_stage,
)
from latentscape.progress import progress_bars
from latentscape.types import EventCallback, IntArray, Progress, StageChange


def add_map(
    path: str | os.PathLike[str],
    name: str,
    *,
    random_state: int | None = None,
    verbose: int = 1,
    callbacks: Sequence[EventCallback] = (),
    **settings: Any,
) -> Atlas:
    """Make one map of a finished atlas anew with other settings; keep the rest.

    The codes come from the atlas, so neither images nor models are needed. A
    :func:`latentscape.run` with the same settings then has nothing to do.

    Parameters
    ----------
    path : str or path
        The atlas.
    name : {"pca", "lda", "tsne", "umap"}
        Which map.
    random_state : int or None, default None
        Seed of the map; None keeps the atlas's.
    verbose, callbacks
        As for :func:`latentscape.run`.
    **settings
        Parameters of the map's class, for example ``perplexity=50``.

    Returns
    -------
    Atlas
        The atlas with the new map, its points and its figures.

    Raises
    ------
    AtlasError
        When the atlas is not finished, or damaged.
    CodesError
        When its codes cannot be mapped in this way; the atlas stays as it is.
    SettingError
        For a map or a parameter that does not exist, or a value that makes no
        sense.
    """
    path = given_path(path)
    Atlas.open(path)  # or say what is wrong with it, before anything is made
    if random_state is not None:
        settings = {**settings, "random_state": random_state}
    check_map_settings(name, settings)
    with AtlasWriter.open(path) as writer:
        atlas = Atlas.open(path)  # now that nobody else changes it
        before = _settings_of(atlas)
        content_hash = atlas.data["content_hash"]
        was_whole = _is_whole(atlas, whole_fingerprint(content_hash, before))
        if settings.get("random_state") == before.random_state:
            del settings["random_state"]  # as it would be anyway
        chosen = replace(
            before,
            maps=(*before.maps, *({name} - {*before.maps})),
            map_settings={**before.map_settings, name: settings},
        )
        _check_finished(atlas, writer, [other for other in chosen.maps if other != name])
        with progress_bars(verbose) as show:

            def tell(event: Progress | StageChange) -> None:
                for callback in (*callbacks, show):
                    callback(event)

            recorder = Recorder(writer, tell)
            recorder.fingerprints = {
                stage: entry["fingerprint"] for stage, entry in atlas.stages.items()
            }
            jobs = [MapJob(each, chosen.map_settings.get(each, {})) for each in chosen.maps]
            neighbors = neighbors_stage(recorder, n_neighbors_needed(jobs), chosen.random_state)
            codes = recorder.fingerprints["codes"]
            maps_stages(
                recorder,
                [MapJob(name, settings)],
                {name: neighbors if name in NEIGHBOR_MAPS else codes},
                labels=_labels(atlas),
                random_state=chosen.random_state,
                may_skip=False,
            )
            writer.set_header(settings=chosen.as_dict())
            names = ["direct", *chosen.maps]
            judge_stages(recorder, names, chosen)
            points_stage(recorder, names)
            draw(recorder)
            if was_whole:
                added = {f"maps-{name}", f"{QUALITY_STAGE}{name}"}
                of_run = {*atlas.stage_info("run")["stages"], *added}
                with writer.stage("run", whole_fingerprint(content_hash, chosen)) as stage:
                    stage.info["stages"] = {
                        each: made for each, made in recorder.fingerprints.items() if each in of_run
                    }
    return Atlas.open(path)


def _settings_of(atlas: Atlas) -> RunSettings:
    """Return the settings that an atlas was made with."""
    asked = dict(atlas.settings)
    asked.pop("network", None)
    if not asked or "content_hash" not in atlas.data:
        raise _unfinished(atlas, "run")
    return run_settings(**asked)


def _is_whole(atlas: Atlas, whole: str) -> bool:
    """Tell whether all stages are those of the finished run, and none was redone since."""
    entry = atlas.stages.get("run")
    return (
        entry is not None
        and entry["fingerprint"] == whole
        and all(
            name in atlas.stages and atlas.stages[name]["fingerprint"] == made
            for name, made in entry["info"]["stages"].items()
        )
    )


def _check_finished(atlas: Atlas, writer: AtlasWriter, maps: Sequence[str]) -> None:
    """Refuse an atlas that lacks what a map and its pictures are made from."""
    needed = ["sweep", "choice", "codes", "plane", "points", "maps-direct"]
    needed += [f"maps-{name}" for name in maps]
    for name in needed:
        if name not in atlas.stages:
            raise _unfinished(atlas, name)
        if not writer.is_current(name, atlas.stages[name]["fingerprint"]):
            file, what = next(iter(writer.damaged.items()))
            msg = (
                f"{atlas.path / file} {what}; run `latentscape run` again with the same "
                f"directory, which makes only the damaged part anew"
            )
            raise AtlasError(msg)


def _unfinished(atlas: Atlas, what: str) -> AtlasError:
    return AtlasError(
        f"{atlas.path} is not finished (it has no {what} yet); finish it with `latentscape run`"
    )


def _labels(atlas: Atlas) -> IntArray | None:
    labels = atlas.points["label"].to_numpy()
    return None if (labels < 0).all() else labels
