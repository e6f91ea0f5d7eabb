"""The stages of a run, each from what stands in the atlas to what it adds."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from latentscape.atlas import ARTEFACTS, Atlas, AtlasWriter, Stage, fingerprint
from latentscape.errors import CodesError, LabelsError
from latentscape.images import ImageSet
from latentscape.pipeline.settings import STAGE_VERSIONS
from latentscape.types import (
    EventCallback,
    FloatArray,
    IntArray,
    Progress,
    ProgressCallback,
    StageChange,
    UInt8Array,
)

if TYPE_CHECKING:
    from latentscape.neighbors import NeighborGraph

# The decoded plane: this many images a side, over the central share of the
# codes, so that a few outliers do not stretch it.
_PLANE_SIDE = 24
_PLANE_SHARE = (0.5, 99.5)

KNN = 10

NEIGHBOR_MAPS = ("tsne", "umap")  # those that read the neighbour graph

_MEASURED_NEIGHBORS = 90  # the measures of a map look at most at so many

QUALITY_STAGE = "quality-"  # and then a map's name

PER_POINT = ("recall", "trustworthiness", "continuity")
"""What is kept of the trust in each point, a column of ``points.parquet`` for each map."""

_SAMPLES = 16  # images that show what each latent size keeps
_LARGEST_PAGE = 200_000  # images in one file: some 40 MB

MODEL_STAGE = "model-"  # and then the key of one training


class Codec(Protocol):
    """What these stages need of a trained model."""

    def transform(self, X: Any) -> FloatArray:
        """Encode images to codes."""
        ...

    def inverse_transform(self, X: Any) -> FloatArray:
        """Decode codes to images in [0, 1]."""
        ...

    def reconstruction_error(self, X: Any) -> Any:
        """Return each image's mean squared error."""
        ...


class Recorder:
    """Runs stages against a writer: keeps what is current, and tells what happens."""

    def __init__(self, writer: AtlasWriter, tell: EventCallback) -> None:
        self.writer = writer
        self.tell = tell
        self.fingerprints: dict[str, str] = {}
        for file, what in writer.damaged.items():  # found when the atlas was opened
            tell(StageChange(file, "damaged", note=what))
        writer.damaged.clear()

    def is_current(self, name: str, made_from: str, *, remove_damaged: bool = False) -> bool:
        """Tell whether a stage stands already, and say so."""
        self.fingerprints[name] = made_from
        if self.writer.is_current(name, made_from):
            self.tell(StageChange(name, "kept"))
            return True
        if self.writer.damaged:
            files = [f"{file} {what}" for file, what in self.writer.damaged.items()]
            damage = files[0] + (f", and {len(files) - 1} files more" if files[1:] else "")
            if remove_damaged:
                for file in self.writer.damaged:
                    (self.writer.path / file).unlink(missing_ok=True)
            self.writer.damaged.clear()
            self.tell(StageChange(name, "damaged", note=damage))
        return False

    @contextmanager
    def stage(self, name: str, made_from: str, *, seconds: float = 0.0) -> Iterator[Stage]:
        """Work on a stage, and tell when it starts and ends.

        ``seconds`` were spent on it before, by a worker.
        """
        self.fingerprints[name] = made_from
        self.tell(StageChange(name, "started"))
        with self.writer.stage(name, made_from) as stage:
            stage.seconds += seconds
            yield stage
        note = str(stage.info.get("note", ""))
        if "skipped" not in stage.info:
            done = StageChange(name, "done", seconds=self.writer.stage_seconds(name), note=note)
            self.tell(done)

    def run(self, name: str, made_from: str, work: Callable[[Stage], None]) -> None:
        """Do a stage unless it is current."""
        if not self.is_current(name, made_from):
            with self.stage(name, made_from) as stage:
                work(stage)

    def forget_others(self, keep: Sequence[str]) -> None:
        """Drop the stages that these settings do not have, but never a trained model."""
        for name in self.writer.stages:
            if name not in keep and not name.startswith(MODEL_STAGE):
                self.writer.drop_stage(name)


def mapped_rows(images: ImageSet, rows: str) -> ImageSet:
    """Return the images that are mapped."""
    return {"test": images.test, "train": images.train, "all": images}[rows]


