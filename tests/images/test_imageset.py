import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from latentscape.errors import DataError
from latentscape.images import ImageSet, Refused

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (14, 6, 5), dtype=np.uint8)
LABELS = np.arange(14) % 3 * 10 + 1
FIELDS: dict[str, Any] = {
    "images": IMAGES,
    "labels": np.arange(14) % 3,
    "class_names": ("a", "b", "c"),
    "split": np.array(["train"] * 10 + ["test"] * 4),
    "ids": np.array([f"i{i}" for i in range(14)]),
    "name": "some",
}


def test_fields_and_properties() -> None:
    images = ImageSet(**FIELDS)
    assert len(images) == 14
    assert images.image_shape == (6, 5)
    assert images.n_classes == 3
    assert images.labels is not None
    assert images.labels.dtype == np.int64
    assert images.notes == ()
    assert repr(images) == "<ImageSet 'some': 14 images of 6×5, 3 classes, 10 train, 4 test>"
    assert len(images.train) == 10
    assert_array_equal(images.test.images, IMAGES[10:])
    assert_array_equal(images.test.ids, ["i10", "i11", "i12", "i13"])
    assert images.test.class_names == ("a", "b", "c")
    assert np.shares_memory(images.train.images, IMAGES)


def test_arrays_are_read_only_and_the_callers_own_is_not() -> None:
    images = ImageSet(**FIELDS)
    for array in (images.images, images.labels, images.split, images.ids):
        assert array is not None
        assert not array.flags.writeable
    assert IMAGES.flags.writeable
    with pytest.raises(dataclasses.FrozenInstanceError):
        images.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES / 255}, "uint8 .* got float64"),
        ({"images": IMAGES[0]}, r"got \(6, 5\)"),
        ({"images": IMAGES[:, :0]}, "at least one pixel"),
        ({"images": np.zeros((14, 3, 8, 8), np.uint8)}, "1, 3 or 4 channels .* got 8"),
        ({"labels": np.zeros(13, int)}, r"14 images but the labels have the shape \(13,\)"),
        ({"labels": np.zeros((14, 1), int)}, "one label is needed for each image"),
        ({"labels": np.zeros(14)}, "labels must be integers, got float64"),
        ({"labels": np.full(14, 3)}, "between 0 and 2 for 3 class names, got 3 to 3"),
        ({"labels": np.full(14, -2)}, "got -2 to -2"),
        ({"columns": {"a": np.zeros(13)}}, r"column 'a' has the shape \(13,\)"),
        ({"labels": np.full(14, 2**64 - 1, np.uint64)}, "64 bits"),
        ({"labels": None}, "3 class names but no labels"),
        ({"class_names": ("a", "a", "b")}, "class_names must be distinct"),
        ({"split": np.array(["train"] * 13)}, r"14 images but split has the shape \(13,\)"),
        ({"split": np.array(["train"] * 13 + ["dev"])}, "got 'dev' in row 13"),
        ({"ids": np.array(["x"] * 14)}, "14 images have only 1 different ids"),
        ({"ids": np.array(["x"])}, r"ids has the shape \(1,\)"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImageSet(**{**FIELDS, **changes})


def test_select() -> None:
    images = ImageSet(**FIELDS)
    mask = np.zeros(14, bool)
    mask[[2, 5]] = True
    assert_array_equal(images.select(mask).ids, ["i2", "i5"])
    assert_array_equal(images.select([5, 2, -1]).ids, ["i5", "i2", "i13"])
    assert_array_equal(images.select(slice(0, 14, 7)).ids, ["i0", "i7"])
    assert_array_equal(images.select([-2, -1]).ids, ["i12", "i13"])
    assert_array_equal(images.select([-1, 0]).ids, ["i13", "i0"])
    assert len(images.select([])) == len(images.select(~mask & mask)) == 0
    part = images.select([5, 2])
    assert part.labels is not None
    assert_array_equal(part.labels, [2, 2])
    assert_array_equal(part.images, IMAGES[[5, 2]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones(13, bool), r"mask has the shape \(13,\)"),
        ([14], "rows 14 to 14 were asked for"),
        ([-15], "rows -15 to -15"),
        ([1, 1], "2 images have only 1 different ids"),
        ([0.5], "must be a mask, positions or a slice"),
        (3, "must be a mask, positions or a slice"),
    ],
)
def test_select_refuses(rows: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImageSet(**FIELDS).select(rows)


def test_content_hash_is_the_content() -> None:
    images = ImageSet(**FIELDS)
    same = {**FIELDS, "images": IMAGES.copy(), "name": "other", "notes": ("a note",)}
    assert len(images.content_hash) == 64
    assert ImageSet(**same).content_hash == images.content_hash
    other_pixels = IMAGES.copy()
    other_pixels[3, 2, 1] ^= 1
    changes: list[dict[str, Any]] = [
        {"images": other_pixels},
        {"images": IMAGES.reshape(14, 5, 6)},
        {"images": IMAGES[..., None]},
        {"labels": np.arange(14) // 5},
        {"labels": None, "class_names": ()},
        {"class_names": ("a", "b", "d")},
        {"split": FIELDS["split"][::-1]},
        {"ids": FIELDS["ids"][::-1]},
    ]
    hashes = {ImageSet(**{**FIELDS, **change}).content_hash for change in changes}
    assert len(hashes | {images.content_hash}) == len(changes) + 1


def test_pickled_copy_is_equal_and_small() -> None:
    images = ImageSet(**{**FIELDS, "images": np.zeros((14, 100, 100), np.uint8)})
    assert len(images.train) + len(images.test) == 14  # cached, but not sent along
    payload = pickle.dumps(images)
    assert len(payload) < 1.1 * images.images.nbytes
    copy = pickle.loads(payload)
    assert copy.content_hash == images.content_hash
    assert (copy.name, copy.notes) == (images.name, images.notes)
    assert not copy.images.flags.writeable


def test_from_arrays_names_the_classes_and_sets_test_images_aside() -> None:
    images = ImageSet.from_arrays(IMAGES, LABELS, name="shapes")
    assert images.class_names == ("1", "11", "21")
    assert images.labels is not None
    assert_array_equal(images.labels, np.arange(14) % 3)
    assert (len(images.train), len(images.test)) == (12, 2)
    assert_array_equal(images.ids[:2], ["image-00000", "image-00001"])
    assert images.notes == (
        "shapes has no test images of its own, so 2 of its 14 images (one in seven, drawn with a "
        "fixed seed) were set aside for testing.",
    )
    again = ImageSet.from_arrays(IMAGES, LABELS)
    assert_array_equal(again.split, images.split)
    # The stream of RandomState(0) is frozen, so these never change.
    assert_array_equal(np.flatnonzero(images.split == "test"), [6, 8])


def test_from_arrays_takes_what_is_given() -> None:
    images = ImageSet.from_arrays(
        IMAGES,
        FIELDS["labels"],
        class_names=["x", "y", "z"],
        split=["test"] * 14,
        ids=list("abcdefghijklmn"),
    )
    assert images.class_names == ("x", "y", "z")
    assert len(images.test) == 14
    assert images.notes == ()
    assert ImageSet.from_arrays(IMAGES).labels is None


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_images_to_split(n: int) -> None:
    with pytest.raises(DataError, match="at least 2 are needed"):
        ImageSet.from_arrays(IMAGES[:n])
    assert len(ImageSet.from_arrays(IMAGES[:2]).test) == 1


def test_colour_images() -> None:
    images = ImageSet.from_arrays(np.zeros((7, 4, 4, 3), np.uint8))
    assert images.image_shape == (4, 4, 3)
    assert "no labels" in repr(images)


def test_some_images_have_no_label() -> None:
    labels = np.array([0, -1] * 7)
    images = ImageSet(**{**FIELDS, "labels": labels})
    assert images.labels is not None
    assert_array_equal(images.labels, labels)
    assert images.n_classes == 3
    assert images.select(labels < 0).labels is None
    none = ImageSet(**{**FIELDS, "labels": np.full(14, -1)})
    assert none.labels is None
    assert none.class_names == ()
    made = ImageSet.from_arrays(IMAGES, labels, class_names=["x"])
    assert made.labels is not None
    assert_array_equal(made.labels, labels)


def test_what_was_read_goes_along() -> None:
    told: dict[str, Any] = {
        "columns": {"age": np.arange(14) / 2, "place": np.array(list("abcdefghijklmn"))},
        "quarantine": (Refused("a.png", "is empty"),),
        "sentence": "Read 14 images.",
        "preprocessing": {"size": [6, 5], "mode": "grey"},
    }
    images = ImageSet(**FIELDS, **told)
    assert images.content_hash == ImageSet(**FIELDS).content_hash
    for copy, rows in (
        (images, slice(None)),
        (pickle.loads(pickle.dumps(images)), slice(None)),
        (images.select([3, 1]), [3, 1]),
        (images.test, slice(10, 14)),
    ):
        assert copy.quarantine == told["quarantine"]
        assert copy.sentence == told["sentence"]
        assert copy.preprocessing == told["preprocessing"]
        for name, values in told["columns"].items():
            assert_array_equal(copy.columns[name], values[rows])
            assert not copy.columns[name].flags.writeable
    with pytest.raises(TypeError):
        images.columns["age"] = IMAGES  # type: ignore[index]
