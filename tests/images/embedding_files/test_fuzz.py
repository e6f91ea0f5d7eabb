"""Truncated, spliced and random bytes: a clear refusal or a whole answer, never anything else."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentscape.errors import LatentscapeError
from latentscape.images import looks_like_embeddings, read_embeddings

from .test_read import (
    CODES,
    D,
    N,
    write_csv,
    write_h5ad,
    write_npy,
    write_npz,
    write_parquet_columns,
    write_parquet_list,
    write_projector,
    write_tsv,
)

FORMS: dict[str, Callable[[Path], Path]] = {
    "npy": write_npy,
    "npz": write_npz,
    "parquet": write_parquet_columns,
    "parquet-list": write_parquet_list,
    "csv": write_csv,
    "tsv": write_tsv,
    "projector": write_projector,
    "h5ad": write_h5ad,
}
# A binary form knows its own length: a shorter file of it can never be a whole answer.
TELLS_ITS_LENGTH = ("npy", "npz", "parquet", "parquet-list", "h5ad")

damage = st.one_of(
    st.tuples(st.just("cut"), st.floats(0, 1, exclude_max=True), st.just(b"")),
    st.tuples(st.just("overwrite"), st.floats(0, 1), st.binary(min_size=1, max_size=16)),
    st.tuples(st.just("insert"), st.floats(0, 1), st.binary(min_size=1, max_size=16)),
    st.tuples(st.just("random"), st.just(0.0), st.binary(max_size=200)),
)


def damaged(whole: bytes, how: str, where: float, more: bytes) -> bytes:
    at = int(where * len(whole))
    return {
        "cut": whole[:at],
        "overwrite": whole[:at] + more + whole[at + len(more) :],
        "insert": whole[:at] + more + whole[at:],
        "random": whole[:8] + more,
    }[how]


@functools.cache
def original(form: str) -> tuple[str, bytes]:
    """Return name and content of a file of a form."""
    with tempfile.TemporaryDirectory() as folder:
        path = FORMS[form](Path(folder))
        return path.name, path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(change=damage)
def test_damage_is_refused_or_the_answer_is_whole(
    form: str, change: tuple[str, float, bytes]
) -> None:
    name, whole = original(form)
    content = damaged(whole, *change)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        looks_like_embeddings(path)
        try:
            table = read_embeddings(path)
        except LatentscapeError as error:
            said = str(error)
            assert said
            assert "\n" not in said
            return
        assert np.isfinite(table.codes).all()
        assert len(table.ids) == len(table) > 0
        if change[0] == "cut" and content != whole and form in TELLS_ITS_LENGTH:
            assert table.codes.shape == (N, D)
            np.testing.assert_array_equal(table.codes, CODES)
