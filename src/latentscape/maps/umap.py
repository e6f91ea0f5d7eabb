"""UMAP: a map that keeps neighbours together and clusters compact."""

from __future__ import annotations

from typing import Any

from latentscape.errors import SettingError
from latentscape.maps.guard import (
    effective_neighbors,
    require_integer,
    require_jobs,
    require_number,
    seed_of,
)
from latentscape.maps.neighbor_map import NeighborMap
from latentscape.types import FloatArray, ProgressCallback


class UMAP(NeighborMap):
    """Uniform manifold approximation and projection.

    Identical rows are laid out once. Neighbours are exact up to 30,000 distinct
    rows and approximate beyond; the layout starts from the PCA map, so data that
    fall into separate pieces need no special care. The same seed gives the same
    bits.

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
        Passes over the neighbour graph; None means 500 up to 10,000 rows, else 200.
    negative_sample_rate : int, default 5
        Repulsive samples for each attractive one, at least 1.
    random_state : int, NumPy generator or None, default None
        Seeds the layout. None takes a fresh seed each time.
    n_jobs : int or None, default 1
        Threads for the neighbour search; -1 means all cores. The layout itself
        runs on one, so that threads do not change the result.
    verbose : bool, default False
        Show umap-learn's own progress bar.
    progress : callable or None, default None
        Called with a :class:`~latentscape.types.Progress` after each epoch. What
        it raises stops the fit. It is never stored, and clones share it.

    Attributes
    ----------
    embedding_ : float32 array, shape (n, 2)
    n_neighbors_ : int
        The number of neighbours used, lowered where rows are few.
    codes_, positions_ : float32 arrays, shapes (m, d) and (m, 2)
        The distinct training codes and where they lie.

    References
    ----------
    McInnes, Healy and Melville 2018, arXiv:1802.03426.

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.random.default_rng(0).normal(size=(60, 5))
    >>> UMAP(n_epochs=20, random_state=0).fit_transform(codes).shape  # doctest: +SKIP
    (60, 2)
    """

    n_neighbors_: int

    _stored_values = ("n_neighbors_",)

    def __init__(
        self,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        spread: float = 1.0,
        n_epochs: int | None = None,
        negative_sample_rate: int = 5,
        random_state: Any = None,
        n_jobs: int | None = 1,
        verbose: bool = False,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.spread = spread
        self.n_epochs = n_epochs
        self.negative_sample_rate = negative_sample_rate
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
            require_integer("n_epochs", self.n_epochs, least=1)
        require_integer("negative_sample_rate", self.negative_sample_rate, least=1)
        require_jobs(self.n_jobs)

    def _layout(self, codes: FloatArray) -> FloatArray:
        from latentscape.maps._backends import umap_layout

        self.n_neighbors_ = effective_neighbors(self.n_neighbors, len(codes))
        return umap_layout(
            codes,
            n_neighbors=self.n_neighbors_,
            min_dist=float(self.min_dist),
            spread=float(self.spread),
            n_epochs=None if self.n_epochs is None else int(self.n_epochs),
            negative_sample_rate=int(self.negative_sample_rate),
            seed=seed_of(self.random_state),
            n_jobs=require_jobs(self.n_jobs),
            verbose=bool(self.verbose),
            progress=self.progress,
        )
