"""The command line: a skin over library calls.

A command is one file in :mod:`latentscape.cli.commands`; what several of them
take stands in ``options``, what they print in ``output``, and how an error
becomes one sentence in ``errors``. ``entry`` puts them together.
"""

from latentscape.cli.entry import main

__all__ = ["main"]
