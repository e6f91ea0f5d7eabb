"""Every kind of bad input, and the very sentence that its user sees."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageFile

from latentscape.errors import DataError, IdxFormatError
from latentscape.images import ImageSet, Refused, load_images
from latentscape.types import UInt8Array

from .pictures import class_folders, encoded, noise, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder called ``icons``."""
    path = tmp_path / "icons"
    path.mkdir()
    return path


def fill(folder: Path, n: int, *shape: int, prefix: str = "a") -> UInt8Array:
    """Write `n` pictures of one shape, and return their pixels."""
    pixels = noise(n, *shape)
    for i, image in enumerate(pixels):
        write(folder / f"{prefix}{i:03d}.png", image)
    return pixels


def row(images: ImageSet, name: str) -> UInt8Array:
    """Return the image with this id."""
    found: UInt8Array = images.images[images.ids.tolist().index(name)]
    return found


# Mixed sizes


def test_mixed_sizes(folder: Path) -> None:
    common = fill(folder, 10, 8, 12)
    write(folder / "b.png", np.full((16, 24), 70, np.uint8))  # twice as large
    write(folder / "c.png", np.full((4, 6), 70, np.uint8))  # half as large
    write(folder / "d.png", np.zeros((8, 8), np.uint8))  # of another shape
    images = load_images(folder)
    assert images.images.shape == (13, 8, 12)
    assert_array_equal(images.images[:10], common)
    for name in ("b.png", "c.png"):
        assert_array_equal(row(images, name), np.full((8, 12), 70))
    square = row(images, "d.png")
    assert (square[:, :2] == 255).all()  # white, and in the middle
    assert (square[:, 2:10] == 0).all()
    assert (square[:, 10:] == 255).all()
    assert images.sentence == (
        "icons: 13 grey images of 8×12 pixels (11 for training, 2 for testing) without labels; "
        "3 of another size fitted to 8×12."
    )
    assert images.notes[1] == (
        "The images of icons come in 4 sizes: 8×12 (10), 16×24 (1), 4×6 (1), 8×8 (1); --size "
        "chooses another than 8×12."
    )


def test_a_size_that_was_asked_for(folder: Path) -> None:
    fill(folder, 7, 8, 12)
    images = load_images(folder, size=6, background="#808080")
    assert images.image_shape == (6, 6)
    assert (images.images[:, [0, 5]] == 128).all()
    assert images.sentence.endswith("; 7 of another size fitted to 6×6.")


def test_smaller_is_made_by_averaging_areas(folder: Path) -> None:
    pixels = noise(7, 20, 30)
    for i, image in enumerate(pixels):
        write(folder / f"{i}.png", image)
    expected = pixels.reshape(7, 4, 5, 6, 5).mean(axis=(2, 4))
    # Pillow averages along one axis after the other and rounds twice.
    assert np.abs(load_images(folder, size="4x6").images - expected).max() <= 1


# Modes


def test_mixed_modes(folder: Path) -> None:
    colour = fill(folder, 8, 9, 9, 3)
    grey = noise(9, 9)
    write(folder / "grey.png", grey)
    write(folder / "palette.png", Image.fromarray(colour[0]).quantize(8))
    half = np.dstack([colour[1], np.full((9, 9), 128, np.uint8)])
    write(folder / "rgba.png", half)
    write(folder / "inks.jpg", Image.new("CMYK", (9, 9), (0, 255, 255, 0)), quality=95)
    images = load_images(folder)
    assert images.images.shape == (12, 9, 9, 3)
    assert_array_equal(images.images[:8], colour)
    assert_array_equal(row(images, "grey.png"), np.repeat(grey[..., None], 3, axis=2))
    expected = (colour[1].astype(float) * 128 + 255 * 127) / 255
    assert np.abs(row(images, "rgba.png") - expected).max() <= 0.5
    red = row(images, "inks.jpg").astype(int)
    assert (red[..., 0] > 200).all()
    assert (red[..., 1:] < 60).all()
    assert images.sentence == (
        "icons: 12 RGB images of 9×9 pixels (10 for training, 2 for testing) without labels; "
        "1 with transparency laid over white; 1 in grey made RGB; 1 converted from CMYK."
    )


def test_most_images_are_grey(folder: Path) -> None:
    fill(folder, 8, 9, 9)
    write(folder / "red.png", np.full((9, 9, 3), (200, 0, 0), np.uint8))
    images = load_images(folder)
    assert images.images.shape == (9, 9, 9)
    assert (row(images, "red.png") == round(0.299 * 200)).all()
    assert images.sentence.endswith("without labels; 1 in colour made grey.")
    assert load_images(folder, mode="rgb").sentence.endswith("; 8 in grey made RGB.")


