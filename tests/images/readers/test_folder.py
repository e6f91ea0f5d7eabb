from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from latentscape.errors import DataError, SettingError
from latentscape.images import ImageSet, Refused, load_images
from latentscape.types import Progress

from ..pictures import class_folders, noise, write


def labels_by_id(images: ImageSet) -> dict[str, str | None]:
    assert images.labels is not None
    names = (*images.class_names, None)
    return {str(i): names[label] for i, label in zip(images.ids, images.labels, strict=True)}


def test_class_subfolders(tmp_path: Path) -> None:
    images = load_images(class_folders(tmp_path / "pets", 7))
    assert images.name == "pets"
    assert images.images.shape == (14, 9, 8)
    assert images.class_names == ("cat", "dog")
    assert_array_equal(images.labels, [0] * 7 + [1] * 7)
    assert images.ids[0] == "cat/000.png"
    assert images.preprocessing == {
        "size": [9, 8],
        "mode": "grey",
        "background": "white",
        "value_ranges": {},
    }
    assert images.sentence == (
        "pets: 14 grey images of 9×8 pixels (12 for training, 2 for testing) in 2 classes."
    )


def test_the_pixels_are_those_of_the_files(tmp_path: Path) -> None:
    pixels = noise(14, 9, 8, 3)
    for i, image in enumerate(pixels):
        write(tmp_path / f"{i:02d}.png", image)
    images = load_images(tmp_path)
    assert_array_equal(images.images, pixels)
    assert images.labels is None
    assert "without labels" in images.sentence


def test_numbers_as_classes_are_in_their_order(tmp_path: Path) -> None:
    names = ("2", "10", "1")
    assert load_images(class_folders(tmp_path, 2, names)).class_names == ("1", "2", "10")


