"""The neighbour graph: found once, read by every map and every measure."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np

from latentscape import _native
from latentscape.errors import CodesError, ModelFileError, SettingError
from latentscape.files import storage_error, write_atomically
from latentscape.neighbors.finite import only_too_large
from latentscape.neighbors.metric import METRICS, Metric, check_metric, measured_rows
from latentscape.neighbors.search import nearest_rows
from latentscape.neighbors.stray import spread_of
from latentscape.types import DoubleArray, FloatArray, Int32Array

Method = Literal["auto", "exact", "ivf"]

EXACT_ROWS = 40_000
"""Up to here all pairs are compared, which takes a second or two; beyond, IVF is quicker."""

RECALL_QUERIES = 1_000  # exact queries on which the approximate search is judged
_DEFAULT_NEIGHBORS = 90  # of t-SNE at perplexity 30
_AIM = 0.99  # recall that the approximate search is tuned to
_FORMAT = 1
_KEY = "latentscape_graph"


@dataclass(frozen=True, eq=False)
class NeighborGraph:
    """The nearest other rows of each row, nearest first.

    Made by :meth:`build`. The same codes and settings give the same bits, whatever the number of
    threads.

    Attributes
    ----------
    codes : float32 array, shape (n, d)
        The rows, as they were given.
    indices : int32 array, shape (n, k)
        Nearest other rows in ascending order of distance, then of index. Copies of a row are
        other rows, at distance zero.
    distances : float32 array, shape (n, k)
        Their distances in the given metric.
    metric : {"euclidean", "cosine"}
        Cosine distance is 1 - cos of the angle between two codes, from 0 to 2.
    method : {"exact", "ivf"}
        How they were found.
    recall : float
        Share of the true neighbours that were found, from 0 to 1. 1 by construction for an exact
        search, otherwise measured on 1,000 random rows (all of them, if fewer).
    recall_error : float
        Standard error of ``recall``, over these rows.
    """

    codes: FloatArray
    indices: Int32Array
    distances: FloatArray
    metric: Metric = "euclidean"
    method: Literal["exact", "ivf"] = "exact"
    recall: float = 1.0
    recall_error: float = 0.0

    @classmethod
    def build(
        cls,
        codes: Any,
        n_neighbors: int | None = None,
        metric: Metric = "euclidean",
        *,
        method: Method = "auto",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> Self:
        """Find the nearest other rows of each row.

        Parameters
        ----------
        codes : array-like, shape (n, d)
            Two rows or more; read as float32.
        n_neighbors : int or None, default None
            How many, from 1 to ``n - 1``. None takes 90, which serve t-SNE at perplexity 30, or
            all others where there are fewer rows.
        metric : {"euclidean", "cosine"}, default "euclidean"
        method : {"auto", "exact", "ivf"}, default "auto"
            "exact" compares all pairs; "ivf" divides the rows into cells and looks into the
            nearest ones, into as many as a recall of .99 takes; "auto" is exact up to 40,000 rows.
        random_state : int, default 0
            From 0 to 4294967295. Seed of the cells and of the rows on which the recall is measured.
        n_jobs : int or None, default None
            Threads; None and -1 take all cores.

        Returns
        -------
        NeighborGraph

        Raises
        ------
        CodesError
            No rows, NaN or infinity (the rows are named), or a zero row under "cosine".
        SettingError
            A setting that makes no sense.

        References
        ----------
        Jegou, Douze and Schmid 2011 (inverted file).

        Examples
        --------
        >>> graph = NeighborGraph.build([[0.0], [1.0], [3.0], [7.0]], n_neighbors=2)
        >>> graph.indices.tolist()
        [[1, 2], [0, 2], [1, 0], [2, 1]]
        """
        rows = _checked_rows(codes)
        n = len(rows)
        if n < 2:
            raise CodesError(f"a neighbour graph needs at least 2 rows, got {n}.")
        if n_neighbors is None:
            n_neighbors = max(1, min(_DEFAULT_NEIGHBORS, n - 1))
        _check_count(n_neighbors, n - 1, f"{n} rows")
        check_metric(metric)
        if method not in get_args(Method):
            raise SettingError(f'method must be "auto", "exact" or "ivf", got {method!r}.')
        _check_seed(random_state)
        k, threads = int(n_neighbors), kernel_threads(n_jobs)
        points = measured_rows(rows, metric)
        exact = method == "exact" or (method == "auto" and n <= EXACT_ROWS)
        recall = error = None
        if exact:
            indices, squared = nearest_rows(points, points, k, same=True, threads=threads)
        else:
            indices, squared, recall, error = _by_cells(points, k, int(random_state), threads)
        return cls(
            codes=rows,
            indices=indices,
            distances=_distances(squared, metric),
            metric=metric,
            method="exact" if exact else "ivf",
            recall=1.0 if recall is None else recall,
            recall_error=0.0 if error is None else error,
        )

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.indices)

    @property
    def n_neighbors(self) -> int:
        """Number of neighbours of each row."""
        return int(self.indices.shape[1])

    def query(
        self, codes: Any, n_neighbors: int = 15, *, n_jobs: int | None = None
    ) -> tuple[Int32Array, FloatArray]:
        """Find the rows of the graph that are nearest to new codes, exactly.

        The answer for a code does not depend on the others that are asked with it.

        Parameters
        ----------
        codes : array-like, shape (m, d)
        n_neighbors : int, default 15
            How many, from 1 to the number of rows.
        n_jobs : int or None, default None

        Returns
        -------
        indices : int32 array, shape (m, n_neighbors)
        distances : float32 array, shape (m, n_neighbors)

        Raises
        ------
        CodesError
            Another width, NaN or infinity.
        SettingError
            `n_neighbors` is out of range.
        """
        rows = _checked_rows(codes)
        if rows.shape[1] != self.codes.shape[1]:
            raise CodesError(
                f"expected codes of shape (n, {self.codes.shape[1]}), got {rows.shape}; encode "
                "the images with the model whose codes the graph was built on."
            )
        _check_count(n_neighbors, self.n_rows, f"a graph of {self.n_rows} rows")
        indices, squared = nearest_rows(
            measured_rows(rows, self.metric),
            measured_rows(self.codes, self.metric),
            int(n_neighbors),
            threads=kernel_threads(n_jobs),
        )
        return indices, _distances(squared, self.metric)

    def nearest(self, n_neighbors: int) -> Int32Array:
        """Return the first `n_neighbors` columns of ``indices``, or say that there are fewer."""
        _check_count(n_neighbors, self.n_neighbors, f"a graph of {self.n_neighbors} neighbours")
        return self.indices[:, :n_neighbors]

    def n_pieces(self, n_neighbors: int | None = None) -> int:
        """Count the connected pieces of the graph, neighbours taken in both directions."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        k = self.n_neighbors if n_neighbors is None else n_neighbors
        n = self.n_rows
        starts = np.arange(0, n * k + 1, k, dtype=np.int64)
        links = csr_array(
            (np.ones(n * k, dtype=np.int8), self.nearest(k).ravel(), starts), shape=(n, n)
        )
        return int(connected_components(links, directed=False, return_labels=False))

    def to_bytes(self, *, with_codes: bool = True) -> bytes:
        """Write the graph as the bytes of one safetensors file.

        Parameters
        ----------
        with_codes : bool, default True
            False leaves the codes out where they are stored elsewhere; :meth:`from_bytes` then
            wants them back.
        """
        import safetensors.numpy

        arrays: dict[str, Any] = {"indices": self.indices, "distances": self.distances}
        if with_codes:
            arrays["codes"] = self.codes
        header = {
            "format_version": _FORMAT,
            "metric": self.metric,
            "method": self.method,
            "recall": self.recall,
            "recall_error": self.recall_error,
        }
        # One key, because the order of several is not fixed, and equal graphs give equal bytes.
        text = json.dumps(header, sort_keys=True)
        return bytes(safetensors.numpy.save(arrays, metadata={_KEY: text}))

    @classmethod
    def from_bytes(cls, data: bytes, codes: FloatArray | None = None) -> Self:
        """Rebuild a graph from :meth:`to_bytes`; nothing is unpickled.

        Raises
        ------
        ModelFileError
            The bytes are damaged, hold something else or come from a newer version, or the codes
            are not those of the graph.
        """
        import safetensors.numpy
        from safetensors import SafetensorError

        try:
            length = int.from_bytes(data[:8], "little")
            header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
            arrays = safetensors.numpy.load(data)
            if header["format_version"] > _FORMAT:
                raise ValueError("it was made by a newer latentscape")
            graph = cls(
                codes=arrays["codes"] if codes is None else codes,
                indices=arrays["indices"],
                distances=arrays["distances"],
                metric=header["metric"],
                method=header["method"],
                recall=float(header["recall"]),
                recall_error=float(header["recall_error"]),
            )
            n, k = graph.indices.shape
            if len(graph.codes) != n or graph.distances.shape != (n, k) or not k:
                raise ValueError("its arrays do not fit together")
            if graph.indices.min() < 0 or graph.indices.max() >= n:
                raise ValueError("its arrays do not fit together")
            if graph.metric not in METRICS or graph.method not in ("exact", "ivf"):
                raise ValueError("its header names no metric or method that there is")
        except (SafetensorError, LookupError, TypeError, ValueError) as error:
            raise ModelFileError(
                f"this is no neighbour graph that can be read ({error}); build it again."
            ) from error
        return graph

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the graph as one safetensors file, whole or not at all.

        Raises
        ------
        StorageError
            The file cannot be written.
        """
        write_atomically(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a graph written by :meth:`save`.

        Raises
        ------
        StorageError
            The file cannot be read.
        ModelFileError
            It holds no graph, or a damaged one.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise storage_error(error, Path(path), doing="reading") from error
        try:
            return cls.from_bytes(data)
        except ModelFileError as error:
            raise ModelFileError(f"{path}: {error}") from error


def _by_cells(
    points: FloatArray, k: int, seed: int, threads: int
) -> tuple[Int32Array, DoubleArray, float, float]:
    """Search by an inverted file; return neighbours, squared distances, recall and its error.

    Rows absurdly far from all others are left out of the file and compared with all rows.
    """
    stray = spread_of(points).stray
    if stray is None or (~stray).sum() <= k:
        return _by_file(points, k, seed, threads)
    inner, outer = (np.flatnonzero(rows).astype(np.int32) for rows in (~stray, stray))
    found, near, recall, error = _by_file(np.ascontiguousarray(points[inner]), k, seed, threads)
    strangers = np.ascontiguousarray(points[outer])
    seen, far = nearest_rows(strangers, points, k + 1, threads=threads)
    indices = np.empty((len(points), k), dtype=np.int32)
    squared = np.empty((len(points), k))
    indices[inner], squared[inner] = inner[found], near
    indices[outer] = without_self(seen, outer)
    kept = (seen[:, :, None] == indices[outer][:, None, :]).any(axis=2)
    squared[outer] = far[kept].reshape(len(outer), k)
    return indices, squared, recall, error


def _by_file(
    points: FloatArray, k: int, seed: int, threads: int
) -> tuple[Int32Array, DoubleArray, float, float]:
    n = len(points)
    # Regions grow with the square root of n, and so does what is compared of them with a row.
    n_regions = int(np.clip(np.sqrt(n), 16, max(1, n // 4)))
    file = _native.InvertedFile(
        points, n_regions=n_regions, n_train=min(n, 40 * n_regions), seed=seed, threads=threads
    )
    n_cells = file.n_cells
    drawn = np.random.default_rng(seed).permutation(n)[:RECALL_QUERIES]
    judged = np.sort(drawn).astype(np.int32)
    queries = np.ascontiguousarray(points[judged])
    # The row itself is among its k + 1 nearest, or hidden by copies of it.
    truth, _ = nearest_rows(queries, points, k + 1, threads=threads)
    truth = without_self(truth, judged)
    n_probes = 8
    while True:
        found, _ = file.query(queries, k, n_probes=n_probes, selves=judged, threads=threads)
        shares = shared_neighbors(found, truth) / k
        if shares.mean() >= _AIM or n_probes >= n_cells:
            break
        n_probes = min(n_cells, n_probes + max(2, n_probes // 4))
    own = np.arange(n, dtype=np.int32)
    while True:
        indices, squared = file.query(points, k, n_probes=n_probes, selves=own, threads=threads)
        lacking = indices[:, -1] < 0
        if not lacking.any():
            break
        n_probes = min(n_cells, 2 * n_probes)  # cells too small for so many neighbours
    shares = shared_neighbors(indices[judged], truth) / k
    return indices, squared, float(shares.mean()), float(shares.std(ddof=1) / np.sqrt(len(shares)))


def without_self(indices: Int32Array, own: Int32Array) -> Int32Array:
    """Take each row's own index out of (m, k + 1) indices, or the last one where it is missing."""
    is_own = indices == own[:, None]
    is_own[~is_own.any(axis=1), -1] = True
    others: Int32Array = indices[~is_own].reshape(len(indices), -1)
    return others