def codes_stage(
    recorder: Recorder,
    images: ImageSet,
    model: Callable[[], Codec],
    info: Mapping[str, Any],
    key: str,
) -> str:
    """Encode and rebuild the mapped images; return the stage's fingerprint."""
    made_from = fingerprint(version=STAGE_VERSIONS["codes"], images=images.content_hash, model=key)

    def work(stage: Stage) -> None:
        writer, codec = recorder.writer, model()
        codes = codec.transform(images.images)
        writer.write_array("images.npy", images.images)
        writer.write_array("codes.npy", codes)
        writer.write_array("reconstructions.npy", as_uint8(codec.inverse_transform(codes)))
        errors = pd.DataFrame(
            {
                "id": images.ids.astype(object),
                "split": images.split.astype(object),
                "label": labels_or_none(images),
                "reconstruction_mse": codec.reconstruction_error(images.images).astype(np.float32),
            }
        )
        writer.write_table("rows.parquet", errors)
        stage.info.update(info)

    recorder.run("codes", made_from, work)
    return made_from


def plane_stage(
    recorder: Recorder,
    images: ImageSet,
    model: Callable[[], Codec],
    info: Mapping[str, Any],
    key: str,
) -> str:
    """Encode with the two-neuron model and decode its plane on a grid."""
    made_from = fingerprint(version=STAGE_VERSIONS["plane"], images=images.content_hash, model=key)

    def work(stage: Stage) -> None:
        writer, codec = recorder.writer, model()
        codes = codec.transform(images.images)
        writer.write_array("codes2.npy", codes)
        low, high = np.percentile(codes, _PLANE_SHARE, axis=0).astype(np.float32)
        x = np.linspace(low[0], high[0], _PLANE_SIDE, dtype=np.float32)
        y = np.linspace(high[1], low[1], _PLANE_SIDE, dtype=np.float32)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        decoded = as_uint8(codec.inverse_transform(grid))
        decoded = decoded.reshape(_PLANE_SIDE, _PLANE_SIDE, *decoded.shape[1:])
        writer.write_tensors("plane.safetensors", {"images": decoded, "x": x, "y": y})
        stage.info.update(info)

    recorder.run("plane", made_from, work)
    return made_from


def neighbors_stage(recorder: Recorder, n_neighbors: int, random_state: int) -> str:
    """Find the neighbours of each code, once for all maps and measures.

    `n_neighbors` is lowered to what the number of rows allows. Returns what a map that reads the
    graph is made from: how many neighbours were found beyond those that it reads is no part of it,
    so that a map with a larger perplexity does not redo the others.
    """
    basis = fingerprint(
        version=STAGE_VERSIONS["neighbors"],
        codes=recorder.fingerprints["codes"],
        random_state=random_state,
    )
    made_from = fingerprint(basis=basis, n_neighbors=n_neighbors)

    def work(stage: Stage) -> None:
        from latentscape.neighbors import NeighborGraph

        codes = np.array(Atlas.open(recorder.writer.path).codes)
        graph = NeighborGraph.build(
            codes, min(n_neighbors, len(codes) - 1), random_state=random_state
        )
        recorder.writer.write_bytes(ARTEFACTS["neighbors"], graph.to_bytes(with_codes=False))
        stage.info.update(
            n_neighbors=graph.n_neighbors,
            method=graph.method,
            recall=graph.recall,
            recall_error=graph.recall_error,
        )
        if graph.recall < 1:
            stage.info["note"] = (
                f"approximate: {graph.recall:.1%} of the true neighbours were found "
                f"(± {graph.recall_error:.1%}, measured on exact queries)"
            )

    recorder.run("neighbors", made_from, work)
    return basis


def n_neighbors_needed(jobs: Sequence[MapJob]) -> int:
    """Return how many neighbours of each row the maps and the measures will read."""
    from latentscape.maps import TSNE, UMAP

    wanted = _MEASURED_NEIGHBORS
    for job in jobs:
        if job.name == "tsne":
            perplexity = float(job.settings.get("perplexity", TSNE().perplexity))
            wanted = max(wanted, int(3 * perplexity))
        if job.name == "umap":
            wanted = max(wanted, int(job.settings.get("n_neighbors", UMAP().n_neighbors)) - 1)
    return wanted


