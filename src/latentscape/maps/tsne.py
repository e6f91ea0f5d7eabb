"""t-SNE: a map that keeps neighbours together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from latentscape import _native
from latentscape.errors import SettingError
from latentscape.maps.affinities import sparse_affinities
from latentscape.maps.guard import (
    effective_perplexity,
    require_callback,
    require_integer,
    require_jobs,
    require_metric,
    require_number,
    seed_of,
)
from latentscape.maps.neighbor_map import NeighborMap
from latentscape.maps.pca import pca_start
from latentscape.progress import progress_bars
from latentscape.types import FloatArray, Progress, ProgressCallback

_EXACT_ROWS = 1_000  # up to here all pairs are quicker than the mesh
_SPACING = 0.35  # of the mesh, in units of the map
_EXAGGERATED = 100
_MOMENTUM = 0.9
_CHECK = 50  # iterations between two looks at the divergence
_CONVERGED = 5e-4  # relative fall of the divergence, between two looks, that is not worth more


class TSNE(NeighborMap):
    """t-distributed stochastic neighbour embedding, repulsion by a particle mesh.

    Identical rows are laid out once. Neighbours come from
    :class:`~latentscape.neighbors.NeighborGraph`. The same seed gives the same
    bits, whatever the number of threads.

    Parameters
    ----------
    perplexity : float, default 30
        Effective number of neighbours, at least 1, which is the nearest alone; larger values
        show coarser structure. Lowered, with a warning, to a third of the other rows.
    n_iter : int, default 500
        Iterations at most; the first third, at most 100, are exaggerated. They end
        earlier when the divergence no longer falls.
    early_exaggeration : float, default 12
        Factor on the attraction during these, at least 1.
    learning_rate : float or "auto", default "auto"
        "auto" is n divided by the exaggeration of the phase (Belkina et al. 2019).
    init : {"pca", "random"}, default "pca"
        First positions.
    metric : {"euclidean", "cosine"} or None, default None
        By which codes are neighbours: by their distance, or by their directions alone. None takes
        that of the graph given to :meth:`fit`, and without one "euclidean".
    random_state : int, NumPy generator or None, default None
        Seeds the noise of the first positions (and approximate neighbours).
        None takes a fresh seed each time.
    n_jobs : int or None, default None
        Threads; None and -1 take all cores. They do not change the result.
    verbose : bool, default False
        Draw a progress bar on standard error.
    progress : callable or None, default None
        Called with a :class:`~latentscape.types.Progress` every few iterations,
        with the Kullback-Leibler divergence among its metrics. What it raises
        stops the fit. It is never stored, and clones share it.

    Attributes
    ----------
    embedding_ : float32 array, shape (n, 2)
    kl_divergence_ : float
        Kullback-Leibler divergence at the end, 0 or more, less is better.
    n_iter_ : int
        Iterations done.
    metric_ : {"euclidean", "cosine"}
        The metric used.
    perplexity_ : float
        The perplexity used, lowered where rows are few.
    codes_, positions_ : float32 arrays, shapes (m, d) and (m, 2)
        The distinct training codes and where they lie.

    References
    ----------
    van der Maaten and Hinton 2008; Essmann et al. 1995 (particle mesh); Belkina et
    al. 2019 (learning rate).

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.random.default_rng(0).normal(size=(60, 5))
    >>> TSNE(perplexity=10, n_iter=50, random_state=0).fit_transform(codes).shape
    (60, 2)
    """

    kl_divergence_: float
    n_iter_: int
    perplexity_: float

    _stored_values = ("kl_divergence_", "metric_", "n_iter_", "perplexity_")

    def __init__(
        self,
        perplexity: float = 30.0,
        n_iter: int = 500,
        early_exaggeration: float = 12.0,
        learning_rate: float | str = "auto",
        init: str = "pca",
        metric: str | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.perplexity = perplexity
        self.n_iter = n_iter
        self.early_exaggeration = early_exaggeration
        self.learning_rate = learning_rate
        self.init = init
        self.metric = metric
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.progress = progress

    def _check_settings(self) -> None:
        require_number("perplexity", self.perplexity)
        if self.perplexity < 1:
            raise SettingError(
                "perplexity must be at least 1, as it is the effective number of neighbours, got "
                f"{self.perplexity!r}."
            )
        require_integer("n_iter", self.n_iter, least=1)
        require_number("early_exaggeration", self.early_exaggeration, least=1)
        if self.learning_rate != "auto":
            require_number("learning_rate", self.learning_rate, above=0)
        if not isinstance(self.init, str) or self.init not in ("pca", "random"):
            raise SettingError(f'init must be "pca" or "random", got {self.init!r:.60}.')
        require_metric(self.metric)
        require_jobs(self.n_jobs)
        require_callback(self.progress)

    def _layout(self, codes: FloatArray) -> FloatArray:
        n, threads, seed = len(codes), self._threads(), seed_of(self.random_state)
        self.perplexity_ = effective_perplexity(self.perplexity, n)
        graph = self._graph(max(1, min(n - 1, int(3 * self.perplexity_))), seed)
        affinities = sparse_affinities(graph, self.perplexity_, threads=threads)
        if self.init == "pca":
            start = pca_start(codes, seed)
        else:
            start = np.random.default_rng(seed).normal(size=(n, 2))
        layout = _native.TsneLayout(
            *affinities,
            # Small, so that the first steps are not dominated by repulsion.
            (start * 1e-4).astype(np.float32),
            spacing=_SPACING,
            exact_rows=_EXACT_ROWS,
            threads=threads,
        )
        with progress_bars(int(self.verbose)) as bars:
            self._descend(layout, n, bars)
        places = layout.places().astype(np.float64)
        centered: FloatArray = (places - places.mean(axis=0)).astype(np.float32)
        return centered

    def _descend(self, layout: _native.TsneLayout, n: int, bars: ProgressCallback) -> None:
        """Run the layout to its end, telling of it about a hundred times."""
        total = int(self.n_iter)
        exaggerated = min(_EXAGGERATED, total // 3)
        report = max(1, total // 100)
        divergence = checked = math.inf
        done = 0
        while done < total:
            exaggeration = float(self.early_exaggeration) if done < exaggerated else 1.0
            # Stop at whatever comes next: a report, a check, the end of a phase.
            border = exaggerated if done < exaggerated else total
            steps = min(border, (done // report + 1) * report, (done // _CHECK + 1) * _CHECK) - done
            layout.run(
                steps,
                exaggeration=exaggeration,
                momentum=_MOMENTUM,
                learning_rate=self._rate(n, exaggeration),
            )
            done += steps
            if done == exaggerated:
                layout.renumber()
            if done % _CHECK == 0 or not math.isfinite(divergence):
                divergence = layout.divergence()
            if done % _CHECK == 0 and done >= exaggerated + 2 * _CHECK:
                if checked - divergence < _CONVERGED * abs(divergence):
                    break
                checked = divergence
            if done % report == 0 and done < total:
                self._tell(bars, done, divergence)
        self.n_iter_ = done
        self.kl_divergence_ = max(0.0, layout.divergence())
        self._tell(bars, total, self.kl_divergence_)

    def _rate(self, n: int, exaggeration: float) -> float:
        if self.learning_rate != "auto":
            return float(self.learning_rate)
        # Few rows would hardly move at the rate of Belkina et al.
        return max(n / exaggeration, 50.0)

    def _tell(self, bars: ProgressCallback, step: int, divergence: float) -> None:
        event = Progress("tsne", step, int(self.n_iter), {"kl": divergence})
        bars(event)
        if self.progress is not None:
            self.progress(event)
