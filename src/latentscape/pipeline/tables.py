"""The stages that put what is known of each point into tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from latentscape.atlas import Atlas, Stage, fingerprint
from latentscape.pipeline.lacking import known_labels, why_no_label_measures
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.sampling import PLACES_STAGE, places_of
from latentscape.pipeline.settings import MAP_TITLES, STAGE_VERSIONS, of_metric
from latentscape.types import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    from latentscape.neighbors import Metric

KNN = 10

QUALITY_STAGE = "quality-"  # and then a map's name

PER_POINT = ("recall", "trustworthiness", "continuity")
"""What is kept of the trust in each point, a column of ``points.parquet`` for each map."""

COLUMNS_FILE = "columns.parquet"
_OWN_COLUMNS = ("id", "split", "label", "reconstruction_mse")
_LONGEST_NAME = 80


def columns_stage(recorder: Recorder, columns: Mapping[str, AnyArray]) -> None:
    """Keep the columns that came with the data; there is no such stage where none did."""
    if not columns:
        return

    def work(stage: Stage) -> None:
        recorder.writer.write_table(COLUMNS_FILE, _table_of(columns))

    recorder.run("columns", columns_hash(columns), work)


def columns_hash(columns: Mapping[str, AnyArray]) -> str:
    """Return a hash of names and values; empty where there are no columns."""
    if not columns:
        return ""
    table = _table_of(columns)
    values = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return fingerprint(names=list(table.columns), values=values)


def _table_of(columns: Mapping[str, AnyArray]) -> pd.DataFrame:
    named = zip(safe_names(columns), map(np.asarray, columns.values()), strict=True)
    return pd.DataFrame(
        {name: each.astype(object) if each.dtype.kind == "U" else each for name, each in named}
    )


def safe_names(names: Iterable[str]) -> list[str]:
    """Return names for columns beside our own ones, all different.

    White space and control characters become single spaces, and long names are cut. A name that
    is one of our own, or would be read as the place on a map, gets the word "given".
    """
    found: list[str] = []
    for number, name in enumerate(names, start=1):
        plain = " ".join("".join(c if c.isprintable() else " " for c in str(name)).split())
        plain = plain[:_LONGEST_NAME] or f"column {number}"
        of_map = re.match(rf"(?:{'|'.join(MAP_TITLES)})_", plain) or plain.endswith(("_x", "_y"))
        if plain in _OWN_COLUMNS or of_map:
            plain += " (given)"
        unique, again = plain, 2
        while unique in found:
            unique, again = f"{plain} {again}", again + 1
        found.append(unique)
    return found


def points_stage(recorder: Recorder, names: Sequence[str], metric: Metric = "euclidean") -> None:
    """Put ids, labels, errors, and each map's places and trust into one table.

    By `metric`, codes are compared where their neighbours name a label.
    """
    parts = [recorder.fingerprints[name] for name in ("codes", "plane")]
    parts += [recorder.fingerprints[name] for name in ("columns",) if name in recorder.fingerprints]
    for name in names:
        parts += [
            recorder.fingerprints[f"{part}{name}"]
            for part in ("maps-", PLACES_STAGE, QUALITY_STAGE)
            if f"{part}{name}" in recorder.fingerprints
        ]
    made_from = fingerprint(version=STAGE_VERSIONS["points"], parts=parts, **of_metric(metric))

    def work(stage: Stage) -> None:
        from latentscape.neighbors import measured_rows

        writer = recorder.writer
        atlas = Atlas.open(writer.path)
        points = pd.read_parquet(writer.path / "rows.parquet")
        judged: dict[str, dict[str, Any]] = {"maps": {}, "cards": {}}
        # Maps are judged on the rows that they were fitted on.
        rows = slice(None) if atlas.sample is None else atlas.sample
        spaces: dict[str, FloatArray] = {"codes": measured_rows(atlas.mapped_codes, metric)}
        for name in names:
            if not atlas.stages[f"maps-{name}"]["files"]:
                continue  # these data have no such map
            places = places_of(atlas, name)
            points[f"{name}_x"], points[f"{name}_y"] = places[:, 0], places[:, 1]
            spaces[name] = places[rows]
            if atlas.stages[f"{QUALITY_STAGE}{name}"]["files"]:
                found = json.loads((writer.path / f"quality/{name}.json").read_bytes())
                judged["maps"][name], judged["cards"][name] = found["report"], found["card"]
                trust = load_file(writer.path / f"quality/{name}.safetensors")
                for column in PER_POINT:
                    if column in trust:
                        points[f"{name}_{column}"] = np.full(len(points), np.nan, np.float32)
                        points.loc[points.index[rows], f"{name}_{column}"] = trust[column]
        if "columns" in atlas.stages:
            given = pd.read_parquet(writer.path / COLUMNS_FILE)
            points = pd.concat([points, given], axis="columns")
        class_names = [str(name) for name in atlas.data.get("class_names") or ()]
        labels = label_figures(spaces, points["label"].to_numpy()[rows], class_names)
        writer.write_table("points.parquet", points)
        writer.write_json("quality.json", {**labels, **of_metric(metric), **judged})

    recorder.run("points", made_from, work)


def label_figures(
    spaces: Mapping[str, FloatArray], labels: IntArray, class_names: Sequence[str]
) -> dict[str, Any]:
    """Return how often neighbours name the label, over all rows and class by class.

    Parameters
    ----------
    spaces : mapping of str to float32 array, shape (n, ...)
        The codes and the maps; only rows with a label are looked at.
    labels : int array, shape (n,)
        -1 where a row has none.
    class_names : sequence of str

    Returns
    -------
    dict
        ``k``; ``knn_accuracy`` by space, the share of rows; ``balanced_accuracy`` by space, the
        mean over classes of the share in each, which a large class cannot make up; ``classes``,
        one entry each with ``name``, ``n`` and ``accuracy`` by space; ``needs``, the reason where
        these are empty.
    """
    found: dict[str, Any] = {"k": KNN, "knn_accuracy": {}, "balanced_accuracy": {}, "classes": []}
    known = known_labels(labels)
    reason = why_no_label_measures(labels, class_names)
    if reason is None and len(known) <= KNN:
        reason = f"needs more than {KNN} labelled rows, and there are {len(known)}"
    if reason is not None:
        return {**found, "needs": reason}
    from latentscape.quality import knn_label_accuracy

    owner = labels[known]
    numbers, counts = np.unique(owner, return_counts=True)
    found["classes"] = [
        {
            "name": class_names[number] if number < len(class_names) else str(number),
            "n": int(count),
            "accuracy": {},
        }
        for number, count in zip(numbers.tolist(), counts, strict=True)
    ]
    for name, space in spaces.items():
        accuracy, right = knn_label_accuracy(
            space[known], owner, n_neighbors=KNN, return_per_sample=True
        )
        by_class = [float(right[owner == number].mean()) for number in numbers]
        found["knn_accuracy"][name] = float(accuracy)
        found["balanced_accuracy"][name] = float(np.mean(by_class))
        for entry, value in zip(found["classes"], by_class, strict=True):
            entry["accuracy"][name] = value
    return found
