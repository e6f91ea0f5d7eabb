"""k-NN label accuracy against a slow reference."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentscape.errors import CodesError, LabelsError, SettingError
from latentscape.quality import knn_label_accuracy
from latentscape.types import AnyArray


def slow_reference(X: AnyArray, y: AnyArray, k: int) -> list[bool]:
    """One row at a time, in plain Python."""
    right = []
    for i in range(len(X)):
        others = [j for j in range(len(X)) if j != i]
        others.sort(key=lambda j: (((X[j].astype(float) - X[i]) ** 2).sum(), j))
        votes = Counter(y[j] for j in others[:k])
        most = max(votes.values())
        right.append(bool(min(label for label in votes if votes[label] == most) == y[i]))
    return right


@pytest.mark.parametrize("k", [1, 2, 10, 119])
@pytest.mark.parametrize("kind", ["plane", "codes", "ties", "copies"])
def test_equals_the_slow_reference(kind: str, k: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, size=120)
    X = {
        "plane": rng.normal(size=(120, 2)) + 1.5 * np.eye(4)[y][:, :2],
        "codes": rng.normal(size=(120, 20)) + 2 * np.eye(20)[y],
        "ties": rng.integers(0, 4, size=(120, 3)),
        "copies": np.repeat(rng.normal(size=(4, 8)), 30, axis=0),
    }[kind].astype(np.float32)
    accuracy, right = knn_label_accuracy(X, y, k, return_per_sample=True)
    assert right.tolist() == slow_reference(X, y, k)
    assert accuracy == right.mean() == knn_label_accuracy(X, y, k)


def test_one_for_islands_and_chance_for_shuffled_labels() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(500) % 5
    X = rng.normal(size=(500, 2)) + 100 * np.stack([y, y**2], axis=1)
    assert knn_label_accuracy(X, y) == 1.0
    assert knn_label_accuracy(X, rng.permutation(y)) < 0.35


def test_ties_between_labels_go_to_the_smaller_one() -> None:
    X = [[0.0], [1.0], [-1.0]]
    _, right = knn_label_accuracy(X, ["a", "a", "b"], 2, return_per_sample=True)
    assert right.tolist() == [True, True, False]  # one "a", one "b" around each of the first two
    _, right = knn_label_accuracy(X, ["b", "b", "a"], 2, return_per_sample=True)
    assert right.tolist() == [False, False, False]  # the same votes, "a" again


def test_ties_between_rows_go_to_the_smaller_index() -> None:
    X = [[0.0], [1.0], [-1.0]]
    _, right = knn_label_accuracy(X, ["b", "b", "a"], 1, return_per_sample=True)
    assert right.tolist() == [True, True, False]
    _, right = knn_label_accuracy(X, ["b", "a", "b"], 1, return_per_sample=True)
    assert right.tolist() == [False, False, True]


def test_many_classes_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), np.arange(200) // 2
    whole = knn_label_accuracy(X, y, 3)
    monkeypatch.setattr("latentscape.quality.labels._BLOCK", 1)
    assert knn_label_accuracy(X, y, 3) == whole


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (pd.Series(["a", pd.NA] * 3), "3 of 6 labels are missing, the first in row 1"),
        (np.array(["2020-01-01", "NaT"] * 3, "M8[D]"), "3 of 6 labels are missing"),
        (np.array(["a", 1] * 3, dtype=object), r"several kinds \(int and str\)"),
    ],
)
def test_labels_that_are_none(labels: Any, words: str) -> None:
    with pytest.raises(LabelsError, match=words):
        knn_label_accuracy(np.arange(6.0)[:, None], labels, 2)


def test_numbers_beyond_float32_are_told_from_infinity() -> None:
    with pytest.raises(CodesError, match=r"rows of X hold numbers beyond 3.4e38.*rescale"):
        knn_label_accuracy([[1e300], [1.0], [2.0]], [0, 1, 0], 1)


def test_bad_input() -> None:
    X, y = np.zeros((5, 2)), np.zeros(5)
    with pytest.raises(LabelsError, match="5 rows"):
        knn_label_accuracy(X, y[:4], 2)
    for k in (0, 5, 1.5, True):
        with pytest.raises(SettingError, match="from 1 to 4"):
            knn_label_accuracy(X, y, k)  # type: ignore[arg-type]
    with pytest.raises(CodesError, match="shape"):
        knn_label_accuracy(y, y, 2)
    with pytest.raises(CodesError, match="rows 3"):
        knn_label_accuracy(np.where(np.arange(5)[:, None] == 3, np.nan, X), y, 2)
