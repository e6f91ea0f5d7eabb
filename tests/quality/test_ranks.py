"""The kernels that rank rows, against sorting all distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentscape import _native
from latentscape.quality.ranks import coranks, log_sizes, members, ranks_of
from latentscape.types import AnyArray, FloatArray

from . import slow_ranks


def spaces(kind: str, n: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(n)
    A: AnyArray = {
        "plain": rng.normal(size=(n, 7)),
        "ties": rng.integers(0, 3, size=(n, 4)),
        "copies": np.repeat(rng.normal(size=((n + 4) // 5, 5)), 5, axis=0)[:n],
        "equal": np.ones((n, 2)),
        "huge": rng.normal(size=(n, 3)) * 1e30,
        "tiny": rng.normal(size=(n, 3)) * 1e-30,
    }[kind]
    B = A[:, :2] + 0.25 * rng.integers(-2, 3, size=(n, 2))  # ties of whole numbers stay ties
    return A.astype(np.float32), B.astype(np.float32)


KINDS = ("plain", "ties", "copies", "equal", "huge", "tiny")


@pytest.mark.parametrize("n", [3, 17, 530])  # less than a block, more than one, more than a strip
@pytest.mark.parametrize("kind", KINDS)
def test_target_ranks_equal_those_of_a_sort(kind: str, n: int) -> None:
    A, _ = spaces(kind, n)
    truth = slow_ranks.ranks(A / np.float32(np.abs(A).max()))
    rng = np.random.default_rng(0)
    targets = np.stack([rng.permutation(np.delete(np.arange(n), i))[:7] for i in range(n)])
    targets = targets.astype(np.int32)
    ranks, indices, squared = _native.target_ranks(A, targets, k=min(5, n - 1))
    wanted = np.take_along_axis(truth, targets.astype(np.int64), axis=1)
    if kind in ("plain", "huge", "tiny"):  # the last bit of a float may tie what is not tied
        assert np.abs(ranks - wanted).max() <= 1
        assert (ranks == wanted).mean() > 0.999
    else:
        np.testing.assert_array_equal(ranks, wanted)
    expected = _native.nearest_rows(A, A, min(5, n - 1), same=True)
    np.testing.assert_array_equal(indices, expected[0])
    np.testing.assert_array_equal(squared, expected[1])


@pytest.mark.parametrize("kind", ["plain", "ties", "copies", "equal"])
def test_coranking_equals_counting_in_two_rank_matrices(kind: str) -> None:
    n = 90
    A, B = spaces(kind, n)
    a, b = slow_ranks.ranks(A), slow_ranks.ranks(B)
    sizes = np.arange(1, n - 1, dtype=np.int32)
    anchors = np.array([0, 3, 4, 50, 51, 52, 89], dtype=np.int32)
    found, mirrored, own = coranks(A, [B, A[:, ::-1].copy(), A], anchors, sizes, 2)
    both = np.maximum(a, b)[anchors]
    overlap = np.stack([((both <= K) & (both > 0)).sum(axis=1) for K in sizes], axis=1)
    np.testing.assert_array_equal(found.overlap, overlap)
    for sums, one, other in ((found.false_sums, a, b), (found.missing_sums, b, a)):
        slow = [
            np.where((other[anchors] <= K) & (one[anchors] > K), one[anchors] - K, 0).sum(axis=1)
            for K in sizes
        ]
        np.testing.assert_array_equal(sums, np.stack(slow, axis=1))
    r_nx = ((n - 1) * overlap / sizes - sizes) / (n - 1 - sizes)
    np.testing.assert_allclose(found.r_nx(), r_nx, atol=1e-12)
    np.testing.assert_allclose(found.log_sums, (r_nx / sizes).sum(axis=1), atol=1e-9)
    np.testing.assert_array_equal(own.overlap, np.broadcast_to(sizes, overlap.shape))
    assert mirrored.overlap.shape == overlap.shape


def test_some_sizes_are_what_they_are_among_all() -> None:
    A, B = spaces("ties", 80)
    anchors = np.arange(80, dtype=np.int32)
    every = coranks(A, [B], anchors, np.arange(1, 79, dtype=np.int32), 1)[0]
    few = coranks(A, [B], anchors, np.array([2, 10, 40], dtype=np.int32), 1)[0]
    for name in ("overlap", "false_sums", "missing_sums"):
        np.testing.assert_array_equal(getattr(few, name), getattr(every, name)[:, [1, 9, 39]])


def test_threads_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(0)
    A = rng.normal(size=(1500, 20)).astype(np.float32)
    B = A[:, :2].copy()
    targets = _native.nearest_rows(B, B, 10, same=True)[0]
    one, two = (_native.target_ranks(A, targets, k=10, threads=t) for t in (1, 2))
    for left, right in zip(map(np.asarray, one), map(np.asarray, two), strict=True):
        assert left.tobytes() == right.tobytes()
    anchors, sizes = np.arange(0, 1500, 7, dtype=np.int32), log_sizes(1500)
    (first,), (second,) = (_native.coranking(A, [B], anchors, sizes, threads=t) for t in (1, 2))
    for left, right in zip(map(np.asarray, first), map(np.asarray, second), strict=True):
        assert left.tobytes() == right.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_ranks_of_small_whole_numbers(data: st.DataObject) -> None:
    n = data.draw(st.integers(3, 40))
    values = data.draw(
        st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=n, max_size=n)
    )
    A = np.array(values, dtype=np.float32)
    others = np.stack([np.delete(np.arange(n), i) for i in range(n)]).astype(np.int32)
    ranks, _, _ = _native.target_ranks(A, others)
    np.testing.assert_array_equal(
        ranks, np.take_along_axis(slow_ranks.ranks(A), others.astype(np.int64), axis=1)
    )


def test_several_lists_of_targets_in_one_pass() -> None:
    A, B = spaces("plain", 200)
    first = _native.nearest_rows(B, B, 5, same=True)[0]
    second = _native.nearest_rows(A, A, 9, same=True)[0]
    together, _ = ranks_of(A, [first, second], 9, 1)
    alone, _ = ranks_of(A, [first], 9, 1)
    np.testing.assert_array_equal(together[0].ranks, alone[0].ranks)
    np.testing.assert_array_equal(together[0].known, members(first, second[:, :5]))
    np.testing.assert_array_equal(together[1].depths(), np.zeros(200))


def test_what_cannot_be_asked() -> None:
    A = np.zeros((5, 2), dtype=np.float32)
    targets = np.ones((5, 1), dtype=np.int32)
    with pytest.raises(ValueError, match="no row"):
        _native.target_ranks(A, targets * 5)
    with pytest.raises(ValueError, match="no row"):
        _native.target_ranks(A, -targets)
    with pytest.raises(ValueError, match="k <"):
        _native.target_ranks(A, targets, k=5)
    with pytest.raises(ValueError, match="one row"):
        _native.target_ranks(A, targets[:3])
    anchors = np.array([0], dtype=np.int32)
    for sizes in ([0], [4], [2, 2], [3, 1]):
        with pytest.raises(ValueError, match="ascend"):
            _native.coranking(A, [A], anchors, np.array(sizes, dtype=np.int32))
    with pytest.raises(ValueError, match="number of rows"):
        _native.coranking(A, [A[:4].copy()], anchors, np.array([1], dtype=np.int32))
