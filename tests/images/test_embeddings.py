import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from latentscape.errors import DataError
from latentscape.images import EmbeddingSet, Refused

RNG = np.random.default_rng(0)
CODES = RNG.normal(size=(14, 4)).astype(np.float32)
IMAGES = RNG.integers(0, 256, (14, 6, 5), dtype=np.uint8)
FIELDS: dict[str, Any] = {
    "codes": CODES,
    "images": IMAGES,
    "labels": np.arange(14) % 4 - 1,
    "class_names": ("a", "b", "c"),
    "split": np.array(["train"] * 10 + ["test"] * 4),
    "ids": np.array([f"i{i}" for i in range(14)]),
    "name": "some",
    "columns": {"year": np.arange(14), "place": np.array(list("abcdefghijklmn"))},
}


def unit(codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(codes / np.linalg.norm(codes, axis=1, keepdims=True))


def test_fields_and_properties() -> None:
    table = EmbeddingSet(**FIELDS)
    assert len(table) == 14
    assert (table.latent_dim, table.image_shape, table.n_classes) == (4, (6, 5), 3)
    assert table.codes.dtype == np.float32
    assert table.labels is not None
    assert_array_equal(table.labels, np.arange(14) % 4 - 1)
    assert repr(table) == "<EmbeddingSet 'some': 14 rows of 4 numbers, with images, 3 classes>"
    assert len(table.train) == 10
    assert_array_equal(table.test.codes, CODES[10:])
    assert_array_equal(table.test.columns["year"], [10, 11, 12, 13])
    assert np.shares_memory(table.train.codes, CODES)


def test_arrays_are_read_only_and_the_callers_own_are_not() -> None:
    table = EmbeddingSet(**FIELDS)
    for array in (table.codes, table.images, table.labels, table.columns["year"]):
        assert array is not None
        assert not array.flags.writeable
    assert CODES.flags.writeable
    assert FIELDS["columns"]["year"].flags.writeable
    with pytest.raises(TypeError):
        table.columns["more"] = CODES  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": CODES[0]}, r"shape \(n, d\), one row for each, got \(4,\)"),
        ({"codes": CODES[:, :0]}, "at least one column"),
        ({"codes": CODES.astype(complex)}, "real numbers, got complex128"),
        ({"codes": CODES.astype(str)}, "real numbers"),
        ({"codes": [[1.0], [1.0, 2.0]]}, "equally many numbers"),
        ({"images": IMAGES[:13]}, "14 rows of codes but 13 images; one image is needed"),
        ({"images": IMAGES / 255}, "uint8 .* got float64"),
        ({"images": np.zeros((14, 3, 8, 8), np.uint8)}, "1, 3 or 4 channels"),
        ({"images": IMAGES[:, :0]}, "at least one pixel"),
        ({"labels": np.zeros(13, int)}, "14 rows of codes but 13 labels; one label is needed"),
        ({"labels": np.zeros(14)}, "labels must be integers, got float64"),
        ({"labels": np.full(14, 3)}, "between 0 and 2 .* or -1 for none, got 3 to 3"),
        ({"labels": np.full(14, -2)}, "got -2 to -2"),
        ({"labels": np.full(14, 2**64 - 1, np.uint64)}, "64 bits"),
        ({"labels": None}, "3 class names but no labels"),
        ({"class_names": ("a", "a", "b")}, "class_names must be distinct"),
        ({"split": np.array(["train"] * 13)}, r"14 rows of codes but split of the shape \(13,\)"),
        ({"split": np.array(["train"] * 13 + ["dev"])}, "got 'dev' in row 13"),
        ({"ids": np.array(["x"] * 14)}, "14 rows have only 1 different ids"),
        ({"ids": np.array(["x"])}, r"ids of the shape \(1,\)"),
        ({"columns": {"year": [1, 2]}}, r"column 'year' of the shape \(2,\)"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        EmbeddingSet(**{**FIELDS, **changes})


def test_rows_with_nan_or_infinity_are_named() -> None:
    codes = np.zeros((20, 3))
    codes[[2, 3, 5, 7, 11, 13], 1] = np.nan, np.inf, -np.inf, np.nan, 1e300, np.nan
    with pytest.raises(DataError) as raised:
        EmbeddingSet.from_arrays(codes, name="table.npy")
    assert str(raised.value) == (
        "6 of 20 rows of the codes of table.npy hold NaN or infinity (rows 2, 3, 5, 7, 11, ...); "
        "mend what made them, or set them aside with drop_nonfinite (--drop-nonfinite)"
    )


def test_rows_with_nan_or_infinity_are_set_aside_when_asked() -> None:
    codes = CODES.copy()
    codes[3, 1], codes[9] = np.nan, np.inf
    table = EmbeddingSet.from_arrays(
        codes,
        np.arange(14) % 2,
        images=IMAGES,
        columns={"year": np.arange(14)},
        drop_nonfinite=True,
        source="table.npy",
    )
    left = [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12, 13]
    assert_array_equal(table.codes, CODES[left])
    assert table.images is not None
    assert_array_equal(table.images, IMAGES[left])
    assert_array_equal(table.columns["year"], left)
    assert table.ids[3] == "row-00004"
    assert table.quarantine == (
        Refused("table.npy, row 3", "NaN or infinity"),
        Refused("table.npy, row 9", "NaN or infinity"),
    )
    assert "2 of 14 rows hold NaN or infinity and were set aside (rows 3, 9)." in table.notes
    assert table.sentence == (
        "embeddings: 12 embeddings of 4 numbers, images of 6 × 5, 2 classes, 2 rows set aside."
    )


def test_uneven_lengths_suggest_the_cosine() -> None:
    even = unit(RNG.normal(size=(500, 8)))
    assert EmbeddingSet.from_arrays(even).notes == ()
    lengths = np.linspace(1, 3, 500)[:, None]
    (note,) = EmbeddingSet.from_arrays(even * lengths).notes
    assert note == (
        "The rows have lengths from 1 to 3 (coefficient of variation 29 %); if only their "
        "direction carries meaning, as with CLIP, --metric cosine compares that alone."
    )
    # 10 % is the limit: np.linspace(1 - s, 1 + s) has the standard deviation s / sqrt(3).
    for spread, n_notes in ((0.16, 0), (0.19, 1)):
        scaled = even * np.linspace(1 - spread, 1 + spread, 500)[:, None]
        assert len(EmbeddingSet.from_arrays(scaled).notes) == n_notes


def test_dead_columns_are_counted() -> None:
    codes = unit(RNG.normal(size=(60, 8)))
    codes[:, [1, 4]] = 0
    codes = unit(codes)
    (note,) = EmbeddingSet.from_arrays(codes).notes
    assert note == (
        "2 of 8 columns never change (columns 1, 4): dead units, which no map can show."
    )
    codes[:, 4] = RNG.normal(scale=0.01, size=60)
    (note,) = EmbeddingSet.from_arrays(codes).notes
    assert note.startswith("1 of 8 columns never changes (column 1)")


def test_select() -> None:
    table = EmbeddingSet(**FIELDS)
    mask = np.zeros(14, bool)
    mask[[2, 5]] = True
    assert_array_equal(table.select(mask).ids, ["i2", "i5"])
    part = table.select([5, 2, -1])
    assert part.labels is not None
    assert part.images is not None
    assert_array_equal(part.codes, CODES[[5, 2, 13]])
    assert_array_equal(part.images, IMAGES[[5, 2, 13]])
    assert_array_equal(part.labels, [0, 1, 0])
    assert_array_equal(part.columns["place"], ["f", "c", "n"])
    assert part.class_names == ("a", "b", "c")
    assert_array_equal(table.select(slice(0, 14, 7)).ids, ["i0", "i7"])
    assert len(table.select([])) == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones(13, bool), r"mask has the shape \(13,\)"),
        ([14], "rows 14 to 14 were asked for"),
        ([1, 1], "2 rows have only 1 different ids"),
        ([0.5], "must be a mask, positions or a slice"),
    ],
)
def test_select_refuses(rows: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        EmbeddingSet(**FIELDS).select(rows)


def test_content_hash_is_the_content() -> None:
    table = EmbeddingSet(**FIELDS)
    same = {**FIELDS, "name": "other", "notes": ("n",), "columns": {}, "sentence": "s"}
    assert EmbeddingSet(**same).content_hash == table.content_hash
    other = CODES.copy()
    other[3, 2] = np.nextafter(other[3, 2], np.float32(9))
    changes: list[dict[str, Any]] = [
        {"codes": other},
        {"codes": CODES.reshape(14, 2, 2)[:, :, 0]},
        {"images": None},
        {"images": IMAGES.reshape(14, 5, 6)},
        {"labels": np.arange(14) // 5},
        {"labels": None, "class_names": ()},
        {"class_names": ("a", "b", "d")},
        {"split": FIELDS["split"][::-1]},
        {"ids": FIELDS["ids"][::-1]},
    ]
    hashes = {EmbeddingSet(**{**FIELDS, **change}).content_hash for change in changes}
    assert len(hashes | {table.content_hash}) == len(changes) + 1
    assert len(table.content_hash) == 64


def test_pickled_copy_is_equal_and_small() -> None:
    table = EmbeddingSet(**{**FIELDS, "images": np.zeros((14, 100, 100), np.uint8)})
    assert len(table.train) + len(table.test) == 14  # cached, but not sent along
    assert table.images is not None
    payload = pickle.dumps(table)
    assert len(payload) < 1.1 * table.images.nbytes
    copy = pickle.loads(payload)
    assert copy.content_hash == table.content_hash
    assert copy.columns.keys() == table.columns.keys()
    assert not copy.codes.flags.writeable


@pytest.mark.parametrize(
    ("labels", "names", "positions"),
    [
        ([30, 10, 30], ("10", "30"), [1, 0, 1]),
        ([2, -1, 0], ("0", "2"), [1, -1, 0]),
        (["dog", "", "cat"], ("cat", "dog"), [1, -1, 0]),
        (["dog", None, "cat"], ("cat", "dog"), [1, -1, 0]),
        ([1.0, np.nan, 0.0], ("0", "1"), [1, -1, 0]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        (np.array([7, 7, 8], np.uint8), ("7", "8"), [0, 0, 1]),
    ],
)
def test_from_arrays_names_the_classes(labels: Any, names: Any, positions: Any) -> None:
    table = EmbeddingSet.from_arrays(CODES[:3], labels)
    assert table.class_names == names
    assert table.labels is not None
    assert_array_equal(table.labels, positions)


def test_labels_that_are_all_missing_are_none() -> None:
    nothing: list[Any] = [[-1, -1, -1], ["", "", ""], [None, None, None], [np.nan] * 3]
    for labels in nothing:
        table = EmbeddingSet.from_arrays(CODES[:3], labels)
        assert table.labels is None
        assert table.class_names == ()
    part = EmbeddingSet(**FIELDS).select([0, 4])
    assert part.labels is None


def test_from_arrays_takes_what_is_given() -> None:
    table = EmbeddingSet.from_arrays(
        CODES.astype(np.float64),
        ["y"] * 14,
        class_names=["x", "y", "z"],
        split=["train"] * 14,
        ids=list("abcdefghijklmn"),
    )
    assert table.class_names == ("x", "y", "z")
    assert table.labels is not None
    assert_array_equal(table.labels, np.ones(14))
    assert len(table.train) == 14
    assert_array_equal(table.codes, CODES)
    bare = EmbeddingSet.from_arrays([[1, 2], [3, 4]])
    assert_array_equal(bare.ids, ["row-00000", "row-00001"])
    assert len(bare.test) == 2
    assert bare.sentence == "embeddings: 2 embeddings of 2 numbers, no images, no labels."


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(13, int), "14 rows of codes but 13 labels"),
        ([0.5] * 14, "integers or strings, got float64"),
        ([1j] * 14, "integers or strings, got complex128"),
        ([["a"]] * 14, r"labels of the shape \(14, 1\)"),
        ([{}, *"abcdefghijklm"], "integers or strings, got {} among them"),
    ],
)
def test_from_arrays_refuses_labels(labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        EmbeddingSet.from_arrays(CODES, labels)


def test_a_label_that_no_class_name_has() -> None:
    with pytest.raises(DataError, match="the label 'w' is none of the class names"):
        EmbeddingSet.from_arrays(CODES[:1], ["w"], class_names=["x"])


def test_grey_images_with_a_channel_axis_lose_it() -> None:
    table = EmbeddingSet.from_arrays(CODES, images=IMAGES[..., None])
    assert table.image_shape == (6, 5)
