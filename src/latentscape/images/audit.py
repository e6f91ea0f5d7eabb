"""What is odd about a data set and would mislead whoever does not know it."""

from __future__ import annotations

import numpy as np

from latentscape.images.code_checks import repeated
from latentscape.images.imageset import TEST, TRAIN, ImageSet
from latentscape.images.row_hashes import n_distinct, row_hashes

_IMBALANCE = 50
_NAMED = 5


def audit(images: ImageSet) -> list[str]:
    """Return a sentence for each oddity: repeated images, leakage, unseen and rare classes."""
    return [*_repeated(images), *_unseen(images), *_rare(images)]


def _repeated(images: ImageSet) -> list[str]:
    hashes = row_hashes(images.images)
    n_repeated = len(hashes) - n_distinct(hashes)
    if not n_repeated:
        return []
    notes = [repeated(n_repeated, len(hashes), "images")]
    is_test = images.split == TEST
    n_leaked = int(np.isin(hashes[is_test], hashes[~is_test]).sum())
    if n_leaked:
        notes.append(
            f"{n_leaked:,} of the {int(is_test.sum()):,} test images "
            f"{'is' if n_leaked == 1 else 'are'} among the training images "
            "too, so test errors look better than they are; take them out of one of the two."
        )
    return notes


def _unseen(images: ImageSet) -> list[str]:
    if images.labels is None:
        return []
    of = {part: set(images.labels[images.split == part].tolist()) for part in (TRAIN, TEST)}
    unseen = sorted(of[TEST] - of[TRAIN] - {-1})
    if not unseen:
        return []
    names = ", ".join(images.class_names[label] for label in unseen[:_NAMED])
    more = f" and {len(unseen) - _NAMED} more" if len(unseen) > _NAMED else ""
    which = "class" if len(unseen) == 1 else "classes"
    return [f"No training image shows the {which} {names}{more}, but test images do."]


def _rare(images: ImageSet) -> list[str]:
    if images.labels is None or images.n_classes < 2:
        return []
    counts = np.bincount(images.labels[images.labels >= 0], minlength=images.n_classes)
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] < _IMBALANCE * max(1, counts[least]):
        return []
    return [
        f"The classes differ much in size: {images.class_names[most]} has {counts[most]:,} images "
        f"and {images.class_names[least]} {counts[least]:,}; read the figures of each class, not "
        "the overall accuracy."
    ]
