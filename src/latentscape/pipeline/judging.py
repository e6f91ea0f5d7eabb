"""The stages that say how far each map can be trusted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

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

_LEAST_ROWS = 8  # fewer cannot be judged


def judge_stages(recorder: Recorder, names: Sequence[str], settings: RunSettings) -> None:
    """Judge every map that is there and not judged yet, each as its own stage.

    A map that depends on a seed is made once more with the next seed, to see what stays.
    """
    for name in names:
        made_from = fingerprint(
            version=STAGE_VERSIONS["quality"],
            map=recorder.fingerprints[f"maps-{name}"],
            codes=recorder.fingerprints["codes"],
        )
        if recorder.is_current(f"{QUALITY_STAGE}{name}", made_from):
            continue
        atlas = Atlas.open(recorder.writer.path)
        job = MapJob(name, settings.map_settings.get(name, {}))
        with recorder.stage(f"{QUALITY_STAGE}{name}", made_from):
            # Where these data have no such map, or too few rows to judge one, nothing is written.
            if atlas.stages[f"maps-{name}"]["files"] and len(atlas.codes) >= _LEAST_ROWS:
                _judge(recorder, atlas, job, settings.random_state)


def _judge(recorder: Recorder, atlas: Atlas, job: MapJob, random_state: int) -> None:
    """Compute the report and the card of one map."""
    from latentscape import quality

    task = f"judge {job.name}"
    recorder.tell(Progress(task, 0, 2))
    embedding = atlas.load_map(job.name).embedding_
    others = _other_seeds(atlas, job, random_state)
    recorder.tell(Progress(task, 1, 2))
    images = np.array(atlas.images)
    report = quality.report(
        np.array(atlas.codes),
        embedding,
        labels=labels_of(atlas),
        images=images.reshape(len(images), -1),
        graph=atlas.graph,
        others=others,
        random_state=random_state,
    )
    card = quality.map_card(report, MAP_TITLES[job.name])
    content = {"report": report.as_dict(), "card": card.as_dict()}
    recorder.writer.write_json(f"quality/{job.name}.json", content)
    columns = {
        key: np.asarray(report.per_sample[key], dtype=np.float32)
        for key in PER_POINT
        if key in report.per_sample
    }
    recorder.writer.write_tensors(f"quality/{job.name}.safetensors", columns)
    recorder.tell(Progress(task, 2, 2))


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
