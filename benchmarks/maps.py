"""How fast and how good are the maps, beside the libraries that people use?

The same 32-dimensional codes of MNIST, made by ``ConvAutoencoder(latent_dim=32,
random_state=0)``, are laid out by latentscape, openTSNE, scikit-learn, umap-learn
and PaCMAP with their default settings. Each case runs in a process of its own on
the same cores. "call" is the first whole call after the import, neighbours and
what is compiled on first use included; "fresh" counts the start of the process,
the import and the reading of the codes as well; "warm" is a second call in the
same process. Peak memory is that of the process.

Quality is measured outside, for all by the same code: the Kullback-Leibler
divergence of perplexity affinities from exact neighbours, the cross-entropy of
umap-learn's default fuzzy graph, 10-NN label accuracy (leave one out),
trustworthiness and recall of 10 neighbours.

    python benchmarks/maps.py [--sizes 10000,70000] [--million] [--repeats 1]

Beyond latentscape it needs ``pip install "latentscape[compare]"``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
K = 10

# name, what is printed, family, whether it is run at all sizes
CASES = {
    "latentscape-tsne": ("latentscape TSNE", "tsne", 1_000_000),
    "opentsne": ("openTSNE", "tsne", 70_000),
    "sklearn": ("scikit-learn TSNE", "tsne", 10_000),
    "latentscape-umap": ("latentscape UMAP", "umap", 1_000_000),
    "umap-learn": ("umap-learn", "umap", 70_000),
    "pacmap": ("PaCMAP", "other", 70_000),
}


def method(name: str, threads: int) -> Callable[[Any], Any]:
    """Import one library, and return what lays out codes with its defaults.

    The seed is fixed where that costs nothing.
    """
    if name == "latentscape-tsne":
        from latentscape import TSNE

        return lambda codes: TSNE(random_state=0, n_jobs=threads).fit(codes).embedding_
    if name == "latentscape-umap":
        from latentscape import UMAP

        return lambda codes: UMAP(random_state=0, n_jobs=threads).fit(codes).embedding_
    if name == "opentsne":
        import openTSNE

        return lambda codes: np.asarray(openTSNE.TSNE(n_jobs=threads, random_state=0).fit(codes))
    if name == "sklearn":
        from sklearn import manifold

        return lambda codes: manifold.TSNE(n_jobs=threads, random_state=0).fit_transform(codes)
    if name == "umap-learn":
        import umap

        # With a seed it would use one thread only; without, it is at its fastest.
        return lambda codes: umap.UMAP(n_jobs=threads).fit_transform(codes)
    import pacmap

    return lambda codes: pacmap.PaCMAP(random_state=0).fit_transform(codes)


def one_case(name: str, codes_file: str, output: str, threads: int) -> None:
    """Run one case in this process; the caller has started the clock."""
    started = float(os.environ["BENCHMARK_STARTED"])
    codes = np.load(codes_file)
    began = time.perf_counter()
    layout = method(name, threads)
    imported = time.perf_counter() - began
    began = time.perf_counter()
    embedding = layout(codes)
    call = time.perf_counter() - began
    fresh = time.time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    warm = None
    if len(codes) <= 70_000 and name in ("umap-learn", "latentscape-umap", "latentscape-tsne"):
        began = time.perf_counter()
        layout(codes)
        warm = time.perf_counter() - began
    np.save(output, np.asarray(embedding, dtype=np.float32))
    facts = {"import": imported, "call": call, "fresh": fresh, "warm": warm, "peak_bytes": peak}
    sys.stdout.write(json.dumps(facts) + "\n")


def run_case(name: str, codes: Path, folder: Path, threads: int) -> tuple[dict[str, Any], Any]:
    """Run one case in a process of its own, on `threads` cores."""
    output = folder / f"{name}.npy"
    cores = sorted(os.sched_getaffinity(0))[:threads]
    pinned = {
        f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "NUMBA", "OPENBLAS", "MKL")
    }
    environment = {**os.environ, **pinned, "BENCHMARK_STARTED": repr(time.time())}
    done = subprocess.run(
        [sys.executable, __file__, "--case", name, "--codes", codes, "--out", output,
         "--threads", str(threads)],
        env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1]), np.load(output)


def make_codes(folder: Path, million: bool) -> dict[int, Path]:
    """Train the reference network and encode test digits, all digits, and a million of them."""
    import latentscape as ls

    mnist = ls.load_mnist()
    model = ls.ConvAutoencoder(latent_dim=32, random_state=0).fit(mnist.train)
    sets = {10_000: model.transform(mnist.test), 70_000: model.transform(mnist.images)}
    if million:
        parts = [model.transform(part) for part in moved_digits(mnist.train.images, 1_000_000)]
        sets[1_000_000] = np.concatenate(parts)
    paths = {}
    for n, codes in sets.items():
        paths[n] = folder / f"codes{n}.npy"
        np.save(paths[n], codes)
    np.save(folder / "labels.npy", np.asarray(mnist.labels))
    return paths


def moved_digits(images: Any, n: int) -> Any:
    """Yield `n` digits in parts of 50,000, shifted by up to 2 pixels and turned by up to 15°."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    generator = torch.Generator().manual_seed(0)
    source = torch.from_numpy(images.copy()).unsqueeze(1)
    for start in range(0, n, 50_000):
        rows = torch.arange(start, min(start + 50_000, n)) % len(images)
        turn = (torch.rand(len(rows), generator=generator) * 2 - 1) * (15 * np.pi / 180)
        shift = (torch.rand(len(rows), 2, generator=generator) * 2 - 1) * (2 / 14)
        cos, sin = turn.cos(), turn.sin()
        matrix = torch.stack(
            [
                torch.stack([cos, -sin, shift[:, 0]], 1),
                torch.stack([sin, cos, shift[:, 1]], 1),
            ],
            1,
        )
        grid = affine_grid(matrix, [len(rows), 1, 28, 28], align_corners=False)
        moved = grid_sample(source[rows].float(), grid, align_corners=False)
        yield moved.squeeze(1).round().clamp(0, 255).to(torch.uint8).numpy()


