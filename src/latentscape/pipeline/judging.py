"""The stages that say how far each map can be trusted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from latentscape.atlas import Atlas, fingerprint
from latentscape.pipeline.settings import LARGEST_SEED, STAGE_VERSIONS, RunSettings
from latentscape.pipeline.stages import (
    NEIGHBOR_MAPS,
    PER_POINT,
    QUALITY_STAGE,
    MapJob,
    Recorder,
    whole_map,
)
from latentscape.pipeline.summary import MAP_TITLES
from latentscape.types import FloatArray, IntArray, Progress

if TYPE_CHECKING:
    from latentscape.quality import MapReport

_LEAST_ROWS = 8  # fewer cannot be judged


def judge_stages(recorder: Recorder, names: Sequence[str], settings: RunSettings) -> None:
    """Judge every map that is there and not judged yet, each as its own stage.

    A map that depends on a seed is made once more with the next seed, to see what stays. All are
    measured together, in the stage of the first: they share most of the work.
    """
    waiting = {}
    for name in names:
        made_from = fingerprint(
            version=STAGE_VERSIONS["quality"],
            map=recorder.fingerprints[f"maps-{name}"],
            codes=recorder.fingerprints["codes"],
        )
        if not recorder.is_current(f"{QUALITY_STAGE}{name}", made_from):
            waiting[name] = made_from
    if not waiting:
        return
    atlas = Atlas.open(recorder.writer.path)
    # Where these data have no such map, or too few rows to judge one, nothing is written.
    jobs = [
        MapJob(name, settings.map_settings.get(name, {}))
        for name in waiting
        if atlas.stages[f"maps-{name}"]["files"] and len(atlas.codes) >= _LEAST_ROWS
    ]
    found: dict[str, MapReport] | None = None
    for name, made_from in waiting.items():
        with recorder.stage(f"{QUALITY_STAGE}{name}", made_from):
            if found is None:
                found = _reports(recorder, atlas, jobs, settings.random_state)
            if name in found:
                _write(recorder, name, found[name])


def _reports(
    recorder: Recorder, atlas: Atlas, jobs: Sequence[MapJob], random_state: int
) -> dict[str, MapReport]:
    """Measure maps, each with another one of the next seed beside it."""
    from latentscape import quality

    total = len(jobs) + 1
    recorder.tell(Progress("judge maps", 0, total))
    others = {}
    for done, job in enumerate(jobs, 1):
        others[job.name] = _other_seeds(atlas, job, random_state)
        recorder.tell(Progress("judge maps", done, total))
    images = np.array(atlas.images)
    found = quality.reports(
        np.array(atlas.codes),
        {job.name: atlas.load_map(job.name).embedding_ for job in jobs},
        labels=labels_of(atlas),
        images=images.reshape(len(images), -1),
        graph=atlas.graph,
        others=others,
        random_state=random_state,
    )
    recorder.tell(Progress("judge maps", total, total))
    return found


def _write(recorder: Recorder, name: str, report: MapReport) -> None:
    """Write the report, the card and the columns of one map."""
    from latentscape.quality import map_card

    card = map_card(report, MAP_TITLES[name])
    content = {"report": report.as_dict(), "card": card.as_dict()}
    recorder.writer.write_json(f"quality/{name}.json", content)
    columns = {
        key: np.asarray(report.per_sample[key], dtype=np.float32)
        for key in PER_POINT
        if key in report.per_sample
    }
    recorder.writer.write_tensors(f"quality/{name}.safetensors", columns)


def _other_seeds(atlas: Atlas, job: MapJob, random_state: int) -> list[FloatArray]:
    """Make a map that depends on its seed once more with the next one."""
    if job.name == "direct":
        return []  # it depends on the seed of a training, of which there may be one only
    if job.name not in NEIGHBOR_MAPS:
        return [atlas.load_map(job.name).embedding_]  # it depends on no seed
    fitter = whole_map(job, random_state)
    seed = (int(fitter.get_params()["random_state"]) + 1) % (LARGEST_SEED + 1)
    fitter.set_params(random_state=seed)
    with warnings.catch_warnings():  # the first map has told already which settings were lowered
        warnings.simplefilter("ignore")
        return [fitter.fit(np.array(atlas.codes), graph=atlas.graph).embedding_]


def labels_of(atlas: Atlas) -> IntArray | None:
    """Return the labels of the mapped images, or None where any is missing."""
    labels = pd.read_parquet(atlas.path / "rows.parquet")["label"].to_numpy()
    return None if (labels < 0).any() else labels
