"""How much memory a run will take, told and checked before it begins."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from latentscape.engines.processes import ProcessEngine
from latentscape.engines.serial import SerialEngine
from latentscape.errors import SettingError
from latentscape.images.embedding_stream import EmbeddingStream
from latentscape.images.kinds import AnyCodes, AnyData, AnyStream
from latentscape.images.stream import ImageStream
from latentscape.pipeline.mapping import MEASURED_NEIGHBORS
from latentscape.pipeline.settings import LEAST_SAMPLE, RunSettings
from latentscape.pipeline.streaming import STREAM_BATCH
from latentscape.types import Engine

GB = 1e9

# Measured on runs of 400 to 2,000,000 images (docs/scale.md), in bytes.
_LIBRARIES = 0.45e9  # Python with every library that a run loads
_WORKER = 0.4e9  # a process that trains
_TRAINING = 0.25e9  # activations and gradients of a batch, evaluation in blocks
_JUDGING = 0.2e9  # ranks and distances in blocks
_PER_ROW = 650  # measured: ids, splits and columns of the tables, and the copies of drawing
_PER_HASH = 80  # of a row of codes: its hash and its length, and the copies that sorting makes
_PER_PLACE = 40  # a row's place and trust on one map
_PER_LINK = 40  # a neighbour of a row: indices, distances, affinities both ways
_MOST_NEIGHBORS = 1e6


@dataclass(frozen=True)
class MemoryPlan:
    """What a run is expected to hold at once.

    Attributes
    ----------
    parts : dict of str to float
        Bytes at the peak of each part of the run.
    n_workers : int
        Processes that train side by side.
    """

    parts: dict[str, float]
    n_workers: int = 1

    @property
    def fixed(self) -> float:
        """Bytes that are taken whatever the data are."""
        return _LIBRARIES + _TRAINING * ("training" in self.parts)

    @property
    def peak(self) -> float:
        """Bytes at the peak of all."""
        return max(self.parts.values())

    @property
    def largest(self) -> str:
        """The part with the peak."""
        return max(self.parts, key=self.parts.__getitem__)

    def sentence(self, limit: float) -> str:
        """Say peak and limit in a few words."""
        return (
            f"about {readable(self.peak)} at most ({self.largest}), and there are {readable(limit)}"
        )


def readable(n_bytes: float) -> str:
    """Write bytes as GB with one digit behind the point."""
    return f"{n_bytes / GB:.1f} GB"


def plan_memory(data: AnyData, settings: RunSettings, engine: Engine) -> MemoryPlan:
    """Estimate the memory of a run from sizes and settings alone; nothing is read."""
    n = len(data)
    pixels = int(np.prod(data.image_shape)) if data.image_shape else 0
    streamed = isinstance(data, AnyStream) and settings.sample is not None
    trains = not isinstance(data, AnyCodes)
    if isinstance(data, AnyCodes):
        width = data.latent_dim
    else:
        sizes = [*settings.latent_dims]
        width = max(sizes) if settings.latent_dim == "auto" else int(settings.latent_dim)
    mapped = n
    if settings.rows != "all" and not streamed and not isinstance(data, EmbeddingStream):
        if isinstance(data, ImageStream):  # of which one image in seven will be set aside
            mapped = -(-n // 7) if settings.rows == "test" else n
        else:
            mapped = int(np.count_nonzero(data.split == settings.rows)) or n
    fitted = mapped if settings.sample is None else min(mapped, settings.sample)
    trained = fitted if streamed else n
    # Loaded, and a copy in the order of the split.
    held = _LIBRARIES + 2 * trained * pixels + (0 if trains or streamed else 4 * n * width)
    neighbors = min(_neighbors(settings), max(1, fitted - 1))
    at_once = min(mapped, STREAM_BATCH) if streamed else mapped
    # On the disk, codes are read into a buffer; the hashes of rows are compared all at once.
    coded = n * _PER_HASH * (not trains) if streamed else mapped * width * 4
    links = fitted * neighbors * _PER_LINK
    table = mapped * (_PER_ROW + _PER_PLACE * (1 + len(settings.maps)))
    parts = {
        "encoding": held + at_once * pixels * 6 + coded + _TRAINING * trains,
        "mapping": held + 6 * fitted * width * 4 + links,
        "judging": held + _JUDGING + fitted * (pixels * 9 + width * 12) + links,
        "tables and figures": held + table + (0 if streamed else coded),
    }
    workers = 1
    if trains:
        parts["training"] = held + _TRAINING + 3 * 8 * pixels**2 + 4 * trained * pixels
        if isinstance(engine, ProcessEngine):
            n_trainings = len({2, *settings.latent_dims}) * settings.n_seeds
            workers = min(engine.n_workers, n_trainings)
            parts["training"] += workers * (_WORKER + 2 * trained * pixels)
    return MemoryPlan(parts, workers)


def _neighbors(settings: RunSettings) -> int:
    """Guess how many neighbours of a row are needed, from settings that nobody has checked yet."""
    wanted = MEASURED_NEIGHBORS
    for name, key, times in (("tsne", "perplexity", 3), ("umap", "n_neighbors", 1)):
        given = settings.map_settings.get(name, {}).get(key)
        if isinstance(given, int | float) and 0 < given < _MOST_NEIGHBORS:
            wanted = max(wanted, int(times * given))
    return wanted


def least_memory(data: AnyData, settings: RunSettings) -> float:
    """Estimate the memory of the same run with the smallest sample and no processes beside it."""
    return plan_memory(data, replace(settings, sample=LEAST_SAMPLE), SerialEngine()).peak


def check_memory(plan: MemoryPlan, limit: float, name: str, *, sampled: bool, least: float) -> None:
    """Refuse a plan that does not fit, with the change that would make it fit.

    Where not even the smallest sample fits, which takes ``least`` bytes, that is said.

    Raises
    ------
    SettingError
    """
    if plan.peak <= limit:
        return
    change = "give a smaller --sample" if sampled else "map a sample and place the rest: --sample N"
    change += " (10000, for example)"
    if plan.fixed > limit:
        msg = (
            f"{name} would take about {readable(plan.peak)} of memory, of which Python and its "
            f"libraries alone take {readable(plan.fixed)}, and there are {readable(limit)}; allow "
            "more with --memory GB"
        )
        raise SettingError(msg)
    if least > limit:
        change = f"even the smallest sample would take {readable(least)}, so give fewer rows"
    elif plan.largest == "training" and plan.n_workers > 1:
        change = f"train with fewer processes (--workers 1), or {change}"
    msg = (
        f"{name} would take about {readable(plan.peak)} of memory ({plan.largest}), and there are "
        f"{readable(limit)}; {change}, or allow more with --memory GB"
    )
    raise SettingError(msg)


def memory_limit(asked: float | None = None) -> float:
    """Return how many bytes a run may take: what was asked for, or what this machine allows.

    Parameters
    ----------
    asked : float, optional
        In GB.

    Raises
    ------
    SettingError
        When it is no number above 0.
    """
    if asked is not None:
        if isinstance(asked, bool) or not 0 < asked < float("inf"):
            msg = f"memory must be a number of GB above 0, got {asked!r}"
            raise SettingError(msg)
        return asked * GB
    limits = [_physical(), *(_control_group(path) for path in _CONTROL_GROUPS)]
    return min(limits)


_CONTROL_GROUPS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def _physical() -> float:
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return float("inf")


def _control_group(path: Path) -> float:
    try:
        return float(path.read_text())
    except (OSError, ValueError):  # there is none, or it says "max"
        return float("inf")
