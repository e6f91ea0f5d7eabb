"""The same images in every form in which they may come."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image
from pyarrow import feather, parquet
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from latentscape.errors import DataError, StorageError
from latentscape.images import ImageSet, load_data, load_images

from ..pictures import RNG, encoded, noise

N = 21
GREY = noise(N, 6, 6)
GREY[0, 0, 0] = 255
WIDE = noise(N, 5, 7)
RGB = noise(N, 6, 5, 3)
LABELS = [["cat", "dog", "owl"][i % 3] for i in range(N)]
DIGITS = [i % 3 for i in range(N)]


def check(images: ImageSet, pixels: Any, labels: list[Any] | None = None) -> None:
    """The images are these, in this order, and every label is the right one."""
    assert_array_equal(images.images, pixels)
    assert images.images.dtype == np.uint8
    if labels is None:
        assert images.labels is None
    else:
        assert images.labels is not None
        names = [images.class_names[label] if label >= 0 else None for label in images.labels]
        assert names == [None if label is None else str(label) for label in labels]
    assert images.sentence.endswith(".")
    assert images.preprocessing["size"] == list(images.image_shape[:2])


def tar_of(files: dict[str, bytes], how: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=how) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


# NumPy's files


def test_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", GREY)
    check(load_images(tmp_path / "images.npy"), GREY)
    np.save(tmp_path / "labels.npy", DIGITS)
    images = load_images(tmp_path / "images.npy")
    check(images, GREY, DIGITS)
    assert images.sentence == (
        "images.npy: 21 grey images of 6×6 pixels (18 for training, 3 for testing) in 3 classes."
    )
    check(load_images(tmp_path), GREY, DIGITS)
    np.save(tmp_path / "other.npy", LABELS)
    check(load_images(tmp_path / "images.npy", labels=tmp_path / "other.npy"), GREY, LABELS)
    with pytest.raises(DataError, match=r"has no column 'kind' of labels, and there is no such"):
        load_images(tmp_path / "images.npy", labels="kind")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_first_and_last(channels: int, tmp_path: Path) -> None:
    pixels = noise(N, 6, 5, channels)
    expected = pixels[..., 0] if channels == 1 else pixels[..., :3]
    if channels == 4:
        pixels[..., 3] = 255
    np.save(tmp_path / "a.npy", pixels)
    check(load_images(tmp_path / "a.npy"), expected)
    np.save(tmp_path / "a.npy", np.moveaxis(pixels, 3, 1))
    check(load_images(tmp_path / "a.npy"), expected)


def test_rows_of_pixels(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", WIDE.reshape(N, -1))
    with pytest.raises(DataError, match=r"35 pixels in a row, which is no square .*--shape 20x30"):
        load_images(tmp_path / "a.npy")
    with pytest.raises(DataError, match=r"35 pixels in a row, but the shape 6×6 has 36"):
        load_images(tmp_path / "a.npy", shape="6x6")
    check(load_images(tmp_path / "a.npy", shape="5x7"), WIDE)
    np.save(tmp_path / "a.npy", noise(N, 5, 5, 3).reshape(N, -1))
    assert load_images(tmp_path / "a.npy").image_shape == (5, 5, 3)


def test_parts_by_their_names(tmp_path: Path) -> None:
    parts: dict[str, Any] = {
        "x_train": GREY[:12],
        "y_train": DIGITS[:12],
        "x_test": GREY[12:],
        "y_test": DIGITS[12:],
    }
    np.savez_compressed(tmp_path / "digits.npz", **parts)
    for name, values in parts.items():
        np.save(tmp_path / f"{name}.npy", values)
    images = load_images(tmp_path / "digits.npz")
    check(images, GREY, DIGITS)
    assert_array_equal(images.split, ["train"] * 12 + ["test"] * 9)
    assert images.name == "digits"
    (tmp_path / "digits.npz").rename(tmp_path.parent / "moved.npz")
    assert_array_equal(load_images(tmp_path).split, images.split)
    check(load_images(tmp_path), GREY, DIGITS)
    check(load_images(tmp_path / "x_train.npy"), GREY[:12], DIGITS[:12])


def test_an_archive_as_medmnist_has_it(tmp_path: Path) -> None:
    parts = {"train": slice(0, 10), "val": slice(10, 15), "test": slice(15, N)}
    arrays = {f"{p}_images": RGB[rows] for p, rows in parts.items()}
    arrays |= {f"{p}_labels": np.array(DIGITS)[rows, None] for p, rows in parts.items()}
    np.savez(tmp_path / "med.npz", **arrays)  # type: ignore[arg-type]
    images = load_images(tmp_path / "med.npz")
    check(images, RGB, DIGITS)
    assert (len(images.train), len(images.test)) == (15, 6)
    assert "validation images of med are used for training" in images.notes[0].replace(".npz", "")


def test_npz_with_names_of_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=GREY, labels=DIGITS, class_names=["cat", "dog", "owl"])
    check(load_images(tmp_path / "a.npz"), GREY, LABELS)
    np.savez(tmp_path / "a.npz", pictures=GREY, kind=LABELS)
    check(load_images(tmp_path / "a.npz"), GREY)
    check(load_images(tmp_path / "a.npz", labels="kind"), GREY, LABELS)
    with pytest.raises(DataError, match=r"has no array 'sort'; it has pictures, kind"):
        load_images(tmp_path / "a.npz", labels="sort")


def test_arrays_that_are_no_images(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}, GREY], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a.npy holds Python objects .*never loaded"):
        load_images(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", images=np.array([{}, 1], object))
    with pytest.raises(DataError, match=r"a.npz holds Python objects .*never loaded"):
        load_images(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", images=GREY, labels=DIGITS[:-1])
    with pytest.raises(DataError, match=r"a.npz holds 21 images but 20 labels; one label is"):
        load_images(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x_train=GREY, x_test=GREY[:, 1:])
    with pytest.raises(DataError, match=r"of different shapes: train .6, 6., test .5, 6."):
        load_images(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x_train=GREY, y_test=DIGITS)
    with pytest.raises(DataError, match=r"holds labels y_test without the images"):
        load_images(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", noise(N, 5, 5, 5))
    with pytest.raises(DataError, match=r"1 to 4 channels in the second or in the last axis"):
        load_images(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.array(LABELS))
    with pytest.raises(DataError, match=r"holds <U3 values, but pixels are numbers"):
        load_images(tmp_path / "a.npy")


def test_large_arrays_stay_on_the_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY)
    images = load_images(tmp_path / "a.npy").images
    base: Any = images
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


# Tables


def table(**columns: Any) -> pa.Table:
    return pa.table(columns)


@pytest.mark.parametrize("suffix", [".arrow", ".feather", ".parquet"])
def test_a_column_of_pictures(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    cells = [encoded(pixels) for pixels in RGB]
    age = [i / 2 for i in range(N)]

    def write(t: pa.Table) -> None:
        with pa.OSFile(str(path), "wb") as file:
            if suffix == ".parquet":
                parquet.write_table(t, file)
            elif suffix == ".feather":
                feather.write_feather(t, file)
            else:
                with pa.ipc.new_stream(file, t.schema) as stream:
                    stream.write_table(t)

    write(table(image=cells, label=LABELS, age=age))
    images = load_images(path)
    check(images, RGB, LABELS)
    assert_array_equal(images.columns["age"], age)
    structs: list[dict[str, Any]] = [
        {"bytes": cell, "path": f"{i}.png"} for i, cell in enumerate(cells)
    ]
    write(table(image=structs, label=DIGITS))
    images = load_images(path)
    check(images, RGB, DIGITS)
    assert images.ids[3] == "3.png"
    check(load_images(path, labels="label"), RGB, DIGITS)
    with pytest.raises(DataError, match=r"has no column 'kind'; its columns are image, label"):
        load_images(path, labels="kind")
    structs[4] = {"bytes": None, "path": "4.png"}
    write(table(image=structs, label=DIGITS))
    with pytest.raises(DataError, match=r"1 of 21 images in .* \(row 4: has no image in it\)"):
        load_images(path)
    images = load_images(path, max_bad=0.1)
    keep = [i for i in range(N) if i != 4]
    check(images, RGB[keep], [DIGITS[i] for i in keep])
    assert [item.path for item in images.quarantine] == ["row 4"]


def test_hugging_faces_class_names(tmp_path: Path) -> None:
    feature = {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}
    info = {"info": {"features": {"label": feature, "image": {"_type": "Image"}}}}
    t = table(image=[encoded(p) for p in GREY], label=DIGITS)
    t = t.replace_schema_metadata({"huggingface": json.dumps(info)})
    for part, rows in (("train", slice(0, 12)), ("test", slice(12, N))):
        path = tmp_path / "data" / f"{part}-00000-of-00001.parquet"
        path.parent.mkdir(exist_ok=True)
        parquet.write_table(t.slice(rows.start, rows.stop - rows.start), path)
    images = load_images(tmp_path)
    order = [*range(12, N), *range(12)]  # by the names of the files
    check(images, GREY[order], [LABELS[i] for i in order])
    assert (len(images.train), len(images.test)) == (12, 9)


@pytest.mark.parametrize("fixed", [False, True])
def test_columns_of_arrays(fixed: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    flat = GREY.reshape(N, -1)
    column: Any = pa.array(flat.tolist(), pa.list_(pa.uint8(), 36 if fixed else -1))
    parquet.write_table(table(pixels=column, label=LABELS), path)
    check(load_images(path), GREY, LABELS)
    parquet.write_table(table(image=pa.array(RGB.tolist()), label=LABELS), path)
    check(load_images(path), RGB, LABELS)
    ragged = [pixels[: 5 + i % 2].tolist() for i, pixels in enumerate(GREY)]
    parquet.write_table(table(image=ragged, label=LABELS), path)
    images = load_images(path, size="6x6")
    assert_array_equal(images.images[1], GREY[1])
    assert "The images of a.parquet come in 2 sizes: 5×6 (11), 6×6 (10)" in images.notes[-1]


def test_a_column_for_each_pixel(tmp_path: Path) -> None:
    columns = {f"pixel{i}": GREY.reshape(N, -1)[:, i] for i in range(36)}
    parquet.write_table(table(label=LABELS, **columns), tmp_path / "a.parquet")
    check(load_images(tmp_path / "a.parquet"), GREY, LABELS)


def test_tables_without_images(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(table(name=LABELS, label=DIGITS), path)
    with pytest.raises(DataError, match=r"holds no images: no column of pictures or lists"):
        load_images(path)
    parquet.write_table(table(image=pa.array([], pa.binary())), path)
    with pytest.raises(DataError, match=r"holds no rows"):
        load_images(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"a.parquet is damaged or not a Parquet file"):
        load_images(path)


# CSV


def csv_text(pixels: Any, labels: list[Any] | None, head: bool = True) -> str:
    names = ["label"] * (labels is not None) + [f"pixel{i}" for i in range(len(pixels[0]))]
    rows = [names] if head else []
    for i, row in enumerate(pixels):
        rows.append([*([] if labels is None else [str(labels[i])]), *map(str, row.tolist())])
    return "".join(",".join(row) + "\n" for row in rows)


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_csv(suffix: str, head: bool, tmp_path: Path) -> None:
    flat = GREY.reshape(N, -1)
    path = tmp_path / f"train{suffix}"
    pack = gzip.compress if suffix == ".csv.gz" else bytes
    path.write_bytes(pack(csv_text(flat, DIGITS, head).encode()))
    check(load_images(path), GREY, DIGITS)
    path.write_bytes(pack(csv_text(flat, None, head).encode()))
    check(load_images(path), GREY)
    path.write_bytes(pack(csv_text(WIDE.reshape(N, -1), None, head).encode()))
    check(load_images(path, shape="5x7"), WIDE)


def test_csv_in_parts_and_with_numbered_rows(tmp_path: Path) -> None:
    flat = GREY.reshape(N, -1)
    (tmp_path / "mnist_train.csv").write_text(csv_text(flat[:12], LABELS[:12]))
    (tmp_path / "mnist_test.csv").write_text(csv_text(flat[12:], LABELS[12:]))
    images = load_images(tmp_path)
    check(images.train, GREY[:12], LABELS[:12])
    check(images.test, GREY[12:], LABELS[12:])
    rows = csv_text(flat, LABELS).splitlines()
    text = "\n".join([f"id,{rows[0]}", *(f"{100 + i},{row}" for i, row in enumerate(rows[1:]))])
    (tmp_path / "a.csv").write_text(text + "\n")
    images = load_images(tmp_path / "a.csv")
    check(images, GREY, LABELS)
    assert_array_equal(images.columns["id"], np.arange(100, 100 + N))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[: len(text) - 20], "is damaged or not a table of pixels"),
        (lambda text: text[:-4] + "x" + text[-4:], "35 pixels in a row, which is no square"),
        (lambda text: "", "is empty or begins with an empty line"),
        (lambda text: text.split("\n")[0] + "\n", "holds no rows|is damaged"),
        (lambda text: "file,label\na.png,x\n", "give the folder with the files, and the table"),
    ],
)
def test_csv_that_is_no_table_of_pixels(
    change: Callable[[str], str], words: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(change(csv_text(GREY.reshape(N, -1), DIGITS)))
    with pytest.raises(DataError, match=words):
        load_images(tmp_path / "a.csv")


def test_an_empty_cell_and_a_missing_line_end(tmp_path: Path) -> None:
    text = csv_text(GREY.reshape(N, -1), DIGITS)
    (tmp_path / "a.csv").write_text(text[:-1])
    assert load_images(tmp_path / "a.csv").notes[0] == (
        "a.csv does not end with a line end: should it have been cut short, then its last number "
        "is wrong."
    )
    lines = text.splitlines()
    lines[3] = lines[3][: lines[3].rindex(",") + 1]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"row 2 of the data has an empty cell in .* 'pixel35'"):
        load_images(tmp_path / "a.csv")


# WebDataset


@pytest.mark.parametrize("how", ["", "gz", "bz2", "xz"])
def test_shards(how: str, tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    for i, pixels in enumerate(RGB):
        files[f"./some/{i:04d}.png"] = encoded(pixels)
        files[f"./some/{i:04d}.cls"] = LABELS[i].encode()
        files[f"./some/{i:04d}.json"] = json.dumps({"age": i, "tags": [1]}).encode()
    path = tmp_path / f"a.tar{how and '.'}{how}"
    path.write_bytes(tar_of(files, f"w:{how}" if how else "w"))
    images = load_images(path)
    check(images, RGB, LABELS)
    assert images.ids[1] == "some/0001"
    assert_array_equal(images.columns["age"], np.arange(N))
    check(load_images(path, labels="age"), RGB, list(range(N)))


def test_shards_of_a_split(tmp_path: Path) -> None:
    shards = {"train-000000": (0, 10), "train-000001": (10, 15), "val-0": (15, N)}
    for part, (first, last) in shards.items():
        rows = range(first, last)
        files = {f"{i:04d}.png": encoded(GREY[i]) for i in rows}
        files |= {f"{i:04d}.json": json.dumps({"label": DIGITS[i]}).encode() for i in rows}
        (tmp_path / f"{part}.tar").write_bytes(tar_of(files))
    images = load_images(tmp_path)
    check(images, GREY, DIGITS)
    assert (len(images.train), len(images.test)) == (15, 6)
    assert images.ids[0] == "train-000000/0000"


def test_names_in_an_archive_never_touch_the_disk(tmp_path: Path) -> None:
    evil = {f"../../evil{i}.png": encoded(GREY[i]) for i in range(10)}
    evil |= {f"/tmp/evil{i}.png": encoded(GREY[i]) for i in range(10, N)}
    path = tmp_path / "deep" / "er" / "a.tar"
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w") as archive:
        for name, content in evil.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        fifo = tarfile.TarInfo("pipe.png")
        fifo.type = tarfile.FIFOTYPE
        archive.addfile(fifo)
    before = sorted(tmp_path.rglob("*"))
    images = load_images(path)
    check(images, GREY)
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/evil10.png").exists()
    assert {item.path for item in images.quarantine} == {"a.tar: link.png", "a.tar: pipe.png"}


@pytest.mark.parametrize("keep", [-10240, -1024, 0.5, 0.1, 700, 100, 1])
def test_an_archive_that_is_cut_short(keep: float, tmp_path: Path) -> None:
    whole = tar_of({f"{i}.png": encoded(GREY[i]) for i in range(N)})
    end = int(keep * len(whole)) if 0 < keep < 1 else int(keep)
    (tmp_path / "a.tar").write_bytes(whole[:end].rstrip(b"\0") if keep == -1024 else whole[:end])
    with pytest.raises(DataError, match=r"a.tar is (cut short or damaged|damaged or not a tar)"):
        load_images(tmp_path / "a.tar")


def test_a_damaged_header_inside_an_archive(tmp_path: Path) -> None:
    whole = bytearray(tar_of({f"{i}.png": encoded(GREY[i]) for i in range(N)}))
    start = whole.index(b"7.png")
    whole[start : start + 5] = b"X.pnX"  # the sum of the header is wrong now
    (tmp_path / "a.tar").write_bytes(whole)
    with pytest.raises(DataError, match=r"cut short or damaged"):
        load_images(tmp_path / "a.tar")


def test_shards_that_do_not_do(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"a.txt": b"x"}))
    with pytest.raises(DataError, match=r"holds no images: no name in it ends in"):
        load_images(path)
    path.write_bytes(tar_of({"a.png": encoded(GREY[0]), "a.json": b"[1"}))
    with pytest.raises(DataError, match=r"a.json is not the text or the JSON object"):
        load_images(path)


# From memory


class Items:
    """What a data set of PyTorch, torchvision or Hugging Face can do, and no more."""

    def __init__(self, items: list[Any], **attributes: Any) -> None:
        self.items = items
        for name, value in attributes.items():
            setattr(self, name, value)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def test_arrays_and_tensors() -> None:
    check(load_images(GREY), GREY)
    check(load_images(GREY, labels=LABELS), GREY, LABELS)
    check(load_images((GREY, np.array(DIGITS))), GREY, DIGITS)
    check(load_images(RGB.transpose(0, 3, 1, 2)), RGB)
    tensor = torch.from_numpy(RGB).permute(0, 3, 1, 2).requires_grad_(False)
    check(load_images(tensor), RGB)
    floats = (tensor.float() / 255).requires_grad_()
    check(load_images(floats), RGB)
    check(load_images({"images": GREY, "labels": LABELS}), GREY, LABELS)
    images = load_images(GREY)
    assert images.sentence == (
        "images: 21 grey images of 6×6 pixels (18 for training, 3 for testing) without labels."
    )


def test_bunches() -> None:
    from sklearn.datasets import load_digits
    from sklearn.utils import Bunch

    digits = load_digits()
    images = load_images(digits)
    assert images.image_shape == (8, 8)
    assert images.class_names == tuple("0123456789")
    assert_array_equal(images.labels, digits.target)
    assert_array_equal(images.images, np.rint(digits.images / 16 * 255))
    assert "scaled from 0 (black) to 16 (white)" in images.sentence
    bunch = Bunch(data=GREY.reshape(N, -1), target=np.array(DIGITS), target_names=["a", "b", "c"])
    check(load_images(bunch), GREY, ["abc"[i] for i in DIGITS])
    with pytest.raises(DataError, match=r"a mapping with DESCR holds no images"):
        load_images(Bunch(DESCR="x"))


def test_data_sets() -> None:
    tensors = TensorDataset(torch.from_numpy(RGB).permute(0, 3, 1, 2), torch.tensor(DIGITS))
    check(load_images(tensors), RGB, DIGITS)
    with pytest.raises(DataError, match=r"give the data set itself"):
        load_images(DataLoader(tensors))
    pictures = [Image.fromarray(pixels) for pixels in RGB]
    check(load_images(pictures), RGB)
    pairs = Items(list(zip(pictures, DIGITS, strict=True)), classes=["cat", "dog", "owl"])
    images = load_images(pairs)
    check(images, RGB, LABELS)
    assert images.name == "Items"
    mappings = [{"image": p, "label": v} for p, v in zip(pictures, DIGITS, strict=True)]

    class ClassLabel:
        names = ["cat", "dog", "owl"]  # noqa: RUF012

    check(load_images(Items(mappings, features={"label": ClassLabel()})), RGB, LABELS)
    check(load_images([encoded(pixels) for pixels in GREY]), GREY)
    check(
        load_images([(pixels, None if i else "x") for i, pixels in enumerate(GREY)]),
        GREY,
        ["x", *[None] * 20],
    )


def test_data_sets_with_bad_items() -> None:
    class Failing(Items):
        def __getitem__(self, index: int) -> Any:
            if index == 3:
                raise KeyError("lost")
            return super().__getitem__(index)

    with pytest.raises(DataError, match=r"item 3: the data set raised KeyError: 'lost'"):
        load_images(Failing(list(GREY)))
    images = load_images(Failing([*GREY[:-1], "word"]), max_bad=0.2)
    assert len(images) == N - 2
    assert [item.reason for item in images.quarantine] == [
        "the data set raised KeyError: 'lost'",
        "is a str, not an image",
    ]


def test_what_cannot_be_read_from_memory() -> None:
    class Stream(IterableDataset[int]):
        def __iter__(self) -> Any:
            return iter(())

    with pytest.raises(DataError, match=r"can only be read from its beginning to its end"):
        load_images(iter(GREY))
    with pytest.raises(DataError, match=r"a Stream (can only|holds|cannot)|data set"):
        load_images(Stream())
    with pytest.raises(DataError, match=r"images cannot be read from an object of type int"):
        load_images(3)
    with pytest.raises(DataError, match=r"holds no images"):
        load_images([])
    with pytest.raises(DataError, match=r"cannot become a numpy array"):
        load_images(torch.zeros(3, 4, 4).to_sparse())


# Whichever it is


def test_embeddings_are_told_from_images(tmp_path: Path) -> None:
    np.save(tmp_path / "codes.npy", RNG.normal(size=(N, 5)).astype(np.float32))
    np.save(tmp_path / "pixels.npy", GREY)
    assert type(load_data(tmp_path / "codes.npy")).__name__ == "EmbeddingSet"
    assert isinstance(load_data(tmp_path / "pixels.npy", size=6), ImageSet)
    assert isinstance(load_data(GREY), ImageSet)
    with pytest.raises(StorageError, match=r"there is no file"):
        load_data(tmp_path / "nothing.npy")


def test_an_unknown_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    words = r"a.pdf is not an IDX file nor another one .*; give a folder of pictures, IDX, WebData"
    with pytest.raises(DataError, match=words):
        load_images(tmp_path / "a.pdf")
