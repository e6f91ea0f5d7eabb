"""t-SNE: a map that keeps neighbours together."""

from __future__ import annotations

from typing import Any

from latentscape.errors import SettingError
from latentscape.maps.guard import (
    effective_perplexity,
    require_integer,
    require_jobs,
    require_number,
    seed_of,
)
from latentscape.maps.neighbor_map import NeighborMap
from latentscape.types import FloatArray, ProgressCallback


class TSNE(NeighborMap):
    """t-distributed stochastic neighbour embedding by interpolation (FIt-SNE).

    Identical rows are laid out once. Neighbours are exact up to 30,000 distinct
    rows and approximate beyond. The same seed gives the same bits.

    Parameters
    ----------
    perplexity : float, default 30
        Effective number of neighbours, greater than 0; larger values show coarser
        structure. Lowered, with a warning, to a third of the other rows.
    n_iter : int, default 750
        Iterations in all; the first third, at most 250, are exaggerated.
    early_exaggeration : float, default 12
        Factor on the attraction during these, at least 1.
    learning_rate : float or "auto", default "auto"
        "auto" is n divided by the exaggeration of the phase (Belkina et al. 2019).
    init : {"pca", "random"}, default "pca"
        First positions.
    random_state : int, NumPy generator or None, default None
        Seeds the noise of the first positions (and approximate neighbours).
        None takes a fresh seed each time.
    n_jobs : int or None, default 1
        Threads; -1 means all cores. They do not change the result.
    verbose : bool, default False
        Print what openTSNE prints.
    progress : callable or None, default None
        Called with a :class:`~latentscape.types.Progress` every few iterations,
        with the Kullback-Leibler divergence among its metrics. What it raises
        stops the fit. It is never stored, and clones share it.

    Attributes
    ----------
    embedding_ : float32 array, shape (n, 2)
    kl_divergence_ : float
        Kullback-Leibler divergence at the end, 0 or more, less is better.
    perplexity_ : float
        The perplexity used, lowered where rows are few.
    codes_, positions_ : float32 arrays, shapes (m, d) and (m, 2)
        The distinct training codes and where they lie.

    References
    ----------
    van der Maaten and Hinton 2008; Linderman et al. 2019 (interpolation);
    Belkina et al. 2019 (learning rate).

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.random.default_rng(0).normal(size=(60, 5))
    >>> TSNE(perplexity=10, n_iter=50, random_state=0).fit_transform(codes).shape
    (60, 2)
    """

    kl_divergence_: float
    perplexity_: float

    _stored_values = ("kl_divergence_", "perplexity_")

    def __init__(
        self,
        perplexity: float = 30.0,
        n_iter: int = 750,
        early_exaggeration: float = 12.0,
        learning_rate: float | str = "auto",
        init: str = "pca",
        random_state: Any = None,
        n_jobs: int | None = 1,
        verbose: bool = False,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.perplexity = perplexity
        self.n_iter = n_iter
        self.early_exaggeration = early_exaggeration
        self.learning_rate = learning_rate
        self.init = init
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.progress = progress

    def _check_settings(self) -> None:
        require_number("perplexity", self.perplexity, above=0)
        require_integer("n_iter", self.n_iter, least=1)
        require_number("early_exaggeration", self.early_exaggeration, least=1)
        if self.learning_rate != "auto":
            require_number("learning_rate", self.learning_rate, above=0)
        if self.init not in ("pca", "random"):
            raise SettingError(f'init must be "pca" or "random", got {self.init!r}.')
        require_jobs(self.n_jobs)

    def _layout(self, codes: FloatArray) -> FloatArray:
        from latentscape.maps._backends import tsne_layout

        self.perplexity_ = effective_perplexity(self.perplexity, len(codes))
        positions, self.kl_divergence_ = tsne_layout(
            codes,
            perplexity=self.perplexity_,
            n_iter=int(self.n_iter),
            early_exaggeration=float(self.early_exaggeration),
            learning_rate=None if self.learning_rate == "auto" else float(self.learning_rate),
            init=self.init,
            seed=seed_of(self.random_state),
            n_jobs=require_jobs(self.n_jobs),
            verbose=bool(self.verbose),
            progress=self.progress,
        )
        return positions
