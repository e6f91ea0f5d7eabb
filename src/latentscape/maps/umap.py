"""UMAP: a map that keeps neighbours together and clusters compact."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import Any

import numpy as np
from scipy.optimize import curve_fit
from scipy.sparse import csr_array

from latentscape import _native
from latentscape.errors import CodesError, SettingError
from latentscape.maps.guard import (
    check_points,
    effective_neighbors,
    require_callback,
    require_integer,
    require_jobs,
    require_metric,
    require_number,
    seed_of,
)
from latentscape.maps.neighbor_map import NeighborMap
from latentscape.maps.pca import pca_start
from latentscape.maps.spectral import in_box, spectral_start
from latentscape.neighbors import NeighborGraph
from latentscape.types import DoubleArray, FloatArray, Progress, ProgressCallback

_SMALL = 10_000  # rows up to which a layout takes many epochs
_SIDE = 10.0  # of the box that the layout begins in
_EVENTS = 100  # progress events, at most
_MOST = 1_000_000  # epochs


class UMAP(NeighborMap):
    """Uniform manifold approximation and projection.

    Identical rows are laid out once, from one neighbour graph
    (:class:`~latentscape.neighbors.NeighborGraph`). In each epoch every row moves only itself
    and sees the others where they stood before, so the work is shared by all cores and the same
    seed gives the same bits on any number of them.

    Parameters
    ----------
    n_neighbors : int, default 15
        Size of the neighbourhood, the row itself included, at least 2; larger
        values show coarser structure. Lowered, with a warning, below the number
        of distinct rows.
    min_dist : float, default 0.1
        How closely points may be packed, from 0 to `spread`.
    spread : float, default 1.0
        Scale of the map, greater than 0.
    n_epochs : int or None, default None
        Passes over the neighbour graph, 1,000,000 at most; None means 500 up to 10,000 rows, else
        200.
    negative_sample_rate : int, default 5
        Repulsive samples for each attractive one, from 1 to 1,000.
    init : {"spectral", "pca"}, default "spectral"
        First positions: eigenvectors of the graph's Laplacian, or the PCA map. The latter is
        also taken where the graph falls into pieces or its eigenvectors are of no use.
    metric : {"euclidean", "cosine"} or None, default None
        By which codes are neighbours: by their distance, or by their directions alone. None takes
        that of the graph given to :meth:`fit`, and without one "euclidean".
    random_state : int, NumPy generator or None, default None
        Seeds the layout. None takes a fresh seed each time.
    n_jobs : int or None, default None
        Threads; None and -1 take all cores. They do not change the result.
    verbose : bool, default False
        Show a progress bar.
    progress : callable or None, default None
        Called with a :class:`~latentscape.types.Progress` every few epochs. What
        it raises stops the fit. It is never stored, and clones share it.

    Attributes
    ----------
    embedding_ : float32 array, shape (n, 2)
    n_neighbors_ : int
        The number of neighbours used, lowered where rows are few.
    n_epochs_ : int
        The number of epochs used.
    init_ : {"spectral", "pca"}
        The first positions used.
    metric_ : {"euclidean", "cosine"}
        The metric used.
    a_, b_ : float
        The map's membership of two points at distance d is ``1 / (1 + a_ d^(2 b_))``.
    codes_, positions_ : float32 arrays, shapes (m, d) and (m, 2)
        The distinct training codes and where they lie.

    References
    ----------
    McInnes, Healy and Melville 2018, arXiv:1802.03426.

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.random.default_rng(0).normal(size=(60, 5))
    >>> UMAP(n_epochs=20, random_state=0).fit_transform(codes).shape
    (60, 2)
    """

    n_neighbors_: int
    n_epochs_: int
    init_: str
    a_: float
    b_: float

    _stored_values = ("n_neighbors_", "n_epochs_", "init_", "metric_", "a_", "b_")

    def __init__(
        self,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        spread: float = 1.0,
        n_epochs: int | None = None,
        negative_sample_rate: int = 5,
        init: str = "spectral",
        metric: str | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.spread = spread
        self.n_epochs = n_epochs
        self.negative_sample_rate = negative_sample_rate
        self.init = init
        self.metric = metric
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.progress = progress

    def _check_settings(self) -> None:
        require_integer("n_neighbors", self.n_neighbors, least=2)
        require_number("spread", self.spread, above=0)
        require_number("min_dist", self.min_dist, least=0)
        if self.min_dist > self.spread:
            raise SettingError(
                f"min_dist must not exceed spread, got {self.min_dist!r} and {self.spread!r}."
            )
        if self.n_epochs is not None:
            require_integer("n_epochs", self.n_epochs, least=1, most=_MOST)
        require_integer("negative_sample_rate", self.negative_sample_rate, least=1, most=1000)
        if not isinstance(self.init, str) or self.init not in ("spectral", "pca"):
            raise SettingError(f'init must be "spectral" or "pca", got {self.init!r:.60}.')
        require_metric(self.metric)
        require_jobs(self.n_jobs)
        require_callback(self.progress)

    def _layout(self, codes: FloatArray) -> FloatArray:
        n, seed, threads = len(codes), seed_of(self.random_state), self._threads()
        self.n_neighbors_ = effective_neighbors(self.n_neighbors, n)
        self.n_epochs_ = int(self.n_epochs or (500 if n <= _SMALL else 200))
        self.a_, self.b_ = find_ab_params(float(self.spread), float(self.min_dist))
        with _bars(self.verbose) as bar:
            listeners = [each for each in (bar, self.progress) if each is not None]
            _tell(listeners, 0, self.n_epochs_)
            graph = fuzzy_graph(
                self._graph(self.n_neighbors_ - 1, seed), self.n_neighbors_, threads
            )
            start = pca_start(codes, seed)
            waves = None
            if self.init == "spectral":
                waves = spectral_start(graph, start, threads or os.cpu_count() or 1)
            self.init_ = "pca" if waves is None else "spectral"
            layout = _native.UmapLayout(
                graph.indptr.astype(np.int64),
                graph.indices,
                graph.data,
                in_box(start if waves is None else waves, _SIDE, seed),
                a=self.a_,
                b=self.b_,
                negative_sample_rate=int(self.negative_sample_rate),
                n_epochs=self.n_epochs_,
                seed=seed,
                threads=threads,
            )
            step = -(-self.n_epochs_ // _EVENTS)
            done = 0
            while done < self.n_epochs_:
                done = layout.advance(step)
                _tell(listeners, done, self.n_epochs_)
        return layout.places()


def _tell(listeners: list[ProgressCallback], done: int, total: int) -> None:
    for listener in listeners:
        listener(Progress("umap", done, total))


def _bars(verbose: bool) -> Any:
    if not verbose:
        return nullcontext()
    from latentscape.progress import progress_bars

    return progress_bars(1)


def fuzzy_graph(neighbors: NeighborGraph, n_neighbors: int, n_jobs: int = 0) -> csr_array:
    """Weigh each row's nearest neighbours by their fuzzy membership, in both directions.

    Parameters
    ----------
    neighbors : NeighborGraph
        With ``n_neighbors - 1`` neighbours of each row, or more.
    n_neighbors : int
        Size of the neighbourhood, the row itself included.
    n_jobs : int, default 0
        Threads; 0 takes all cores.

    Returns
    -------
    graph : sparse float32 array, shape (n, n)
        Symmetric; weights from 0 to 1.

    References
    ----------
    McInnes, Healy and Melville 2018, algorithms 2 and 3.
    """
    starts, columns, weights = _native.fuzzy_graph(
        neighbors.indices, neighbors.distances, n_neighbors - 1, threads=n_jobs
    )
    n = neighbors.n_rows
    if len(columns) < 2**31:  # one index type for both, or scipy makes copies
        starts = starts.astype(np.int32)
    return csr_array((weights, columns, starts), shape=(n, n))


def fuzzy_cross_entropy(
    graph: csr_array,
    embedding: Any,
    *,
    spread: float = 1.0,
    min_dist: float = 0.1,
    n_jobs: int | None = None,
) -> float:
    """Measure how far a map's memberships are from those of the fuzzy graph.

    ``-sum(w log q + (1 - w) log(1 - q))`` over all ordered pairs of rows, w the graph's weight
    (0 without an edge) and q = 1 / (1 + a d^(2 b)) kept within [1e-4, 1 - 1e-4]. Exact, so the
    time grows with the square of the rows: about a second for 10,000.

    Parameters
    ----------
    graph : sparse float32 array, shape (n, n)
        As :func:`fuzzy_graph` makes it.
    embedding : array-like, shape (n, 2)
        Positions; read as float32.
    spread, min_dist : float
        The settings that the map was made with; they decide a and b.
    n_jobs : int or None, default None
        Threads; None and -1 take all cores. They do not change the result.

    Returns
    -------
    float
        Less is better. The descent with negative samples does not quite lead to its minimum
        (Damrich and Hamprecht 2021), so it compares maps of the same graph and no more.

    Raises
    ------
    CodesError
        `embedding` holds NaN or infinity, or is not of shape (n, 2).
    """
    places = check_points(embedding)
    if len(places) != graph.shape[0]:
        raise CodesError(
            f"the map has {len(places)} rows and the graph {graph.shape[0]}; give the map of the "
            "rows that the graph was built on."
        )
    a, b = find_ab_params(spread, min_dist)
    return _native.fuzzy_cross_entropy(
        graph.indptr.astype(np.int64),
        graph.indices,
        graph.data,
        places,
        a=a,
        b=b,
        threads=0 if n_jobs is None else require_jobs(n_jobs),
    )


def find_ab_params(spread: float, min_dist: float) -> tuple[float, float]:
    """Fit the map's membership curve to the one that `spread` and `min_dist` ask for.

    ``1 / (1 + a d^(2 b))`` shall be 1 up to the distance `min_dist` and fall like
    ``exp(-(d - min_dist) / spread)`` beyond: least squares on 300 distances up to three times
    `spread` (McInnes, Healy and Melville 2018, section 4.2).

    Returns
    -------
    a, b : float

    Raises
    ------
    SettingError
        No curve fits.
    """
    # With distances in units of the spread the fit always begins near its end.
    distance = np.linspace(0, 3, 300)
    shortest = min_dist / spread
    wanted = np.exp(-np.maximum(distance - shortest, 0))

    def curve(d: DoubleArray, a: float, b: float) -> DoubleArray:
        result: DoubleArray = 1.0 / (1.0 + a * d ** (2 * b))
        return result

    try:
        (a, b), _ = curve_fit(curve, distance, wanted, p0=(1.5, 0.9), bounds=(1e-6, 100.0))
        a, b = float(a) * spread ** (-2 * float(b)), float(b)
    except (RuntimeError, OverflowError) as error:
        raise SettingError(
            f"no curve fits spread={spread!r} and min_dist={min_dist!r}; choose a spread nearer 1."
        ) from error
    if not 1e-30 < a < 1e30:
        raise SettingError(f"spread={spread!r} is out of range; choose one nearer 1.")
    return a, b