def test_train_and_test_folders(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", 3)
    class_folders(tmp_path / "test", 2)
    images = load_images(tmp_path)
    assert (len(images.train), len(images.test)) == (6, 4)
    assert images.class_names == ("cat", "dog")
    assert images.test.ids[0] == "test/cat/000.png"
    assert images.notes == ()
    class_folders(tmp_path / "val", 1)
    images = load_images(tmp_path)
    assert (len(images.train), len(images.test)) == (8, 4)
    assert images.notes == (
        f"The 2 validation images of {tmp_path.name} are used for training; training takes "
        "validation images of its own from the training images.",
    )


def test_validation_images_serve_where_there_are_no_test_images(tmp_path: Path) -> None:
    class_folders(tmp_path / "Train", 3)
    class_folders(tmp_path / "valid", 2)
    images = load_images(tmp_path)
    assert (len(images.train), len(images.test)) == (6, 4)
    assert "serve as test images" in images.notes[0]


def test_a_folder_of_images_is_no_class(tmp_path: Path) -> None:
    assert load_images(class_folders(tmp_path, 4, ("images",))).labels is None
    one = load_images(class_folders(tmp_path / "one", 4, ("cat",)))
    assert one.class_names == ("cat",)
    assert "in 1 class." in one.sentence


def test_pictures_beside_the_class_folders_have_no_label(tmp_path: Path) -> None:
    class_folders(tmp_path, 3)
    write(tmp_path / "unknown.png", noise(9, 8))
    images = load_images(tmp_path)
    assert labels_by_id(images)["unknown.png"] is None
    assert "in 2 classes, 1 of them without a label" in images.sentence


@pytest.mark.parametrize(
    "head", ["file,label", "label;filename", "Image_ID\tClass", "path,label,age"]
)
def test_labels_csv(head: str, tmp_path: Path) -> None:
    for i in range(4):
        write(tmp_path / "sub" / f"{i}.png", noise(9, 8))
    delimiter = next(c for c in ",;\t" if c in head)
    columns = head.split(delimiter)
    rows = [head]
    for i in range(4):
        values = {"age": str(i)}
        row = [
            values.get(c, f"sub/{i}.png" if c.lower() not in ("label", "class") else "ab"[i % 2])
            for c in columns
        ]
        rows.append(delimiter.join(row))
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    images = load_images(tmp_path)
    assert labels_by_id(images) == {f"sub/{i}.png": "ab"[i % 2] for i in range(4)}
    assert images.quarantine == ()
    if "age" in columns:
        assert_array_equal(images.columns["age"], [0, 1, 2, 3])


def test_hugging_faces_metadata(tmp_path: Path) -> None:
    for part, n in (("train", 3), ("test", 2)):
        rows = []
        for i in range(n):
            write(tmp_path / part / f"{i}.png", noise(9, 8))
            rows.append({"file_name": f"{i}.png", "label": f"L{i}", "weight": i / 2, "who": "me"})
        text = "\n".join(json.dumps(row) for row in rows)
        (tmp_path / part / "metadata.jsonl").write_text(text)
    images = load_images(tmp_path)
    assert images.class_names == ("L0", "L1", "L2")
    assert_array_equal(images.split, ["test"] * 2 + ["train"] * 3)
    assert_array_equal(images.columns["weight"], [0, 0.5, 0, 0.5, 1])
    assert images.columns["who"].tolist() == ["me"] * 5
    other = load_images(tmp_path, labels="who")
    assert other.class_names == ("me",)


def test_a_table_anywhere_and_names_without_suffix(tmp_path: Path) -> None:
    class_folders(tmp_path / "data", 3, ("images",))
    table = tmp_path / "truth.csv"
    table.write_text("id,label\n000,x\n001,y\n002,\n")
    images = load_images(tmp_path / "data", labels=str(table))
    assert labels_by_id(images) == {
        "images/000.png": "x",
        "images/001.png": "y",
        "images/002.png": None,
    }
    assert load_images(tmp_path / "data", labels=table).content_hash == images.content_hash


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "labels.csv holds no rows"),
        ("file,label\n", "labels.csv holds no rows"),
        ("file,label\n0.png,a,b\n", "line 2 has 3 values but the head has 2"),
        ("file,label\n0.png,a\n0.png,b\n", r"names 0.png twice \(lines 2 and 3\)"),
        ("file,label\nx.png,a\n", "names none of the images in .*: it has 'x.png'"),
        ("file,label\n0.png,a\n1.png,b\n9.png,c\n", "9.png: is named in labels.csv, but there is"),
        ("file,file\n0.png,a\n", "two columns of the same name"),
        ("label\na\nb\n", "holds 4 images but labels.csv 2 labels"),
        ("file,label\n0.png,0.5\n", "hold the number 0.5"),
        ('file,label\n"0.png,a\n', "is not a table that can be read"),
        ("file,label\n0.png,\ud800", "is not text in UTF-8"),
    ],
)
def test_tables_that_do_not_fit(text: str, words: str, tmp_path: Path) -> None:
    for i in range(4):
        write(tmp_path / f"{i}.png", noise(9, 8))
    (tmp_path / "labels.csv").write_bytes(text.encode(errors="surrogatepass"))
    if "0.5" in text:  # words in a table are words
        assert load_images(tmp_path).class_names == ("0.5",)
        return
    with pytest.raises(DataError, match=words):
        load_images(tmp_path)


def test_labels_alone_go_with_the_images_in_order(tmp_path: Path) -> None:
    for i in range(4):
        write(tmp_path / f"{i}.png", noise(9, 8))
    (tmp_path / "labels.csv").write_text("label\nb\na\n\nb\nnan\n")
    assert_array_equal(load_images(tmp_path).labels, [1, 0, 1, -1])
    assert_array_equal(load_images(tmp_path, labels=["p", "q", None, "q"]).labels, [0, 1, -1, 1])
    with pytest.raises(DataError, match="holds 4 images but there are 3 labels"):
        load_images(tmp_path, labels=[0, 1, 2])
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(DataError, match=r"the labels 'kind' are no file, and .* has no labels.csv"):
        load_images(tmp_path, labels="kind")


