"""Principal components: the best linear map."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentscape.maps.base import Map2D
from latentscape.maps.inversion import linear_field
from latentscape.maps.linear import rowwise_product
from latentscape.types import AnyArray, DoubleArray, FloatArray


class PCA(Map2D):
    """The plane through the mean in which codes vary most.

    The sign of each axis is such that its largest entry is positive.
    ``inverse_transform`` is linear and exact: it returns the point of the plane,
    so ``transform(inverse_transform(points))`` gives the points back.

    Attributes
    ----------
    mean_ : float64 array, shape (d,)
    components_ : float64 array, shape (2, d)
        Orthonormal axes; the second is zero for codes with one column.
    explained_variance_ : float64 array, shape (2,)
        Variance along the axes, divisor ``n - 1``.
    explained_variance_ratio_ : float64 array, shape (2,)
        Their share of all variance, between 0 and 1.
    embedding_ : float32 array, shape (n, 2)

    References
    ----------
    Pearson 1901, "On lines and planes of closest fit to systems of points in space".

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.random.default_rng(0).normal(size=(100, 5)) * [1, 9, 2, 1, 1]
    >>> PCA().fit(codes).components_[0].round().tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0]
    """

    mean_: DoubleArray
    components_: DoubleArray
    explained_variance_: DoubleArray
    explained_variance_ratio_: DoubleArray

    _stored_arrays = ("mean_", "components_", "explained_variance_", "explained_variance_ratio_")

    def _fit(self, codes: FloatArray, y: Any) -> FloatArray:
        wide = codes.astype(np.float64)
        self.mean_ = wide.mean(axis=0)
        axes, variances, total = principal_axes(wide - self.mean_)
        self.components_ = axes
        self.explained_variance_ = variances
        self.explained_variance_ratio_ = variances / total if total > 0 else np.zeros(2)
        return self._place(codes)

    def _check_loaded(self) -> None:
        super()._check_loaded()
        d = self.n_features_in_
        shapes = [getattr(self, name).shape for name in self._stored_arrays]
        if shapes != [(d,), (2, d), (2,), (2,)]:
            raise ValueError("its arrays do not fit together")

    def _place(self, codes: FloatArray) -> FloatArray:
        centered = codes.astype(np.float64) - self.mean_
        return rowwise_product(centered, self.components_.T).astype(np.float32)

    def _invert(self, points: FloatArray) -> DoubleArray:
        return linear_field(points, self.components_, self.mean_)


def principal_axes(centered: AnyArray) -> tuple[DoubleArray, DoubleArray, float]:
    """Find the first two principal axes of centred rows, with fixed signs.

    Parameters
    ----------
    centered : float64 array, shape (n, d)

    Returns
    -------
    axes : float64 array, shape (2, d)
        Orthonormal; filled up with zeros where the rows span less than a plane.
    variances : float64 array, shape (2,)
        Divisor ``n - 1``.
    total : float
        Variance in all directions.
    """
    n, d = centered.shape
    axes, variances = np.zeros((2, d)), np.zeros(2)
    # Codes of extreme size must not overflow when they are squared.
    scale = float(np.abs(centered).max()) or 1.0
    rows = centered / scale
    if n > d:
        values, vectors = np.linalg.eigh(rows.T @ rows)
        values, vectors = values[::-1], vectors.T[::-1]
    else:
        _, singular, vectors = np.linalg.svd(rows, full_matrices=False)
        values = singular**2
    values = np.maximum(values, 0)
    found = min(2, int((values > values[0] * 1e-14).sum()))
    for i in range(found):
        largest = vectors[i, np.argmax(np.abs(vectors[i]).round(8))]  # rounded: ties are stable
        axes[i] = vectors[i] if largest > 0 else -vectors[i]
        variances[i] = values[i] * scale**2 / (n - 1)
    return axes, variances, float(values.sum()) * scale**2 / (n - 1)


def pca_start(codes: FloatArray, seed: int) -> DoubleArray:
    """First positions for an iterative layout: the PCA map with unit spread.

    A little noise keeps rows apart that PCA lays on one spot.

    Parameters
    ----------
    codes : float32 array, shape (n, d)
    seed : int
        Seed of the noise.

    Returns
    -------
    start : float64 array, shape (n, 2)
        The first column has standard deviation 1.
    """
    centered = codes.astype(np.float64)
    centered -= centered.mean(axis=0)
    centered /= float(np.abs(centered).max()) or 1.0
    axes, _, _ = principal_axes(centered)
    start = rowwise_product(centered, axes.T)
    start /= float(start[:, 0].std()) or 1.0
    noise = np.random.default_rng(seed).normal(scale=1e-3, size=start.shape)
    return start + noise