def shared_neighbors(one: Int32Array, other: Int32Array) -> DoubleArray:
    """Count for each row the indices that two lists of neighbours have in common.

    Parameters
    ----------
    one, other : int32 arrays, shapes (n, k) and (n, m)
        No index stands twice in a row.

    Returns
    -------
    float64 array, shape (n,)
    """
    both = np.sort(np.hstack([one, other]), axis=1)
    shared: DoubleArray = (both[:, 1:] == both[:, :-1]).sum(axis=1).astype(np.float64)
    return shared


def _checked_rows(codes: Any) -> FloatArray:
    try:
        given = np.asarray(codes)
        if given.dtype.kind in "cmM":  # NumPy would drop a part of them, or count days
            raise TypeError(f"they are {given.dtype}")
        with np.errstate(over="ignore"):
            rows: FloatArray = np.ascontiguousarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise CodesError(f"codes must be numbers of shape (n, d): {error}.") from error
    if rows.ndim != 2 or rows.size == 0:
        raise CodesError(f"expected codes of shape (n, d), got {rows.shape}.")
    good = np.isfinite(rows).all(axis=1)
    if not good.all():
        bad = np.flatnonzero(~good)
        named = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
        hold, help_ = "NaN or infinity", "remove these rows or mend what made them."
        if only_too_large(given, bad):
            hold, help_ = "numbers beyond 3.4e38, the range of float32", "rescale the codes."
        raise CodesError(
            f"{len(bad)} of {len(rows)} rows of the codes hold {hold} (rows {named}); {help_}"
        )
    return rows