def test_an_ambiguous_name_is_refused(tmp_path: Path) -> None:
    class_folders(tmp_path, 2)
    (tmp_path / "labels.csv").write_text("file,label\n000.png,a\n")
    with pytest.raises(DataError, match=r"names 000.png, but several images are called so"):
        load_images(tmp_path)


def test_hidden_files_and_links(tmp_path: Path) -> None:
    class_folders(tmp_path, 3)
    write(tmp_path / "__MACOSX" / "cat" / "._000.png", noise(4, 4))
    write(tmp_path / ".cache" / "a.png", noise(4, 4))
    (tmp_path / "cat" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "cat" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "a.svg").write_text("<svg/>")
    images = load_images(tmp_path)
    assert len(images) == 6
    assert images.quarantine == (
        Refused("a.svg", "is a drawing (SVG), not pixels; store it as PNG"),
        Refused("notes.txt", "is not an image by its name"),
    )
    assert images.sentence.endswith("; 2 files set aside.")
    (tmp_path / "cat" / "loop").symlink_to(tmp_path)
    looped = load_images(tmp_path, max_bad=0.2)
    assert Refused("cat/loop", "is . again, by a link") in looped.quarantine
    assert looped.content_hash == images.content_hash


def test_names_that_are_no_text(tmp_path: Path) -> None:
    class_folders(tmp_path, 3)
    try:
        write(tmp_path / "cat" / "caf\udce9.png", noise(9, 8))
    except OSError:
        pytest.skip("this file system has no such names")
    assert "cat/caf\\xe9.png" in load_images(tmp_path).ids


def test_files_without_suffix_are_looked_into(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"{i}.png", noise(9, 8)).rename(tmp_path / f"{i}")
    (tmp_path / "LICENSE").write_text("free")
    images = load_images(tmp_path)
    assert images.ids.tolist() == ["0", "1", "2"]
    assert images.quarantine == (Refused("LICENSE", "is not an image by its first bytes"),)


def test_new_data_are_read_as_the_others_were(tmp_path: Path) -> None:
    before = load_images(class_folders(tmp_path / "a", 3), size="6x5", background="black")
    write(tmp_path / "b" / "one.png", noise(40, 10, 3))
    new = load_images(tmp_path / "b", preprocessing=before.preprocessing)
    assert new.images.shape == (1, 6, 5)
    assert new.split.tolist() == ["test"]
    assert new.preprocessing == before.preprocessing
    assert not new.images[0][:, [0, 4]].any()  # a narrow image between black bars
    assert new.notes == ()
    single = load_images(tmp_path / "b" / "one.png", preprocessing=before.preprocessing)
    assert_array_equal(single.images, new.images)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "size must be height and width in pixels from 1 to 4,096"),
        ({"size": "axb"}, "for example 32 or 28x32, got 'axb'"),
        ({"size": (1, 2, 3)}, "size must be"),
        ({"mode": "cmyk"}, "mode must be 'grey' or 'rgb', got 'cmyk'"),
        ({"background": "nocolour"}, "background must be a colour such as white"),
        ({"max_bad": 1.5}, "max_bad must be a share between 0 and 1, got 1.5"),
        ({"max_bad": float("nan")}, "max_bad must be a share"),
        ({"shape": "28x28x7"}, "shape must be"),
        ({"preprocessing": {"size": [3, 3]}}, "preprocessing is not what"),
        ({"preprocessing": 3}, "preprocessing is not what"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=words):
        load_images(class_folders(tmp_path), **options)  # type: ignore[arg-type]


def test_progress_is_reported(tmp_path: Path) -> None:
    events: list[Progress] = []
    load_images(class_folders(tmp_path), on_progress=events.append)
    assert {event.task for event in events} == {"looking", "reading"}
    assert (events[-1].step, events[-1].total) == (8, 8)
    assert np.all([event.step <= event.total for event in events])
