"""Rows that Euclidean distance compares as the cosine does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from latentscape.cli import options
from latentscape.errors import CodesError, ModelFileError, SettingError
from latentscape.neighbors import METRICS, NeighborGraph, check_metric, measured_rows
from latentscape.pipeline import settings


def rows(n: int, d: int = 5, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def test_the_distance_of_measured_rows_is_twice_the_cosine_one() -> None:
    one = rows(50)
    units = measured_rows(one, "cosine").astype(np.float64)
    wide = one.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1)
    cosine = 1 - wide @ wide.T / np.outer(norms, norms)
    squared = ((units[:, None] - units) ** 2).sum(axis=2)
    np.testing.assert_allclose(squared, 2 * cosine, atol=1e-6)
    assert measured_rows(one, "euclidean") is one


@pytest.mark.parametrize("factor", [3.0, 1e-30, 1e30, 7e-42])
def test_a_length_changes_hardly_a_bit_and_a_power_of_two_none(factor: float) -> None:
    one = np.array([[1, 2, 3], [-4, 0, 1]], dtype=np.float32)
    units = measured_rows(one, "cosine")
    np.testing.assert_allclose(np.linalg.norm(units, axis=1), 1, rtol=1e-6)
    other = measured_rows((one * np.float32(factor)).astype(np.float32), "cosine")
    np.testing.assert_allclose(other, units, atol=1e-7 if abs(factor) > 1e-38 else 1e-3)
    np.testing.assert_array_equal(measured_rows(one * np.float32(8), "cosine"), units)


def test_blocks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    one = rows(100)
    whole = measured_rows(one, "cosine")
    monkeypatch.setattr("latentscape.neighbors.metric._BLOCK", 7)
    np.testing.assert_array_equal(measured_rows(one, "cosine"), whole)


def test_zero_rows_are_named() -> None:
    one = rows(9)
    one[[2, 5]] = 0
    with pytest.raises(CodesError) as raised:
        measured_rows(one, "cosine")
    assert str(raised.value) == (
        "2 of 9 rows of the codes are zero (rows 2, 5) and have no direction, which "
        'metric="cosine" compares; leave such rows out, or take "euclidean".'
    )


@pytest.mark.parametrize("metric", ["chess", None, 3, ["cosine"]])
def test_other_metrics_are_refused(metric: Any) -> None:
    with pytest.raises(SettingError, match='metric must be "euclidean" or "cosine", got'):
        check_metric(metric)


def test_the_names_are_the_same_everywhere() -> None:
    assert METRICS == settings.METRICS == options.METRICS


def test_a_file_with_another_metric_is_refused() -> None:
    data = NeighborGraph.build(rows(9), 3, "cosine").to_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    text = header["__metadata__"]["latentscape_graph"]
    header["__metadata__"]["latentscape_graph"] = text.replace('"cosine"', '"cosinf"')
    changed = data[:8] + json.dumps(header, separators=(",", ":")).encode().ljust(length)
    assert NeighborGraph.from_bytes(data).metric == "cosine"
    with pytest.raises(ModelFileError, match="no metric"):
        NeighborGraph.from_bytes(changed + data[8 + length :])
