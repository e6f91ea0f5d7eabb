"""What the compiled module promises as a whole; its kernels are tested where they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import latentscape

STUB = Path(latentscape.__file__).parent / "_native.pyi"


def test_the_stub_is_that_of_the_module(tmp_path: Path) -> None:
    made = tmp_path / "_native.pyi"
    stubgen = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "latentscape._native"]
    subprocess.run([*stubgen, "-o", made], check=True)
    assert made.read_text() == STUB.read_text(), "run `make stub`"