class Judge:
    """Measures all maps of the same codes alike."""

    def __init__(self, codes: Any, labels: Any) -> None:
        from latentscape import NeighborGraph
        from latentscape.maps.affinities import joint_affinities
        from latentscape.maps.umap import find_ab_params, fuzzy_graph

        self.codes, self.labels = codes, labels
        self.graph = NeighborGraph.build(codes, 90, method="exact")
        self.affinities = joint_affinities(self.graph, 30.0)
        fuzzy = fuzzy_graph(self.graph, 15)
        self.fuzzy = (
            fuzzy.indptr.astype(np.int64),
            fuzzy.indices.astype(np.int32),
            fuzzy.data.astype(np.float32),
        )
        self.curve = find_ab_params(1.0, 0.1)

    def __call__(self, embedding: Any, family: str) -> dict[str, float]:
        """Return the measures of one map."""
        from latentscape import _native
        from latentscape.maps.affinities import kl_divergence
        from latentscape.quality import knn_label_accuracy, neighbor_recall, trustworthiness

        found = {
            "knn_accuracy": float(knn_label_accuracy(embedding, self.labels, K)),
            "trustworthiness": float(trustworthiness(self.codes, embedding, K)),
            "recall": float(neighbor_recall(self.codes, embedding, K)),
        }
        if family == "tsne":
            found["kl"] = float(kl_divergence(self.affinities, embedding))
        if family == "umap":
            a, b = self.curve
            found["cross_entropy"] = _native.fuzzy_cross_entropy(*self.fuzzy, embedding, a=a, b=b)
        return found


def table(rows: list[dict[str, Any]]) -> str:
    """Return the results as Markdown, ratios to ours of the same family beside the seconds."""
    lines = [
        "| codes | method | import s | call s | fresh s | warm s "
        "| ours is faster (call / fresh / warm) "
        "| peak GB | KL | cross-entropy | 10-NN accuracy | trustworthiness | recall@10 |",
        "|---:|---|" + "---:|" * 11,
    ]
    ours = {(r["n"], r["family"]): r for r in rows if r["name"].startswith("latentscape")}
    for r in rows:
        base = ours.get((r["n"], r["family"]))
        ratios = "" if base is None or base is r else ratio_text(r, base)
        measured = [
            f"{r[name]:.4f}" if r.get(name) is not None else ""
            for name in ("kl", "cross_entropy", "knn_accuracy", "trustworthiness", "recall")
        ]
        if r.get("cross_entropy") is not None:
            measured[1] = f"{r['cross_entropy'] / 1e6:.3f}M"
        warm = "" if r["warm"] is None else f"{r['warm']:.2f}"
        lines.append(
            f"| {r['n']:,} | {r['title']} | {r['import']:.2f} | {r['call']:.2f} | {r['fresh']:.2f} "
            f"| {warm} | {ratios} | {r['peak_bytes'] / 1e9:.2f} | {' | '.join(measured)} |"
        )
    return "\n".join(lines)


def ratio_text(other: dict[str, Any], ours: dict[str, Any]) -> str:
    """Say how many times faster ours is: in the first call, in a fresh process, and warm.

    Who has no warm time compiles nothing on first use: the call stands for a second one as well.
    """
    again = other["call"] if other["warm"] is None else other["warm"]
    parts = [
        other["call"] / ours["call"],
        other["fresh"] / ours["fresh"],
        again / ours["warm"],
    ]
    return " / ".join(f"{part:.1f}×" for part in parts)


def main() -> None:
    """Run the cases in turn, print the table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,70000")
    parser.add_argument("--million", action="store_true", help="ours on 1,000,000 codes as well")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--output", type=Path, default=RESULTS / "maps.json")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--codes", help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        one_case(options.case, options.codes, options.out, options.threads)
        return
    sizes = [int(size) for size in options.sizes.split(",")]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_codes(folder, options.million)
        labels = np.load(folder / "labels.npy")
        for n in [*sizes, *([1_000_000] if options.million else [])]:
            codes = np.load(paths[n])
            judge = Judge(codes, labels[-n:]) if n <= 70_000 else None
            chosen = [c for c in options.only.split(",") if n <= CASES[c][2]]
            times: dict[str, list[dict[str, Any]]] = {case: [] for case in chosen}
            maps = {}
            for _ in range(options.repeats if n <= 70_000 else 1):
                for case in chosen:
                    facts, maps[case] = run_case(case, paths[n], folder, options.threads)
                    times[case].append(facts)
                    print(f"{n:>9,}  {case:<18} {json.dumps(facts)}", flush=True)
            for case in chosen:
                title, family, _ = CASES[case]
                row = {"n": n, "name": case, "title": title, "family": family}
                for key in ("import", "call", "fresh", "warm", "peak_bytes"):
                    values = [f[key] for f in times[case] if f[key] is not None]
                    row[key] = statistics.median(values) if values else None
                row["runs"] = times[case]
                row |= judge(maps[case], family) if judge else {}
                rows.append(row)
    from latentscape import __version__, _native

    libraries = ("openTSNE", "scikit-learn", "umap-learn", "pacmap", "numpy")
    content = {
        "threads": options.threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_native.instruction_set()}",
        "versions": {
            "latentscape": __version__,
            **{library: version(library) for library in libraries},
        },
        "rows": rows,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(content, indent=1) + "\n")
    print("\n" + table(rows))


if __name__ == "__main__":
    main()
