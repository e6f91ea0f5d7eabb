import contextlib
import gzip
import math
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from latentscape.errors import DataError, IdxFormatError, StorageError
from latentscape.images import read_idx
from latentscape.types import AnyArray

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: AnyArray) -> bytes:
    """Write an IDX file by the letter of the format, independently of the reader."""
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim])
    header += struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


IMAGES = (np.arange(3 * 5 * 4) % 251).astype(np.uint8).reshape(3, 5, 4)
GOOD = idx_bytes(IMAGES)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some-images-idx3-ubyte"


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 4), (2, 3, 4, 3), (0, 28, 28)])
def test_every_number_type_and_shape(
    dtype: str, shape: tuple[int, ...], gzipped: bool, file: Path
) -> None:
    values = np.random.default_rng(0).integers(-100, 100, shape)
    array = (values % 128 if dtype == "u1" else values * 1.5).astype(dtype)
    raw = idx_bytes(array)
    file.write_bytes(gzip.compress(raw) if gzipped else raw)
    read = read_idx(file)
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    assert_array_equal(read, array)


def test_compression_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(GOOD)
    (tmp_path / "b").write_bytes(gzip.compress(GOOD))
    assert_array_equal(read_idx(tmp_path / "a.gz"), IMAGES)
    assert_array_equal(read_idx(str(tmp_path / "b")), IMAGES)


def test_gzip_in_several_members(file: Path) -> None:
    file.write_bytes(gzip.compress(GOOD[:20]) + gzip.compress(GOOD[20:]))
    assert_array_equal(read_idx(file), IMAGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\0\0\x08", "3 bytes are too few"),
        (b"\x89PNG\r\n", "starts with the bytes 89 50 instead of 00 00"),
        (b"\0\0\x07\x01\0\0\0\0", "number type, is 0x07 and not one of 0x08, 0x09"),
        (b"\0\0\x08\0", "number of dimensions, is 0"),
        (b"\0\0\x08\xff", "number of dimensions, is 255"),
        (GOOD[:10], "expected a header of 16 bytes for 3 dimensions, got 10 bytes"),
        (GOOD[:-1], "expected 76 bytes, got 75; the file is cut short"),
        (GOOD + b"xx", "expected 76 bytes, got 78; the file goes on after"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(GOOD[:-1]), "expected 76 bytes, got 75;"),
        (gzip.compress(GOOD + b"xx"), "expected 76 bytes, got at least 77;"),
        (gzip.compress(GOOD)[:-9], "the gzip stream ends too early"),
        (gzip.compress(GOOD)[:-4], "the gzip stream ends too early"),
        (gzip.compress(GOOD)[:5], "the gzip stream ends too early"),
        (gzip.compress(GOOD) + b"xx", "the gzip stream is damaged"),
        (gzip.compress(GOOD)[:-8] + bytes(8), r"the gzip stream is damaged \(CRC check failed"),
        (b"\x1f\x8b\x07" + bytes(20), "the gzip stream is damaged"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "expected 79,228,162,458,924,105,385,300,197,391 bytes"),
        (
            gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12),
            "promises 79,228,.* gzipped bytes can hold",
        ),
        (b"\0\0\x08\x04" + bytes(4) + b"\xff" * 12, "larger than an array can be"),
    ],
)
def test_damage_is_named(content: bytes, message: str, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(IdxFormatError, match=message) as caught:
        read_idx(file)
    assert str(file) in str(caught.value)


def test_the_byte_count_of_mnist_is_told_with_separators(file: Path) -> None:
    file.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 60_000, 28, 28) + bytes(1000))
    with pytest.raises(IdxFormatError, match="expected 47,040,016 bytes, got 1,016"):
        read_idx(file)


