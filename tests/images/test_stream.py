"""Images that stay on the disk."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from latentscape.errors import DataError, StorageError
from latentscape.images import load_images
from latentscape.images.stream import ImageStream, draw_rows
from latentscape.types import AnyArray

from ..atlas_tools import environment


def images_of(n: int, *shape: int) -> AnyArray:
    return np.random.default_rng(n).integers(0, 256, (n, *shape), dtype=np.uint8)


def saved(path: Path, array: AnyArray) -> Path:
    np.save(path, array)
    return path


def test_batches_and_rows_are_those_of_the_array(tmp_path: Path) -> None:
    images = images_of(23, 5, 4)
    stream = ImageStream.open(saved(tmp_path / "some.npy", images))
    assert (len(stream), stream.image_shape, stream.name) == (23, (5, 4), "some")
    found = [(rows, batch.copy()) for rows, batch in stream.batches(10)]
    assert [(rows.start, rows.stop) for rows, _ in found] == [(0, 10), (10, 20), (20, 23)]
    assert np.array_equal(np.concatenate([batch for _, batch in found]), images)
    rows = np.array([0, 3, 22])
    assert np.array_equal(stream.read(rows), images[rows])
    assert stream.ids(rows).tolist() == ["image-00000", "image-00003", "image-00022"]


def test_shards_follow_each_other(tmp_path: Path) -> None:
    images = images_of(20, 6, 6, 3)
    for number, part in enumerate(np.split(images, [7, 8])):
        np.save(tmp_path / f"shard-{number}.npy", part)
    np.save(tmp_path / "labels.npy", np.array([5, -1] * 10))
    stream = ImageStream.open(tmp_path)
    assert np.array_equal(np.concatenate([b.copy() for _, b in stream.batches(4)]), images)
    rows = np.array([6, 7, 8, 19])
    assert np.array_equal(stream.read(rows), images[rows])
    assert stream.labels is not None
    assert stream.labels.tolist() == [0, -1] * 10
    assert stream.class_names == ("5",)
    one = ImageStream.open(saved(tmp_path.parent / "one.npy", images))
    assert one.content_hash != stream.content_hash  # it has no labels
    sample = stream.sample(rows)
    assert np.array_equal(sample.images, images[rows])
    assert sample.ids.tolist() == stream.ids(rows).tolist()


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    images = images_of(9, 4, 4)
    hashes = {
        ImageStream.open(saved(tmp_path / f"{number}.npy", array)).content_hash
        for number, array in enumerate([images, images, images[::-1].copy(), images[:8]])
    }
    assert len(hashes) == 3


@given(st.integers(1, 300), st.integers(1, 400), st.integers(0, 5))
def test_drawn_rows_rise_and_never_repeat(n_rows: int, n: int, seed: int) -> None:
    rows = draw_rows(n_rows, n, seed)
    assert len(rows) == min(n, n_rows)
    assert np.array_equal(rows, np.unique(rows))
    assert np.array_equal(rows, draw_rows(n_rows, n, seed))
    assert 0 <= rows[0] <= rows[-1] < n_rows


def test_what_holds_no_images_is_refused(tmp_path: Path) -> None:
    def refused(words: str, content: bytes | AnyArray) -> None:
        path = tmp_path / "x.npy"
        path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content)
        with pytest.raises(DataError, match=words):
            ImageStream.open(path)

    whole = saved(tmp_path / "whole.npy", images_of(30, 8, 8)).read_bytes()
    refused("cut short: expected 2,048 bytes for 30 images, got 2,000", whole[:2000])
    refused(r"no \.npy file that can be read", whole[:50])
    refused(r"no \.npy file that can be read", b"")
    refused("holds float32", np.zeros((3, 4, 4), np.float32))
    refused("Fortran", np.asfortranarray(images_of(3, 4, 5)))
    refused(r"shape \(3, 4\)", np.zeros((3, 4), np.uint8))
    refused("1, 3 or 4 channels", np.zeros((3, 4, 4, 2), np.uint8))
    with pytest.raises(StorageError, match="does not exist"):
        ImageStream.open(tmp_path / "nothing.npy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no \.npy file"):
        ImageStream.open(tmp_path / "empty")
    saved(tmp_path / "x.npy", images_of(3, 4, 4))
    saved(tmp_path / "x-labels.npy", np.zeros(4, int))
    with pytest.raises(DataError, match="is needed for each of 3 images"):
        ImageStream.open(tmp_path / "x.npy")


def header(text: bytes, length: int | None = None) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) if length is None else length) + text


@pytest.mark.parametrize(
    "content",
    [
        header(b"{'descr': '|O', 'fortran_order': False, 'shape': (3, 4, 4)}\n"),
        header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (-3, 4, 4)}\n"),
        header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (9**99, 4, 4)}\n"),
        header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 4, 4)}\n" % 10**30),
        header(b"__import__('os').abort()\n"),
        header(b"{" * 60_000),
        header(b" " * 64, 65_535),
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{",
        b"\x93NUMPY\x09\x00" + b" " * 100,
    ],
)
def test_headers_that_mean_harm_are_only_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npy"):
        ImageStream.open(tmp_path / "x.npy")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 200))
def test_spliced_files_are_refused_or_read_whole(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "spliced.npy"
    np.save(path, np.arange(3 * 5 * 5, dtype=np.uint8).reshape(3, 5, 5))
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + noise + whole[at:])
    try:
        stream = ImageStream.open(path)
    except DataError:
        return
    assert sum(len(batch) for _, batch in stream.batches()) == len(stream)


def test_a_file_that_shrinks_while_it_is_read_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npy", images_of(30, 8, 8))
    stream = ImageStream.open(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="has become shorter"):
        list(stream.batches(10))
    with pytest.raises(DataError, match="has become shorter"):
        stream.read(np.array([29]))


_MEASURE = """
import sys
from pathlib import Path
import numpy as np
from latentscape.images.stream import ImageStream
# Not ru_maxrss, which begins with what the parent had.
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
if sys.argv[2] == "stream":
    total = sum(int(batch[0, 0, 0]) for _, batch in ImageStream.open(sys.argv[1]).batches())
