"""Two-neuron codes as their own map."""

from __future__ import annotations

from typing import Any

from latentscape.errors import CodesError
from latentscape.maps.base import Map2D
from latentscape.types import FloatArray


class Direct(Map2D):
    """The map of codes that have two columns already: themselves.

    Both directions are the identity.

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.array([[0, 0], [1, 0], [0, 2], [3, 3]], dtype=np.float32)
    >>> Direct().fit_transform(codes)[2].tolist()
    [0.0, 2.0]
    """

    def _fit(self, codes: FloatArray, y: Any) -> FloatArray:
        if codes.shape[1] != 2:
            raise CodesError(
                f"Direct shows codes with exactly two columns, got {codes.shape[1]} "
                f"(n_features = {codes.shape[1]}); train an autoencoder with latent_dim=2 or use "
                "another map."
            )
        return self._place(codes)

    def _check_loaded(self) -> None:
        super()._check_loaded()
        if self.n_features_in_ != 2:
            raise ValueError("its arrays do not fit together")

    def _place(self, codes: FloatArray) -> FloatArray:
        return codes.copy()

    def _invert(self, points: FloatArray) -> FloatArray:
        return points.copy()
