"""The part of a run that has to do with trained models: the sweep, and what models make."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentscape.atlas import Atlas, fingerprint
from latentscape.files import make_folder
from latentscape.images import ImageSet
from latentscape.images.kinds import AnyData
from latentscape.images.stream import ImageStream
from latentscape.pipeline.coding import (
    Codec,
    codes_stage,
    mapped_rows,
    plane_stage,
    size_samples_stage,
)
from latentscape.pipeline.recorder import MODEL_STAGE, Recorder
from latentscape.pipeline.settings import STAGE_VERSIONS, RunSettings, sizes_left_out
from latentscape.pipeline.streaming import stream_codes_stage, stream_plane_stage
from latentscape.types import Engine, StageChange

if TYPE_CHECKING:
    from latentscape.autoencoder import ConvAutoencoder
    from latentscape.autoencoder.sweep import TrainingKey


class Training:
    """The part of a run that has to do with trained models."""

    def __init__(
        self, images: ImageSet, settings: RunSettings, recorder: Recorder, engine: Engine
    ) -> None:
        self.images = images
        self.settings = settings
        self.recorder = recorder
        self.writer = recorder.writer
        self.engine = engine

    def sweep(self) -> dict[tuple[int, int], TrainingKey]:
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
                if note := sizes_left_out(settings, self.images.image_shape):
                    stage.info["note"] = note
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
        trainings = train(
            self.images, template, missing, store, self.engine, on_progress=self.recorder.tell
        )
        with closing(trainings):
            for key, header in trainings:
                done[key] = header
                self._adopt(names[key], key)
        note = f"{len(missing)} trained, {len(done) - len(missing)} kept"
        seconds = time.perf_counter() - started
        self.recorder.tell(StageChange("training", "done", seconds=seconds, note=note))

    def _adopt(self, name: str, key: TrainingKey) -> None:
        with self.writer.stage(name, key.digest) as stage:
            self.writer.adopt(f"model/{key.file_name}")
            stage.info.update(latent_dim=key.latent_dim, seed=key.seed)

    def codes(
        self,
        keys: dict[tuple[int, int], TrainingKey],
        data: AnyData,
    ) -> ImageSet | ImageStream:
        """Encode with the chosen model and with the two-neuron model; return what is mapped."""
        settings = self.settings
        size = settings.latent_dim
        if size == "auto":
            size = int(self.writer.stage_info("choice")["latent_dim"])
        seed = settings.random_state
        main, plane = keys[int(size), seed], keys[2, seed]
        infos = [
            {"latent_dim": key.latent_dim, "seed": seed, "model": f"model/{key.file_name}"}
            for key in (main, plane)
        ]
        loaders = [self._loader(key) for key in (main, plane)]
        recorder = self.recorder
        if isinstance(data, ImageStream):
            trained = self.images
            stream_codes_stage(recorder, data, trained, loaders[0], infos[0], main.digest)
            stream_plane_stage(recorder, data, loaders[1], infos[1], plane.digest)
            return data
        rows, note = mapped_rows(self.images, settings.rows)
        if note:
            infos[0]["note"] = note
        codes_stage(recorder, rows, loaders[0], infos[0], main.digest)
        plane_stage(recorder, rows, loaders[1], infos[1], plane.digest)
        return rows

    def size_samples(self, keys: dict[tuple[int, int], TrainingKey]) -> None:
        """Rebuild a few test images with a model of each latent size."""
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

            return ConvAutoencoder.load(
                self.writer.path / "model" / key.file_name, network=self.settings.network
            )

        return load
