"""Readers of images, found by looking at what a path is.

A reader makes a :class:`~latentscape.images.source.Source` of a path and
decides nothing else: sizes, modes, values and labels are made equal later, and
alike for all of them.
"""

from latentscape.images.readers.registry import describe_forms, source_from_path

__all__ = ["describe_forms", "source_from_path"]
