"""The face that all maps share: fit, transform, inverse_transform."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from latentscape.errors import CodesError, ModelFileError
from latentscape.maps.guard import check_codes, check_graph, check_points
from latentscape.maps.inversion import MapDistance
from latentscape.neighbors import NeighborGraph
from latentscape.types import AnyArray, DoubleArray, FloatArray


class Map2D(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Base of all maps from codes to the plane, a scikit-learn transformer.

    Input of any numeric type is read as float32 and all output is float32: codes
    are float32, and a map is drawn with less than its precision. Identical rows
    always have identical positions.

    Attributes
    ----------
    embedding_ : float32 array, shape (n, 2)
        Positions of the rows that the map was fitted on.
    n_features_in_ : int
        Width of the codes.
    """

    embedding_: FloatArray
    n_features_in_: int
    feature_names_in_: AnyArray

    _stored_arrays: ClassVar[tuple[str, ...]] = ()
    """Attributes, beside `embedding_`, from which :meth:`_prepare` rebuilds the map."""
    _stored_values: ClassVar[tuple[str, ...]] = ()
    """Fitted numbers that a file keeps."""
    _assumed_values: ClassVar[dict[str, Any]] = {}
    """Those of them that a file leaves out where they are these, as files did before them."""

    _given: NeighborGraph | None = None  # the caller's graph, while fitting

    def fit(self, X: Any, y: Any = None, *, graph: NeighborGraph | None = None) -> Self:
        """Lay out the rows of `X`.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Codes; four rows or more, for t-SNE and UMAP four distinct ones.
        y : array-like, shape (n,), optional
            Labels; only :class:`~latentscape.maps.LDA` looks at them.
        graph : NeighborGraph, optional
            Neighbours of these codes, to save the search; only t-SNE and UMAP look at them. It is
            used as it is where it holds enough neighbours and no two rows are equal; otherwise
            one is built on the distinct rows, in the same metric.

        Returns
        -------
        self

        Raises
        ------
        CodesError
            Codes that cannot be mapped (the message names the rows), or a graph of other codes.
        SettingError
            A setting that makes no sense, or a graph that is none.
        """
        codes = check_codes(self, X, reset=True)
        self._check_settings()
        if graph is not None:
            check_graph(graph, X, codes)
        self._given = graph
        try:
            # One thread, so that the threads of the BLAS cannot change the bits.
            with threadpool_limits(limits=1, user_api="blas"):
                embedding = self._fit(codes, y)
        finally:
            del self._given
        if not np.isfinite(embedding).all():
            raise CodesError(
                f"{type(self).__name__} could not lay out these codes: positions are not finite; "
                "rescale codes of extreme size and fit again."
            )
        self.embedding_ = embedding
        self._prepare()
        return self

    def fit_transform(
        self, X: Any, y: Any = None, *, graph: NeighborGraph | None = None
    ) -> FloatArray:
        """Lay out the rows of `X` as :meth:`fit` and return their positions, float32 (n, 2)."""
        return self.fit(X, y, graph=graph).embedding_.copy()

    def transform(self, X: Any) -> FloatArray:
        """Place codes on the fitted map, each row by itself.

        The position of a row does not depend, to the last bit, on the other rows,
        their order or their number. A row of the training codes comes back at
        its own position.

        Parameters
        ----------
        X : array-like, shape (m, d)

        Returns
        -------
        points : float32 array, shape (m, 2)

        Raises
        ------
        CodesError
            Another width than the map was fitted on, or NaN or infinity.
        """
        check_is_fitted(self)
        codes = check_codes(self, X, reset=False)
        with threadpool_limits(limits=1, user_api="blas"):
            return self._place(codes)

    @overload
    def inverse_transform(
        self, points: Any, return_distance: Literal[False] = False
    ) -> FloatArray: ...
    @overload
    def inverse_transform(
        self, points: Any, return_distance: Literal[True]
    ) -> tuple[FloatArray, FloatArray]: ...
    def inverse_transform(
        self, points: Any, return_distance: bool = False
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Find a code for each place of the plane, near the data or far from it.

        Parameters
        ----------
        points : array-like, shape (m, 2)
            Places anywhere on the plane.
        return_distance : bool, default False
            Also return how far the data are.

        Returns
        -------
        codes : float32 array, shape (m, d)
        distance : float32 array, shape (m,)
            Only with ``return_distance=True``: the distance on the map to the
            nearest training position, in units of the median distance between a
            training position and its nearest other one. Up to about 1 the place
            lies among the data; beyond a few units the code is a guess.

        Raises
        ------
        CodesError
            `points` are not finite numbers of shape (m, 2).
        """
        check_is_fitted(self)
        places = check_points(points)
        with np.errstate(over="ignore"):  # codes of absurd places end at the largest float32
            limit = np.finfo(np.float32).max
            codes = np.clip(self._invert(places), -limit, limit).astype(np.float32)
        if not return_distance:
            return codes
        return codes, self._distance(places)

    def _check_settings(self) -> None:
        """Raise SettingError where a parameter makes no sense."""

    def _fit(self, codes: FloatArray, y: Any) -> FloatArray:
        """Learn what the map needs and return the positions of `codes`."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted map as one safetensors file.

        Settings stand as JSON in the file's header; no pickle is involved. An existing file is
        replaced whole or not at all. A progress callback is left out, and a `random_state` that
        is a generator is stored as None.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            The map has not been fitted.
        StorageError
            The file cannot be written.
        """
        from latentscape.maps.storage import save_map

        save_map(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a map written by :meth:`save`; maps of an atlas are such files.

        Returns
        -------
        Map2D
            It transforms and inverts as the saved one, bit for bit.

        Raises
        ------
        StorageError
            The file cannot be read.
        ModelFileError
            It holds no map, a damaged one, or one of another kind than the class that is asked.
        """
        from latentscape.maps.storage import load_map

        loaded = load_map(path)
        if not isinstance(loaded, cls):
            kind = type(loaded).__name__
            raise ModelFileError(
                f"{path} holds a map of the kind {kind}, not {cls.__name__}; read it with "
                f"{kind}.load."
            )
        return loaded

    def _check_loaded(self) -> None:
        """Raise ValueError where arrays from a file do not fit together."""
        if self.embedding_.ndim != 2 or self.embedding_.shape[1] != 2 or not len(self.embedding_):
            raise ValueError("its arrays do not fit together")

    def _prepare(self) -> None:
        """Build what is derived from the stored arrays; files do not hold it."""
        self._distance = MapDistance(self.embedding_)

    def _place(self, codes: FloatArray) -> FloatArray:
        """Return the positions of checked codes."""
        raise NotImplementedError

    def _invert(self, points: FloatArray) -> FloatArray | DoubleArray:
        """Return codes for checked points."""
        raise NotImplementedError

    @property
    def _n_features_out(self) -> int:
        return 2  # read by get_feature_names_out

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __sklearn_clone__(self) -> Self:
        # A callback is shared, not copied: it may hold a progress bar or a lock.
        settings = {
            name: value if name == "progress" else clone(value, safe=False)
            for name, value in self.get_params(deep=False).items()
        }
        twin = type(self)(**settings)
        if hasattr(self, "_sklearn_output_config"):
            twin._sklearn_output_config = dict(self._sklearn_output_config)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # For the same reason a pickle, as sent to worker processes, leaves it behind.
        state = dict(super().__getstate__())
        if "progress" in state:
            state["progress"] = None
        return state
