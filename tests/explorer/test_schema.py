"""The header of the data block is what the schema says, in full and where an atlas lacks much."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import latentscape
from latentscape.atlas import Atlas
from latentscape.explorer import data_block
from latentscape.explorer.container import parse, schema
from latentscape.images import ImageSet

from .small_atlas import clustered_codes, small_atlas, small_images


def mistakes(header: Any) -> list[str]:
    """Return where a header is not as the schema wants it."""
    found = Draft202012Validator(schema()).iter_errors(header)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


def header_of(atlas: Atlas, **options: Any) -> dict[str, Any]:
    return parse(data_block(atlas, **options).to_bytes())[1]


@pytest.fixture(scope="module")
def run_atlas(few_digits: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return latentscape.run(
        few_digits,
        tmp_path_factory.mktemp("schema") / "atlas",
        latent_dims=(2, 4),
        n_seeds=1,
        maps=("pca", "lda", "tsne"),
        engine="serial",
        verbose=0,
    )


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())
    assert isinstance(schema()["version"], int)


@pytest.mark.parametrize("options", [{}, {"thumbnails": "exact"}, {"served": True}])
def test_a_run_is_as_the_schema_says(run_atlas: Atlas, options: dict[str, Any]) -> None:
    header = header_of(run_atlas, **options)
    assert len(header["maps"]) == 4
    assert len(header["models"]) == 2
    assert mistakes(header) == []


def test_an_atlas_that_lacks_much_is_too(tmp_path: Path) -> None:
    n = 60
    bare = small_atlas(tmp_path / "bare", n=n, with_fitted=False)
    _, classes = clustered_codes(n)
    rich = small_atlas(
        tmp_path / "rich",
        n=n,
        labels=np.where(np.arange(n) < 5, -1, classes),
        images=small_images(classes, (12, 10, 3)),
        maps=("pca", "lda"),
        columns={"size": np.arange(n) / 7, "place": ["here", "there"] * (n // 2)},
    )
    for atlas in (bare, rich):
        assert mistakes(header_of(atlas)) == []


SPOILERS: list[Callable[[dict[str, Any]], Any]] = [
    lambda header: header.pop("choice"),
    lambda header: header.update(more=1),
    lambda header: header["maps"][0].update(scale="1"),
    lambda header: header["maps"][0].update(low=[0.0]),
    lambda header: header["maps"][0]["rules"]["place"].update(kind="guess"),
    lambda header: header["columns"][0].update(none=7),
    lambda header: header["images"].update(coding="rows"),
    lambda header: header["models"][0]["encoder"][0].pop("counts"),
    lambda header: header["models"][0]["encoder"][0].update(op="conv3d"),
    lambda header: header["blocks"]["codes"].update(packing="brotli"),
    lambda header: header["about"].pop("citation"),
]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_another_header_is_refused(
    run_atlas: Atlas, spoil: Callable[[dict[str, Any]], Any]
) -> None:
    header = copy.deepcopy(header_of(run_atlas))
    spoil(header)
    assert mistakes(header) != []
