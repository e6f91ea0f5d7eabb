"""The whole journey: from images to an atlas, doing only what is missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from latentscape.atlas import Atlas, AtlasWriter, fingerprint
from latentscape.engines import make_engine
from latentscape.errors import SettingError
from latentscape.images import EmbeddingSet, ImageSet
from latentscape.images.embedding_stream import EmbeddingStream
from latentscape.images.kinds import AnyCodes, AnyData
from latentscape.images.stream import ImageStream
from latentscape.pipeline.checks import check_embeddings, check_run
from latentscape.pipeline.coding import embeddings_stage, mapped_rows
from latentscape.pipeline.decoding import (
    DECODER_STAGE,
    Encoded,
    decoder_stage,
    encode_with,
    given_encoder,
)
from latentscape.pipeline.describing import describe
from latentscape.pipeline.finished import (
    columns_of,
    kept_as_asked,
    nothing_to_do,
    request_fingerprint,
    run_fingerprint,
    was_finished,
)
from latentscape.pipeline.judging import judge_stages
from latentscape.pipeline.lacking import NO_IMAGES, NO_TRAINING, map_reasons
from latentscape.pipeline.mapping import (
    NEIGHBOR_MAPS,
    MapJob,
    maps_stages,
    n_neighbors_needed,
    neighbors_stage,
)
from latentscape.pipeline.memory import (
    MemoryPlan,
    check_memory,
    least_memory,
    memory_limit,
    plan_memory,
)
from latentscape.pipeline.reading import prepared_stream, quarantine_stage, read_data, stream_of
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.sampling import codes_basis, places_stages, sample_stage
from latentscape.pipeline.settings import (
    STAGE_VERSIONS,
    RunSettings,
    fitting_sizes,
    given_path,
    library_versions,
    run_settings,
)
from latentscape.pipeline.stages import explorer_stage, figures_stage
from latentscape.pipeline.streaming import stream_embeddings_stage
from latentscape.pipeline.tables import columns_stage, points_stage
from latentscape.pipeline.training import Training
from latentscape.progress import progress_bars
from latentscape.types import Engine, EventCallback, Progress, StageChange

if TYPE_CHECKING:
    from latentscape.autoencoder.foreign import ForeignEncoder


def run(
    data: Any,
    path: str | os.PathLike[str],
    *,
    engine: str | Engine = "auto",
    n_jobs: int | None = None,
    verbose: int = 1,
    callbacks: Sequence[EventCallback] = (),
    until: str = "figures",
    memory: float | None = None,
    encoder: ForeignEncoder | str | os.PathLike[str] | None = None,
    encoder_options: Mapping[str, Any] | None = None,
    reading: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Atlas:
    """Train, choose a latent size, encode, map, judge and draw: fill an atlas.

    What an earlier run has finished from the same data and settings is kept;
    after an interruption the run goes on where it was. Where the data lack
    something, labels for example, the atlas does without what needs it and
    says why: see :attr:`Atlas.lacking`.

    Parameters
    ----------
    data : ImageSet, EmbeddingSet, a stream of either, str, path or object
        Images with a training and a test split; codes from elsewhere, which
        are mapped as they are; or whatever
        :func:`latentscape.images.load_data` reads: "mnist", a path, an array.
        With ``sample``, a .npy file of images or of codes, or a folder of them,
        stays on the disk: see :class:`latentscape.images.ImageStream` and
        :class:`latentscape.images.EmbeddingStream`.
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
    memory : float or None, default None
        How many GB the run may take; None asks the system. What it will take
        is estimated and told before the start.
    encoder : ForeignEncoder, str or path, optional
        An encoder from elsewhere, which makes the codes instead of a trained
        autoencoder: an ONNX file or the Python path of a torch module, see
        :func:`latentscape.load_encoder`. A decoder for the page is trained on
        the codes and their images.
    encoder_options : mapping, optional
        Further parameters of :func:`latentscape.load_encoder`, for example
        ``{"mean": 0.5, "std": 0.5}``.
    reading : mapping, optional
        Options of :func:`latentscape.load_images`, for data that are read
        here: ``{"size": 32, "mode": "grey"}``.
    **settings
        Fields of :class:`latentscape.pipeline.RunSettings`: ``latent_dims``,
        ``latent_dim``, ``n_seeds``, ``maps``, ``rows``, ``random_state``,
        ``tolerance``, ``training``, ``map_settings``, ``sample``, ``metric``.

    Returns
    -------
    Atlas
        The finished atlas.

    Raises
    ------
    LatentscapeError
        One of its children, when data, settings or the directory cannot be
        used, or more memory would be needed than there is. Everything
        finished stays.

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
    worker_engine = make_engine(engine, n_jobs) if isinstance(engine, str) else engine
    limit = memory_limit(memory)

    def checked(known: AnyData) -> MemoryPlan:
        plan = plan_memory(known, chosen, worker_engine)
        least = least_memory(known, chosen)
        check_memory(plan, limit, known.name, sampled=chosen.sample is not None, least=least)
        return plan

    with progress_bars(verbose) as show:

        def tell(event: Progress | StageChange) -> None:
            for callback in (*callbacks, show):
                callback(event)

        for name in chosen.map_settings:  # several runs may share settings, so it is no mistake
            if name not in chosen.maps:
                note = "settings were given for it, but maps does not name it"
                tell(StageChange(f"maps-{name}", "skipped", note=note))

        found: AnyData
        said: list[StageChange] = []
        stream = stream_of(data, reading)
        if stream is not None:
            checked(stream)  # before anything is loaded
        if stream is not None and (chosen.sample or stream is data):
            found, said = prepared_stream(stream, reading, tell)
        else:
            found, said = read_data(data, reading, tell)
        asked = given_encoder(encoder, found, encoder_options or {})
        request = "" if asked is None else request_fingerprint(asked, chosen)
        if until == "figures" and kept_as_asked(path, request, tell):
            return Atlas.open(path)
        encoded = None if asked is None else encode_with(asked)
        found = found if encoded is None else encoded.data
        if not isinstance(found, AnyCodes):
            chosen = fitting_sizes(chosen, found.image_shape)
        elif until == "sweep":
            msg = f"there is no sweep of {found.name}: {NO_TRAINING}; use `latentscape run`"
            raise SettingError(msg)
        plan = checked(found)
        trained = trained_on(found, chosen)
        whole = run_fingerprint(found, chosen, encoded)
        finished = was_finished(path, whole)
        if not finished:  # nothing has been written yet
            if isinstance(found, AnyCodes):
                check_embeddings(found, chosen)
            elif trained is not None:
                check_run(trained, chosen)
        with AtlasWriter.open(path) as writer:
            if not finished:
                for event in said:
                    tell(event)
                tell(StageChange("memory", "planned", note=plan.sentence(limit)))
            made = _Run(found, trained, chosen, Recorder(writer, tell), worker_engine, encoded)
            made.go(until, whole, request)
    return Atlas.open(path)


