import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from latentscape.errors import DataError, IdxFormatError, StorageError
from latentscape.images import load_idx, load_images
from latentscape.types import AnyArray

RNG = np.random.default_rng(0)
TRAIN_IMAGES = RNG.integers(0, 256, (12, 5, 4), dtype=np.uint8)
TEST_IMAGES = RNG.integers(0, 256, (3, 5, 4), dtype=np.uint8)
TRAIN_LABELS = (np.arange(12) % 2 * 4 + 1).astype(np.uint8)  # 1 and 5
TEST_LABELS = np.array([5, 1, 9], np.uint8)
NAMES = {
    "train-images-idx3-ubyte": TRAIN_IMAGES,
    "train-labels-idx1-ubyte": TRAIN_LABELS,
    "t10k-images-idx3-ubyte": TEST_IMAGES,
    "t10k-labels-idx1-ubyte": TEST_LABELS,
}


def write(path: Path, array: AnyArray, code: int = 0x08) -> Path:
    raw = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    raw += array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "shapes"
    path.mkdir()
    for name, array in NAMES.items():
        write(path / name, array)
    return path


@pytest.mark.parametrize("rename", ["{}", "{}.gz", "dots", "emnist"])
def test_a_directory_in_mnist_naming(rename: str, folder: Path) -> None:
    for name, array in NAMES.items():
        (folder / name).unlink()
        if rename == "dots":
            new = name.replace("-idx", ".idx")
        elif rename == "emnist":
            new = "emnist-letters-" + name.replace("t10k", "test") + ".gz"
        else:
            new = rename.format(name)
        write(folder / new, array)
    (folder / "README.txt").touch()
    images = load_images(folder)
    assert images.name == "shapes"
    assert images.class_names == ("1", "5", "9")
    assert images.notes == ("No training image shows the class 9, but test images do.",)
    assert images.labels is not None
    assert_array_equal(images.images, np.concatenate([TRAIN_IMAGES, TEST_IMAGES]))
    assert_array_equal(images.train.images, TRAIN_IMAGES)
    assert_array_equal(images.test.ids, ["test-00000", "test-00001", "test-00002"])
    assert_array_equal(images.labels, [*([0, 1] * 6), 1, 0, 2])
    assert load_images(str(folder)).content_hash == images.content_hash


def test_only_training_files(folder: Path) -> None:
    (folder / "t10k-images-idx3-ubyte").unlink()
    images = load_images(folder)
    assert (len(images.train), len(images.test)) == (10, 2)
    assert images.class_names == ("1", "5")
    (note,) = images.notes
    assert note.startswith("shapes has no test images of its own, so 2 of its 12 images")
    (folder / "train-labels-idx1-ubyte").unlink()
    assert load_images(folder).labels is None


def test_no_label_files(folder: Path) -> None:
    (folder / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"no labels for .*train-images"):
        load_images(folder)
    (folder / "t10k-labels-idx1-ubyte").unlink()
    images = load_images(folder)
    assert images.labels is None
    assert images.n_classes == 0


def test_only_test_files(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").unlink()
    images = load_images(folder)
    assert (len(images.train), len(images.test)) == (2, 1)
    assert images.labels is not None


def test_an_images_file_with_its_labels_beside(folder: Path) -> None:
    images = load_images(folder / "train-images-idx3-ubyte")
    assert images.name == "train-images-idx3-ubyte"
    assert len(images) == 12
    assert images.class_names == ("1", "5")
    plain = folder / "train-labels-idx1-ubyte"
    write(folder / "train-labels-idx1-ubyte.gz", TRAIN_LABELS)
    plain.unlink()
    assert load_images(folder / "train-images-idx3-ubyte").class_names == ("1", "5")
    colour = write(folder / "colour-images-idx4-ubyte.gz", np.zeros((7, 4, 4, 3), np.uint8))
    write(folder / "colour-labels-idx1-ubyte", np.arange(7, dtype=np.uint8))
    assert load_images(colour).image_shape == (4, 4, 3)
    assert load_images(colour).n_classes == 7
    assert load_images(write(folder / "pixels", TEST_IMAGES)).labels is None


def test_labels_of_other_integer_types(folder: Path) -> None:
    labels = write(folder / "labels", np.arange(-6, 6, dtype=np.int32) * 1000, code=0x0C)
    images = load_idx(folder / "train-images-idx3-ubyte", labels)
    assert images.class_names[:2] == ("-6000", "-5000")


def test_mismatches_and_wrong_kinds(folder: Path) -> None:
    train, train_labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
    test, test_labels = folder / "t10k-images-idx3-ubyte", folder / "t10k-labels-idx1-ubyte"
    with pytest.raises(DataError, match=r"holds 12 images but .* holds 3 labels"):
        load_idx(train, test_labels)
    with pytest.raises(DataError, match="holds 12 labels, not images"):
        load_images(train_labels)
    with pytest.raises(DataError, match=r"shape \(12, 5, 4\), not labels"):
        load_idx(train, train)
    with pytest.raises(DataError, match="test labels without test images"):
        load_idx(train, train_labels, test_labels=test_labels)
    with pytest.raises(DataError, match=r"no labels for .*t10k"):
        load_idx(train, train_labels, test)
    other = write(folder / "other", np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(DataError, match=r"\(5, 4\) but .* of \(4, 4\)"):
        load_idx(train, None, other)
    with pytest.raises(DataError, match="holds float32 values, but images must be uint8"):
        load_idx(write(folder / "floats", np.zeros((3, 4, 4), np.float32), code=0x0D))
    with pytest.raises(DataError, match="float32 values, but labels must be integers"):
        load_idx(train, write(folder / "floats", np.zeros(12, np.float32), code=0x0D))
    with pytest.raises(DataError, match=r"an array of shape \(3, 4\)"):
        load_idx(write(folder / "flat", np.zeros((3, 4), np.uint8)))
    with pytest.raises(DataError, match="holds no images"):
        load_idx(write(folder / "none", np.zeros((0, 4, 4), np.uint8)))
    with pytest.raises(DataError, match="in their last axis, got 9"):
        load_idx(write(folder / "channels", np.zeros((3, 3, 9, 9), np.uint8)))
    with pytest.raises(DataError, match="at least 2 are needed"):
        load_idx(write(folder / "one", np.zeros((1, 4, 4), np.uint8)))


def test_directories_that_do_not_do(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no images .* train-images-idx3-ubyte"):
        load_images(tmp_path)
    write(folder / "letters-train-images-idx3-ubyte", TRAIN_IMAGES)
    with pytest.raises(DataError, match=r"more than one data set .*letters-train"):
        load_images(folder)


def test_damage_is_reported_with_the_file(folder: Path) -> None:
    file = folder / "t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(IdxFormatError, match="t10k-images-idx3-ubyte: expected 76 bytes, got 69"):
        load_images(folder)


def test_wrong_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match="no file or directory MNIST; did you mean 'mnist'"):
        load_images("MNIST")
    with pytest.raises(StorageError, match="null byte"):
        load_images("a\0b")
    with pytest.raises(StorageError, match="empty path"):
        load_images("")
    with pytest.raises(StorageError, match="File name too long"):
        load_images("x" * 5000)


def test_a_directory_without_permission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # the superuser may list everything
    with pytest.raises(StorageError, match=r"no permission to read .*shapes.*chmod"):
        load_images(folder)


def test_a_path_called_mnist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    folder.rename("mnist")
    assert len(load_images("./mnist")) == 15
    assert len(load_images(Path("mnist"))) == 15
    assert len(load_images("mnist")) == 70_000
