"""The stages in order: what ``latentscape run`` does, as functions."""

from latentscape.pipeline.journey import run
from latentscape.pipeline.rework import add_map, judge
from latentscape.pipeline.settings import MAP_NAMES, RunSettings
from latentscape.pipeline.summary import summarize, trust_lines

__all__ = ["MAP_NAMES", "RunSettings", "add_map", "judge", "run", "summarize", "trust_lines"]
