"""Build the wheel, look at what is in it, and use it from an environment of its own.

Run by ``make wheel``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
NEEDED = (
    "latentscape/py.typed",
    "latentscape/_native.pyi",
    "latentscape/cli/commands/run.py",
    "latentscape/explorer/static/app.js",
    "latentscape/explorer/static/boot.js",
    "latentscape/explorer/static/widget.js",
    "latentscape/images/data/train-images-idx3-ubyte.gz",
    "latentscape/images/data/train-labels-idx1-ubyte.gz",
    "latentscape/images/data/t10k-images-idx3-ubyte.gz",
    "latentscape/images/data/t10k-labels-idx1-ubyte.gz",
    "latentscape/images/data/ATTRIBUTION.md",
)
UNWANTED = ("tests/", "native/", "benchmarks/", "notebooks/", "docs/", ".ipynb", ".pyc")
PROBE = """
import importlib, latentscape, pathlib, pkgutil, sys
assert "torch" not in sys.modules
home = pathlib.Path(latentscape.__file__).resolve()
assert "site-packages" in home.parts, home
mnist = latentscape.load_mnist()
print(mnist, "from", home.parent)
for module in pkgutil.walk_packages(latentscape.__path__, "latentscape."):
    # The first two begin to work when imported; the widget wants the extra for notebooks.
    if not module.name.endswith(("__main__", ".worker", ".widget")):
        importlib.import_module(module.name)
assert mnist.images.shape == (70000, 28, 28)
graph = latentscape.NeighborGraph.build(mnist.test.images[:500].reshape(500, -1), 5)
assert graph.indices.shape == (500, 5)
"""


def main() -> None:
    """Do all of it; any failure is an exception."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        subprocess.run(
            [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (wheel,) = out.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            for info in archive.infolist():
                print(f"{info.file_size:>12,}  {info.filename}")
        print(f"{wheel.stat().st_size:>12,}  {wheel.name}")
        missing = [name for name in NEEDED if name not in names]
        extra = [name for name in names if any(part in name for part in UNWANTED)]
        assert not missing, f"not in the wheel: {missing}"
        assert not extra, f"should not be in the wheel: {extra}"

        environment = out / "venv"
        venv.create(environment, with_pip=True)
        python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
        # With everything it depends on: a library that pyproject.toml forgets is missed here.
        subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
        subprocess.run([python, "-c", PROBE], check=True, cwd=out)
        subprocess.run([python, "-m", "latentscape", "info", "--help"], check=True, cwd=out)
    print("the wheel is complete and works by itself")


if __name__ == "__main__":
    main()
