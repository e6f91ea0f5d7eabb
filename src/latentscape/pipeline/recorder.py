"""Running stages against an atlas: what is current is kept, and what happens is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from latentscape.atlas import AtlasWriter, Stage, fingerprint
from latentscape.types import EventCallback, StageChange

MODEL_STAGE = "model-"  # and then the key of one training


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

    def skip(self, name: str, reason: str) -> None:
        """Record that these data have no such stage, and why."""
        made_from = fingerprint(skipped=reason)
        if self.is_current(name, made_from):
            return
        with self.stage(name, made_from) as stage:
            stage.info["skipped"] = reason
        self.tell(StageChange(name, "skipped", note=reason))

    def forget_others(self, keep: Sequence[str]) -> None:
        """Drop the stages that these settings do not have, but never a trained model."""
        for name in self.writer.stages:
            if name not in keep and not name.startswith(MODEL_STAGE):
                self.writer.drop_stage(name)
