"""Maps of a sample: which rows, and how the others come onto them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentscape.atlas import ARTEFACTS, Atlas, Stage, fingerprint
from latentscape.images.stream import draw_rows
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.settings import STAGE_VERSIONS, RunSettings
from latentscape.types import FloatArray, Progress

PLACES_STAGE = "places-"  # and then a map's name
_AT_ONCE = 65_536  # rows placed between two words of progress


def sample_stage(recorder: Recorder, n_rows: int, settings: RunSettings) -> None:
    """Draw the rows on which maps are fitted; there is no such stage where all are."""
    if settings.sample is None or settings.sample >= n_rows:
        return
    n, seed = settings.sample, settings.random_state

    def work(stage: Stage) -> None:
        recorder.writer.write_array(ARTEFACTS["sample"], draw_rows(n_rows, n, seed))
        stage.info.update(n=n, of=n_rows, note=f"maps are fitted on {n:,} of {n_rows:,} rows")

    recorder.run("sample", fingerprint(n=n, of=n_rows, seed=seed), work)


def codes_basis(recorder: Recorder, stage: str = "codes") -> str:
    """Return what maps are made from: the codes, or the codes of the sample.

    `stage` is "codes", or "plane" for those of two neurons.
    """
    codes = recorder.fingerprints[stage]
    if "sample" not in recorder.fingerprints:
        return codes
    return fingerprint(codes=codes, sample=recorder.fingerprints["sample"])


def places_stages(recorder: Recorder, names: Sequence[str]) -> None:
    """Place the rows beside the sample on each map, each map as its own stage."""
    if "sample" not in recorder.fingerprints:
        return
    for name in names:
        made_from = fingerprint(
            version=STAGE_VERSIONS["places"],
            map=recorder.fingerprints[f"maps-{name}"],
            codes=recorder.fingerprints["plane" if name == "direct" else "codes"],
        )

        def work(stage: Stage, name: str = name) -> None:
            atlas = Atlas.open(recorder.writer.path)
            if atlas.stages[f"maps-{name}"]["files"]:
                _place(recorder, atlas, name)

        recorder.run(f"{PLACES_STAGE}{name}", made_from, work)


def _place(recorder: Recorder, atlas: Atlas, name: str) -> None:
    fitted = atlas.load_map(name)
    file = atlas.on_disk("codes2" if name == "direct" else "codes")
    task, n = f"place {name}", len(file)
    recorder.tell(Progress(task, 0, n))
    with recorder.writer.new_array(places_file(name), (n, 2), np.float32) as append:
        for rows, codes in file.batches(file.new_buffer(min(n, _AT_ONCE))):
            # A row of the sample comes back at its own position.
            append(fitted.transform(codes))
            recorder.tell(Progress(task, rows.stop, n))


def places_file(name: str) -> str:
    """Return the file of the places of all rows on a map."""
    return f"places/{name}.npy"


def places_of(atlas: Atlas, name: str) -> FloatArray:
    """Return the places of all rows on a map, float32 (n, 2)."""
    if atlas.sample is None:
        return atlas.load_map(name).embedding_
    places: FloatArray = np.load(atlas.path / places_file(name), allow_pickle=False)
    return places
