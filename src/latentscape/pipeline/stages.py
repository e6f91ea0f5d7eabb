"""The stages that show what has been found: figures and the explorer."""

from __future__ import annotations

from latentscape.atlas import Atlas, Stage, fingerprint
from latentscape.pipeline.recorder import Recorder
from latentscape.pipeline.settings import STAGE_VERSIONS

_LARGEST_PAGE = 200_000  # images in one file: some 40 MB


def figures_stage(recorder: Recorder, made_from: str) -> None:
    """Draw every figure as PNG and SVG."""
    # matplotlib takes a second to import, and a run with nothing to do needs none of it.
    from latentscape.figures import render_all

    def work(stage: Stage) -> None:
        atlas = Atlas.open(recorder.writer.path)
        for name, content in render_all(atlas, on_progress=recorder.tell):
            recorder.writer.write_bytes(name, content)

    recorder.run("figures", made_from, work)


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
        n = len(atlas.codes)  # the table of points need not be read to know it
        if n > _LARGEST_PAGE:
            kind = atlas.data.get("kind", "images")
            stage.info["skipped"] = (
                f"{n:,} {kind} are too many for one file; see them with `latentscape explore`"
            )
            return
        recorder.writer.write_bytes("explorer.html", build_page(atlas))

    recorder.run("explorer", made_from, work)
