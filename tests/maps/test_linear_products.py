"""Products whose every row has bits of its own."""

from __future__ import annotations

import numpy as np

from latentscape.maps.linear import rowwise_product


def test_rowwise_product() -> None:
    rng = np.random.default_rng(0)
    rows, matrix = rng.normal(size=(50, 7)).astype(np.float32), rng.normal(size=(7, 3))
    product = rowwise_product(rows, matrix)
    np.testing.assert_allclose(product, rows.astype(np.float64) @ matrix, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(rowwise_product(rows[3:4], matrix), product[3:4])
