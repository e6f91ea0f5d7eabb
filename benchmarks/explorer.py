"""How quick is the explorer: the file at 10,000 and 70,000 digits, the server at a million?

A real Chromium opens it, draws in software (no graphics card), and is moved by its mouse.
"First map" is the time from opening to the frame after the first points were drawn, and
for the server from the start of ``latentscape explore`` on, Python included.

    python benchmarks/explorer.py [--folder DIR] [--only 10000,70000,1000000]

Atlases that DIR does not hold yet are made there (`digits10000-64` and the like: some minutes;
`million`: a quarter of an hour). It needs ``pip install "latentscape[dev]"`` and Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

import latentscape as ls
from latentscape.explorer import build_page
from latentscape.explorer.data import Thumbnails

RESULTS = Path(__file__).parent / "results"
FLAGS = [
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist", "--disable-background-networking", "--js-flags=--expose-gc",
]  # fmt: skip
SIZE = {"width": 1280, "height": 800}

# Before the page's own program: note the frame after the first points were drawn.
WATCH = """
const drawn = WebGL2RenderingContext.prototype.drawElements;
WebGL2RenderingContext.prototype.drawElements = function (...given) {
  drawn.apply(this, given);
  if (window.firstMap === undefined && given[1] > 0) {
    window.firstMap = null;
    const seen = () => { window.firstMap = performance.now(); };
    requestAnimationFrame(() => requestAnimationFrame(seen));
  }
};
"""

ALL_IMAGES = """() => new Promise((done) => {
  const look = () => {
    const { atlas } = document.getElementById('app').latentscape;
    if (atlas?.images?.loaded === atlas?.n) done(performance.now());
    else setTimeout(look, 10);
  };
  look();
})"""

FRAMES = """() => {
  window.frames_ = [];
  let last = performance.now();
  const tick = (now) => {
    window.frames_.push(now - last);
    last = now;
    window.ticking = requestAnimationFrame(tick);
  };
  window.ticking = requestAnimationFrame(tick);
}"""

# The row under a place, and all that the page then does before it gives the frame back.
HOVER = """() => {
  const { compute, store, atlas } = document.getElementById('app').latentscape;
  const [map] = store.state.maps;
  const { positions } = atlas.maps.find((each) => each.name === map);
  compute.pick(map, 0, 0, 0.1);
  const times = [];
  for (let k = 0; k < 300; k++) {
    const row = (k * 7919) % atlas.n;
    const start = performance.now();
    const hover = compute.pick(map, positions[2 * row], positions[2 * row + 1], 0.01);
    store.set({ hover });
    times.push(performance.now() - start);
  }
  store.set({ hover: -1 });
  return times;
}"""

DECODE = """() => {
  const { compute, store, atlas } = document.getElementById('app').latentscape;
  const named = (name) => atlas.maps.find((each) => each.name === name);
  const map = named('tsne') ?? named('umap');
  const times = [];
  for (let k = 0; k < 500; k++) {
    const row = (k * 7919) % atlas.n;
    const x = map.positions[2 * row] + 0.002 * Math.sin(k);
    const y = map.positions[2 * row + 1] + 0.002 * Math.cos(k);
    const start = performance.now();
    compute.decode('main', compute.inverse(map.name, x, y).code);
    times.push(performance.now() - start);
  }
  return times.slice(20);
}"""


def share(values: list[float], at: float) -> float:
    """Return a quantile, rounded to what a clock of a browser can tell."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(at * len(ordered)))], 2)


def summary(values: list[float]) -> dict[str, float]:
    """Return median and 95th percentile in milliseconds."""
    return {"median_ms": share(values, 0.5), "p95_ms": share(values, 0.95)}


@contextmanager
def opened(browser: Any, address: str) -> Iterator[Any]:
    """Open the page and wait for its first map."""
    context = browser.new_context(viewport=SIZE)
    context.add_init_script(WATCH)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address, wait_until="commit")
    wait(page, "typeof window.firstMap === 'number'")
    yield page
    context.close()


