"""Array aliases, progress events and the protocols that modules share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

UInt8Array: TypeAlias = NDArray[np.uint8]
FloatArray: TypeAlias = NDArray[np.float32]
DoubleArray: TypeAlias = NDArray[np.float64]
Int32Array: TypeAlias = NDArray[np.int32]
IntArray: TypeAlias = NDArray[np.int64]
AnyArray: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Progress:
    """One step forward of a piece of long work.

    Attributes
    ----------
    task : str
        What is being worked on, for example ``"d32-s0"`` or ``"tsne"``.
    step, total : int
        How many of how many steps are done; ``step == total`` ends the task.
    metrics : mapping of str to float
        Figures worth showing beside the bar, for example the current loss.
    """

    task: str
    step: int
    total: int
    metrics: Mapping[str, float] = field(default_factory=dict)


ProgressCallback: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True)
class StageChange:
    """A stage of a run begins, ends, or turns out to be finished already.

    Attributes
    ----------
    stage : str
        For example ``"sweep"`` or ``"maps-tsne"``.
    state : {"planned", "started", "done", "kept", "skipped", "reset", "damaged"}
        ``planned``: what it will take, told before the start (memory);
        ``kept``: finished by an earlier run from the same settings and data;
        ``reset``: the atlas has it with other settings, which this run undoes;
        ``damaged``: a file of it was lost or changed, so it is made again.
    seconds : float
        How long it took, when done.
    note : str
        What there is to say about it, for example why it was skipped.
    """

    stage: str
    state: str
    seconds: float = 0.0
    note: str = ""


EventCallback: TypeAlias = Callable[[Progress | StageChange], None]

Key = TypeVar("Key")
Result = TypeVar("Result")
KeyIn = TypeVar("KeyIn", contravariant=True)
ResultOut = TypeVar("ResultOut", covariant=True)


class Task(Protocol[KeyIn, ResultOut]):
    """A picklable function of one key that may report progress on its way."""

    def __call__(self, key: KeyIn, /, report: ProgressCallback) -> ResultOut:
        """Do the work for one key."""
        ...


class Engine(Protocol):
    """The one seam behind which work is spread: serial, processes, a cluster."""

    def map(
        self,
        task: Task[Key, Result],
        keys: Iterable[Key],
        *,
        on_progress: ProgressCallback | None = None,
    ) -> Iterator[tuple[Key, Result]]:
        """Yield ``(key, task(key))`` for each key, in order of completion."""
        ...
