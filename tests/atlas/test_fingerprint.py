"""A fingerprint changes exactly when a setting does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentscape.atlas import fingerprint
from latentscape.errors import SettingError

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("xyz", min_size=1, max_size=4), values, max_size=4), st.randoms())
def test_it_survives_a_json_round_trip_and_any_order(settings: dict[str, Any], random: Any) -> None:
    items = list(settings.items())
    random.shuffle(items)
    assert fingerprint(**dict(items)) == fingerprint(**json.loads(json.dumps(settings)))


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_floats_count_to_the_last_bit(a: float, b: float) -> None:
    assert (fingerprint(x=a) == fingerprint(x=b)) == (a.hex() == b.hex())
    assert fingerprint(x=np.float64(a)) == fingerprint(x=a)


def test_kinds_that_look_alike_are_alike_and_others_are_not() -> None:
    assert fingerprint(p=Path("a/b"), n=np.int32(3)) == fingerprint(p="a/b", n=3)
    assert fingerprint(x=(1, 2)) == fingerprint(x=[1, 2])
    different = [1, 1.0, True, "1", [1], {"1": 1}, None, np.array([1]), np.array([1.0]), b"1"]
    assert len({fingerprint(x=value) for value in different}) == len(different)
    assert fingerprint(x=np.arange(4)) != fingerprint(x=np.arange(4).reshape(2, 2))


def test_a_dataclass_counts_by_its_fields() -> None:
    @dataclass(frozen=True)
    class Settings:
        rate: float = 0.1

    assert fingerprint(s=Settings()) == fingerprint(s={"rate": 0.1})


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a": {1, 2}}, len])
def test_what_has_no_fingerprint_is_named(value: object) -> None:
    with pytest.raises(SettingError, match="'odd"):
        fingerprint(odd=value)


def test_it_is_the_same_in_every_version() -> None:
    # sha256 of {"a":1,"b":[0.1,"x"]}
    assert fingerprint(b=[0.1, "x"], a=1) == (
        "f70a6722f07a5c22536d6040034b6dc2adb234106a18b013bb9ce3d67e5f2f4b"
    )
