"""What t-SNE and UMAP share: a layout of the distinct rows from their neighbour graph."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from latentscape.errors import SettingError
from latentscape.maps.base import Map2D
from latentscape.maps.guard import (
    check_distinct,
    distinct_rows,
    require_integer,
    require_jobs,
    seed_of,
)
from latentscape.maps.inversion import DirectionField, LocalField, MapDistance
from latentscape.maps.placement import Placement, PlacementError
from latentscape.neighbors import Metric, NeighborGraph, check_metric, measured_rows
from latentscape.neighbors.metric import zero_rows
from latentscape.types import DoubleArray, FloatArray


class NeighborMap(Map2D):
    """Base of the maps that are laid out from the nearest neighbours of each row.

    Identical rows are laid out once; under the cosine metric these are rows of one direction,
    whatever their lengths. New codes are placed by :mod:`latentscape.maps.placement`, places
    turned into codes by :mod:`latentscape.maps.inversion`.
    """

    codes_: FloatArray
    positions_: FloatArray
    metric_: Metric
    metric: str | None
    n_jobs: int | None

    _stored_arrays: ClassVar[tuple[str, ...]] = ("codes_", "positions_")
    _assumed_values: ClassVar[dict[str, Any]] = {"metric_": "euclidean"}

    def _fit(self, codes: FloatArray, y: Any) -> FloatArray:
        self.metric_ = self._chosen_metric()
        rows = measured_rows(codes, self.metric_)
        first, copies = distinct_rows(rows)
        check_distinct(len(first), len(codes), type(self).__name__, self.metric_)
        if len(first) < len(codes):
            codes, rows = np.ascontiguousarray(codes[first]), np.ascontiguousarray(rows[first])
        self.codes_ = codes
        self.positions_ = self._layout(rows)
        return self.positions_[copies]

    def _chosen_metric(self) -> Metric:
        """Return the metric asked for, or that of the caller's graph."""
        asked = None if self.metric is None else check_metric(self.metric)
        given = "euclidean" if self._given is None else self._given.metric
        if asked is not None and self._given is not None and asked != given:
            raise SettingError(
                f'the graph holds neighbours by metric="{given}", and the map asks for '
                f'metric="{asked}"; build the graph by the same metric, or leave one of them out.'
            )
        return asked or given

    def placement_error(self, n_rows: int = 2000, random_state: Any = 0) -> PlacementError:
        """Measure how well :meth:`transform` places rows that the map has not seen.

        Leave-one-out: training rows, drawn at random, are placed by all others, and the result
        is compared with where the layout has put them.

        Parameters
        ----------
        n_rows : int, default 2000
            How many rows to try, at least 1; all of them where there are no more.
        random_state : int, NumPy generator or None, default 0
            Seed of the draw.

        Returns
        -------
        PlacementError
            Median and 90th percentile of the distances, in units of the median distance between
            a training position and its nearest other one, and the number of rows.

        Raises
        ------
        SettingError
            `n_rows` or `random_state` makes no sense.
        """
        check_is_fitted(self)
        require_integer("n_rows", n_rows, least=1)
        draw = np.random.default_rng(seed_of(random_state)).permutation(len(self.codes_))
        rows = np.sort(draw[: int(n_rows)]).astype(np.int32)
        apart = self._late.placement.without_itself(rows, self._threads()).astype(np.float64)
        apart -= self.positions_[rows]
        distance = np.hypot(apart[:, 0], apart[:, 1]) / self._late.distance.unit
        median, percentile_90 = np.percentile(distance, [50, 90])
        return PlacementError(float(median), float(percentile_90), len(rows))

    def _layout(self, codes: FloatArray) -> FloatArray:
        """Lay out `codes_`, given as the metric compares them, float32 (m, d).

        Returns
        -------
        float32 array, shape (m, 2)
        """
        raise NotImplementedError

    def _graph(self, n_neighbors: int, seed: int) -> NeighborGraph:
        """Return the caller's graph, where it serves, or build one of `codes_`."""
        given, codes = self._given, self.codes_
        if given is not None and given.n_rows == len(codes) and given.n_neighbors >= n_neighbors:
            return given
        return NeighborGraph.build(
            codes, n_neighbors, self.metric_, random_state=seed, n_jobs=self._threads() or None
        )

    def _threads(self) -> int:
        """Return the number of threads for the kernels, where 0 means all cores."""
        return 0 if self.n_jobs is None else require_jobs(self.n_jobs)

    def _prepare(self) -> None:
        self._late = _Late(self.codes_, self.positions_, self.embedding_, self.metric_)

    def _check_loaded(self) -> None:
        super()._check_loaded()
        n_distinct, width = len(self.codes_), self.n_features_in_
        if self.codes_.shape != (n_distinct, width) or self.positions_.shape != (n_distinct, 2):
            raise ValueError("its arrays do not fit together")
        check_metric(self.metric_)
        if n_distinct == 0:
            raise ValueError("it holds no codes")
        if self.metric_ == "cosine" and len(zero_rows(self.codes_)):
            raise ValueError("its codes have no direction")

    @property
    def _distance(self) -> MapDistance:  # type: ignore[override]  # read-only here
        return self._late.distance

    def _place(self, codes: FloatArray) -> FloatArray:
        return self._late.placement(measured_rows(codes, self.metric_), self._threads())

    def _invert(self, points: FloatArray) -> DoubleArray:
        return self._late.field(points)


class _Late:
    """What transform and inverse_transform need, built when it is first asked for."""

    def __init__(
        self, codes: FloatArray, positions: FloatArray, embedding: FloatArray, metric: Metric
    ) -> None:
        self._codes, self._positions, self._embedding = codes, positions, embedding
        self._metric = metric

    @cached_property
    def placement(self) -> Placement:
        return Placement(measured_rows(self._codes, self._metric), self._positions)

    @cached_property
    def field(self) -> LocalField | DirectionField:
        if self._metric == "cosine":
            return DirectionField(self._positions, self._codes)
        return LocalField(self._positions, self._codes)

    @cached_property
    def distance(self) -> MapDistance:
        return MapDistance(self._embedding)
