"""What a run has found, in a few lines."""

from __future__ import annotations

from pathlib import Path

from latentscape.atlas import Atlas

MAP_TITLES = {"direct": "two neurons", "pca": "PCA", "lda": "LDA", "tsne": "t-SNE", "umap": "UMAP"}

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
            f"maps       {len(atlas.points):,} images, {mapped['latent_dim']} latent dimensions: "
            f"{', '.join(MAP_TITLES[name] for name in atlas.map_names) or 'no map'}"
        )
        quality = atlas.quality
        figures = ", ".join(
            f"{MAP_TITLES.get(name, name)} {value:.3f}"
            for name, value in quality["knn_accuracy"].items()
        )
        lacking = f"more than {quality['k']} labelled images" if _labelled(atlas) else "labels"
        lines.append(
            f"           {quality['k']}-NN label accuracy: {figures or f'needs {lacking}'}"
        )
    for stage, entry in atlas.stages.items():
        name = stage.removeprefix("maps-")
        for word in ("skipped", "note"):
            if word in entry["info"]:
                lines.append(f"{word:<10} {MAP_TITLES.get(name, name)}: {entry['info'][word]}")
    pictures = {Path(name).stem for name in atlas.figure_paths}
    if pictures:
        lines.append(
            f"pictures   {len(pictures)} figures (PNG and SVG) in {atlas.path / 'figures'}"
        )
    missing = [what for stage, what in _PARTS.items() if stage not in atlas.stages]
    if missing:
        lines.append(f"missing    {', '.join(missing)}: `latentscape run` goes on from here")
    return lines


# One measure of each kind, as the table on the terminal has room for a few.
_SHOWN = (
    ("recall", "kept neighbours"),
    ("trustworthiness", "trustworthiness"),
    ("continuity", "continuity"),
    ("triplets", "triplets"),
    ("label_accuracy", "label accuracy"),
    ("stability", "other seeds"),
)
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
            known = measure is not None and measure["value"] is not None
            cells.append(
                f"{measure['value']:.3f} ± {measure['standard_error'] or 0:.3f}" if known else "–"
            )
        lines.append(f"{MAP_TITLES[name]:<14}" + "".join(f"{cell:>{width}}" for cell in cells))
    for name, card in cards.items():
        lines += ["", MAP_TITLES[name]]
        lines += [f"  {_MARKS[each['verdict']]} {each['text']}" for each in card["sentences"]]
    lines += ["", "+ yes   ~ partly   - no   ? cannot be told"]
    return lines


def _labelled(atlas: Atlas) -> bool:
    return bool((atlas.points["label"] >= 0).any())


def _data(atlas: Atlas) -> str:
    data = atlas.data
    if "image_shape" not in data:
        return "none yet: `latentscape run` has only begun"
    shape = " × ".join(str(side) for side in data["image_shape"])
    classes = len(data["class_names"])
    text = (
        f"{data['name']}: {data['n_train']:,} training and {data['n_test']:,} test images of "
        f"{shape}, {f'{classes} classes' if classes else 'no labels'}"
    )
    return " ".join([data.get("sentence") or text, *data.get("notes", [])])