def test_a_background_of_ones_own(folder: Path) -> None:
    for i in range(7):
        write(folder / f"{i}.png", np.full((9, 9, 4), (0, 0, 0, i), np.uint8))
    clear = load_images(folder, background="#ff8000")
    assert_array_equal(clear.images[0, 0, 0], (255, 128, 0))
    assert clear.sentence.endswith("; 7 with transparency laid over #ff8000.")
    assert clear.preprocessing["background"] == "#ff8000"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_transparency_of_every_mode(mode: str, folder: Path) -> None:
    options: dict[str, Any] = {} if mode.endswith("A") else {"transparency": 0}
    if mode == "RGB":
        options = {"transparency": (0, 0, 0)}
    image = Image.new(mode, (9, 9), 0)
    for i in range(3):
        write(folder / f"{i}.png", image, **options)
    assert (load_images(folder).images == 255).all()


# Values


def test_sixteen_bits(folder: Path) -> None:
    deep = np.arange(7 * 81, dtype=np.uint16).reshape(7, 9, 9) * 115
    for i, image in enumerate(deep):
        write(folder / f"{i}.png", image)
    images = load_images(folder)
    assert_array_equal(images.images, np.rint(deep / 65535 * 255))
    assert images.sentence.endswith("; 16-bit values were scaled from 0 (black) to 65535 (white).")
    assert images.preprocessing["value_ranges"] == {"uint16": [0.0, 65535.0]}


def test_twelve_bits_in_sixteen(folder: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 4096, (7, 9, 9)).astype(np.uint16)
    for i, image in enumerate(deep):
        write(folder / f"{i}.tif", image)
    images = load_images(folder)
    assert images.images.max() == 255
    assert images.images.mean() > 100
    (note,) = [note for note in images.notes if "usual range" in note]
    assert "the 16-bit values go from" in note
    assert "(the 99.9th percentile) white" in note


@pytest.mark.parametrize(
    ("low", "high", "black", "white"), [(0, 1, 0, 1), (0, 255, 0, 255), (-1, 1, -1, 1)]
)
def test_floats(low: float, high: float, black: float, white: float, folder: Path) -> None:
    values = np.linspace(low, high, 7 * 81).reshape(7, 9, 9).astype(np.float32)
    for i, image in enumerate(values):
        write(folder / f"{i}.tif", image)
    expected = np.rint((values - low) / (high - low) * 255)
    images = load_images(folder)
    assert np.abs(images.images - expected).max() <= 1
    assert images.sentence.endswith(
        f"; floating-point values were scaled from {black} (black) to {white} (white)."
    )
    assert_array_equal(load_images(values).images, images.images)


def test_floats_of_no_usual_range() -> None:
    values = np.random.default_rng(0).normal(size=(50, 8, 8))
    images = load_images(values)
    (low, high) = images.preprocessing["value_ranges"]["float"]
    assert -4 < low < -2.5
    assert 2.5 < high < 4
    assert images.notes[0].startswith("In the array the floating-point values go from -")
    again = load_images(values[:3] / 2, preprocessing=images.preprocessing)
    assert_array_equal(
        again.images, np.rint(np.clip((values[:3] / 2 - low) / (high - low), 0, 1) * 255)
    )


def test_the_range_is_that_of_all_images_never_of_one() -> None:
    values = np.ones((10, 4, 4), np.float32)
    values[0] = 0.1
    assert (load_images(values).images[0] == 26).all()


@pytest.mark.parametrize("dtype", [np.int64, np.int16, np.uint32, np.float64, bool])
def test_bytes_of_another_type(dtype: Any) -> None:
    pixels = noise(9, 5, 5) if dtype is not bool else noise(9, 5, 5) > 100
    expected = pixels * 255 if dtype is bool else pixels
    images = load_images(pixels.astype(dtype))
    assert_array_equal(images.images, expected)


def test_black_and_white_in_noughts_and_ones() -> None:
    images = load_images((noise(9, 5, 5) > 100).astype(np.uint8))
    assert set(np.unique(images.images)) == {0, 255}
    assert images.sentence.endswith("8-bit values were scaled from 0 (black) to 1 (white).")


