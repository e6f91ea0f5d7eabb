"""The stages in order: what ``latentscape run`` does, as functions."""

from latentscape.pipeline.journey import run
from latentscape.pipeline.one_map import add_map
from latentscape.pipeline.settings import MAP_NAMES, RunSettings
from latentscape.pipeline.summary import summarize

__all__ = ["MAP_NAMES", "RunSettings", "add_map", "run", "summarize"]
