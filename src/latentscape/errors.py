"""Every error that latentscape raises on purpose.

Each one is a :class:`LatentscapeError`, and also the built-in exception that a
caller would expect in its place, so existing ``except`` clauses keep working.
A message says what is wrong, where, and what to do about it; the command line
prints it in one sentence and exits with code 2.
"""


class LatentscapeError(Exception):
    """Base of all errors raised by latentscape."""


class DataError(LatentscapeError, ValueError):
    """Images, labels or a data file cannot be used as they are."""


class IdxFormatError(DataError):
    """An IDX file is damaged, cut short or not an IDX file at all."""


class SettingError(LatentscapeError, ValueError):
    """A setting has a value that makes no sense."""


class CodesError(LatentscapeError, ValueError):
    """Codes (rows of a latent space) cannot be mapped as they are."""


class LabelsError(LatentscapeError, ValueError):
    """Labels are missing or do not fit where a method needs them."""


class NonFiniteLossError(LatentscapeError, ArithmeticError):
    """Training diverged twice: the loss is no longer a number."""


class WorkerError(LatentscapeError, RuntimeError):
    """A worker process died more often than its task may be sent again."""


class StorageError(LatentscapeError, OSError):
    """A file could not be read or written (permission, space, kind)."""


class ModelFileError(LatentscapeError, ValueError):
    """A file does not hold a latentscape model or map, or it is damaged."""


class ExportError(LatentscapeError, ValueError):
    """An exported model does not give the numbers that it must give."""


class AtlasError(LatentscapeError, ValueError):
    """A directory is not an atlas, or the atlas cannot be used."""


class AtlasLockedError(AtlasError):
    """Another process is writing to the atlas right now."""
