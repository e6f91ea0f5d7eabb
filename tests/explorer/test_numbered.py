"""Names that count up take one line, and come back as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from latentscape.explorer.numbered import Run, numbered


def written(entries: list[str | Run]) -> list[str]:
    """As ``web/src/numbered.ts`` does it."""
    names = []
    for entry in entries:
        if isinstance(entry, str):
            names.append(entry)
        else:
            prefix, first, width, n = entry
            names += [prefix + str(first + i).rjust(width, "0") for i in range(n)]
    return names


def test_names_that_count_up_are_one_entry() -> None:
    names = [f"train-{i:05d}" for i in range(60_000)] + [f"test-{i:05d}" for i in range(10_000)]
    assert numbered(names) == [("train-", 0, 5, 60_000), ("test-", 0, 5, 10_000)]
    assert numbered(f"row {i}" for i in range(8, 12)) == [("row ", 8, 1, 4)]
    assert numbered(["a9", "a10", "a010", "a11", "b", ""]) == [
        ("a", 9, 1, 2), "a010", "a11", "b", "",
    ]  # fmt: skip


counted = st.builds(
    lambda prefix, first, width, n: [f"{prefix}{first + i:0{width}d}" for i in range(n)],
    st.text(max_size=3),
    st.integers(0, 10**17),
    st.integers(1, 18),
    st.integers(0, 12),
)


@given(st.lists(counted | st.lists(st.text(alphabet="a019٣é\n"), max_size=5), max_size=5))
def test_all_names_come_back(parts: list[list[str]]) -> None:
    names = [name for part in parts for name in part]
    entries = numbered(names)
    assert written(entries) == names
    # What a browser counts in is exact up to here.
    assert all(isinstance(e, str) or e[1] + e[3] < 2**53 for e in entries)
