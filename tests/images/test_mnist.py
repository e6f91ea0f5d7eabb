import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latentscape.errors import DataError
from latentscape.images import MNIST_CONTENT_HASH, ImageSet, load_mnist, mnist

# Published with the original files and repeated by torchvision, Keras and others.
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_mnist()


def test_bundled_files_are_the_original_ones() -> None:
    checksums = json.loads((mnist.DATA_DIRECTORY / "checksums.json").read_text())["files"]
    assert set(checksums) == {f"{name}.gz" for name in MD5}
    attribution = (mnist.DATA_DIRECTORY / "ATTRIBUTION.md").read_text()
    for name, md5 in MD5.items():
        packed = (mnist.DATA_DIRECTORY / f"{name}.gz").read_bytes()
        assert packed[3:8] == bytes(5)  # no name and no time in the gzip header
        raw = gzip.decompress(packed)
        recorded = checksums[f"{name}.gz"]
        assert hashlib.md5(raw).hexdigest() == md5 == recorded["md5"]
        assert hashlib.sha256(raw).hexdigest() == recorded["sha256"]
        assert len(raw) == recorded["bytes"]
        assert md5 in attribution


def test_load_mnist(digits: ImageSet) -> None:
    assert digits.images.shape == (70_000, 28, 28)
    assert digits.images.dtype == np.uint8
    assert digits.images.flags.c_contiguous
    assert not digits.images.flags.writeable
    assert digits.class_names == tuple("0123456789")
    assert digits.name == "mnist"
    assert digits.notes == ()
    assert (digits.split[:60_000] == "train").all()
    assert (digits.split[60_000:] == "test").all()
    assert (digits.ids[0], digits.ids[60_000], digits.ids[-1]) == (
        "train-00000",
        "test-00000",
        "test-09999",
    )
    # Known facts: the first labels, and 6,742 ones among the training images.
    assert digits.train.labels is not None
    assert digits.test.labels is not None
    assert digits.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert digits.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(digits.train.labels)[1] == 6742
    # The usual normalisation constants of the training images.
    assert digits.train.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert digits.train.images.std() / 255 == pytest.approx(0.3081, abs=5e-5)


def test_content_hash_is_known(digits: ImageSet) -> None:
    assert digits.content_hash == MNIST_CONTENT_HASH


def test_a_changed_or_missing_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in mnist.DATA_DIRECTORY.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(mnist, "DATA_DIRECTORY", tmp_path)
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    raw = bytearray(gzip.decompress(labels.read_bytes()))
    raw[100] ^= 1  # still a right IDX file
    labels.write_bytes(gzip.compress(raw))
    with pytest.raises(
        DataError, match=r"t10k-labels.* SHA-256 differs.*install latentscape again"
    ):
        load_mnist()
    labels.unlink()
    with pytest.raises(
        DataError, match=r"t10k-labels.* cannot be used .*install latentscape again"
    ):
        load_mnist()
    (tmp_path / "checksums.json").write_text("{")
    with pytest.raises(DataError, match="install latentscape again"):
        load_mnist()


def test_importing_the_images_is_light() -> None:
    code = "import sys, latentscape.images; print(sorted({m.split('.')[0] for m in sys.modules}))"
    source = Path(mnist.__file__).parents[2]
    listed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'numpy'" in listed.stdout
    for heavy in ("torch", "pandas", "sklearn", "scipy", "matplotlib"):
        assert repr(heavy) not in listed.stdout
