"""Choose an engine by its name."""

from __future__ import annotations

from latentscape.engines.processes import ProcessEngine, usable_cores
from latentscape.engines.serial import SerialEngine
from latentscape.errors import SettingError
from latentscape.types import Engine

ENGINES = ("auto", "serial", "processes")


def make_engine(name: str = "auto", workers: int | None = None) -> Engine:
    """Return the engine of the given name.

    Parameters
    ----------
    name : {"auto", "serial", "processes"}
        ``"auto"`` takes processes where there is more than one usable core;
        ``"serial"`` works in this process, one key after the other;
        ``"processes"`` in local processes with one thread each.
    workers : int, optional
        Number of processes, at least 1; by default the number of usable
        cores. The serial engine accepts only None and 1.

    Returns
    -------
    Engine
        With a ``map`` method; see :class:`latentscape.types.Engine`.

    Raises
    ------
    SettingError
        There is no such engine, or it cannot have that many workers.

    Examples
    --------
    >>> make_engine("serial")
    SerialEngine()
    """
    if name == "auto":
        alone = workers == 1 or (workers is None and usable_cores() == 1)
        name = "serial" if alone else "processes"
    if name == "serial":
        if workers not in (None, 1):
            raise SettingError(
                f"the serial engine works alone, got {workers} workers; leave the number out or "
                "take the engine 'processes'"
            )
        return SerialEngine()
    if name == "processes":
        return ProcessEngine(workers)
    raise SettingError(f"there is no engine {name!r}; take one of {', '.join(ENGINES)}")
