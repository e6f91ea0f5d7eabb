"""Refresh the pictures and tables of README and docs from an atlas and the benchmarks.

python docs/refresh.py demo
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
from maps import table
from maps_figure import save as save_layouts

from latentscape import Atlas
from latentscape.pipeline.summary import MAP_TITLES, loss_table

ROOT = Path(__file__).parent.parent
PUBLISHED = {2: 0.0388, 4: 0.0275, 8: 0.0172, 16: 0.0110, 32: 0.0076, 64: 0.0054, 128: 0.0056}
PICTURES = (
    "map_sheet",
    "loss_curve",
    "decoded_plane",
    "map_direct",
    "reconstructions",
    "trust_sheet",
    "measures_table",
)


def losses(atlas: Atlas) -> str:
    """Return the table of test errors."""
    rows = [
        "| latent size | ours: mean ± spread over seeds | published | PCA |",
        "|---:|---:|---:|---:|",
    ]
    for size, mean, spread, pca, _ in loss_table(atlas):
        around = f" ± {spread:.5f}" if math.isfinite(spread) else ""
        published = f"{PUBLISHED[size]:.4f}" if size in PUBLISHED else ""
        rows.append(f"| {size} | **{mean:.5f}**{around} | {published} | {pca:.5f} |")
    return "\n".join(rows)


def accuracies(atlas: Atlas) -> str:
    """Return the table of label accuracies."""
    quality = atlas.quality
    names = [name for name in ("codes", *atlas.map_names) if name in quality["knn_accuracy"]]
    titles = {"codes": f"codes ({atlas.stage_info('codes')['latent_dim']}-d)", **MAP_TITLES}
    head = "| " + " | ".join(titles[name] for name in names) + " |"
    line = "|" + "---:|" * len(names)
    row = "| " + " | ".join(f"{quality['knn_accuracy'][name]:.3f}" for name in names) + " |"
    return "\n".join([head, line, row])


def recipes(results: Path) -> str:
    """Return the table of training recipes, from benchmarks/recipes.py."""
    content = json.loads(results.read_text())
    sizes = list(content["published"])
    rows = [
        "| recipe | epochs | " + " | ".join(f"d = {size}" for size in sizes) + " | passes |",
        "|---|---:|" + "---:|" * len(sizes) + ":---:|",
        "| published | | " + " | ".join(f"{content['published'][d]:.4f}" for d in sizes) + " | |",
        "| PCA | | " + " | ".join(f"{content['pca'][d]:.5f}" for d in sizes) + " | |",
    ]
    for recipe in content["recipes"]:
        errors = " | ".join(f"{recipe['test_mse'][size]:.5f}" for size in sizes)
        passes = "yes" if recipe["passes"] else ""
        rows.append(f"| {recipe['name']} | {recipe['recipe']['n_epochs']} | {errors} | {passes} |")
    return "\n".join(rows)


def race(results: Path) -> str:
    """Return the table of benchmarks/training.py."""
    content = json.loads(results.read_text())
    rows = ["| way | seed | steps | seconds | test MSE |", "|---|---:|---:|---:|---:|"]
    rows += [
        f"| {run['way']} | {run['seed']} | {run['steps']} | {run['seconds']:.1f} "
        f"| {run['test_mse']:.5f} |"
        for run in content["runs"]
    ]
    ratios = content["ratios"]
    rows.append(
        f"\n{content['threads']} threads, PyTorch {content['torch']}, {content['machine']}: "
        f"**{content['median_ratio']:.1f} times sooner** (median of {len(ratios)} pairs, "
        f"{min(ratios):.1f} to {max(ratios):.1f})."
    )
    return "\n".join(rows)


def layouts(results: Path) -> str:
    """Return the table of benchmarks/maps.py."""
    content = json.loads(results.read_text())
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    return "\n".join([table(content["rows"]), "", f"{content['machine']}; {versions}."])


def fill(text: str, name: str, content: str) -> str:
    """Replace what stands between the two markers of a part."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = text.split(start)
    after = rest.split(end)[1]
    return f"{before}{start}\n{content}\n{end}{after}"


def main(folder: str) -> None:
    """Copy pictures and fill in tables."""
    atlas = Atlas.open(folder)
    target = ROOT / "docs" / "pictures"
    target.mkdir(exist_ok=True)
    for name in PICTURES:
        with Image.open(atlas.path / "figures" / f"{name}.png") as picture:
            # 256 colours are a third of the size, and nobody sees the difference.
            small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
            small.save(target / f"{name}.png", optimize=True)
    readme = ROOT / "README.md"
    text = readme.read_text()
    text = fill(text, "losses", losses(atlas))
    text = fill(text, "accuracies", accuracies(atlas))
    text = fill(text, "choice", f"> {atlas.choice['sentence']}")
    readme.write_text(text)

    training = ROOT / "docs" / "training.md"
    results = ROOT / "benchmarks" / "results"
    text = fill(training.read_text(), "recipes", recipes(results / "recipes.json"))
    training.write_text(fill(text, "race", race(results / "training.json")))

    maps = ROOT / "docs" / "maps.md"
    maps.write_text(fill(maps.read_text(), "maps", layouts(results / "maps.json")))
    save_layouts(json.loads((results / "maps.json").read_text()), target)


if __name__ == "__main__":
    main(sys.argv[1])