def test_a_gzip_bomb_is_not_inflated(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 50 MB of zeros behind a good file: only one byte of them may be read.
    file.write_bytes(gzip.compress(GOOD + bytes(50_000_000)))
    inflated = 0
    plain_read = gzip.GzipFile.read

    def counting(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        nonlocal inflated
        data = plain_read(self, size)
        inflated += len(data)
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counting)
    with pytest.raises(IdxFormatError, match="at least 77"):
        read_idx(file)
    assert 0 < inflated <= 77


def test_a_lying_header_takes_no_memory(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("memory was asked for")

    monkeypatch.setattr(np, "empty", refuse)
    for content in (
        b"\0\0\x08\x01\x7f\xff\xff\xff",
        gzip.compress(b"\0\0\x08\x01\x7f\xff\xff\xff"),
    ):
        file.write_bytes(content)
        with pytest.raises(IdxFormatError):
            read_idx(file)


def test_too_little_memory_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise MemoryError

    file.write_bytes(GOOD)
    monkeypatch.setattr(np, "empty", exhausted)
    with pytest.raises(DataError, match="do not fit into memory"):
        read_idx(file)


def test_what_is_not_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is a directory, but one IDX file is needed"):
        read_idx(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="not a regular file"):
        read_idx(tmp_path / "pipe")
    with pytest.raises(StorageError, match="null byte"):
        read_idx("a\0b")
    with pytest.raises(StorageError, match="cannot be opened: File name too long"):
        read_idx("x" * 5000)


def test_a_missing_file_brings_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").touch()
    with pytest.raises(StorageError, match=r"did you mean '.*/train-images-idx3-ubyte.gz'\?"):
        read_idx(tmp_path / "train-images.idx3-ubyte")
    with pytest.raises(StorageError, match=f"{tmp_path} is the part of its path that exists"):
        read_idx(tmp_path / "no" / "such" / "file")
    with pytest.raises(StorageError, match="check the path"):
        read_idx(tmp_path / "zzz")


def test_no_permission_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(GOOD)
    file.chmod(0)
    if os.access(file, os.R_OK):  # the superuser may read everything

        def refuse(*_: Any, **__: Any) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StorageError, match=r"no permission to read .*chmod"):
        read_idx(file)


def expected_array(raw: bytes) -> AnyArray | None:
    """Parse plain IDX bytes the simplest way; None when they are not right."""
    codes = {code: dtype for dtype, code in CODES.items()}
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in codes or not 1 <= raw[3] <= 32:
        return None
    body = 4 + 4 * raw[3]
    if len(raw) < body:
        return None
    shape = struct.unpack(f">{raw[3]}I", raw[4:body])
    dtype = np.dtype(">" + codes[raw[2]])
    if len(raw) - body != math.prod(shape) * dtype.itemsize:
        return None
    if math.prod(n for n in shape if n) * dtype.itemsize >= 2**63:
        return None
    return np.frombuffer(raw[body:], dtype).reshape(shape)


def check(content: bytes, plain: bytes | None) -> None:
    """Read `content`: the array in `plain`, or an error of ours and no other."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fuzz"
        file.write_bytes(content)
        right = None if plain is None else expected_array(plain)
        try:
            read = read_idx(file)
        except DataError:
            assert right is None
            return
    assert right is not None
    assert_array_equal(read, right)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_fuzz_plain(data: st.DataObject) -> None:
    small = st.integers(0, 3) | st.integers(0, 2**32 - 1)
    header = data.draw(
        st.builds(
            lambda code, dims: (
                bytes([0, 0, code, len(dims)]) + struct.pack(f">{len(dims)}I", *dims)
            ),
            st.sampled_from(sorted(CODES.values())),
            st.lists(small, max_size=4),
        )
        | st.binary(max_size=12)
        | st.just(GOOD)
    )
    raw = header + data.draw(st.binary(max_size=40))
    if raw[:2] != b"\x1f\x8b":
        check(raw, raw)


@settings(max_examples=100, deadline=None)
@given(
    cut=st.integers(0, len(GOOD)),
    start=st.integers(0, len(GOOD)),
    middle=st.binary(max_size=6),
    gzipped=st.booleans(),
)
def test_fuzz_truncated_and_spliced(cut: int, start: int, middle: bytes, gzipped: bool) -> None:
    raw = GOOD[:cut] + middle + GOOD[start:]
    if gzipped or raw[:2] != b"\x1f\x8b":
        check(gzip.compress(raw) if gzipped else raw, raw)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_fuzz_damaged_gzip(data: st.DataObject) -> None:
    whole = gzip.compress(GOOD, mtime=0)
    position = data.draw(st.integers(2, len(whole) - 1))
    if data.draw(st.booleans()):
        check(whole[:position], None)  # every part of a gzip file is needed
        return
    damaged = (
        whole[:position] + data.draw(st.binary(min_size=1, max_size=3)) + whole[position + 1 :]
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fuzz"
        file.write_bytes(damaged)
        # Bytes of the gzip header (time, system) may change without harm.
        with contextlib.suppress(DataError):
            assert_array_equal(read_idx(file), IMAGES)
