"""Where an atlas comes from, and how to cite it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from latentscape.atlas import Atlas
from latentscape.atlas.encoding import encode_json
from latentscape.explorer.numbers import finite


def about(atlas: Atlas) -> dict[str, Any]:
    """Return provenance, settings, versions, times and citation."""
    manifest = atlas.manifest
    codes = atlas.stage_info("codes")
    quality = atlas.quality if atlas.has("quality") else {}
    version = str(manifest.get("latentscape_version", ""))
    settings = json.loads(encode_json(dict(atlas.settings)))  # paths and the like become text
    times = [str(entry.get("finished", "")) for entry in atlas.stages.values()]
    return {
        "name": str(atlas.data.get("name", "")),
        "n_train": atlas.data.get("n_train"),
        "n_test": atlas.data.get("n_test"),
        "image_shape": list(atlas.data.get("image_shape") or ()),
        "content_hash": str(atlas.data.get("content_hash", "")),
        "notes": [str(note) for note in atlas.data.get("notes") or ()] + _of_metric(atlas),
        "rows": str(settings.get("rows", "")),
        "latent_dim": int(codes.get("latent_dim", 0)),
        "seed": int(codes.get("seed", 0)),
        "finished": max(times, default=""),
        "latentscape_version": version,
        "versions": {name: str(value) for name, value in manifest.get("versions", {}).items()},
        "settings": settings,
        "seconds": {
            name: entry["seconds"]
            for name, entry in atlas.stages.items()
            if finite(entry.get("seconds")) is not None
        },
        "citation": f"The latentscape authors. latentscape: see what an autoencoder has learned, "
        f"version {version}.",
        "bibtex": "@software{latentscape,\n"
        "  author = {{The latentscape authors}},\n"
        "  title = {latentscape: see what an autoencoder has learned},\n"
        f"  version = {{{version}}},\n"
        "}",
        "knn_accuracy": {
            str(name): value
            for name, value in (quality.get("knn_accuracy") or {}).items()
            if finite(value) is not None
        },
        "knn_k": int(quality.get("k", 10)),
        "centred": _centred(atlas.data),
        "background": str(_preprocessing(atlas.data).get("background") or ""),
    }


def divided(atlas: Atlas) -> bool:
    """Tell whether the page has the codes divided by their lengths, as the atlas compares them.

    Where there is a model, it wants codes as they are.
    """
    return atlas.metric == "cosine" and atlas.stage_info("codes").get("model") is None


def _of_metric(atlas: Atlas) -> list[str]:
    """Say by what codes are compared, unless it is what everybody expects."""
    if atlas.metric == "euclidean":
        return []
    if divided(atlas):
        return ["Codes are compared by cosine distance; on this page they have length 1."]
    return [
        "Maps and measures compare codes by cosine distance; what this page computes itself (the "
        "nearest images, places of drawings) is by Euclidean distance of the codes as they are."
    ]


def _preprocessing(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found = data.get("preprocessing")
    return found if isinstance(found, Mapping) else {}


def _centred(data: Mapping[str, Any]) -> bool:
    """Tell whether drawings are to be centred by their mass, as MNIST's digits are.

    Nothing else says so of itself; sets of the same form as MNIST that nothing is known of
    were made after its model.
    """
    if str(data.get("name", "")) == "mnist":
        return True
    return not _preprocessing(data) and list(data.get("image_shape") or ()) == [28, 28]
