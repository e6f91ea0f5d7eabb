"""The one guard that stands in front of every map.

It lets through finite float32 codes with enough distinct rows, names the rows
that are not fit to be mapped, and lowers settings that ask for more neighbours
than there are rows. Identical rows are found here once, so that each map lays
them out once and gives all of them the same position.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import validate_data

from latentscape.errors import CodesError, LabelsError, SettingError
from latentscape.neighbors import NeighborGraph, check_metric, only_too_large
from latentscape.types import AnyArray, FloatArray, IntArray

MIN_ROWS = 4
"""A map of fewer rows has no shape worth drawing."""


class SettingLoweredWarning(UserWarning):
    """A setting asked for more neighbours than there are rows, and was lowered."""


class FewRowsWarning(UserWarning):
    """There are so few rows that a map had to make do with less than it needs."""


def check_codes(estimator: Any, X: Any, *, reset: bool) -> FloatArray:
    """Return `X` as finite float32 rows, or say which rows stand in the way.

    Parameters
    ----------
    estimator : Map2D
        The map that asks; its ``n_features_in_`` is set or compared.
    X : array-like, shape (n, d)
        Codes, one row for each image.
    reset : bool
        True in ``fit``: at least four rows, not all of them equal.

    Returns
    -------
    codes : float32 array, shape (n, d), C-contiguous

    Raises
    ------
    CodesError
        Wrong shape or width, NaN or infinity, too few rows, all rows equal.
    """
    name = type(estimator).__name__
    # Too large for float32 becomes infinity here and is reported by row below.
    with np.errstate(over="ignore"):
        try:
            codes: FloatArray = validate_data(
                estimator,
                X,
                reset=reset,
                dtype=np.float32,
                order="C",
                ensure_all_finite=False,
                ensure_min_samples=0,  # how many there must be is said below
            )
        except ValueError as error:  # otherwise scikit-learn's own words are the ones users know
            raise CodesError(_text(X) or str(error)) from error
    check_finite(codes, "codes", X)
    least, way_out = (MIN_ROWS, "map more rows at once") if reset else (1, "give rows to place")
    if len(codes) < least:
        raise CodesError(
            f"Found array with {len(codes)} sample(s) (shape={codes.shape}) while a minimum of "
            f"{least} is required by {name}; {way_out}."
        )
    if not reset:
        return codes
    if (codes == codes[0]).all():
        raise CodesError(
            f"all {len(codes)} rows of the codes are equal, so there is nothing to map by {name}; "
            "check the encoder that made them."
        )
    return codes


def _text(X: Any) -> str | None:
    """Say where `X` holds text that is no number, if it does."""
    try:
        cells = np.asarray(X, dtype=object)
    except ValueError:  # rows of several lengths
        return None
    if cells.ndim != 2:
        return None
    for (row, column), value in np.ndenumerate(cells):
        if not isinstance(value, str):
            continue
        try:
            float(value)
        except ValueError:
            return (
                f"codes must be numbers, but row {row}, column {column} holds {str(value)!r}; "
                "leave this column out or turn it into numbers."
            )
    return None


def check_finite(rows: FloatArray, what: str, given: Any = None) -> None:
    """Raise :class:`CodesError` naming the first five rows with NaN or infinity.

    given: what `rows` were converted from, to tell infinity from numbers that are too large.
    """
    good = np.isfinite(rows).all(axis=1)
    if good.all():
        return
    bad = np.flatnonzero(~good)
    named = ", ".join(str(row) for row in bad[:5]) + (", ..." if len(bad) > 5 else "")
    hold, help_ = "NaN or infinity", "remove these rows or mend what made them."
    if given is not None and only_too_large(given, bad):
        hold, help_ = "numbers beyond 3.4e38, the range of float32", "rescale the codes."
    raise CodesError(
        f"{len(bad)} of {len(rows)} rows of the {what} hold {hold} (rows {named}); {help_}"
    )


def check_graph(graph: Any, X: Any, codes: FloatArray) -> None:
    """Raise unless `graph` is a neighbour graph of `codes`, which were read from `X`.

    Raises
    ------
    SettingError
        Something else than a graph.
    CodesError
        A graph of other codes.
    """
    if not isinstance(graph, NeighborGraph):
        raise SettingError(
            f"graph must be a NeighborGraph, got {type(graph).__name__}; make one with "
            "NeighborGraph.build(codes), or leave it out."
        )
    if graph.codes is X or np.array_equal(graph.codes, codes):
        return
    built, asked = graph.codes.shape, codes.shape
    if built == asked:
        row = int(np.flatnonzero((graph.codes != codes).any(axis=1))[0])
        differ = f"of the same shape {asked}, which differ from row {row} on"
    else:
        differ = f"of shape {built}, and {asked} are to be mapped"
    raise CodesError(
        f"the neighbour graph was built on other codes {differ}; build it on the same codes, or "
        "leave it out."
    )


def check_points(points: Any) -> FloatArray:
    """Return `points` as a finite float32 array of shape (n, 2).

    Raises
    ------
    CodesError
        Another shape, or NaN or infinity among the coordinates.
    """
    try:
        with np.errstate(over="ignore"):
            places = np.ascontiguousarray(points, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise CodesError(f"points of a map must be numbers of shape (n, 2): {error}.") from error
    if places.ndim != 2 or places.shape[1] != 2:
        raise CodesError(
            f"points of a map must have shape (n, 2), got {places.shape}; "
            "wrap a single point as [[x, y]]."
        )
    check_finite(places, "points", points)
    return places


def distinct_rows(codes: FloatArray) -> tuple[IntArray, IntArray]:
    """Find the distinct rows of `codes`.

    Returns
    -------
    first : int64 array, shape (m,)
        Where each distinct row occurs first, in ascending order.
    copies : int64 array, shape (n,)
        For each row its place in `first`: ``codes == codes[first][copies]``.
    """
    plain = np.ascontiguousarray(codes + np.float32(0))  # -0.0 is the same number as 0.0
    if _surely_distinct(plain):
        rows = np.arange(len(plain), dtype=np.int64)
        return rows, rows.copy()
    keys = plain.view(np.dtype((np.void, plain.dtype.itemsize * plain.shape[1]))).ravel()
    _, first, copies = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order].astype(np.int64), place[copies.ravel()].astype(np.int64)


def _surely_distinct(rows: FloatArray) -> bool:
    """Tell whether no two rows (n, d) share a hash: a tenth of the time that sorting rows takes."""
    words = rows.view(np.uint32)
    factors = 2 * np.random.default_rng(0).integers(2**63, size=words.shape[1], dtype=np.uint64) + 1
    hashes = words.astype(np.uint64) @ factors
    hashes.sort()
    return not bool((hashes[1:] == hashes[:-1]).any())


def check_distinct(n_distinct: int, n_rows: int, name: str, metric: str = "euclidean") -> None:
    """Raise :class:`CodesError` unless there are four different rows."""
    if n_distinct >= MIN_ROWS:
        return
    if metric == "cosine":
        raise CodesError(
            f"the {n_rows} rows have only {n_distinct} different directions, {name} by cosine "
            f'distance needs {MIN_ROWS}; use metric="euclidean" or check the encoder.'
        )
    raise CodesError(
        f"only {n_distinct} of the {n_rows} rows differ from each other, {name} needs "
        f"{MIN_ROWS} distinct rows; use PCA or check the encoder."
    )


def check_labels(y: Any, n_rows: int, name: str) -> tuple[AnyArray, IntArray]:
    """Return the sorted classes of `y` and the index of each row's class.

    Raises
    ------
    LabelsError
        No labels, another number of them than rows, or missing ones among them.
    """
    if y is None:
        raise LabelsError(
            f"{name} requires y to be passed, but the target y is None; give one label for each "
            "row, or use a map that needs no labels."
        )
    try:
        labels = column_or_1d(y)
    except ValueError as error:
        raise LabelsError(str(error)) from error
    if len(labels) != n_rows:
        raise LabelsError(f"got {len(labels)} labels for {n_rows} rows; they must match.")
    absent = missing_labels(labels)
    if any(absent):
        raise LabelsError(
            f"{sum(absent)} of {n_rows} labels are missing, the first in row {absent.index(True)}; "
            f"fit {name} on the labelled rows and place the others by transform()."
        )
    if labels.dtype.kind == "f" and (labels != np.round(labels)).any():
        row = int(np.flatnonzero(labels != np.round(labels))[0])
        raise LabelsError(
            f"the labels look like a continuous quantity ({labels[row]!s} in row {row}), and "
            f"{name} needs classes; cut them into intervals, for example with pandas.cut."
        )
    classes, indices = sorted_classes(labels)
    if len(classes) == n_rows:
        raise LabelsError(
            f"each of the {n_rows} rows has a class of its own, so {name} finds nothing that rows "
            "of a class have in common; give labels that rows share."
        )
    return classes, indices


def missing_labels(labels: AnyArray) -> list[bool]:
    """Tell for each label whether it is missing: None, NaN, NaT, or NA of pandas."""
    absent = []
    for value in labels.tolist():
        alike = value == value  # not so for NaN and NaT; NA of pandas answers with itself
        absent.append(value is None or not isinstance(alike, bool | np.bool_) or not alike)
    return absent


def sorted_classes(labels: AnyArray) -> tuple[AnyArray, IntArray]:
    """Return the distinct labels in order and the place of each row's among them.

    Raises
    ------
    LabelsError
        Labels of several kinds, which have no order.
    """
    try:
        classes, indices = np.unique(labels, return_inverse=True)
    except TypeError as error:
        kinds = " and ".join(sorted({type(value).__name__ for value in labels.tolist()}))
        raise LabelsError(
            f"labels of several kinds ({kinds}) cannot be put in order; make all of them text, or "
            "all of them numbers."
        ) from error
    return classes, indices.ravel().astype(np.int64)


def effective_perplexity(perplexity: float, n_rows: int) -> float:
    """Lower `perplexity` to ``(n_rows - 1) / 3`` where it is larger, with a warning.

    A perplexity needs about three times as many neighbours as its value.
    """
    limit = (n_rows - 1) / 3
    if perplexity <= limit:
        return float(perplexity)
    warnings.warn(
        f"perplexity lowered: {perplexity:g} -> {limit:.4g}, as {n_rows} distinct rows allow no "
        "more",
        SettingLoweredWarning,
        stacklevel=4,
    )
    return limit


def effective_neighbors(n_neighbors: int, n_rows: int) -> int:
    """Lower `n_neighbors` to ``n_rows - 1`` where it is larger, with a warning."""
    limit = n_rows - 1
    if n_neighbors <= limit:
        return int(n_neighbors)
    warnings.warn(
        f"n_neighbors lowered: {n_neighbors} -> {limit}, as {n_rows} distinct rows allow no more",
        SettingLoweredWarning,
        stacklevel=4,
    )
    return limit


def require_number(
    name: str, value: Any, *, least: float = -math.inf, above: float = -math.inf
) -> None:
    """Raise :class:`SettingError` unless `value` is a finite number in range."""
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not math.isfinite(value):
        raise SettingError(f"{name} must be a finite number, got {value!r}.")
    if value < least:
        raise SettingError(f"{name} must be at least {least:g}, got {value!r}.")
    if value <= above:
        raise SettingError(f"{name} must be greater than {above:g}, got {value!r}.")


def require_integer(name: str, value: Any, *, least: int, most: int | None = None) -> None:
    """Raise :class:`SettingError` unless `value` is an integer from `least` to `most`."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise SettingError(f"{name} must be an integer of at least {least}, got {value!r}.")
    if most is not None and value > most:
        raise SettingError(f"{name} must be at most {most}, got {value!r}.")


