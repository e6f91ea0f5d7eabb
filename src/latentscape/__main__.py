"""``python -m latentscape`` is the command line."""

from latentscape.cli import main

main()
