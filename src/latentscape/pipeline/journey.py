"""The whole journey: from images to an atlas, doing only what is missing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentscape.atlas import Atlas, AtlasWriter, fingerprint
from latentscape.engines import make_engine
from latentscape.errors import AtlasError, SettingError
from latentscape.files import make_folder
from latentscape.images import ImageSet
from latentscape.pipeline.checks import check_run
from latentscape.pipeline.judging import judge_stages
from latentscape.pipeline.reading import quarantine_stage, read_data
from latentscape.pipeline.settings import (
    STAGE_VERSIONS,
    RunSettings,
    given_path,
    library_versions,
    run_settings,
)
from latentscape.pipeline.stages import (
    MODEL_STAGE,
    NEIGHBOR_MAPS,
    Codec,
    MapJob,
    Recorder,
    codes_stage,
    explorer_stage,
    figures_stage,
    mapped_rows,
    maps_stages,
    n_neighbors_needed,
    neighbors_stage,
    plane_stage,
    points_stage,
    size_samples_stage,
)
from latentscape.progress import progress_bars
from latentscape.types import Engine, EventCallback, Progress, StageChange

if TYPE_CHECKING:
    from latentscape.autoencoder import ConvAutoencoder
    from latentscape.autoencoder.sweep import TrainingKey


def run(
    data: Any,
    path: str | os.PathLike[str],
    *,
    engine: str | Engine = "auto",
    n_jobs: int | None = None,
    verbose: int = 1,
    callbacks: Sequence[EventCallback] = (),
    until: str = "figures",
    reading: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Atlas:
    """Train, choose a latent size, encode, map, judge and draw: fill an atlas.

    What an earlier run has finished from the same data and settings is kept;
    after an interruption the run goes on where it was.

    Parameters
    ----------
    data : ImageSet, str, path or object
        Images with a training and a test split; or whatever
        :func:`latentscape.load_images` reads: "mnist", a path, an array.
    path : str or path
        The atlas's directory; made if needed.
    engine : {"auto", "serial", "processes"} or Engine, default "auto"
        What runs trainings and maps.
    n_jobs : int or None, default None
        Worker processes; None takes one for each core.
    verbose : int, default 1
        1 shows progress bars.
    callbacks : sequence of callables, default ()
        Each is called with every :class:`~latentscape.types.Progress` and
        :class:`~latentscape.types.StageChange`.
    until : {"sweep", "figures"}, default "figures"
        "sweep" stops when the latent size is chosen.
    reading : mapping, optional
        Options of :func:`latentscape.load_images`, for data that are read
        here: ``{"size": 32, "mode": "grey"}``.
    **settings
        Fields of :class:`latentscape.pipeline.RunSettings`: ``latent_dims``,
        ``latent_dim``, ``n_seeds``, ``maps``, ``rows``, ``random_state``,
        ``tolerance``, ``training``, ``map_settings``.

    Returns
    -------
    Atlas
        The finished atlas.

    Raises
    ------
    LatentscapeError
        One of its children, when data, settings or the directory cannot be
        used. Everything finished stays.

    Examples
    --------
    >>> import latentscape as ls
    >>> atlas = ls.run("mnist", "atlas", latent_dims=(2, 8, 32), n_seeds=1)
    >>> atlas.choice["latent_dim"]
    32
    """
    path = given_path(path)
    chosen = run_settings(**settings)
    if until not in ("sweep", "figures"):
        msg = f"until must be 'sweep' or 'figures', got {until!r}"
        raise SettingError(msg)
    with progress_bars(verbose) as show:

        def tell(event: Progress | StageChange) -> None:
            for callback in (*callbacks, show):
                callback(event)

        images = read_data(data, reading, tell)
        worker_engine = make_engine(engine, n_jobs) if isinstance(engine, str) else engine
        if not _was_finished(path, whole_fingerprint(images.content_hash, chosen)):
            check_run(images, chosen)  # nothing has been written yet
        with AtlasWriter.open(path) as writer:
            _Run(images, chosen, Recorder(writer, tell), worker_engine).go(until)
    return Atlas.open(path)


def whole_fingerprint(content_hash: str, settings: RunSettings) -> str:
    """Return what a whole run is made from."""
    return fingerprint(versions=STAGE_VERSIONS, data=content_hash, settings=settings)


def _was_finished(path: Path, whole: str) -> bool:
    try:
        entry = Atlas.open(path).stages.get("run")
    except (AtlasError, OSError):  # the writer will say what is wrong with it
        return False
    return entry is not None and entry["fingerprint"] == whole


class _Run:
    """One run: what the stages share."""

    def __init__(
        self, images: ImageSet, settings: RunSettings, recorder: Recorder, engine: Engine
    ) -> None:
        self.images = images
        self.settings = settings
        self.recorder = recorder
        self.writer = recorder.writer
        self.engine = engine

    def go(self, until: str) -> None:
        whole = whole_fingerprint(self.images.content_hash, self.settings)
        if self._nothing_to_do(whole):
            self.recorder.tell(StageChange("run", "kept"))
            return
        self._describe(until)
        keys = self._sweep()
        if until == "sweep":
            return
        jobs = self._jobs()
        self._codes(keys)
        rows = mapped_rows(self.images, self.settings.rows)
        seed = self.settings.random_state
        neighbors = neighbors_stage(self.recorder, n_neighbors_needed(jobs), seed)
        codes = self.recorder.fingerprints["codes"]
        made_from = {j.name: neighbors if j.name in NEIGHBOR_MAPS else codes for j in jobs}
        made_from["direct"] = self.recorder.fingerprints["plane"]
        maps_stages(
            self.recorder,
            jobs,
            made_from,
            labels=rows.labels,
            random_state=seed,
        )
        names = [job.name for job in jobs]
        judge_stages(self.recorder, names, self.settings)
        points_stage(self.recorder, names)
        draw(self.recorder)
        self._size_samples(keys)
        explorer_stage(self.recorder)
        self.recorder.forget_others([*self.recorder.fingerprints, "run"])
        with self.writer.stage("run", whole) as stage:
            stage.info["stages"] = self.recorder.fingerprints

    def _nothing_to_do(self, whole: str) -> bool:
        """Tell whether this very run was finished, and every file is intact."""
        if not self.writer.is_current("run", whole):
            return False
        stages: dict[str, str] = self.writer.stage_info("run")["stages"]
        # Each stage is looked at by the recorder later if one of them is damaged.
        intact = all(self.writer.is_current(name, made) for name, made in stages.items())
        if not intact:
            self.writer.damaged.clear()
        return intact

    def _describe(self, until: str) -> None:
        images = self.images
        before = Atlas.open(self.writer.path)
        if before.data.get("content_hash", images.content_hash) != images.content_hash:
            # Other images: no reader shall see codes and maps under the wrong name.
            self.recorder.forget_others([])
        settings = self.settings.as_dict()
        if until == "sweep":  # the maps stay as they are, and so do their settings
            later = ("latent_dim", "maps", "rows", "map_settings")
            settings |= {name: before.settings[name] for name in later if name in before.settings}
        self.writer.set_header(
            data={
                "name": images.name,
                "n_train": len(images.train),
                "n_test": len(images.test),
                "image_shape": list(images.image_shape),
                "class_names": list(images.class_names),
                "content_hash": images.content_hash,
                "notes": list(images.notes),
                "sentence": images.sentence,
                "preprocessing": dict(images.preprocessing),
            },
            settings=settings,
            versions=library_versions(),
        )
        quarantine_stage(self.recorder, images.quarantine)

    def _jobs(self) -> list[MapJob]:
        given = self.settings.map_settings
        names = ["direct", *self.settings.maps]
        return [MapJob(name, dict(given.get(name, {}))) for name in names]

    def _sweep(self) -> dict[tuple[int, int], TrainingKey]:
        """Train what is missing and choose a size; return the keys of all trainings."""
        # torch takes seconds to import, and a run with nothing to do needs none of it.
        from latentscape.autoencoder import ConvAutoencoder, choose_latent_dim
        from latentscape.autoencoder.sweep import (
            stored_trainings,
            tabulate,
            training_keys,
        )

        settings, writer, recorder = self.settings, self.writer, self.recorder
        template = ConvAutoencoder(**settings.training)
        first = settings.random_state
        swept = training_keys(
            self.images, template, settings.latent_dims, n_seeds=settings.n_seeds, first_seed=first
        )
        # The two-neuron map and a size asked for by number need their models too.
        wanted = {2} if settings.latent_dim == "auto" else {2, int(settings.latent_dim)}
        extra_sizes = sorted(wanted - set(settings.latent_dims))
        extra = (
            training_keys(self.images, template, extra_sizes, n_seeds=1, first_seed=first)
            if extra_sizes
            else []
        )
        keys = [*swept, *extra]
        store = writer.path / "model"
        names = {key: f"{MODEL_STAGE}{key}" for key in keys}
        current = [
            key for key in keys if recorder.is_current(names[key], key.digest, remove_damaged=True)
        ]
        done = stored_trainings(store, keys)
        for key in done:
            if key not in current:  # published by a worker just before the run was killed
                self._adopt(names[key], key)
        missing = [key for key in keys if key not in done]
        self._train(template, missing, store, names, done)

        made_from = fingerprint(
            version=STAGE_VERSIONS["sweep"],
            trainings=[key.digest for key in swept],
            images=self.images.content_hash,
        )
        if not recorder.is_current("sweep", made_from):
            results, history = tabulate(self.images, {key: done[key] for key in swept})
            with recorder.stage("sweep", made_from) as stage:
                writer.write_table("sweep.parquet", results)
                writer.write_table("history.parquet", history)
        else:
            results = Atlas.open(writer.path).sweep
        choice_from = fingerprint(sweep=made_from, tolerance=settings.tolerance)
        if not recorder.is_current("choice", choice_from):
            with recorder.stage("choice", choice_from) as stage:
                stage.info.update(
                    choose_latent_dim(results, tolerance=settings.tolerance).as_dict()
                )
        return {(key.latent_dim, key.seed): key for key in keys}

    def _train(
        self,
        template: ConvAutoencoder,
        missing: list[TrainingKey],
        store: Path,
        names: dict[TrainingKey, str],
        done: dict[TrainingKey, dict[str, Any]],
    ) -> None:
        """Train what is missing; each training enters the atlas when it is finished."""
        if not missing:
            return
        from latentscape.autoencoder.sweep import train

        make_folder(store)
        self.recorder.tell(StageChange("training", "started"))
        started = time.perf_counter()
        for key, header in train(
            self.images, template, missing, store, self.engine, on_progress=self.recorder.tell
        ):
            done[key] = header
            self._adopt(names[key], key)
        note = f"{len(missing)} trained, {len(done) - len(missing)} kept"
        seconds = time.perf_counter() - started
        self.recorder.tell(StageChange("training", "done", seconds=seconds, note=note))

    def _adopt(self, name: str, key: TrainingKey) -> None:
        with self.writer.stage(name, key.digest) as stage:
            self.writer.adopt(f"model/{key.file_name}")
            stage.info.update(latent_dim=key.latent_dim, seed=key.seed)

    def _codes(self, keys: dict[tuple[int, int], TrainingKey]) -> None:
        """Encode the mapped rows with the chosen model and with the two-neuron model."""
        settings = self.settings
        size = settings.latent_dim
        if size == "auto":
            size = int(self.writer.stage_info("choice")["latent_dim"])
        rows = mapped_rows(self.images, settings.rows)
        seed = settings.random_state
        for n, stage in ((int(size), codes_stage), (2, plane_stage)):
            key = keys[n, seed]
            info = {"latent_dim": n, "seed": seed, "model": f"model/{key.file_name}"}
            stage(self.recorder, rows, self._loader(key), info, key.digest)

    def _size_samples(self, keys: dict[tuple[int, int], TrainingKey]) -> None:
        seed = self.settings.random_state
        swept = {size: keys[size, seed] for size in self.settings.latent_dims}
        size_samples_stage(
            self.recorder,
            self.images.test,
            {size: self._loader(key) for size, key in swept.items()},
            seed,
            {size: key.digest for size, key in swept.items()},
        )

    def _loader(self, key: TrainingKey) -> Callable[[], Codec]:
        def load() -> Codec:
            from latentscape.autoencoder import ConvAutoencoder

            return ConvAutoencoder.load(self.writer.path / "model" / key.file_name)

        return load


def draw(recorder: Recorder) -> None:
    """Draw the figures of what the atlas holds now."""
    made_from = fingerprint(
        version=STAGE_VERSIONS["figures"],
        parts={
            name: made
            for name, made in recorder.fingerprints.items()
            if name in ("sweep", "choice", "codes", "plane", "points")
        },
    )
    figures_stage(recorder, made_from)
