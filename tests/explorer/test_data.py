"""The data block: what is in it, how small it is, and that it comes back as it went in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentscape.explorer import data, thumbnails
from latentscape.explorer.container import (
    MAGIC,
    Container,
    DataBlock,
    LateBlock,
    parse,
    read_block,
    schema,
)
from latentscape.explorer.numbers import quantized
from latentscape.images import ImageSet
from latentscape.types import AnyArray, UInt8Array


def decoded(words: AnyArray, table: AnyArray, shape: tuple[int, int, int], lane: int) -> UInt8Array:
    """Decode thumbnails pixel by pixel, as slowly and plainly as the definition has it."""
    n, height, width = shape
    levels = np.zeros(shape, dtype=np.uint8)
    ends = np.cumsum(table, axis=1, dtype=np.int64)
    stream = iter(int(word) for word in words)
    state = 0
    for image in range(n):
        if image % lane == 0:
            state = next(stream) << 16 | next(stream)
        for y in range(height):
            for x in range(width):
                place = ((y, x - 1), (y - 1, x), (y - 1, x - 1), (y - 1, x + 1))
                near = [
                    int(thumbnails.CLASSES[levels[image, r, c]]) if r >= 0 and 0 <= c < width else 0
                    for r, c in place
                ]
                context = ((near[0] * 5 + near[1]) * 5 + near[2]) * 5 + near[3]
                slot = state & 4095
                level = int(np.searchsorted(ends[context], slot, side="right"))
                share = int(table[context, level])
                state = share * (state >> 12) + slot - (int(ends[context, level]) - share)
                if state < 1 << 16:
                    state = state << 16 | next(stream)
                levels[image, y, x] = level
    assert next(stream, None) is None
    return levels


@pytest.mark.parametrize("n", [1, 7, 8, 19])
def test_thumbnails_come_back(mnist: ImageSet, n: int) -> None:
    levels = np.rint(mnist.images[:n] / 17).astype(np.uint8)
    table = thumbnails.frequency_table(levels)
    assert (table.sum(axis=1) == 4096).all()
    words = thumbnails.encode(levels, table, lane=8)
    assert np.array_equal(decoded(words, table, levels.shape, 8), levels)


def test_a_table_serves_images_it_has_not_seen(mnist: ImageSet) -> None:
    table = thumbnails.frequency_table(np.rint(mnist.images[:50] / 17).astype(np.uint8))
    noise = np.random.default_rng(0).integers(0, 16, (3, 5, 9)).astype(np.uint8)
    words = thumbnails.encode(noise, table, lane=2)
    assert np.array_equal(decoded(words, table, noise.shape, 2), noise)


def test_digits_take_less_room_than_deflated(mnist: ImageSet) -> None:
    from latentscape.explorer.container import deflate

    levels = np.rint(mnist.images[:2000] / 17).astype(np.uint8)
    pairs = levels.reshape(-1, 2)
    deflated = len(deflate((pairs[:, 0] << 4 | pairs[:, 1]).astype(np.uint8).tobytes()))
    words = thumbnails.encode(levels, thumbnails.frequency_table(levels))
    assert words.nbytes < 0.7 * deflated


def test_blocks_come_back() -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, AnyArray] = {
        "small": rng.integers(0, 9, 500).astype(np.uint8),
        "wide": rng.integers(0, 60_000, (3, 70)).astype(np.uint16),
        "real": rng.normal(size=40).astype(np.float32),
    }
    box = Container()
    for name, array in arrays.items():
        box.add(name, array)
    content = box.finish({"n": 1}).to_bytes()
    assert content.startswith(MAGIC)
    assert parse(content)[0] == schema()["version"]
    for name, array in arrays.items():
        assert np.array_equal(read_block(content, name), array.ravel())


def test_any_range_of_a_block_in_parts_is_that_of_the_whole() -> None:
    late = bytes(range(100, 140))
    block = DataBlock([b"abc", LateBlock(40, lambda at, n: late[at : at + n]), b"", b"xyz"])
    whole = b"abc" + late + b"xyz"
    assert len(block) == len(whole)
    assert all(
        block.read(start, length) == whole[start : start + length]
        for start in range(len(whole))
        for length in range(1, 50)
    )


def test_quantized_loses_half_a_step_at_most() -> None:
    values = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    values[:, 2] = 5  # a column without spread
    numbers, low, step = quantized(values, 2**13)
    assert (np.abs(low + step * numbers - values) <= step / 2 * (1 + 1e-9) + 1e-12).all()


def test_a_sample_tells_the_spacing_of_a_large_map(monkeypatch: pytest.MonkeyPatch) -> None:
    from latentscape.explorer import rules
    from latentscape.maps import PCA
    from latentscape.maps.placement import island_reach

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30_000, 3)).astype(np.float32)
    fitted = PCA().fit(np.concatenate([rows, rows[:5000]]))  # some lie on one place
    exact, _ = rules.spacing(fitted)
    monkeypatch.setattr(rules, "_MEASURED_EXACTLY", 1000)
    sampled, reach = rules.spacing(fitted)
    quantiles = (0.1, 0.5, 0.9)
    np.testing.assert_allclose(
        np.quantile(sampled, quantiles), np.quantile(exact, quantiles), rtol=0.05
    )
    assert reach == pytest.approx(island_reach(fitted.embedding_), rel=0.1)


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (np.arange(11, dtype=np.float32) / 10, 11),  # neighbours kept, of ten
        (np.array([3.0, 5.0, 9.0]), 4),
        (np.array([0.0, 0.1, 1.0, np.nan]), 11),
        (np.array([0.0, 0.1, 0.25]), 255),  # not even
        (np.linspace(0, 1, 400), 255),  # even, but too many
        (np.array([0.0, 5e-324, 1e300]), 255),
        (np.full(4, 2.5), 255),
    ],
)
def test_a_column_of_even_steps_is_exact(values: AnyArray, levels: int) -> None:
    box = Container()
    entry = data._numbers(box, "tsne_recall", pd.Series(values), ("tsne",))
    assert entry is not None
    assert entry["levels"] == levels
    block = read_block(box.finish({"n": len(values)}).to_bytes(), entry["block"])
    assert np.array_equal(block == levels, np.isnan(values))
    step = (entry["high"] - entry["low"]) / (levels - 1)
    read = entry["low"] + step * block
    known = np.isfinite(values)
    atol = 1e-7 if levels < 255 else step
    np.testing.assert_allclose(read[known], values[known], rtol=1e-9, atol=atol)
