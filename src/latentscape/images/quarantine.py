"""How much of what could not be read is too much."""

from __future__ import annotations

from collections.abc import Sequence

from latentscape.errors import DataError
from latentscape.images.refused import Refused

_SHOWN = 3


def check_share(refused: Sequence[Refused], n: int, max_bad: float, where: str) -> None:
    """Stop when too much could not be read.

    Parameters
    ----------
    refused : sequence of Refused
        What could not be read.
    n : int
        How much there was in all.
    max_bad : float
        The largest share that may be bad, between 0 and 1.
    where : str
        What was read.

    Raises
    ------
    DataError
        With the first reasons, and how to go on all the same.
    """
    if len(refused) <= max_bad * n:
        return
    shown = "; ".join(f"{item.path}: {item.reason}" for item in refused[:_SHOWN])
    more = len(refused) - _SHOWN
    rest = f"; and {more:,} more" if more > 0 else ""
    if len(refused) == n:
        raise DataError(f"{where} holds no image that can be read ({shown}{rest})")
    raise DataError(
        f"{len(refused):,} of {n:,} images in {where} cannot be read, more than "
        f"{100 * max_bad:.3g} % of them ({shown}{rest}); mend or remove them, or allow "
        "more (max_bad, --max-bad)"
    )


__all__ = ["Refused", "check_share"]
