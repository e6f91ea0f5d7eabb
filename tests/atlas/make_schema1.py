"""Make the atlas of schema version 1 that the tests keep for ever.

It was run once, by ``python -m tests.atlas.make_schema1 FOLDER`` at the top of the source tree, and
is kept to say where ``data/schema1`` comes from. To run it again would replace the very thing that
must stay: an atlas as users of the first version have it on their disks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import latentscape as ls
from latentscape.atlas import AtlasWriter
from latentscape.images import ImageSet

LARGE = ("figures", "explorer")  # pictures and the page can always be made from the rest


def digits(first: int, n: int) -> ImageSet:
    """Return MNIST's test digits at half their size, which keeps the networks small."""
    some = ls.load_mnist().test.select(slice(first, first + n))
    halves = some.images.reshape(n, 14, 2, 14, 2).mean(axis=(2, 4))
    return ImageSet.from_arrays(
        np.rint(halves).astype(np.uint8),
        some.labels,
        class_names=some.class_names,
        ids=some.ids,
        name="small digits",
    )


def make(folder: Path) -> None:
    """Run the whole journey on 60 digits, and leave out what is large."""
    ls.run(
        digits(0, 60),
        folder,
        latent_dims=(2, 4),
        n_seeds=1,
        rows="all",
        training={"n_epochs": 3, "batch_size": 16},
        engine="serial",
        verbose=0,
    )
    with AtlasWriter.open(folder) as writer:
        for stage in LARGE:
            writer.drop_stage(stage)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