def wait(page: Any, expression: str, seconds: float = 120) -> None:
    """Wait for an expression; Playwright's own way needs eval, which the page forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        if time.monotonic() > end:
            raise TimeoutError(expression)
        page.wait_for_timeout(10)


def pan(page: Any, seconds: float = 4) -> dict[str, float]:
    """Drag one map to and fro by the mouse; return the times between frames."""
    page.get_by_role("button", name="1 map", exact=True).click()
    page.wait_for_timeout(1500)
    box = page.get_by_role("application").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(FRAMES)
    end, step = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        step += 1
        page.mouse.move(x + 8 * (step % 20 - 10), y + 5 * (step % 14 - 7))
    times = page.evaluate("() => { cancelAnimationFrame(window.ticking); return window.frames_; }")
    page.mouse.up()
    return {**summary(times[3:]), "frames": len(times)}


def digits(folder: Path, n: int, latent_dim: int) -> ls.Atlas:
    """Return the atlas that stands there, or make it: all maps of codes of that many numbers."""
    path = folder / f"digits{n}-{latent_dim}"
    if path.is_dir() and "points" in ls.Atlas.open(path).stages:
        return ls.Atlas.open(path)
    rows, sizes = ("test" if n == 10_000 else "all"), (2, latent_dim)
    return ls.run("mnist", path, rows=rows, latent_dims=sizes, latent_dim=latent_dim, n_seeds=1)


def sizes_of(folder: Path, n: int) -> dict[str, float]:
    """Return megabytes of the page, by length of the codes and kind of thumbnails."""
    kinds: tuple[Thumbnails, ...] = ("small", "exact")
    return {
        f"{latent_dim}-d, {'16' if kind == 'small' else '256'} greys": round(
            len(build_page(digits(folder, n, latent_dim), thumbnails=kind)) / 1e6, 2
        )
        for latent_dim in (32, 64)
        for kind in kinds
    }


def file_of(browser: Any, folder: Path, n: int) -> dict[str, Any]:
    """Measure the whole page of an atlas in one file."""
    atlas = digits(folder, n, 64)
    path = folder / f"page{n}.html"
    path.write_bytes(build_page(atlas))
    first, thumbnails = [], []
    found: dict[str, Any] = {"maps": len(atlas.map_names), "megabytes": sizes_of(folder, n)}
    for _ in range(3):
        with opened(browser, path.resolve().as_uri()) as page:
            first.append(page.evaluate("window.firstMap"))
            thumbnails.append(page.evaluate(ALL_IMAGES))
            if len(first) == 3:
                wait(page, "!!document.getElementById('app').latentscape.compute")
                page.wait_for_timeout(500)
                found["hover"] = summary(page.evaluate(HOVER))
                found["decode_with_inverse"] = summary(page.evaluate(DECODE))
                found["pan_frame"] = pan(page)
    found["first_map_s"] = round(sorted(first)[1] / 1000, 2)
    found["all_thumbnails_s"] = round(sorted(thumbnails)[1] / 1000, 2)
    path.unlink()
    return found


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1e3)


def served(browser: Any, folder: Path) -> dict[str, Any]:
    """Measure ``latentscape explore`` of a million digits."""
    path = folder / "million"
    maker = [sys.executable, str(Path(__file__).parent / "million.py"), str(path)]
    subprocess.run(maker, check=True)
    began = time.time()
    command = [sys.executable, "-m", "latentscape", "explore", str(path), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[0]
            ready = time.time() - began
            with opened(browser, address) as page:
                opened_at = page.evaluate("(performance.timeOrigin + window.firstMap) / 1000")
                wait(page, "!!document.getElementById('app').latentscape.compute")
                usable = time.time() - began
                page.wait_for_timeout(1000)
                found: dict[str, Any] = {
                    "server_ready_s": round(ready, 2),
                    "first_map_s": round(opened_at - began, 2),
                    "all_but_images_s": round(usable, 2),
                    "pan_frame": pan(page),
                    "hover": summary(page.evaluate(HOVER)),
                    "decode_with_inverse": summary(page.evaluate(DECODE)),
                    "server_peak_megabytes": peak_megabytes(server.pid),
                    "page_heap_megabytes": round(
                        page.evaluate("(gc(), performance.memory.usedJSHeapSize)") / 1e6
                    ),
                }
        finally:
            server.terminate()
    return found


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="where atlases are kept; a temporary one if not given"
    )
    parser.add_argument("--only", default="10000,70000,1000000")
    parser.add_argument("--output", type=Path, default=RESULTS / "explorer.json")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    content = json.loads(options.output.read_text()) if options.output.exists() else {}
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for n in map(int, options.only.split(",")):
            case = served(browser, folder) if n == 1_000_000 else file_of(browser, folder, n)
            content[f"{n:,} digits"] = case
            print(f"{n:,} digits: {json.dumps(case, indent=1)}", flush=True)
        content["machine"] = {
            "cpu": platform.machine(), "cores": len(os.sched_getaffinity(0)),
            "chromium": browser.version, "drawing": "software (SwiftShader)",
        }  # fmt: skip
        browser.close()
    options.output.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