def _distances(squared: DoubleArray, metric: Metric) -> FloatArray:
    if metric == "cosine":  # |a - b|^2 = 2 - 2 cos for rows of length 1
        return np.asarray(squared / 2, dtype=np.float32)
    # Beyond float32 is as far as float32 can say.
    return np.asarray(np.minimum(np.sqrt(squared), np.finfo(np.float32).max), dtype=np.float32)


def _check_count(n_neighbors: Any, most: int, of: str) -> None:
    whole = isinstance(n_neighbors, int | np.integer) and not isinstance(n_neighbors, bool)
    if not whole or not 1 <= n_neighbors <= most:
        raise SettingError(
            f"n_neighbors must be a whole number from 1 to {most} for {of}, got {n_neighbors!r}."
        )


def _check_seed(random_state: Any) -> None:
    whole = isinstance(random_state, int | np.integer) and not isinstance(random_state, bool)
    if not whole or not 0 <= random_state < 2**32:
        raise SettingError(
            f"random_state must be a whole number from 0 to 4294967295, got {random_state!r:.60}."
        )


def kernel_threads(n_jobs: Any) -> int:
    """Return the number of threads for the kernels, where 0 means all cores.

    Raises
    ------
    SettingError
        Neither None nor a whole number, or zero.
    """
    whole = isinstance(n_jobs, int | np.integer) and not isinstance(n_jobs, bool)
    if n_jobs is not None and (not whole or n_jobs == 0):
        raise SettingError(f"n_jobs must be None or a whole number other than 0, got {n_jobs!r}.")
    return 0 if n_jobs is None or n_jobs < 0 else int(n_jobs)