@dataclass(frozen=True)
class MapJob:
    """One map to make."""

    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class MadeMap:
    """A finished map as bytes, or the reason why these data have none.

    ``note`` says which settings had to be lowered for want of rows.
    """

    content: bytes
    seconds: float
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class FitMap:
    """The task that makes maps, in whichever process."""

    codes: FloatArray
    codes2: FloatArray
    labels: IntArray | None
    random_state: int
    graph: NeighborGraph | None = None

    def __call__(self, job: MapJob, /, report: ProgressCallback) -> MadeMap:
        """Fit one map; what the data cannot give comes back as a reason."""
        # scikit-learn takes a second to import, and a run with nothing to do needs none of it.
        from latentscape.maps import map_to_bytes
        from latentscape.maps.guard import SettingLoweredWarning

        last = Progress(job.name, 0, 1)

        def relay(event: Progress) -> None:
            nonlocal last
            last = event
            report(event)

        relay(last)
        fitter = whole_map(job, self.random_state)
        if "progress" in fitter.get_params():
            fitter.set_params(progress=relay)
        codes = self.codes2 if job.name == "direct" else self.codes
        shared = {"graph": self.graph} if job.name in NEIGHBOR_MAPS else {}
        started = time.perf_counter()
        content, reason = b"", ""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", SettingLoweredWarning)
            try:
                content = map_to_bytes(fitter.fit(codes, self.labels, **shared))
            except (CodesError, LabelsError) as error:
                reason = str(error)
        lowered = []
        for warning in caught:
            if issubclass(warning.category, SettingLoweredWarning):
                lowered.append(str(warning.message))
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
        if last.step < last.total:
            report(Progress(job.name, last.total, last.total))
        return MadeMap(content, time.perf_counter() - started, reason, "; ".join(lowered))


def whole_map(job: MapJob, random_state: int) -> Any:
    """Return the unfitted map of a job, with a seed where it takes one."""
    from latentscape.maps import MAPS

    made = MAPS[job.name](**job.settings)
    if "random_state" in made.get_params() and "random_state" not in job.settings:
        made.set_params(random_state=random_state)
    return made


def map_fingerprint(job: MapJob, made_from: str, random_state: int) -> str:
    """Return what a map is made from; ``made_from`` is its codes' fingerprint.

    All parameters count, whether they were given or are defaults, but for
    those that do not change the result.
    """
    made = whole_map(job, random_state)
    defaults = type(made)().get_params()
    settings = {
        name: float(value) if isinstance(defaults[name], float) else value
        for name, value in made.get_params().items()
        if name not in ("n_jobs", "progress", "verbose")
    }
    return fingerprint(
        version=STAGE_VERSIONS["maps"], name=job.name, settings=settings, codes=made_from
    )


def maps_stages(
    recorder: Recorder,
    jobs: Sequence[MapJob],
    made_from: Mapping[str, str],
    *,
    labels: IntArray | None,
    random_state: int,
    may_skip: bool = True,
) -> None:
    """Make the maps that are not current, each as its own stage.

    One after another in this process: each takes all cores by itself.

    ``made_from`` gives the fingerprint of the codes of each map by its name.
    A map that these data cannot have is skipped with its reason, or raises
    CodesError where ``may_skip`` is False.
    """
    prints = {job.name: map_fingerprint(job, made_from[job.name], random_state) for job in jobs}
    missing = [j for j in jobs if not recorder.is_current(f"maps-{j.name}", prints[j.name])]
    if not missing:
        return
    atlas = Atlas.open(recorder.writer.path)
    needs_graph = any(job.name in NEIGHBOR_MAPS for job in missing)
    task = FitMap(
        np.array(atlas.codes),
        np.array(atlas.codes2),
        labels,
        random_state,
        atlas.graph if needs_graph else None,
    )
    for job in missing:
        made = task(job, recorder.tell)
        if made.reason and not may_skip:
            raise CodesError(made.reason)
        name = f"maps-{job.name}"
        with recorder.stage(name, prints[job.name], seconds=made.seconds) as stage:
            stage.info["settings"] = dict(job.settings)
            if made.note:
                stage.info["note"] = made.note
            if made.reason:
                stage.info["skipped"] = made.reason
            else:
                recorder.writer.write_bytes(f"maps/{job.name}.safetensors", made.content)
        if made.reason:
            recorder.tell(StageChange(name, "skipped", note=made.reason))


