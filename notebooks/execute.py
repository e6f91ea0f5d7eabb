"""Execute the notebooks: in place to refresh their outputs, or in a scratch copy to check them.

python notebooks/execute.py           # refresh the committed outputs (some minutes)
LATENTSCAPE_QUICK=1 python notebooks/execute.py --check
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def main() -> None:
    """Execute every notebook; any error in a cell is an error here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="leave the files as they are")
    options = parser.parse_args()
    for path in sorted(HERE.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            client = NotebookClient(notebook, timeout=1800, kernel_name="python3")
            client.execute(cwd=folder)
        n_cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        print(f"{path.name}: {n_cells} cells in {time.perf_counter() - started:.0f} s")
        if not options.check:
            for cell in notebook.cells:
                cell.metadata.pop("execution", None)  # times of day differ at every run
            nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
