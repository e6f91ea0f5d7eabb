"""What can be done to a finished atlas: a map made anew, maps judged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from latentscape.atlas import Atlas, AtlasWriter
from latentscape.errors import AtlasError, SettingError
from latentscape.pipeline.checks import check_map_settings
from latentscape.pipeline.finished import whole_fingerprint
from latentscape.pipeline.journey import draw
from latentscape.pipeline.judging import judge_stages
from latentscape.pipeline.lacking import map_reasons
from latentscape.pipeline.mapping import (
    NEIGHBOR_MAPS,
    MapJob,
    maps_stages,
    n_neighbors_needed,
    neighbors_stage,
)
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.sampling import PLACES_STAGE, codes_basis, places_stages
from latentscape.pipeline.settings import RunSettings, given_path, run_settings
from latentscape.pipeline.stages import explorer_stage
from latentscape.pipeline.tables import QUALITY_STAGE, points_stage
from latentscape.progress import progress_bars
from latentscape.types import EventCallback, IntArray, Progress, StageChange

if TYPE_CHECKING:
    from latentscape.neighbors import Metric


def add_map(
    path: str | os.PathLike[str],
    name: str,
    *,
    random_state: int | None = None,
    metric: Metric | None = None,
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
    metric : {"euclidean", "cosine"} or None, default None
        By which codes are neighbours; None keeps the atlas's. An atlas has one for all its maps
        and measures, so another one also makes its other neighbour map anew and judges all maps
        again. Only for "tsne" and "umap": the other maps are linear and look at no neighbours.
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
    if metric is not None and name not in NEIGHBOR_MAPS:
        msg = (
            f"metric is a setting of tsne and umap, not of {name}, which is linear and looks at no "
            "neighbours; its measures are by the metric of the atlas, which `latentscape run` sets"
        )
        raise SettingError(msg)
    with _Rework.of(path, verbose, callbacks) as rework:
        before, recorder = rework.settings, rework.recorder
        if settings.get("random_state") == before.random_state:
            del settings["random_state"]  # as it would be anyway
        rework.settings = chosen = replace(
            before,
            maps=(*before.maps, *({name} - {*before.maps})),
            map_settings={**before.map_settings, name: settings},
            metric=before.metric if metric is None else metric,
        )
        if chosen.metric != before.metric:
            rework.check_directions(chosen.metric)
        rework.check_finished([other for other in chosen.maps if other != name])
        neighbors = rework.find_neighbors()
        labels, sample = _labels(rework.atlas), rework.atlas.sample
        fitted = labels if labels is None or sample is None else labels[sample]
        class_names = rework.atlas.data.get("class_names") or ()
        made = [name]  # and, if the metric is another one, the other map that reads the graph
        if chosen.metric != before.metric:
            made += [n for n in chosen.maps if n in NEIGHBOR_MAPS and n != name]
        n_mapped = len(rework.atlas.mapped_codes)
        for each in made:
            maps_stages(
                recorder,
                [MapJob(each, chosen.map_settings.get(each, {}))],
                {each: neighbors if each in NEIGHBOR_MAPS else codes_basis(recorder)},
                labels=labels,
                reasons=map_reasons([each], n_mapped, fitted, class_names, has_plane=True),
                random_state=chosen.random_state,
                may_skip=each != name,
            )
        recorder.writer.set_header(settings=chosen.as_dict())
        rework.finish()
    return Atlas.open(path)


def judge(
    path: str | os.PathLike[str],
    *,
    verbose: int = 1,
    callbacks: Sequence[EventCallback] = (),
) -> Atlas:
    """Judge the maps of a finished atlas that have not been judged yet, and draw the verdict.

    :func:`latentscape.run` does it for the maps that it makes; this does it for an atlas of an
    older version.

    Parameters
    ----------
    path : str or path
        The atlas.
    verbose, callbacks
        As for :func:`latentscape.run`.

    Returns
    -------
    Atlas
        With ``quality["maps"]`` and ``quality["cards"]``.

    Raises
    ------
    AtlasError
        When the atlas is not finished, or damaged.
    """
    path = given_path(path)
    Atlas.open(path)  # or say what is wrong with it, before anything is made
    with _Rework.of(path, verbose, callbacks) as rework:
        rework.check_finished(rework.settings.maps)
        rework.find_neighbors()
        rework.finish()
    return Atlas.open(path)


class _Rework:
    """Changes to a finished atlas, after which it is as finished as it was."""

    def __init__(self, atlas: Atlas, recorder: Recorder) -> None:
        self.atlas = atlas
        self.recorder = recorder
        self.settings = _settings_of(atlas)
        self._content_hash = atlas.data["content_hash"]
        self._was_whole = _is_whole(atlas, self._whole())

    @classmethod
    @contextmanager
    def of(cls, path: Path, verbose: int, callbacks: Sequence[EventCallback]) -> Iterator[Self]:
        """Lock the atlas and begin."""
        with AtlasWriter.open(path) as writer, progress_bars(verbose) as show:

            def tell(event: Progress | StageChange) -> None:
                for callback in (*callbacks, show):
                    callback(event)

            atlas = Atlas.open(path)  # now that nobody else changes it
            recorder = Recorder(writer, tell)
            recorder.fingerprints = {
                stage: entry["fingerprint"] for stage, entry in atlas.stages.items()
            }
            yield cls(atlas, recorder)

    def _whole(self) -> str:
        columns = self.atlas.data.get("columns_hash", "")
        return whole_fingerprint(self._content_hash, self.settings, columns)

    def check_finished(self, maps: Sequence[str]) -> None:
        """Refuse an atlas that lacks what maps and pictures are made from."""
        _check_finished(self.atlas, self.recorder.writer, maps)

    def find_neighbors(self) -> str:
        """Make sure of enough neighbours; return what maps that read them are made from."""
        jobs = [MapJob(n, self.settings.map_settings.get(n, {})) for n in self.settings.maps]
        seed = self.settings.random_state
        n_neighbors = n_neighbors_needed(jobs)
        return neighbors_stage(self.recorder, n_neighbors, seed, self.settings.metric)

    def check_directions(self, metric: Metric) -> None:
        """Refuse codes that another metric cannot compare, before anything is changed."""
        from latentscape.neighbors import measured_rows

        measured_rows(self.atlas.codes, metric)

    def finish(self) -> None:
        """Judge, tabulate and draw what has changed."""
        recorder, names = self.recorder, ["direct", *self.settings.maps]
        places_stages(recorder, names)
        judge_stages(recorder, names, self.settings)
        points_stage(recorder, names, self.settings.metric)
        draw(recorder)
        if "explorer" in self.atlas.stages:
            explorer_stage(recorder)
        if self._was_whole:
            parts = ("maps-", PLACES_STAGE, QUALITY_STAGE)
            added = {f"{part}{name}" for name in names for part in parts}
            info = dict(self.atlas.stage_info("run"))
            before, made = info["stages"], recorder.fingerprints
            # In the order of before, and only written where something is another.
            of_run = [*before, *sorted(added - before.keys())]
            info["stages"] = {each: made[each] for each in of_run if each in made}
            whole = self._whole()
            if recorder.writer.is_current("run", whole) and info["stages"] == before:
                return
            with recorder.writer.stage("run", whole) as stage:
                stage.info.update(info)


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
