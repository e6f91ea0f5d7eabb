"""The commands, one a file: ``command`` is what is called, ``EXAMPLE`` stands in its help."""
