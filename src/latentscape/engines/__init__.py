"""Engines: one seam, ``engine.map(task, keys)``, behind which work is spread."""

from latentscape.engines.make import make_engine
from latentscape.engines.processes import ProcessEngine, usable_cores
from latentscape.engines.serial import SerialEngine

__all__ = ["ProcessEngine", "SerialEngine", "make_engine", "usable_cores"]
