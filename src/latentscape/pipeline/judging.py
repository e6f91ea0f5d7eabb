"""The stages that say how far each map can be trusted."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from latentscape.atlas import Atlas, fingerprint
from latentscape.pipeline.decoded import judge_decoding
from latentscape.pipeline.lacking import known_labels, why_no_label_measures
from latentscape.pipeline.mapping import NEIGHBOR_MAPS, MapJob, whole_map
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.sampling import codes_basis
from latentscape.pipeline.settings import (
    LARGEST_SEED,
    MAP_TITLES,
    STAGE_VERSIONS,
    RunSettings,
    of_metric,
)
from latentscape.pipeline.tables import PER_POINT, QUALITY_STAGE
from latentscape.types import FloatArray, IntArray, Progress

if TYPE_CHECKING:
    from latentscape.quality import DecodeHonesty, MapReport

_LEAST_ROWS = 8  # fewer cannot be judged


def judge_stages(
    recorder: Recorder,
    names: Sequence[str],
    settings: RunSettings,
    *,
    network: str | None = None,
) -> None:
    """Judge every map that is there and not judged yet, each as its own stage.

    A map that depends on a seed is made once more with the next seed, to see what stays. All are
    measured together, in the stage of the first: they share most of the work. `network` is the
    path of a network of the user's own, where the caller has named it.
    """
    waiting = {}
    for name in names:
        made_from = fingerprint(
            version=STAGE_VERSIONS["quality"],
            map=recorder.fingerprints[f"maps-{name}"],
            codes=codes_basis(recorder),
            **of_metric(settings.metric),
        )
        if not recorder.is_current(f"{QUALITY_STAGE}{name}", made_from):
            waiting[name] = made_from
    if not waiting:
        return
    atlas = Atlas.open(recorder.writer.path)
    enough = len(atlas.mapped_codes) >= _LEAST_ROWS
    # Of what these data have no map of there is nothing to judge; the reason stands there.
    jobs = [
        MapJob(name, settings.map_settings.get(name, {}))
        for name in waiting
        if atlas.stages[f"maps-{name}"]["files"] and enough
    ]
    there = {job.name for job in jobs}
    found: dict[str, MapReport] | None = None
    lacking: dict[str, dict[str, str]] = {}
    for name, made_from in waiting.items():
        if atlas.stages[f"maps-{name}"]["files"] and not enough:
            reason = f"needs {_LEAST_ROWS} rows or more, and there are {len(atlas.mapped_codes)}"
            recorder.skip(f"{QUALITY_STAGE}{name}", reason)
            continue
        with recorder.stage(f"{QUALITY_STAGE}{name}", made_from) as stage:
            if name in there:
                if found is None:
                    seed = settings.random_state
                    honesties, lacking = judge_decoding(
                        atlas, [job.name for job in jobs], network=network, random_state=seed
                    )
                    found = _reports(recorder, atlas, jobs, honesties, seed)
                _write(recorder, name, found[name])
                if name in lacking:
                    stage.info["lacking"] = lacking[name]


def _reports(
    recorder: Recorder,
    atlas: Atlas,
    jobs: Sequence[MapJob],
    honesties: Mapping[str, DecodeHonesty],
    random_state: int,
) -> dict[str, MapReport]:
    """Measure maps, each with another one of the next seed beside it."""
    from latentscape import quality

    total = len(jobs) + 1
    recorder.tell(Progress("judge maps", 0, total))
    others = {}
    for done, job in enumerate(jobs, 1):
        others[job.name] = _other_seeds(atlas, job, random_state)
        recorder.tell(Progress("judge maps", done, total))
    images = None
    codes = atlas.mapped_codes
    if atlas.has("images"):
        images = atlas.mapped_images.reshape(len(codes), -1)
    labels, known = _labels_to_judge(atlas)
    embeddings = {job.name: atlas.load_map(job.name).embedding_ for job in jobs}
    found = quality.reports(
        codes,
        embeddings,
        labels=labels if labels is not None and len(known) == len(codes) else None,
        images=images,
        graph=atlas.graph,
        others=others,
        decoding=honesties,
        random_state=random_state,
    )
    if labels is not None and len(known) < len(codes):
        of_labelled = quality.reports(
            codes[known],
            {name: embedding[known] for name, embedding in embeddings.items()},
            labels=labels[known],
            images=None if images is None else images[known],
            metric=atlas.graph.metric,
            random_state=random_state,
        )
        for name, part in of_labelled.items():
            found[name] = _with_labels(found[name], part, len(known))
    if atlas.graph.metric != "euclidean":
        for name in found.keys() - {*NEIGHBOR_MAPS}:
            note = "The map has no metric: it is linear, made of the codes as they are."
            found[name] = replace(found[name], notes=(*found[name].notes, note))
    if atlas.sample is not None:
        note = f"All measures: the {len(codes):,} rows of the sample, of {len(atlas.codes):,}."
        for name, of_map in found.items():
            found[name] = replace(of_map, notes=(*of_map.notes, note))
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
        return [fitter.fit(atlas.mapped_codes, graph=atlas.graph).embedding_]


def _labels_to_judge(atlas: Atlas) -> tuple[IntArray | None, IntArray]:
    """Return the labels, if anything can be measured with them, and the rows that have one."""
    # The ids of millions of rows would take hundreds of MB.
    rows = pd.read_parquet(atlas.path / "rows.parquet", columns=["label"])
    labels = rows["label"].to_numpy()
    if atlas.sample is not None:
        labels = labels[atlas.sample]
    known = known_labels(labels)
    reason = why_no_label_measures(labels, atlas.data.get("class_names") or ())
    return (labels if reason is None and len(known) >= _LEAST_ROWS else None), known


def _with_labels(report: MapReport, of_labelled: MapReport, n_labelled: int) -> MapReport:
    """Put the measures that need labels, taken of the labelled rows alone, into a report."""
    theirs = {
        key: measure for key, measure in of_labelled.measures.items() if key not in report.measures
    }
    notes = [note for note in report.notes if "about labels" not in note]
    notes.append(f"Labels: the {n_labelled:,} rows that have one, of {report.n_rows:,}.")
    return replace(report, measures={**report.measures, **theirs}, notes=tuple(notes))
