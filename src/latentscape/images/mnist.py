"""The 70,000 MNIST digits that come with the package.

Y. LeCun, C. Cortes and C. J. C. Burges; CC BY-SA 3.0, see
``data/ATTRIBUTION.md``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from latentscape.errors import DataError, IdxFormatError, StorageError
from latentscape.images.idx import read_header_and_values
from latentscape.images.imageset import TEST, TRAIN, ImageSet, numbered_ids
from latentscape.types import AnyArray

DATA_DIRECTORY = Path(__file__).parent / "data"
MNIST_CONTENT_HASH = "42ad896d2a683e8a4437d96f6e2b226a77f11fa8ab5235726febca45f2619c8c"
"""`content_hash` of :func:`load_mnist`: tells MNIST whatever name it goes by."""


def load_mnist() -> ImageSet:
    """Load the MNIST database of handwritten digits, bundled with the package.

    No network is used. The SHA-256 of every file is compared on the way.

    Returns
    -------
    ImageSet
        70,000 images, uint8 of shape (70000, 28, 28), white on black: the
        60,000 training images first, then the 10,000 test images, both in
        their original order; classes ``"0"`` to ``"9"``.

    Raises
    ------
    DataError
        The installed files are missing or not the original ones.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied
    to document recognition", Proceedings of the IEEE 86 (1998) 2278-2324.

    Examples
    --------
    >>> load_mnist()
    <ImageSet 'mnist': 70,000 images of 28×28, 10 classes, 60,000 train, 10,000 test>
    """
    train_images = _read_bundled("train-images-idx3-ubyte.gz")
    test_images = _read_bundled("t10k-images-idx3-ubyte.gz")
    labels = [_read_bundled(f"{part}-labels-idx1-ubyte.gz") for part in ("train", "t10k")]
    n_train, n_test = len(train_images), len(test_images)
    return ImageSet(
        images=np.concatenate([train_images, test_images]),
        labels=np.concatenate(labels).astype(np.int64),
        class_names=tuple("0123456789"),
        split=np.repeat(np.array([TRAIN, TEST]), [n_train, n_test]),
        ids=np.concatenate([numbered_ids(TRAIN, n_train), numbered_ids(TEST, n_test)]),
        name="mnist",
        sentence=(
            f"mnist: {n_train + n_test:,} grey images of 28×28 pixels ({n_train:,} for training, "
            f"{n_test:,} for testing) in 10 classes."
        ),
        preprocessing={"size": [28, 28], "mode": "grey", "background": "black"},
    )


def _read_bundled(file_name: str) -> AnyArray:
    try:
        checksums = json.loads((DATA_DIRECTORY / "checksums.json").read_text(encoding="utf-8"))
        header, values = read_header_and_values(DATA_DIRECTORY / file_name)
        digest = hashlib.sha256(header)
        digest.update(values.data)
        intact = digest.hexdigest() == checksums["files"][file_name]["sha256"]
    except (StorageError, IdxFormatError, OSError, ValueError, KeyError) as error:
        raise DataError(
            f"the bundled MNIST file {file_name} cannot be used ({error}); install latentscape "
            "again"
        ) from error
    if not intact:
        raise DataError(
            f"the bundled MNIST file {file_name} is not the original one (its SHA-256 differs); "
            "install latentscape again"
        )
    return values
