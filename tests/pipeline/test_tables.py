"""Names of columns, label accuracy by class, and units that are dead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from latentscape.pipeline.coding import dead_units
from latentscape.pipeline.lacking import map_reasons
from latentscape.pipeline.tables import label_figures, safe_names


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (["weight", "colour"], ["weight", "colour"]),
        (["id", "label"], ["id (given)", "label (given)"]),
        (
            ["tsne_x", "umap_recall", "my_x"],
            ["tsne_x (given)", "umap_recall (given)", "my_x (given)"],
        ),
        (["a\tb", "a \n b", ""], ["a b", "a b 2", "column 3"]),
        (["id", "id (given)"], ["id (given)", "id (given) 2"]),
        (["x" * 200], ["x" * 80]),
    ],
)
def test_columns_get_names_that_are_safe(given_: list[str], expected: list[str]) -> None:
    assert safe_names(given_) == expected


@given(st.lists(st.text(max_size=100), max_size=12))
def test_names_never_clash(names: list[str]) -> None:
    found = safe_names(names)
    assert len(set(found)) == len(names)
    for name in found:
        assert name.isprintable()
        assert name
        assert name not in ("id", "split", "label", "reconstruction_mse")
        assert not name.endswith(("_x", "_y"))


def test_label_figures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = np.array([0] * 150 + [1] * 40 + [-1] * 30)
    space = (rng.normal(size=(220, 3)) + labels[:, None]).astype(np.float32)
    found = label_figures({"codes": space}, labels, ["usual", "rare"])
    known = labels >= 0
    model = KNeighborsClassifier(10)
    voted = cross_val_predict(model, space[known], labels[known], cv=LeaveOneOut())
    accuracy = float((voted == labels[known]).mean())
    assert found["knn_accuracy"]["codes"] == pytest.approx(accuracy, abs=0.01)
    balanced = balanced_accuracy_score(labels[known], voted)
    assert found["balanced_accuracy"]["codes"] == pytest.approx(balanced, abs=0.02)
    assert found["balanced_accuracy"]["codes"] < found["knn_accuracy"]["codes"] - 0.02
    assert [entry["n"] for entry in found["classes"]] == [150, 40]
    few = label_figures({"codes": space[:8]}, labels[:8], ["usual", "rare"])
    assert few["needs"].startswith("needs two classes")
    both = np.arange(10) % 2
    few = label_figures({"codes": space[:10]}, both, ["usual", "rare"])
    assert few["needs"] == "needs more than 10 labelled rows, and there are 10"


def test_dead_units_are_counted_and_named() -> None:
    low = np.array([0, 1, 2, 0], np.float32)
    assert dead_units(low, np.array([1, 1, 3, 0], np.float32)) == [
        "2 of 4 units are dead: they never change (units 1, 3)"
    ]
    assert dead_units(low, low + 1) == []


def test_reasons_for_maps() -> None:
    names = ("direct", "pca", "lda", "tsne")

    def reasons(n: int, labels: list[int] | None, *, has_plane: bool = True) -> dict[str, str]:
        array = None if labels is None else np.array(labels)
        return dict(map_reasons(names, n, array, ["cat", "dog"], has_plane=has_plane))

    assert reasons(20, [0, 1] * 10) == {}
    assert set(reasons(20, None, has_plane=False)) == {"direct", "lda"}
    assert set(reasons(9, [0, 1, 0] * 3)) == {"lda", "tsne"}
    assert "all 3 labelled rows have the label “dog”" in reasons(20, [1] * 3 + [-1] * 17)["lda"]
    alone = reasons(10, [*range(10)])["lda"]
    assert alone.endswith("each labelled row has a class of its own")
