"""What do exact trustworthiness, the default report and the dimension of MNIST cost?

Each case runs in a process of its own, so that its peak memory is its own.

    python benchmarks/quality.py [--codes codes.npy] [--threads 2]

Without --codes, 70,000 digits are reduced to 32 numbers by PCA.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from latentscape import load_mnist, quality
from latentscape.maps import PCA

CASES = ("trustworthiness and continuity", "report", "report with images", "TwoNN of 60,000 images")


def peak_gb() -> float:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def pca_codes() -> Any:
    """Return 32 principal components of all digits, in units of pixels from 0 to 1."""
    rows = load_mnist().images.reshape(70_000, -1).astype(np.float32) / 255
    rows -= rows.mean(axis=0)
    axes = np.linalg.eigh(rows.T @ rows)[1][:, :-33:-1]
    return np.ascontiguousarray(rows @ axes, dtype=np.float32)


def measure(case: str, path: str, threads: int) -> dict[str, Any]:
    """Run one case in this process."""
    codes = np.load(path)
    places = PCA().fit(codes).embedding_
    mnist = load_mnist()
    labels, images = mnist.labels, mnist.images
    before, start = peak_gb(), time.perf_counter()
    found: dict[str, float] = {}
    if case.startswith("trust"):
        found["trustworthiness"] = quality.trustworthiness(codes, places, n_jobs=threads)
        found["continuity"] = quality.continuity(codes, places, n_jobs=threads)
    elif case.startswith("TwoNN"):
        found["TwoNN"] = quality.two_nn_dimension(mnist.train.images, n_jobs=threads)
    else:
        given = images if "images" in case else None
        made = quality.report(codes, places, labels=labels, images=given, n_jobs=threads)
        found = {name: m.value for name, m in made.headlines().items()}
    seconds = time.perf_counter() - start
    return {
        "case": case,
        "seconds": round(seconds, 2),
        "peak_gb": round(peak_gb(), 3),
        "peak_gb_before": round(before, 3),
        "found": {name: round(float(value), 5) for name, value in found.items()},
    }


def main() -> None:
    """Run all cases, print the table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    results = Path(__file__).parent / "results"
    parser.add_argument("--codes", type=Path, help=".npy file, 70,000 rows in MNIST's order")
    parser.add_argument("--output", type=Path, default=results / "quality.json")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, str(options.codes), options.threads)))
        return
    path, made = options.codes, None
    if path is None:
        path = made = results / "codes.npy.tmp"
        with path.open("wb") as file:
            np.save(file, pca_codes())
    rows = []
    print(f"{'case':<34}{'seconds':>9}{'peak GB':>9}{'of data':>9}")
    for case in CASES:
        command = [sys.executable, __file__, "--codes", str(path), "--case", case]
        command += ["--threads", str(options.threads)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        print(
            f"{case:<34}{row['seconds']:>9.1f}{row['peak_gb']:>9.2f}{row['peak_gb_before']:>9.2f}  "
            + ", ".join(f"{name} {value:.4f}" for name, value in row["found"].items()),
            flush=True,
        )
    content = {
        "rows": 70_000,
        "columns": int(np.load(path, mmap_mode="r").shape[1]),
        "codes": "given" if made is None else "32 principal components of the digits",
        "map": "PCA",
        "threads": options.threads,
        "machine": platform.machine(),
        "cases": rows,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(content, indent=1) + "\n")
    if made is not None:
        made.unlink()


if __name__ == "__main__":
    main()
