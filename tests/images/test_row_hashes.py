"""Hashes of rows: one helper for images and codes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from latentscape.images import EmbeddingSet, ImageSet
from latentscape.images.audit import audit
from latentscape.images.row_hashes import n_distinct, row_hashes


def test_they_are_blake2b_of_the_bytes_of_each_row() -> None:
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    expected = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]
    assert row_hashes(rows).tolist() == expected


@pytest.mark.parametrize("arrange", [np.ascontiguousarray, np.asfortranarray])
def test_equal_rows_are_found_in_any_memory_order(arrange: Callable[[Any], Any]) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (50, 6, 6), dtype=np.uint8)
    rows[7], rows[9] = rows[3], rows[3]
    hashes = row_hashes(arrange(rows))
    assert n_distinct(hashes) == 48
    assert hashes[7] == hashes[3] == hashes[9]
    assert np.array_equal(hashes, row_hashes(rows))


def test_bytes_of_zero_count() -> None:
    """A digest may end in zeros, and no width is lost where it does."""
    hashes = row_hashes(np.zeros((2, 3)))
    assert hashes.dtype.itemsize == 16
    assert n_distinct(np.frombuffer(bytes(32), "V16")) == 1
    assert n_distinct(np.frombuffer(bytes(31) + b"\x01", "V16")) == 2
    assert n_distinct(row_hashes(np.array([[0.0], [-0.0]]))) == 2


def test_no_rows() -> None:
    assert n_distinct(row_hashes(np.empty((0, 3), np.float32))) == 0


def test_images_and_codes_are_counted_alike() -> None:
    images = np.random.default_rng(1).integers(0, 256, (40, 4, 4), dtype=np.uint8)
    images[[10, 30, 31]] = images[0]
    split = np.array(["train"] * 30 + ["test"] * 10)
    notes = audit(ImageSet.from_arrays(images, split=split))
    assert notes[0].startswith("3 of the 40 images repeat another one")
    assert notes[1].startswith("2 of the 10 test images are among the training images")
    codes = images.reshape(40, -1).astype(np.float32)
    said = " ".join(EmbeddingSet.from_arrays(codes).notes)
    assert "3 of the 40 rows repeat another one exactly." in said
