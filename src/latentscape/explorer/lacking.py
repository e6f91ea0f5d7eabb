"""What an atlas lacks, in sentences that the page shows where the part would be."""

from __future__ import annotations

from typing import Any

from latentscape.atlas import Atlas

_SENTENCES = {
    "labels": "The images have no labels, so there is no colour by label.",
    "images": "This atlas holds no images, so points are shown by name only.",
    "codes": "This atlas holds no codes, so true neighbours are not known.",
    "model": "This atlas holds no encoder and no decoder, so nothing can be decoded or drawn here.",
    "plane": "No model with two neurons was trained, so there is no map of two neurons.",
    "sweep": "No sweep over latent sizes was run, so there is no evidence about the size.",
    "quality": "The maps of this atlas have not been judged.",
}


class Lacking:
    """Collects the reasons.

    Parameters
    ----------
    atlas : Atlas
        Where it gives a reason itself, that is told.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.reasons = {name: _sentence(text) for name, text in atlas.lacking.items()}
        labels = self._labels(atlas)
        if labels is not None:
            self.reasons.setdefault("labels", labels)
        there = {
            "images": atlas.has("images"),
            "codes": atlas.has("codes"),
            "model": _has_model(atlas, "codes"),
            "plane": "direct" in atlas.map_names,
            "sweep": atlas.has("sweep") and len(atlas.sweep) > 0,
            "quality": atlas.has("quality"),
        }
        for name, is_there in there.items():
            if not is_there:
                self.add(name, _SENTENCES[name])

    def add(self, name: str, sentence: str) -> None:
        """Give the reason why a part is not there; the first one given stays."""
        self.reasons.setdefault(name, sentence)

    def _labels(self, atlas: Atlas) -> str | None:
        points: Any = atlas.points
        labelled = int((points["label"] >= 0).sum()) if "label" in points else 0
        if labelled == 0:
            return _SENTENCES["labels"]
        without = len(points) - labelled
        if without == 0:
            return None
        return f"{without:,} of the {len(points):,} images have no label; they are grey."


def _has_model(atlas: Atlas, stage: str) -> bool:
    file = atlas.stage_info(stage).get("model")
    return file is not None and (atlas.path / str(file)).is_file()


def _sentence(text: str) -> str:
    """Begin with a capital letter and end with a full stop."""
    text = str(text).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
