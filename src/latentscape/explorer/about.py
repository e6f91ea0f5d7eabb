"""Where an atlas comes from, and how to cite it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from latentscape.atlas import Atlas
from latentscape.atlas.encoding import encode_json
from latentscape.explorer.numbers import finite

_TOLD = 0.01  # seconds; what took less says nothing


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
        "rows": _rows(atlas, str(settings.get("rows", ""))),
        "latent_dim": int(codes.get("latent_dim", 0)),
        "seed": int(codes.get("seed", 0)),
        "finished": max(times, default=""),
        "latentscape_version": version,
        "versions": {name: str(value) for name, value in manifest.get("versions", {}).items()},
        "settings": settings,
        "seconds": _seconds(atlas),
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


def _rows(atlas: Atlas, wanted: str) -> str:
    """Return which rows are mapped: where the test rows are too few, or nothing trains, all are."""
    if atlas.data.get("n_train") == 0:
        return "all"
    others = wanted and "split" in atlas.points and (atlas.points["split"] != wanted).any()
    return "all" if others else wanted


def _seconds(atlas: Atlas) -> dict[str, float]:
    """Return how long each part took when it was made, in the order of the work.

    A training has its own clock, kept with its errors: the stage of its model has only
    taken the file into the atlas. The maps are judged together, on the time of the first.
    """
    found: dict[str, float] = {}

    def add(name: str, seconds: Any) -> None:
        if finite(seconds) is not None:
            found[name] = found.get(name, 0.0) + float(seconds)

    if atlas.has("sweep"):
        trained = atlas.sweep[atlas.sweep["model"] == "autoencoder"]
        for latent_dim, own in trained.groupby("latent_dim"):
            several = f", {len(own)} seeds" if len(own) > 1 else ""
            add(f"training (latent size {latent_dim}{several})", own["seconds"].sum())
    for name, entry in atlas.stages.items():
        kind, _, rest = name.partition("-")
        if kind == "model":
            continue
        judges = kind == "quality" and rest
        add("quality" if judges else name, entry.get("seconds"))
    return {name: seconds for name, seconds in found.items() if seconds >= _TOLD}


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
