"""Truncated, spliced and random bytes in every form: refused, set aside, or read as a whole."""

from __future__ import annotations

import functools
import gzip
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image
from pyarrow import feather, parquet

from latentscape.errors import LatentscapeError
from latentscape.images import ImageSet, load_images

from ..pictures import encoded
from .test_forms import csv_text, tar_of

RNG = np.random.default_rng(0)
N = 4
GREY = RNG.integers(0, 256, (N, 6, 6), dtype=np.uint8)
RGB = RNG.integers(0, 256, (N, 9, 11, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (9, 11, 4), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (9, 11)).astype(np.uint16)
WORDS = ["cat", "dog", "cat", "owl"]

# A hang is a failure; so is what takes longer than any of these may.
QUICK = settings(
    max_examples=100,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

damage = st.one_of(
    st.tuples(st.just("cut"), st.floats(0, 1, exclude_max=True), st.just(b"")),
    st.tuples(st.just("overwrite"), st.floats(0, 1), st.binary(min_size=1, max_size=16)),
    st.tuples(st.just("insert"), st.floats(0, 1), st.binary(min_size=1, max_size=16)),
    st.tuples(st.just("drop"), st.floats(0, 1), st.binary(min_size=1, max_size=16)),
    st.tuples(st.just("random"), st.floats(0, 0.2), st.binary(max_size=200)),
)


def damaged(whole: bytes, how: str, where: float, more: bytes) -> bytes:
    at = int(where * len(whole))
    return {
        "cut": whole[:at],
        "overwrite": whole[:at] + more + whole[at + len(more) :],
        "insert": whole[:at] + more + whole[at:],
        "drop": whole[:at] + whole[at + len(more) :],
        "random": whole[:at] + more,
    }[how]


def saved(write: Callable[[Any], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def arrow_bytes(table: pa.Table, *, stream: bool) -> bytes:
    file = io.BytesIO()
    opened = pa.ipc.new_stream if stream else pa.ipc.new_file
    with opened(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


@functools.cache
def forms() -> dict[str, bytes]:
    """Return a whole file in each form, by its name."""
    cells = [encoded(pixels) for pixels in GREY]
    encoded_table = pa.table({"image": cells, "label": WORDS})
    lists = pa.table({"pixels": GREY.reshape(N, -1).tolist(), "label": WORDS})
    csv = csv_text(GREY.reshape(N, -1), WORDS).encode()
    members: dict[str, bytes] = {}
    for i, cell in enumerate(cells):
        members |= {f"{i}.png": cell, f"{i}.json": json.dumps({"label": WORDS[i]}).encode()}
    arrays: dict[str, Any] = {"images": GREY, "labels": np.array(WORDS)}
    return {
        "a.npy": saved(lambda file: np.save(file, GREY)),
        "a.npz": saved(lambda file: np.savez(file, **arrays)),
        "packed.npz": saved(lambda file: np.savez_compressed(file, **arrays)),
        "a.parquet": saved(lambda file: parquet.write_table(encoded_table, file)),
        "lists.parquet": saved(lambda file: parquet.write_table(lists, file)),
        "a.arrow": arrow_bytes(encoded_table, stream=True),
        "lists.arrow": arrow_bytes(lists, stream=False),
        "a.feather": saved(lambda file: feather.write_feather(lists, file)),
        "a.csv": csv,
        "a.csv.gz": gzip.compress(csv, mtime=0),
        "a.tar": tar_of(members),
        "a.tar.gz": gzip.compress(tar_of(members), mtime=0),
        "a.tar.xz": tar_of(members, "w:xz"),
    }


@functools.cache
def pictures() -> dict[str, bytes]:
    """Return a whole picture in each format and mode, by its name."""
    colour = RGB[0]
    palette = Image.fromarray(colour).quantize(16)
    frames = [Image.fromarray(image) for image in RGB]
    moving: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    return {
        "rgb.png": encoded(colour),
        "rgba.png": encoded(ALPHA),
        "palette.png": encoded(palette, transparency=3),
        "deep.png": encoded(DEEP),
        "a.jpg": encoded(colour, "jpeg"),
        "steps.jpg": encoded(colour, "jpeg", progressive=True),
        "inks.jpg": encoded(Image.new("CMYK", (11, 9), (9, 99, 199, 0)), "jpeg"),
        "a.gif": encoded(palette, "gif"),
        "moving.gif": encoded(frames[0], "gif", **moving),
        "a.bmp": encoded(colour, "bmp"),
        "a.tif": encoded(colour, "tiff"),
        "packed.tif": encoded(colour, "tiff", compression="tiff_lzw"),
        "float.tif": encoded(DEEP.astype(np.float32), "tiff"),
        "a.webp": encoded(colour, "webp", lossless=True),
        "lossy.webp": encoded(ALPHA, "webp"),
        "a.ppm": encoded(colour, "ppm"),
        "a.tga": encoded(ALPHA, "tga"),
        "a.ico": encoded(ALPHA, "ico", sizes=[(11, 9)]),
    }


@functools.cache
def others() -> tuple[bytes, ...]:
    return tuple(encoded(image) for image in RGB)


@functools.cache
def as_a_whole(name: str) -> ImageSet:
    return load_images([pictures()[name], *others()], size="9x11", mode="rgb")


def read(name: str, content: bytes, **options: Any) -> ImageSet | None:
    """Read these bytes as a file of that name; None when they are refused in so many words."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            images = load_images(path, **options)
        except LatentscapeError:
            return None
        # A file that is mapped is about to go.
        return replace(images, images=np.array(images.images))


def labels_of(images: ImageSet) -> list[str | None]:
    assert images.labels is not None
    return [images.class_names[label] if label >= 0 else None for label in images.labels]


@pytest.mark.parametrize("name", sorted(forms()))
@QUICK
@given(damage)
def test_files_of_images(name: str, harm: tuple[str, float, bytes]) -> None:
    whole = forms()[name]
    content = damaged(whole, *harm)
    images = read(name, content, max_bad=0.3)
    if images is None:
        assert content != whole, "a whole file must be read"
        return
    assert images.images.dtype == np.uint8
    assert images.sentence.startswith(f"{images.name}: {len(images):,} ")
    if harm[0] != "cut":
        return
    if name == "a.csv":  # the end of a text can be seen by its line end alone
        n_whole = content.count(b"\n") - 1
        assert_array_equal(images.images[:n_whole], GREY[:n_whole])
        assert len(images) == n_whole or any("cut short" in note for note in images.notes)
        return
    assert_array_equal(images.images, GREY)
    if name != "a.npy":
        assert labels_of(images) == WORDS


@pytest.mark.parametrize("name", sorted(pictures()))
@QUICK
@given(damage)
def test_pictures(name: str, harm: tuple[str, float, bytes]) -> None:
    whole = pictures()[name]
    content = damaged(whole, *harm)
    images = load_images([content, *others()], max_bad=0.5, size="9x11", mode="rgb")
    assert_array_equal(images.images[-N:], RGB)
    if len(images) == N:
        (refused,) = images.quarantine
        assert refused.path == "item 0"
        assert refused.reason
        assert content != whole
    elif harm[0] == "cut":  # only what no pixel is made of may be missing
        assert_array_equal(images.images, as_a_whole(name).images)


@pytest.mark.parametrize("name", ["labels.csv", "metadata.csv", "metadata.jsonl"])
@QUICK
@given(damage)
def test_tables_beside_pictures(name: str, harm: tuple[str, float, bytes]) -> None:
    rows = [{"file_name": f"{i}.png", "label": WORDS[i], "age": i} for i in range(N)]
    if name.endswith("l"):
        whole = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        whole = "".join(f"{line}\n" for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        for i, image in enumerate(GREY):
            (Path(folder) / f"{i}.png").write_bytes(encoded(image))
        (Path(folder) / name).write_bytes(damaged(whole.encode(), *harm))
        try:
            images = load_images(folder, max_bad=0.3)
        except LatentscapeError:
            return
    assert_array_equal(images.images, GREY)
    if harm[0] == "cut" and images.labels is not None:
        missing = sum(label is None for label in labels_of(images))
        assert labels_of(images)[: N - missing - 1] == WORDS[: N - missing - 1]
        assert not missing or "have no row" in " ".join(images.notes)


@QUICK
@given(st.binary(max_size=300), st.sampled_from([*sorted(forms()), "a", "a.idx3-ubyte", "a.png"]))
def test_any_bytes_at_all(content: bytes, name: str) -> None:
    read(name, content, max_bad=1)