def require_metric(metric: Any) -> None:
    """Raise :class:`SettingError` unless `metric` is None or one that there is."""
    if metric is not None:
        check_metric(metric)


def require_callback(progress: Any) -> None:
    """Raise :class:`SettingError` unless `progress` is None or can be called."""
    if progress is not None and not callable(progress):
        raise SettingError(f"progress must be None or a function of one event, got {progress!r}.")


def require_jobs(n_jobs: Any) -> int:
    """Return the number of threads that `n_jobs` means (-1: all cores).

    Raises
    ------
    SettingError
        Neither None nor an integer, or zero.
    """
    from joblib import effective_n_jobs

    whole = isinstance(n_jobs, int | np.integer) and not isinstance(n_jobs, bool)
    if n_jobs is not None and (not whole or n_jobs == 0):
        raise SettingError(f"n_jobs must be None or a whole number other than 0, got {n_jobs!r}.")
    return max(1, int(effective_n_jobs(n_jobs)))


def seed_of(random_state: Any) -> int:
    """Return the 32-bit seed behind `random_state`; no global state is touched.

    An integer is its own seed, a generator is asked for one, and None takes a
    fresh seed from the operating system.

    Raises
    ------
    SettingError
        Anything else.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**32))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**32, dtype=np.uint32))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    whole = isinstance(random_state, int | np.integer) and not isinstance(random_state, bool)
    if whole and 0 <= random_state < 2**32:
        return int(random_state)
    raise SettingError(
        "random_state must be None, a whole number from 0 to 4294967295 or a NumPy generator, "
        f"got {random_state!r}."
    )
