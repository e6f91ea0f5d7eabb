"""What every measure asks of its input."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentscape.errors import CodesError, LabelsError, SettingError
from latentscape.maps.guard import missing_labels, sorted_classes
from latentscape.neighbors import (
    Metric,
    NeighborGraph,
    check_metric,
    measured_rows,
    only_too_large,
)
from latentscape.types import AnyArray, FloatArray, Int32Array, IntArray


def check_rows(X: Any, name: str = "X", least: int = 1) -> FloatArray:
    """Return `X` as finite float32 rows; images are flattened.

    Raises
    ------
    CodesError
        No numbers, another shape, too few rows, NaN or infinity (the rows are named).
    """
    try:
        given = np.asarray(X)
    except (TypeError, ValueError) as error:
        raise CodesError(f"{name} must be numbers of shape (n, d): {error}.") from error
    _refuse_words(given, name)
    try:
        with np.errstate(over="ignore"):
            rows = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise CodesError(f"{name} must be numbers of shape (n, d): {error}.") from error
    if rows.ndim > 2:
        rows = rows.reshape(len(rows), -1)
    if rows.ndim != 2 or rows.size == 0:
        raise CodesError(f"expected {name} of shape (n, d), got {rows.shape}.")
    if len(rows) < least:
        count = f"{len(rows)} row" + ("" if len(rows) == 1 else "s")
        raise CodesError(f"{name} has {count}, this measure needs {least} or more.")
    good = np.isfinite(rows).all(axis=1)
    if not good.all():
        bad = np.flatnonzero(~good)
        named = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
        hold, help_ = "NaN or infinity", "leave such rows out."
        if only_too_large(given, bad):
            hold, help_ = "numbers beyond 3.4e38, the range of float32", "rescale them."
        raise CodesError(
            f"{len(bad)} of {len(rows)} rows of {name} hold {hold} (rows {named}); {help_}"
        )
    return np.ascontiguousarray(rows)


def _refuse_words(given: AnyArray, name: str) -> None:
    """Raise :class:`CodesError` for text, dates and complex numbers: nothing is guessed of them."""
    kind, example = given.dtype.kind, ""
    if kind == "O":
        words = (value for value in given.ravel().tolist() if isinstance(value, str | bytes))
        word = next(words, None)
        if word is None:
            return  # perhaps numbers; if not, the conversion says so
        kind, example = "U", repr(word)
    if kind in "biuf":
        return
    what = {"U": "text", "S": "text", "c": "complex numbers", "M": "dates", "m": "times"}
    if kind in "US" and not example and given.size:
        example = repr(given.ravel()[:1].tolist()[0])
    shown = f", such as {example[:40]}" if example else ""
    raise CodesError(
        f"{name} holds {what.get(kind, f'values of type {given.dtype}')}{shown}, not numbers; give "
        "an array of numbers of shape (n, d)."
    )


def check_pair(
    codes: Any, embedding: Any, graph: NeighborGraph | None = None, least: int = 3
) -> tuple[FloatArray, FloatArray]:
    """Return the rows of both spaces, of equal number.

    With a cosine graph the codes are brought to length 1, so that their Euclidean distances
    have the order of the graph's.
    """
    reference = check_rows(codes, "codes", least)
    places = check_rows(embedding, "embedding", least)
    if len(reference) != len(places):
        raise CodesError(
            f"{len(reference)} rows of codes and {len(places)} places on the map do not belong "
            "together; give the codes that the map was made of, in the same order."
        )
    if graph is None:
        return reference, places
    if graph.n_rows != len(reference):
        raise CodesError(
            f"the graph has {graph.n_rows} rows and the codes {len(reference)}; build it on these "
            "codes."
        )
    return measured_rows(reference, graph.metric), places


def check_same_metric(metric: Any, graph: NeighborGraph | None) -> Metric:
    """Return the metric that was asked for, or that of the graph.

    Raises
    ------
    SettingError
        It is none, or the graph has another one.
    """
    asked = None if metric is None else check_metric(metric)
    if graph is None:
        return asked or "euclidean"
    if asked is not None and asked != graph.metric:
        raise SettingError(
            f'the graph holds neighbours by metric="{graph.metric}", but metric="{asked}" is asked '
            "for; build the graph by the same metric, or leave one of them out."
        )
    return graph.metric


def check_count(name: str, value: Any, most: int, n_rows: int, least: int = 1) -> int:
    """Return a whole number from `least` to `most`, or say what is possible.

    Raises
    ------
    SettingError
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        raise SettingError(
            f"{name} must be a whole number from {least} to {most} for {n_rows} rows, "
            f"got {value!r}."
        )
    return int(value)


def check_labels(labels: Any, n_rows: int) -> tuple[AnyArray, IntArray]:
    """Return the classes in order and the class of each row by its number.

    Raises
    ------
    LabelsError
        Another number of labels than rows, missing ones, or labels of several kinds.
    """
    given = np.asarray(labels)
    if given.shape != (n_rows,):
        raise LabelsError(f"got labels of shape {given.shape} for {n_rows} rows.")
    if given.dtype.kind in "fOmM":
        absent = missing_labels(given)
        if any(absent):
            raise LabelsError(
                f"{sum(absent)} of {n_rows} labels are missing, the first in row "
                f"{absent.index(True)}; judge the labelled rows alone."
            )
    return sorted_classes(given)


def check_two_classes(classes: AnyArray) -> None:
    """Raise :class:`LabelsError` where there is nothing to tell apart."""
    if len(classes) < 2:
        raise LabelsError("all labels are equal; this measure needs two classes or more.")


def draw_rows(n_rows: int, n_drawn: int, random_state: int) -> Int32Array:
    """Draw rows without repetition, in ascending order; all of them where that is enough.

    The same numbers and seed give the same rows, so that differences between maps are paired.
    """
    if n_drawn >= n_rows:
        return np.arange(n_rows, dtype=np.int32)
    drawn = np.random.default_rng(random_state).permutation(n_rows)[:n_drawn]
    return np.sort(drawn).astype(np.int32)
