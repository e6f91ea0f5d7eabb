"""What a run has found, in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentscape.atlas import Atlas
from latentscape.pipeline.settings import MAP_TITLES

# What a finished run has, by the stage that makes it.
_PARTS = {"choice": "the choice of a latent size", "points": "maps", "figures": "figures"}


def loss_table(atlas: Atlas) -> list[tuple[int, float, float, float, int]]:
    """Return (latent size, mean test MSE, its spread over seeds, PCA's, seeds).

    The spread is the sample standard deviation, NaN with one seed.
    """
    sweep = atlas.sweep
    trained = sweep[sweep["model"] == "autoencoder"].groupby("latent_dim")["test_mse"]
    pca = sweep[sweep["model"] == "pca"].set_index("latent_dim")["test_mse"]
    table = trained.agg(["mean", "std", "count"])
    return [
        (int(size), float(mean), float(std), float(pca.loc[size]), int(count))
        for size, mean, std, count in zip(
            table.index.to_numpy(), table["mean"], table["std"], table["count"], strict=True
        )
    ]


def summarize(atlas: Atlas) -> list[str]:
    """Say in a few lines what was found, and where the pictures are."""
    lines = [f"data       {_data(atlas)}"]
    if atlas.has("sweep") and atlas.has("choice"):
        choice = atlas.choice
        lines.append(f"choice     {choice['sentence']}")
        lines.append("test MSE   latent size   ours     ± over seeds   PCA")
        for size, mean, spread, pca, n_seeds in loss_table(atlas):
            around = f"{spread:.5f}" if n_seeds > 1 else "(one seed)"
            lines.append(f"           {size:>11}   {mean:.5f}  {around:<12}   {pca:.5f}")
    if atlas.has("points"):
        mapped = atlas.stage_info("codes")
        lines.append(
            f"maps       {atlas.n_points:,} {atlas.data.get('kind', 'images')}, "
            f"{mapped['latent_dim']} latent dimensions: "
            f"{', '.join(MAP_TITLES[name] for name in atlas.map_names) or 'no map'}"
            + ("; codes compared by cosine distance" if atlas.metric == "cosine" else "")
        )
        lines += _accuracy_lines(atlas.quality)
    for stage, entry in atlas.stages.items():
        name = stage.removeprefix("maps-")
        if "note" in entry["info"]:
            lines.append(f"note       {MAP_TITLES.get(name, name)}: {entry['info']['note']}")
    for reason, parts in _lacking(atlas).items():
        lines.append(f"lacking    {', '.join(parts)}: {reason}")
    pictures = {Path(name).stem for name in atlas.figure_paths}
    if pictures:
        lines.append(
            f"pictures   {len(pictures)} figures (PNG and SVG) in {atlas.path / 'figures'}"
        )
    missing = [what for stage, what in _PARTS.items() if stage not in atlas.stages]
    if missing:
        lines.append(f"missing    {', '.join(missing)}: `latentscape run` goes on from here")
    return lines


def _accuracy_lines(quality: Mapping[str, Any]) -> list[str]:
    k, needs = quality["k"], quality.get("needs", "needs labels")
    lines = []
    for key, title in (("knn_accuracy", "label accuracy"), ("balanced_accuracy", "by class")):
        figures = ", ".join(
            f"{MAP_TITLES.get(name, name)} {value:.3f}"
            for name, value in (quality.get(key) or {}).items()
        )
        if key == "knn_accuracy":
            lines.append(f"           {k}-NN {title}: {figures or needs}")
        elif figures and _imbalance(quality) >= _UNEVEN:
            lines.append(f"           the same, mean over classes: {figures}")
    return lines


def _imbalance(quality: Mapping[str, Any]) -> float:
    """Return how many times the largest class is as large as the smallest."""
    counts = [entry["n"] for entry in quality.get("classes") or ()]
    return max(counts) / max(1, min(counts)) if counts else 1.0


def _lacking(atlas: Atlas) -> dict[str, list[str]]:
    """Return what is lacking, by the reason.

    What needs a thing ("needs labels: the data have no labels") stands with the thing that is not
    there, so that a gap is told once.
    """
    found: dict[str, list[str]] = {}
    reasons = set(atlas.lacking.values())
    for part, reason in atlas.lacking.items():
        title = MAP_TITLES.get(part, part.replace("_", " "))
        cause = reason.partition(": ")[2]
        found.setdefault(cause if cause in reasons else reason, []).append(title)
    return found


# One measure of each kind, as the table on the terminal has room for a few.
_SHOWN = (
    ("recall", "kept neighbours"),
    ("trustworthiness", "trustworthiness"),
    ("continuity", "continuity"),
    ("triplets", "triplets"),
    ("label_accuracy", "label accuracy"),
    ("stability", "other seeds"),
    ("round_trip", "decoded places"),
)
_OF_LABELS = ("label_accuracy",)
_UNEVEN = 3  # the largest class is so many times the smallest: accuracy by class says more
_MOST_CLASSES = 20  # rows of a table on the terminal
_MARKS = {"yes": "+", "partly": "~", "no": "-", "unknown": "?"}


def trust_lines(atlas: Atlas) -> list[str]:
    """Say how far each map can be trusted: a table, and the card of each map."""
    reports, cards = atlas.quality.get("maps", {}), atlas.quality.get("cards", {})
    if not reports:
        return ["no map could be judged: these data have too few rows, or none has been made"]
    width = 18
    lines = ["map           " + "".join(f"{title:>{width}}" for _, title in _SHOWN)]
    for name, report in reports.items():
        cells = []
        for key, _ in _SHOWN:
            measure = report["measures"].get(key)
            if measure is not None and measure["value"] is not None:
                cells.append(_with_error(measure["value"], measure["standard_error"]))
            else:
                cells.append("needs labels" if key in _OF_LABELS else "–")
        lines.append(f"{MAP_TITLES[name]:<14}" + "".join(f"{cell:>{width}}" for cell in cells))
    if atlas.metric == "cosine":
        lines.append("codes are compared by cosine distance, places on a map by Euclidean distance")
    lines += _class_lines(atlas.quality)
    for name, card in cards.items():
        lines += ["", MAP_TITLES[name]]
        lines += [f"  {_MARKS[each['verdict']]} {each['text']}" for each in card["sentences"]]
    lines += ["", "+ yes   ~ partly   - no   ? cannot be told"]
    return lines


def _with_error(value: float, error: float | None) -> str:
    if not error:  # nothing in it is sampled, or its error is not known
        return f"{value:.3f}"
    return f"{value:.3f} ± {error:.3f}" if error >= 0.0005 else f"{value:.3f} ± < 0.001"


def _class_lines(quality: Mapping[str, Any]) -> list[str]:
    """Return the label accuracy of each class, the smallest classes first."""
    classes = sorted(quality.get("classes") or (), key=lambda entry: int(entry["n"]))
    if not classes:
        return []
    spaces = list(classes[0]["accuracy"])
    width = max(14, *(len(entry["name"]) + 2 for entry in classes[:_MOST_CLASSES]))
    lines = [
        "",
        f"{quality['k']}-NN label accuracy by class, the smallest first",
        f"{'class':<{width}}{'rows':>9}"
        + "".join(f"{MAP_TITLES.get(name, name):>13}" for name in spaces),
    ]
    for entry in classes[:_MOST_CLASSES]:
        cells = "".join(f"{entry['accuracy'][name]:>13.3f}" for name in spaces)
        lines.append(f"{entry['name']:<{width}}{entry['n']:>9,}{cells}")
    if len(classes) > _MOST_CLASSES:
        lines.append(f"and {len(classes) - _MOST_CLASSES} larger classes: see quality.json")
    means = "".join(f"{quality['balanced_accuracy'][name]:>13.3f}" for name in spaces)
    lines.append(f"{'mean of classes':<{width + 9}}{means}")
    return lines


def _data(atlas: Atlas) -> str:
    data = atlas.data
    if "image_shape" not in data:
        return "none yet: `latentscape run` has only begun"
    if data.get("kind") == "embeddings":
        return " ".join([data["sentence"], *data.get("notes", [])])
    shape = " × ".join(str(side) for side in data["image_shape"])
    classes = len(data["class_names"])
    text = (
        f"{data['name']}: {data['n_train']:,} training and {data['n_test']:,} test images of "
        f"{shape}, {f'{classes} classes' if classes else 'no labels'}."
    )
    return " ".join([data.get("sentence") or text, *data.get("notes", [])])
