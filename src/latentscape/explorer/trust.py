"""What has been measured of the maps, as the page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentscape.atlas import Atlas
from latentscape.explorer.numbers import finite

#: Title and meaning of the points' columns of trust, by the name behind that of the map.
TRUST_COLUMNS = {
    "recall": (
        "true neighbours kept",
        "Share of the nearest images in code space that are also among the nearest on the map.",
    ),
    "trustworthiness": (
        "free of false neighbours",
        "1 where everything near on the map is near in code space too; less where the map glues "
        "strangers together.",
    ),
    "continuity": (
        "free of missing neighbours",
        "1 where everything near in code space is near on the map too; less where the map tears "
        "neighbours apart.",
    ),
}


def map_badge(atlas: Atlas, name: str) -> str | None:
    """Say the most telling figure of a map in a few words."""
    quality = map_quality(atlas, name)
    for measure in quality["measures"] if quality else ():
        if measure["key"] == "recall" and measure["value"] is not None:
            return f"{100 * measure['value']:.0f} % of neighbours kept"
    if atlas.has("quality"):
        accuracy = finite((atlas.quality.get("knn_accuracy") or {}).get(name))
        if accuracy is not None:
            return f"{atlas.quality.get('k', 10)}-NN accuracy {accuracy:.3f}"
    return None


def map_quality(atlas: Atlas, name: str) -> dict[str, Any] | None:
    """Return the measures and curves of a map; None where nothing was measured."""
    report = _report(atlas, "maps", name)
    if not report:
        return None
    measures = [
        _measure(key, entry)
        for key, entry in _mapping(report.get("measures")).items()
        if isinstance(entry, Mapping)
    ]
    curves = [
        {
            "of": of,
            "sizes": [int(size) for size in curve.get("sizes") or ()],
            "values": [finite(value) for value in curve.get("values") or ()],
            "standard_errors": [finite(value) for value in curve.get("standard_errors") or ()],
        }
        for of, curve in _mapping(report.get("curves")).items()
        if isinstance(curve, Mapping)
    ]
    notes = [str(note) for note in report.get("notes") or ()]
    return {"measures": measures, "curves": curves, "notes": notes}


def map_card(atlas: Atlas, name: str) -> dict[str, Any] | None:
    """Return what may be concluded from a map, in words; None where nobody has said it."""
    card = _report(atlas, "cards", name)
    if not card:
        return None
    return {
        "title": str(card.get("title", "")),
        "sentences": [
            {key: str(sentence.get(key, "")) for key in ("topic", "verdict", "text")}
            for sentence in card.get("sentences") or ()
            if isinstance(sentence, Mapping)
        ],
    }


def _measure(key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    numbers = ("value", "standard_error", "random", "pca", "pca_error", "best", "codes", "pixels")
    return {
        "key": key,
        "title": str(entry.get("title", key)),
        "definition": str(entry.get("definition", "")),
        "scope": str(entry.get("scope", "")),
        "headline": bool(entry.get("headline", False)),
        **{name: finite(entry.get(name)) for name in numbers},
    }


def _report(atlas: Atlas, part: str, name: str) -> Mapping[str, Any]:
    if not atlas.has("quality"):
        return {}
    return _mapping(_mapping(atlas.quality.get(part)).get(name))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
