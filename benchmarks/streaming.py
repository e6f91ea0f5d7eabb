"""Two million images on a laptop: how fast, and how much memory does it take?

Images of 28 × 28 are made by shifting the digits of MNIST by up to three pixels each way, and
written into one .npy file with their labels beside it. ``latentscape run`` then trains on a
sample, encodes and rebuilds all of them, fits the maps on the sample and places the others. The
run is a process of its own, whose peak of resident memory the system counts; what was planned
before the start stands beside it. The times are those of the atlas's stages, and one pass over
the file without any work shows what reading costs. With ``--minutes`` the run is interrupted after
so many; called again, the benchmark goes on where it was, as the run does.

    python benchmarks/streaming.py [--images 2000000] [--sample 20000] [--folder /tmp/streaming]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
SHIFT = 3  # pixels
BATCH = 20_000


def make_images(path: Path, n: int) -> None:
    """Write shifted digits as .npy, and their labels beside it; keep what is there already."""
    import latentscape as ls
    from latentscape.images.stream import ImageStream

    if path.exists() and len(ImageStream.open(path)) == n:
        return
    digits = ls.load_mnist()
    assert digits.labels is not None
    padded = np.pad(digits.images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    rng = np.random.default_rng(0)
    labels = np.empty(n, np.int64)
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (n, 28, 28)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, n, BATCH):
            rows = rng.integers(0, len(digits), min(BATCH, n - start))
            down, right = rng.integers(0, 2 * SHIFT + 1, (2, len(rows)))
            y = down[:, None, None] + np.arange(28)[None, :, None]
            x = right[:, None, None] + np.arange(28)[None, None, :]
            file.write(padded[rows[:, None, None], y, x].tobytes())
            labels[start : start + len(rows)] = digits.labels[rows]
    np.save(path.with_name(f"{path.stem}-labels.npy"), labels)


def time_reading(path: Path) -> float:
    """Return the seconds of one pass over the file, nothing being done with the images."""
    from latentscape.images.stream import ImageStream

    began = time.perf_counter()
    for _, batch in ImageStream.open(path).batches():
        batch.max()
    return time.perf_counter() - began


def run_it(images: Path, atlas: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the command line in a process of its own; return seconds and peak of all calls."""
    parts_file = arguments.folder / "parts.json"
    parts = json.loads(parts_file.read_bytes()) if parts_file.exists() else []
    command = [
        sys.executable,
        "-m",
        "latentscape",
        "run",
        images,
        "-o",
        atlas,
        "--maps",
        arguments.maps,
    ]
    command += ["--sample", arguments.sample, "--latent-dims", arguments.latent_dims]
    command += ["--seeds", arguments.seeds, "--engine", "serial"]
    command += ["--epochs", arguments.epochs, "--memory", arguments.memory, "--json"]
    began = time.perf_counter()
    with (arguments.folder / "events.jsonl").open("w") as events:
        process = subprocess.Popen([str(each) for each in command], stdout=events)
        limit = threading.Timer(60 * arguments.minutes, process.send_signal, [signal.SIGINT])
        limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        limit.cancel()
    lines = (arguments.folder / "events.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    planned = [event["note"] for event in found if event.get("stage") == "memory"]
    part = {"seconds": time.perf_counter() - began, "peak_bytes": usage.ru_maxrss * 1024}
    parts.append({**part, "planned": planned[0] if planned else ""})
    parts_file.write_text(json.dumps(parts))
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise SystemExit(f"not finished (exit code {code}: {lines[-1]}); call again to go on")
    parts_file.unlink()
    return {
        "seconds": sum(each["seconds"] for each in parts),
        "peak_bytes": max(each["peak_bytes"] for each in parts),
        "calls": len(parts),
        "planned": next(each["planned"] for each in parts if each["planned"]),
    }


def figures_of(atlas_path: Path, n: int, maps: list[str]) -> dict[str, Any]:
    """Return the seconds of each stage, and rates in images a second."""
    from latentscape.atlas import Atlas

    atlas = Atlas.open(atlas_path)
    seconds = {name: entry["seconds"] for name, entry in atlas.stages.items()}
    assert len(atlas.codes) == len(atlas.points) == n
    rates = {
        name: n / seconds[stage]
        for name, stage in (
            ("encode, rebuild and store", "codes"),
            ("encode (two neurons)", "plane"),
            *((f"place on {name}", f"places-{name}") for name in maps),
        )
    }
    found = {
        "stages": seconds,
        "images_a_second": rates,
        "label_accuracy": atlas.quality["knn_accuracy"],
        "test_mse": float(atlas.sweep.query("model == 'autoencoder'")["test_mse"].min()),
    }
    # The others are placed as well as the sample lies: the vote of the nearest of the sample.
    from latentscape.quality import knn_transfer_accuracy

    sample = atlas.sample
    assert sample is not None
    labels = atlas.points["label"].to_numpy()
    others = np.setdiff1d(np.arange(n), sample)
    asked = np.random.default_rng(0).choice(others, min(20_000, len(others)), replace=False)
    found["transfer_accuracy"] = {
        name: float(
            knn_transfer_accuracy(
                places[sample], labels[sample], places[asked], labels[asked], n_neighbors=10
            )
        )
        for name in ("direct", *maps)
        for places in [atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy()]
    }
    return found


def main() -> None:
    """Make the images, run, and write down what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2_000_000)
    parser.add_argument("--sample", type=int, default=20_000)
    parser.add_argument("--latent-dims", default="2,4,8,16,32,64,128")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--memory", type=float, default=3.0)
    parser.add_argument("--maps", default="pca,lda,tsne,umap")
    parser.add_argument("--minutes", type=float, default=1e4)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/streaming"))
    parser.add_argument("--output", type=Path, default=RESULTS / "streaming.json")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)  # an atlas in it goes on where it was
    images = arguments.folder / f"shifted-{arguments.images}.npy"
    make_images(images, arguments.images)
    reading = time_reading(images)
    taken = run_it(images, arguments.folder / "atlas", arguments)
    result = {
        "images": arguments.images,
        "file_bytes": images.stat().st_size,
        "sample": arguments.sample,
        "latent_dims": arguments.latent_dims,
        "seeds": arguments.seeds,
        "epochs": arguments.epochs,
        "read_only_images_a_second": arguments.images / reading,
        **taken,
        **figures_of(arguments.folder / "atlas", arguments.images, arguments.maps.split(",")),
        "machine": {
            "processor": platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
            "versions": {name: version(name) for name in ("numpy", "torch")},
        },
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(
        f"{arguments.images:,} images in {taken['seconds']:.0f} s, at most "
        f"{taken['peak_bytes'] / 1e9:.2f} GB resident\n"
    )
    for name, rate in result["images_a_second"].items():
        sys.stdout.write(f"{name:<28}{rate:>12,.0f} images/s\n")


if __name__ == "__main__":
    main()
