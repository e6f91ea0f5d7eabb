"""The stages that map: neighbours, and one stage for each map."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latentscape.atlas import ARTEFACTS, Atlas, Stage, fingerprint
from latentscape.errors import CodesError, LabelsError
from latentscape.pipeline.lacking import known_labels
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.sampling import codes_basis
from latentscape.pipeline.settings import MAP_TITLES, STAGE_VERSIONS, of_metric
from latentscape.types import FloatArray, IntArray, Progress, ProgressCallback, StageChange

if TYPE_CHECKING:
    from latentscape.neighbors import Metric, NeighborGraph

NEIGHBOR_MAPS = ("tsne", "umap")  # those that read the neighbour graph

MEASURED_NEIGHBORS = 90  # the measures of a map look at most at so many


def neighbors_stage(
    recorder: Recorder, n_neighbors: int, random_state: int, metric: Metric = "euclidean"
) -> str:
    """Find the neighbours of each code, once for all maps and measures.

    `n_neighbors` is lowered to what the number of rows allows. Returns what a map that reads the
    graph is made from: how many neighbours were found beyond those that it reads is no part of it,
    so that a map with a larger perplexity does not redo the others.
    """
    basis = fingerprint(
        version=STAGE_VERSIONS["neighbors"],
        codes=codes_basis(recorder),
        random_state=random_state,
        **of_metric(metric),
    )
    made_from = fingerprint(basis=basis, n_neighbors=n_neighbors)

    def work(stage: Stage) -> None:
        from latentscape.neighbors import NeighborGraph

        codes = Atlas.open(recorder.writer.path).mapped_codes
        graph = NeighborGraph.build(
            codes, min(n_neighbors, len(codes) - 1), metric, random_state=random_state
        )
        recorder.writer.write_bytes(ARTEFACTS["neighbors"], graph.to_bytes(with_codes=False))
        stage.info.update(
            n_neighbors=graph.n_neighbors,
            metric=graph.metric,
            method=graph.method,
            recall=graph.recall,
            recall_error=graph.recall_error,
        )
        if graph.recall < 1:
            stage.info["note"] = (
                f"approximate: {100 * graph.recall:.1f} % of the true neighbours were found "
                f"(± {100 * graph.recall_error:.1f} %, measured on exact queries)"
            )

    recorder.run("neighbors", made_from, work)
    return basis


def n_neighbors_needed(jobs: Sequence[MapJob]) -> int:
    """Return how many neighbours of each row the maps and the measures will read."""
    from latentscape.maps import TSNE, UMAP

    wanted = MEASURED_NEIGHBORS
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

    ``note`` says what is special about it: settings lowered for want of rows, for example.
    """

    content: bytes
    seconds: float
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class FitMap:
    """The task that makes maps, in whichever process.

    ``labels`` of -1 are those of rows without one: LDA is then fitted on the others.
    """

    codes: FloatArray
    codes2: FloatArray | None
    labels: IntArray | None
    random_state: int
    graph: NeighborGraph | None = None

    def __call__(self, job: MapJob, /, report: ProgressCallback) -> MadeMap:
        """Fit one map; what the data cannot give comes back as a reason."""
        # scikit-learn takes a second to import, and a run with nothing to do needs none of it.
        from latentscape.maps import map_to_bytes
        from latentscape.maps.guard import FewRowsWarning, SettingLoweredWarning

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
            warnings.simplefilter("always", FewRowsWarning)
            try:
                content = map_to_bytes(self._fitted(job.name, fitter, codes, shared))
            except (CodesError, LabelsError) as error:
                reason = str(error)
        lowered = []
        for warning in caught:
            if issubclass(warning.category, SettingLoweredWarning | FewRowsWarning):
                lowered.append(str(warning.message))
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
        if last.step < last.total:
            report(Progress(job.name, last.total, last.total))
        if not reason and job.name == "lda" and self._n_unlabelled:
            n_known = len(self.codes) - self._n_unlabelled
            lowered.append(
                f"its axes come from the {n_known:,} labelled rows; the other "
                f"{self._n_unlabelled:,} were placed on them"
            )
        if not reason and job.name == "lda" and self._n_classes == 2:
            lowered.append(
                "two classes give one axis; the other is the first principal component of what "
                "that axis leaves"
            )
        return MadeMap(content, time.perf_counter() - started, reason, "; ".join(lowered))

    @property
    def _n_unlabelled(self) -> int:
        return 0 if self.labels is None else int((self.labels < 0).sum())

    @property
    def _n_classes(self) -> int:
        return 0 if self.labels is None else len(np.unique(self.labels[self.labels >= 0]))

    def _fitted(self, name: str, fitter: Any, codes: Any, shared: Mapping[str, Any]) -> Any:
        if name != "lda" or not self._n_unlabelled:
            return fitter.fit(codes, self.labels, **shared)
        assert self.labels is not None
        known = known_labels(self.labels)
        return fitter.fit(codes[known], self.labels[known]).spread_over(codes)


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
        # The metric is that of the graph, which the codes' fingerprint holds.
        if name not in ("metric", "n_jobs", "progress", "verbose")
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
    reasons: Mapping[str, str],
    random_state: int,
    may_skip: bool = True,
) -> None:
    """Make the maps that are not current, each as its own stage, of the sample if there is one.

    One after another in this process: each takes all cores by itself.

    ``made_from`` gives the fingerprint of the codes of each map by its name,
    ``reasons`` why these data cannot have some of the maps. Those, and others
    that turn out to be impossible, are skipped with their reason, or raise
    CodesError where ``may_skip`` is False.
    """
    for job in jobs:
        if job.name in reasons:
            if not may_skip:
                raise CodesError(f"{MAP_TITLES[job.name]} {reasons[job.name]}")
            recorder.skip(f"maps-{job.name}", reasons[job.name])
    jobs = [job for job in jobs if job.name not in reasons]
    prints = {job.name: map_fingerprint(job, made_from[job.name], random_state) for job in jobs}
    missing = [j for j in jobs if not recorder.is_current(f"maps-{j.name}", prints[j.name])]
    if not missing:
        return
    atlas = Atlas.open(recorder.writer.path)
    needs_graph = any(job.name in NEIGHBOR_MAPS for job in missing)
    rows = slice(None) if atlas.sample is None else atlas.sample
    task = FitMap(
        atlas.mapped_codes,
        atlas.mapped_codes2 if atlas.has("codes2") else None,
        None if labels is None else labels[rows],
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
