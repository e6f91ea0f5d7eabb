"""Linear discriminants: the linear map that keeps classes apart."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from latentscape.errors import LabelsError
from latentscape.maps.base import Map2D
from latentscape.maps.guard import FewRowsWarning, check_codes, check_labels
from latentscape.maps.inversion import LocalField, linear_field
from latentscape.maps.linear import rowwise_product
from latentscape.maps.pca import principal_axes
from latentscape.types import AnyArray, DoubleArray, FloatArray

_ENOUGH = 2  # times as many rows as columns: the spread within classes can be told
_RIDGE = 1e-6  # of each column's variance within classes: keeps dead columns from dividing by zero


class LDA(Map2D):
    """The plane in which classes differ most, in units of their own spread.

    Three or more classes: the first two linear discriminants. Two classes have
    only one; the second axis is then the first principal component of what the
    discriminant leaves of the codes. Labels are needed to fit, not to transform.

    Rows with the integer label -1 count as unlabelled, as in scikit-learn's semi-supervised
    estimators: they have no part in the axes and are placed like new rows. (Labels that are
    only -1 and 1 are two classes.)

    ``inverse_transform`` has two parts. The linear one is the least-squares
    regression of the codes on their positions. Two axes carry little of a code,
    so the rest, what that regression leaves of the training codes, is added by
    local interpolation on the map: at the position of a training row its own
    code comes back, and ``transform(inverse_transform(points))`` gives the points
    back up to rounding.

    Where there are fewer than twice as many labelled rows as columns, beyond one for each class,
    the spread within classes cannot be told in all directions, and classes would fly apart without
    bound. It is then shrunk towards an equal one for all standardised columns, by as much as Ledoit
    and Wolf find best, and :class:`~latentscape.maps.FewRowsWarning` says so.

    Attributes
    ----------
    classes_ : array, shape (n_classes,)
        The classes seen in fit, sorted.
    mean_ : float64 array, shape (d,)
    scalings_ : float64 array, shape (d, 2)
        ``transform(X) == (X - mean_) @ scalings_``.
    shrinkage_ : float
        How far the spread within classes was shrunk, from 0 to 1; 0 where rows are enough.
    codes_ : float32 array, shape (n, d)
        The training codes, for the inverse.
    embedding_ : float32 array, shape (n, 2)

    References
    ----------
    Fisher 1936, "The use of multiple measurements in taxonomic problems"; Rao 1948 for several
    classes. Scaled so that the pooled covariance within classes, divisor n, is the identity, as in
    scikit-learn. Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional
    covariance matrices".

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> labels = np.repeat([0, 1, 2], 50)
    >>> codes = rng.normal(size=(150, 8)) + 9 * np.eye(8)[labels]
    >>> LDA().fit_transform(codes, labels).shape
    (150, 2)
    """

    classes_: AnyArray
    mean_: DoubleArray
    scalings_: DoubleArray
    codes_: FloatArray
    shrinkage_: float

    _stored_arrays = ("mean_", "scalings_", "codes_")
    _stored_values = ("classes_", "shrinkage_")
    _assumed_values: ClassVar[dict[str, Any]] = {"shrinkage_": 0.0}

    def _fit(self, codes: FloatArray, y: Any) -> FloatArray:
        classes, owner = check_labels(y, len(codes), type(self).__name__)
        labelled = codes
        if classes.dtype.kind == "i" and classes[0] == -1 and classes.tolist() != [-1, 1]:
            labelled, classes, owner = codes[owner > 0], classes[1:], owner[owner > 0] - 1
        if len(classes) < 2:
            which = "all rows have" if labelled is codes else "all labelled rows have"
            held = f"{which} one class ({str(classes[0])!r})" if len(classes) else "no row has one"
            raise LabelsError(
                f"LDA needs at least two classes, but {held}; use a map that needs no labels."
            )
        wide = labelled.astype(np.float64)
        self.classes_ = classes
        self.mean_ = wide.mean(axis=0)
        self.scalings_, self.shrinkage_ = _discriminants(wide - self.mean_, owner, len(classes))
        if self.shrinkage_ > 0:
            n, d = wide.shape
            warnings.warn(
                f"{n} labelled rows of {len(classes)} classes are few for {d} columns, so the "
                f"spread within classes was shrunk towards an equal one in all directions (by "
                f"{100 * self.shrinkage_:.0f} %); new rows may fall less clearly into classes",
                FewRowsWarning,
                stacklevel=3,
            )
        self.codes_ = codes.copy()
        return self._place(codes)

    def spread_over(self, X: Any) -> Self:
        """Make other codes the rows of the map; its axes stay as they are.

        For data of which only a part is labelled: fit on that part, then spread the map over
        all of them. ``embedding_`` and ``inverse_transform`` are then those of all rows.

        Parameters
        ----------
        X : array-like, shape (n, d)

        Returns
        -------
        self

        Raises
        ------
        CodesError
            Another width than the map was fitted on, or NaN or infinity.
        """
        check_is_fitted(self)
        codes = check_codes(self, X, reset=False)
        with threadpool_limits(limits=1, user_api="blas"):
            self.codes_ = codes.copy()
            self.embedding_ = self._place(codes)
            self._prepare()
        return self

    def _check_loaded(self) -> None:
        super()._check_loaded()
        n, d = len(self.embedding_), self.n_features_in_
        shapes = [getattr(self, name).shape for name in self._stored_arrays]
        if shapes != [(d,), (d, 2), (n, d)]:
            raise ValueError("its arrays do not fit together")

    def _prepare(self) -> None:
        super()._prepare()
        z = self.embedding_.astype(np.float64)
        centered = self.codes_ - self.mean_
        # The pseudo-inverse: the second axis may be empty. The fixed order of the sums makes a
        # map that was loaded from a file invert to the same bits.
        moments = rowwise_product(z.T, z)
        self._axes = np.linalg.pinv(moments, hermitian=True) @ rowwise_product(z.T, centered)
        rest = self.codes_ - linear_field(self.embedding_, self._axes, self.mean_)
        self._rest = LocalField(self.embedding_, rest)

    def _place(self, codes: FloatArray) -> FloatArray:
        centered = codes.astype(np.float64) - self.mean_
        return rowwise_product(centered, self.scalings_).astype(np.float32)

    def _invert(self, points: FloatArray) -> DoubleArray:
        return linear_field(points, self._axes, self.mean_) + self._rest(points)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _discriminants(
    centered: DoubleArray, owner: AnyArray, n_classes: int
) -> tuple[DoubleArray, float]:
    """Directions (d, 2) of the codes, scaled to unit variance within classes, and the shrinkage."""
    n, d = centered.shape
    counts = np.bincount(owner, minlength=n_classes)
    means = np.zeros((n_classes, d))
    np.add.at(means, owner, centered)
    means /= counts[:, None]
    within = centered - means[owner]
    if np.abs(within).max() <= 1e-9 * np.abs(centered).max():  # not zero only by rounding
        raise LabelsError(
            "the rows of each class are all alike, so there is no spread within classes for LDA "
            "to measure by; use a map that needs no labels."
        )
    spread = np.sqrt((within**2).mean(axis=0))
    total = centered.std(axis=0)
    # A column that only differs between classes would count infinitely; give it a small spread.
    spread = np.maximum(spread, 1e-3 * total)
    spread[spread == 0] = 1.0
    scaled = within / spread
    covariance, shrinkage = scaled.T @ scaled / n, 0.0
    if n - n_classes < _ENOUGH * d:
        from sklearn.covariance import ledoit_wolf_shrinkage  # a tenth of a second to import

        shrinkage = float(ledoit_wolf_shrinkage(scaled, assume_centered=True))
        equal = np.trace(covariance) / d * np.eye(d)
        covariance = (1 - shrinkage) * covariance + shrinkage * equal
    values, vectors = np.linalg.eigh(covariance + _RIDGE * np.eye(d))
    whitening = vectors / np.sqrt(values) / spread[:, None]  # (d, d)
    between = (means @ whitening) * np.sqrt(counts / max(1, n_classes - 1))[:, None]
    _, strengths, axes = np.linalg.svd(between, full_matrices=False)
    n_axes = min(2, n_classes - 1, d, int((strengths > 1e-10 * strengths[0]).sum()))
    scalings = np.zeros((d, 2))
    for i in range(n_axes):
        axis = whitening @ axes[i]
        scalings[:, i] = axis if axis[np.argmax(np.abs(axis).round(8))] > 0 else -axis
    if n_axes < 2 and d > 1:
        scalings[:, 1] = _residual_axis(centered, scalings[:, 0])
    return scalings, shrinkage


def _residual_axis(centered: DoubleArray, discriminant: DoubleArray) -> DoubleArray:
    """First principal direction (d,) of the part of the codes that is uncorrelated with LD1.

    It acts on codes, not on residuals, and has unit variance like LD1 within a class.
    """
    score = centered @ discriminant
    power = float(score @ score)
    regression = (score @ centered) / power if power > 0 else np.zeros(centered.shape[1])
    residual = centered - score[:, None] * regression
    axes, variances, _ = principal_axes(residual)
    if variances[0] <= 0:
        return np.zeros(centered.shape[1])
    # residual @ axis written as a product with the codes themselves
    direction: DoubleArray = axes[0] - discriminant * float(regression @ axes[0])
    direction /= np.sqrt(variances[0])
    return direction