def test_values_that_are_not_finite(folder: Path) -> None:
    values = np.random.default_rng(0).random((300, 4, 4)).astype(np.float32)
    values[7, 1, 1] = np.nan
    values[70, 1, 1] = np.inf
    images = load_images(values)
    assert len(images) == 298
    reason = "has values that are not finite numbers"
    assert images.quarantine == (Refused("row 7", reason), Refused("row 70", reason))
    write(folder / "a.tif", values[7])
    write(folder / "b.tif", values[8])
    write(folder / "c.tif", values[9])
    assert load_images(folder, max_bad=0.5).quarantine == (Refused("a.tif", reason),)


# What cannot be read


def damaged(folder: Path) -> dict[str, str]:
    """Write one of each kind of bad file; return what is said of it."""
    whole = encoded(noise(20, 20, 3))
    (folder / "x-cut.png").write_bytes(whole[: len(whole) // 2])
    jpeg = encoded(noise(40, 40, 3), "jpeg")
    (folder / "x-cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (folder / "x-empty.png").write_bytes(b"")
    (folder / "x-page.png").write_bytes(b"<!DOCTYPE html><title>404</title>")
    (folder / "x-script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    return {
        "x-cut.jpg": "is damaged: ",
        "x-cut.png": "is damaged: ",
        "x-empty.png": "is empty",
        "x-page.png": "is not an image that can be read",
        "x-script.png": "is not an image that can be read",
    }


def test_what_cannot_be_read_is_set_aside(folder: Path) -> None:
    pixels = fill(folder, 500, 20, 20, 3)
    said = damaged(folder)
    images = load_images(folder)
    assert_array_equal(images.images, pixels)
    assert [item.path for item in images.quarantine] == sorted(said)
    for item in images.quarantine:
        assert item.reason.startswith(said[item.path])
    assert images.sentence.endswith("without labels; 5 files set aside.")


def test_too_much_that_cannot_be_read(folder: Path) -> None:
    fill(folder, 495, 20, 20, 3)
    damaged(folder)
    refused = r"^3 of 500 images in .* cannot be read, more than 0\.5 % "
    with pytest.raises(DataError, match=refused):
        load_images(folder, max_bad=0.005)  # what the headers show is enough
    with pytest.raises(DataError) as caught:
        load_images(folder, max_bad=0.008)
    message = str(caught.value)
    assert message.startswith(f"5 of 500 images in {folder} cannot be read, more than 0.8 % of ")
    assert message.endswith(
        "; and 2 more); mend or remove them, or allow more (max_bad, --max-bad)"
    )
    assert len(load_images(folder, max_bad=0.01)) == 495


def test_nothing_that_can_be_read(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        load_images(folder, max_bad=0.9)
    assert str(caught.value) == f"{folder} holds no image that can be read (a.png: is empty)"


# Labels


def test_some_labels_are_missing(folder: Path) -> None:
    class_folders(folder, 6)
    fill(folder, 2, 9, 8)
    assert load_images(folder).sentence == (
        "icons: 14 grey images of 9×8 pixels (12 for training, 2 for testing) in 2 classes, 2 of "
        "them without a label."
    )


def test_classes_that_training_does_not_see(folder: Path) -> None:
    class_folders(folder / "train", 3)
    class_folders(folder / "test", 2, ("dog", "owl", "rat"))
    assert load_images(folder).notes == (
        "No training image shows the classes owl, rat, but test images do.",
    )


def test_classes_of_very_different_size(folder: Path) -> None:
    class_folders(folder, 100, ("cat",))
    class_folders(folder, 1, ("dog",))
    assert load_images(folder).notes[-1] == (
        "The classes differ much in size: cat has 100 images and dog 1; read the figures of each "
        "class, not the overall accuracy."
    )


def test_labels_and_images_of_different_number(folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_images(noise(10, 5, 5), labels=[1] * 9)
    assert str(caught.value) == (
        "the array holds 10 images but there are 9 labels; one label is needed for each image"
    )
    np.savez(folder / "a.npz", images=noise(10, 5, 5), labels=np.arange(9))
    with pytest.raises(DataError) as caught:
        load_images(folder / "a.npz")
    assert str(caught.value) == (
        f"{folder / 'a.npz'} holds 10 images but 9 labels; one label is needed for each image"
    )


# Copies


def test_test_images_among_the_training_images(folder: Path) -> None:
    class_folders(folder / "train", 5)
    class_folders(folder / "test", 2)
    for name in ("000", "001"):
        copy = (folder / "train" / "cat" / f"{name}.png").read_bytes()
        (folder / "test" / "dog" / f"{name}.png").write_bytes(copy)
    assert load_images(folder).notes == (
        "2 of the 14 images repeat another one exactly.",
        "2 of the 4 test images are among the training images too, so test errors look better "
        "than they are; take them out of one of the two.",
    )


# Odd sizes


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (3, 5), (5, 63)])
def test_tiny_and_odd_images(shape: tuple[int, int], folder: Path) -> None:
    pixels = fill(folder, 7, *shape)
    assert_array_equal(load_images(folder).images, pixels)


def test_large_images_are_made_smaller(folder: Path) -> None:
    for i in range(7):
        write(folder / f"{i}.jpg", np.full((300, 400, 3), 30 * i, np.uint8), quality=95)
    images = load_images(folder)
    assert images.image_shape == (48, 64, 3)
    assert np.abs(images.images[:, 0, 0, 0] - 30.0 * np.arange(7)).max() <= 2
    assert images.sentence == (
        "icons: 7 RGB images of 48×64 pixels (6 for training, 1 for testing) without labels; made "
        "smaller so that no side is longer than 64 pixels (--size changes that)."
    )
    assert load_images(folder, size="300x400").image_shape == (300, 400, 3)
    big = load_images(noise(7, 100, 200))
    assert big.image_shape == (32, 64)
    assert "no side is longer than 64 pixels" in big.sentence


def bomb(width: int, height: int) -> bytes:
    """Return the beginning of a PNG that promises very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1 << 20), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(10_001, 10_000), (40_000, 40_000)])
def test_image_bombs(
    width: int, height: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 120, 9, 9)
    (folder / "bomb.png").write_bytes(bomb(width, height))
    decoded: list[tuple[int, int]] = []
    load = ImageFile.ImageFile.load

    def watched(self: ImageFile.ImageFile) -> Any:
        decoded.append(self.size)
        return load(self)

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", watched)
    images = load_images(folder)
    assert not [size for size in decoded if size[0] > 9]
    assert images.quarantine == (
        Refused(
            "bomb.png",
            f"claims to have {width * height:,} pixels, more than the 100,000,000 that are decoded",
        ),
    )


# Kinds of files


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int, folder: Path) -> None:
    upright = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
    undo = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for i in range(2):
        image = Image.fromarray(np.ascontiguousarray(undo))
        write(folder / f"{i}.tif", image, exif=exif)
    images = load_images(folder)
    assert_array_equal(images.images[0], upright)
    assert ("2 turned as their EXIF data say" in images.sentence) == (orientation > 1)


def test_moving_pictures(folder: Path) -> None:
    frames = [Image.fromarray(np.full((9, 9), v, np.uint8)) for v in (0, 100, 200)]
    for i in range(2):
        file = io.BytesIO()
        frames[0].save(file, "gif", save_all=True, append_images=frames[1:])
        (folder / f"{i}.gif").write_bytes(file.getvalue())
    images = load_images(folder)
    assert (images.images == 0).all()
    assert images.sentence.endswith("; the first frame taken of 2 animations.")


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "webp", "pgm", "tga", "ico"])
def test_formats(suffix: str, folder: Path) -> None:
    pixels = noise(3, 16, 16)
    for i, image in enumerate(pixels):
        options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
        kind = {"tif": "tiff", "pgm": "ppm"}.get(suffix, suffix)
        (folder / f"{i}.{suffix}").write_bytes(encoded(image, kind, **options))
    images = load_images(folder, mode="grey")
    assert_array_equal(images.images, pixels)


# IDX


def test_a_damaged_idx_file(folder: Path) -> None:
    head = bytes([0, 0, 8, 3]) + struct.pack(">3I", 60_000, 28, 28)
    (folder / "train-images-idx3-ubyte").write_bytes(head + bytes(1000))
    with pytest.raises(IdxFormatError) as caught:
        load_images(folder)
    assert str(caught.value) == (
        f"{folder / 'train-images-idx3-ubyte'}: expected 47,040,016 bytes, got 1,016; the file is "
        "cut short, so copy or download it again"
    )


def test_too_few_images(folder: Path) -> None:
    fill(folder, 1, 9, 9)
    with pytest.raises(DataError) as caught:
        load_images(folder)
    assert str(caught.value) == (
        "icons has 1 image, but at least 2 are needed: one to train with and one to test with"
    )


def test_an_atlas_is_no_folder_of_images(folder: Path) -> None:
    (folder / "atlas.json").write_text("{}")
    fill(folder, 3, 9, 9)
    with pytest.raises(DataError, match="is an atlas, which `latentscape explore` shows"):
        load_images(folder)