def points_stage(recorder: Recorder, names: Sequence[str]) -> None:
    """Put ids, labels, errors, and each map's places and trust into one table."""
    parts = [recorder.fingerprints[name] for name in ("codes", "plane")]
    for name in names:
        parts += [recorder.fingerprints[f"{part}{name}"] for part in ("maps-", QUALITY_STAGE)]
    made_from = fingerprint(version=STAGE_VERSIONS["points"], parts=parts)

    def work(stage: Stage) -> None:
        from latentscape.quality import knn_label_accuracy

        writer = recorder.writer
        atlas = Atlas.open(writer.path)
        points = pd.read_parquet(writer.path / "rows.parquet")
        labels = points["label"].to_numpy()
        known = labels >= 0
        accuracy: dict[str, float] = {}
        judged: dict[str, dict[str, Any]] = {"maps": {}, "cards": {}}
        spaces: dict[str, Any] = {"codes": np.array(atlas.codes)}
        for name in names:
            if not atlas.stages[f"maps-{name}"]["files"]:
                continue  # these data have no such map
            places = atlas.load_map(name).embedding_
            points[f"{name}_x"], points[f"{name}_y"] = places[:, 0], places[:, 1]
            spaces[name] = places
            if atlas.stages[f"{QUALITY_STAGE}{name}"]["files"]:
                found = json.loads((writer.path / f"quality/{name}.json").read_bytes())
                judged["maps"][name], judged["cards"][name] = found["report"], found["card"]
                trust = load_file(writer.path / f"quality/{name}.safetensors")
                for column in PER_POINT:
                    if column in trust:
                        points[f"{name}_{column}"] = trust[column]
        if known.sum() > KNN:
            for name, space in spaces.items():
                accuracy[name] = float(
                    cast(Any, knn_label_accuracy(space[known], labels[known], n_neighbors=KNN))
                )
        writer.write_table("points.parquet", points)
        quality = {"knn_accuracy": accuracy, "k": KNN, **judged}
        writer.write_json("quality.json", quality)

    recorder.run("points", made_from, work)


def figures_stage(recorder: Recorder, made_from: str) -> None:
    """Draw every figure as PNG and SVG."""
    # matplotlib takes a second to import, and a run with nothing to do needs none of it.
    from latentscape.figures import render_all

    def work(stage: Stage) -> None:
        atlas = Atlas.open(recorder.writer.path)
        for name, content in render_all(atlas, on_progress=recorder.tell):
            recorder.writer.write_bytes(name, content)

    recorder.run("figures", made_from, work)


def size_samples_stage(
    recorder: Recorder,
    images: ImageSet,
    models: Mapping[int, Callable[[], Codec]],
    seed: int,
    keys: Mapping[int, str],
) -> None:
    """Rebuild a few test images with a model of each latent size, for the eye to compare."""
    made_from = fingerprint(
        version=STAGE_VERSIONS["size-samples"],
        images=images.content_hash,
        models={str(size): key for size, key in keys.items()},
        seed=seed,
    )

    def work(stage: Stage) -> None:
        sample = images.images[sample_rows(images)]
        tensors: dict[str, Any] = {"originals": sample}
        for size, load in models.items():
            codec = load()
            tensors[f"d{size}"] = as_uint8(codec.inverse_transform(codec.transform(sample)))
        recorder.writer.write_tensors(ARTEFACTS["size_samples"], tensors)
        stage.info["seed"] = seed

    recorder.run("size-samples", made_from, work)


def sample_rows(images: ImageSet) -> list[int]:
    """Return the first image of each class, then the first ones left: 16 at most."""
    rows: list[int] = []
    if images.labels is not None:
        _, first = np.unique(images.labels, return_index=True)
        rows = [int(row) for row in first[:_SAMPLES]]
    for row in range(len(images)):
        if len(rows) >= _SAMPLES:
            break
        if row not in rows:
            rows.append(row)
    return rows


def explorer_stage(recorder: Recorder) -> None:
    """Build the page of what the atlas holds now."""
    names = ("sweep", "choice", "codes", "plane", "points", "size-samples")
    made_from = fingerprint(
        version=STAGE_VERSIONS["explorer"],
        parts={name: recorder.fingerprints.get(name) for name in names},
    )

    def work(stage: Stage) -> None:
        from latentscape.explorer import build_page

        atlas = Atlas.open(recorder.writer.path)
        if len(atlas.points) > _LARGEST_PAGE:
            stage.info["skipped"] = (
                f"{len(atlas.points):,} images are too many for one file; see them with "
                f"`latentscape explore`"
            )
            return
        recorder.writer.write_bytes("explorer.html", build_page(atlas))

    recorder.run("explorer", made_from, work)


def as_uint8(images: FloatArray) -> UInt8Array:
    """Round images in [0, 1] to 256 levels."""
    return np.rint(images * 255).astype(np.uint8)


def labels_or_none(images: ImageSet) -> IntArray:
    """Return labels, with -1 for every image where there are none."""
    if images.labels is None:
        return np.full(len(images), -1, np.int64)
    return images.labels
