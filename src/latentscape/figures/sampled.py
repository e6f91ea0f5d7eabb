"""What every picture says where not all rows were looked at."""

from __future__ import annotations

from latentscape.atlas import Atlas


def sample_words(atlas: Atlas) -> str:
    """Say what was trained on, and what the maps are fitted on; empty where it is everything."""
    words = ""
    n_images = atlas.data.get("n_images")
    if n_images is not None:
        n = int(atlas.data["n_train"]) + int(atlas.data["n_test"])
        if n < int(n_images):
            words += f" Trained and tested with a sample of {n:,} of {int(n_images):,} images."
    sample = atlas.stage_info("sample")
    if sample:
        words += (
            f" Maps are fitted on a sample of {sample['n']:,} of {sample['of']:,} rows; the others "
            "are placed on them."
        )
    return words