def trained_on(data: AnyData, settings: RunSettings) -> ImageSet | None:
    """Return the images that models are trained on and tested with; None for codes."""
    if isinstance(data, ImageSet):
        return data
    if isinstance(data, AnyCodes):
        return None
    n = len(data) if settings.sample is None else settings.sample
    return data.sample(data.sample_rows(n, settings.random_state))


class _Run:
    """One run: what the stages share."""

    def __init__(
        self,
        data: AnyData,
        trained: ImageSet | None,
        settings: RunSettings,
        recorder: Recorder,
        engine: Engine,
        encoded: Encoded | None,
    ) -> None:
        self.data = data
        self.encoded = encoded
        self.trained = trained
        self.settings = settings
        self.recorder = recorder
        self.writer = recorder.writer
        self.engine = engine

    def go(self, until: str, whole: str, request: str = "") -> None:
        """Do what is missing; `whole` and `request` are what this very run is made from."""
        if nothing_to_do(self.writer, whole):
            self.recorder.tell(StageChange("run", "kept"))
            return
        self._describe(until)
        if self.trained is None:
            for name in ("sweep", "choice", "plane", "size-samples"):
                self.recorder.skip(name, NO_TRAINING)
            self._finish(self._codes())
        else:
            training = Training(self.trained, self.settings, self.recorder, self.engine)
            keys = training.sweep()
            if until == "sweep":
                return
            self._finish(training.codes(keys, self.data), lambda: training.size_samples(keys))
        with self.writer.stage("run", whole) as stage:
            stage.info["stages"] = self.recorder.fingerprints
            if request:
                stage.info["request"] = request

    def _codes(self) -> AnyCodes:
        """Take codes from elsewhere; return those that are mapped."""
        data, recorder = self.data, self.recorder
        if isinstance(data, EmbeddingStream):
            recorder.skip(DECODER_STAGE, NO_IMAGES)
            stream_embeddings_stage(recorder, data, self.settings.rows)
            return data
        assert isinstance(data, EmbeddingSet)
        rows, note = mapped_rows(data, self.settings.rows)
        decoded = decoder_stage(recorder, data, rows, self.settings, self.encoded)
        embeddings_stage(recorder, rows, note, decoded)
        return rows

    def _finish(
        self,
        rows: AnyData,
        before_page: Callable[[], None] = lambda: None,
    ) -> None:
        """Map, judge and draw the codes of `rows`, which are there."""
        recorder, settings = self.recorder, self.settings
        columns_stage(recorder, columns_of(rows))
        sample_stage(recorder, len(rows), settings)
        names = ["direct", *settings.maps]
        jobs = [MapJob(name, dict(settings.map_settings.get(name, {}))) for name in names]
        atlas = Atlas.open(self.writer.path)
        fitted = slice(None) if atlas.sample is None else atlas.sample
        reasons = map_reasons(
            names,
            len(rows) if atlas.sample is None else len(atlas.sample),
            None if rows.labels is None else rows.labels[fitted],
            rows.class_names,
            has_plane=self.trained is not None,
        )
        seed = settings.random_state
        neighbors = neighbors_stage(recorder, n_neighbors_needed(jobs), seed, settings.metric)
        codes = codes_basis(recorder)
        made_from = {name: neighbors if name in NEIGHBOR_MAPS else codes for name in names}
        made_from["direct"] = codes_basis(recorder, "plane")
        maps_stages(
            recorder, jobs, made_from, labels=rows.labels, reasons=reasons, random_state=seed
        )
        places_stages(recorder, names)
        # A network of the user's own, which this very run has named.
        own = settings.network if ":" in settings.network else None
        judge_stages(recorder, names, settings, network=own)
        points_stage(recorder, names, settings.metric)
        draw(recorder)
        before_page()
        explorer_stage(recorder)
        recorder.forget_others([*recorder.fingerprints, "run"])

    def _describe(self, until: str) -> None:
        data = self.data
        before = Atlas.open(self.writer.path)
        if before.data.get("content_hash", data.content_hash) != data.content_hash:
            # Other data: no reader shall see codes and maps under the wrong name.
            self.recorder.forget_others([])
        settings = self.settings.as_dict()
        if until == "sweep":  # the maps stay as they are, and so do their settings
            later = ("latent_dim", "maps", "rows", "map_settings", "metric")
            settings |= {name: before.settings[name] for name in later if name in before.settings}
        else:
            self._tell_resets(before)
        described = describe(data, self.trained, self.settings)
        self.writer.set_header(data=described, settings=settings, versions=library_versions())
        if not isinstance(data, ImageStream):
            quarantine_stage(self.recorder, data.quarantine)

    def _tell_resets(self, before: Atlas) -> None:
        """Say what was made with settings that this run takes back."""
        metric = before.settings.get("metric", "euclidean")
        if "neighbors" in before.stages and metric != self.settings.metric:
            note = f"they were found by metric={metric}, and this run asks for "
            note += self.settings.metric
            self.recorder.tell(StageChange("neighbors", "reset", note=note))
        had = before.settings.get("map_settings") or {}
        for name in sorted({*had, *self.settings.map_settings}):
            if f"maps-{name}" not in before.stages or name not in self.settings.maps:
                continue
            old, new = had.get(name) or {}, self.settings.map_settings.get(name) or {}
            if dict(old) != dict(new):
                note = f"it was made with {_listed(old)}, and this run asks for {_listed(new)}"
                self.recorder.tell(StageChange(f"maps-{name}", "reset", note=note))


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or "the defaults"


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