else:
    total = int(np.array(np.load(sys.argv[1], mmap_mode="r"))[0, 0, 0])
print((peak() - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak in kB")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.npy"
    made: Any = np.lib.format.open_memmap(path, "w+", np.uint8, (300_000, 28, 28))  # 235 MB, holes
    del made

    def growth(how: str) -> int:
        run_it = [sys.executable, "-c", _MEASURE, str(path), how]
        done = subprocess.run(run_it, env=environment(), check=True, capture_output=True, text=True)
        return int(done.stdout)

    assert growth("stream") < 25e6
    assert growth("load") > 200e6


def test_a_header_from_python_2_is_read_without_a_word(tmp_path: Path) -> None:
    images = np.arange(2 * 9 * 9, dtype=np.uint8).reshape(2, 9, 9)
    np.save(tmp_path / "old.npy", images)
    new = (tmp_path / "old.npy").read_bytes()
    old = new.replace(b"(2, 9, 9), }   ", b"(2L, 9L, 9L), }", 1)  # as long as before
    assert len(old) == len(new)
    (tmp_path / "old.npy").write_bytes(old)
    assert b"2L" in (tmp_path / "old.npy").read_bytes()[:128]
    stream = ImageStream.open(tmp_path / "old.npy")
    assert_array_equal(stream.read(np.arange(2)), images)
    assert_array_equal(load_images(tmp_path / "old.npy").images, images)


def test_labels_beside_a_file_or_given(tmp_path: Path) -> None:
    """They are found where the readers in memory find them."""
    path = saved(tmp_path / "some.npy", images_of(6, 4, 4))
    assert ImageStream.open(path).labels is None
    np.save(tmp_path / "labels.npy", np.array([3, 3, 5, -1, 5, 3]))
    assert ImageStream.open(path).class_names == ("3", "5")
    assert load_images(path).class_names == ("3", "5")
    np.save(tmp_path / "some-labels.npy", np.array(["b", "a", "a", "", "b", "b"]))
    beside = ImageStream.open(path)
    assert beside.class_names == ("a", "b")
    assert beside.labels is not None
    assert beside.labels.tolist() == [1, 0, 0, -1, 1, 1]
    given = ImageStream.open(path, tmp_path / "labels.npy")
    assert given.class_names == ("3", "5")
