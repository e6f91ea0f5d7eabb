"""The exact search among wide rows finds what the plain one finds, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from latentscape import _native
from latentscape.neighbors import search
from latentscape.types import FloatArray


def wide(kind: str, n: int = 1500, d: int = 150) -> FloatArray:
    rng = np.random.default_rng(0)
    if kind == "binary":  # many ties
        return np.asarray(rng.random((n, d)) < rng.random(d) * 0.3, dtype=np.float32)
    rows = rng.normal(size=(n, d)) * np.linspace(3, 0.1, d)
    if kind == "copies":
        rows[n // 2 :] = rows[: n - n // 2]
    if kind == "far from zero":
        rows += 1e4
    if kind == "huge":
        rows *= 1e30
    return rows.astype(np.float32)


KINDS = ("plain", "binary", "copies", "far from zero", "huge")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The sketches that were used; pairs are never too few for one."""
    seen: list[Any] = []
    plain = _native.nearest_rows

    def spy(*args: Any, **settings: Any) -> Any:
        if settings.get("sketch") is not None:
            seen.append(settings["sketch"])
        return plain(*args, **settings)

    monkeypatch.setattr(_native, "nearest_rows", spy)
    monkeypatch.setattr(search, "_PAIRS", 0)
    return seen


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_sketch_changes_no_bit(calls: list[Any], kind: str, threads: int) -> None:
    rows = wide(kind)
    queries = np.ascontiguousarray(rows[::7] + np.float32(0.5) * (kind == "plain"))
    for k in (1, 2, 30):
        found = search.nearest_rows(rows, rows, k, same=True, threads=threads)
        assert len(calls) == 1
        exact = _native.nearest_rows(rows, rows, k, same=True)
        for one, other in zip(found, exact, strict=True):
            np.testing.assert_array_equal(one, other)
        found = search.nearest_rows(queries, rows, k, threads=threads)
        assert len(calls) == 2
        exact = _native.nearest_rows(queries, rows, k)
        for one, other in zip(found, exact, strict=True):
            np.testing.assert_array_equal(one, other)
        calls.clear()


def test_neighbours_of_wide_rows_are_those_of_brute_force(calls: list[Any]) -> None:
    rows = wide("plain", 700)
    found, squared = search.nearest_rows(rows, rows, 5, same=True)
    assert calls
    apart = ((rows[:, None].astype(np.float64) - rows[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_array_equal(found, np.argsort(apart, axis=1, kind="stable")[:, :5])
    np.testing.assert_allclose(squared, np.sort(apart, axis=1)[:, :5], rtol=1e-12)


def test_a_sketch_in_which_rows_are_farther_apart_loses_neighbours() -> None:
    """The sketch is looked at, and a wrong one does harm."""
    rows = wide("plain", 700)
    order = np.arange(700, dtype=np.int32)
    wrong = np.ascontiguousarray(rows[:, :64] * np.float32(4))
    exact, _ = _native.nearest_rows(rows, rows, 5, same=True)
    found, _ = _native.nearest_rows(rows, rows, 5, same=True, sketch=(wrong, wrong, order))
    assert (found != exact).any()


def test_narrow_or_few_rows_need_no_sketch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(search, "_leading_axes", fail)
    rows = wide("plain", 300)
    assert search.nearest_rows(rows, rows, 3)[0].shape == (300, 3)
    monkeypatch.setattr(search, "_PAIRS", 0)
    with pytest.raises(AssertionError):
        search.nearest_rows(rows, rows, 3)


def test_sketches_that_do_not_fit_are_refused() -> None:
    rows = wide("plain", 30)
    narrow, order = np.ascontiguousarray(rows[:, :3]), np.arange(30, dtype=np.int32)
    for sketch in (
        (narrow[:-1], narrow, order),
        (narrow, narrow[:-1], order),
        (narrow, np.ascontiguousarray(narrow[:, :2]), order),
        (narrow, narrow, order[:-1]),
        (narrow, narrow, np.zeros(30, dtype=np.int32)),
        (narrow, narrow, order + np.int32(1)),
    ):
        with pytest.raises(ValueError, match="does not fit"):
            _native.nearest_rows(rows, rows, 3, sketch=sketch)
