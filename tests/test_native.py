"""The kernels as a whole: their types, their instruction sets, and the Fourier transform.

Each other kernel is tested where it is used: neighbours in tests/neighbors, layouts and affinities
in tests/maps, ranks in tests/quality.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latentscape
from latentscape import _native

STUB = Path(latentscape.__file__).parent / "_native.pyi"


def test_the_stub_is_that_of_the_module(tmp_path: Path) -> None:
    made = tmp_path / "_native.pyi"
    stubgen = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "latentscape._native"]
    subprocess.run([*stubgen, "-o", made], check=True)
    assert made.read_text() == STUB.read_text(), "run `make stub`"


@pytest.fixture
def best() -> Iterator[str]:
    """The instruction set in use, which is put back afterwards."""
    name = _native.instruction_set()
    yield name
    _native.use_instruction_set(name)


def test_the_best_instructions_are_in_use(best: str) -> None:
    sets = _native.instruction_sets()
    assert sets == ["baseline", "avx2", "avx512"][: len(sets)]
    assert best == sets[-1]
    with pytest.raises(ValueError, match="no such instruction set"):
        _native.use_instruction_set("avx1024")
    assert _native.instruction_set() == best


def results() -> dict[str, Any]:
    """What every kernel makes of small data."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1203, 37)).astype(np.float32)
    rows[:300] += 3
    found: dict[str, Any] = {}
    indices, squared = _native.nearest_rows(rows, rows, 60, same=True, threads=2)
    found["neighbours"] = indices, squared
    sketch = np.ascontiguousarray(rows[:, :5])
    order = np.arange(len(rows), dtype=np.int32)[::-1].copy()
    found["sketched"] = _native.nearest_rows(
        rows, rows, 60, same=True, sketch=(sketch, sketch, order)
    )
    cells = _native.InvertedFile(rows, n_regions=30, n_train=900)
    found["cells"] = cells.query(rows, 20, n_probes=7)
    distances = np.sqrt(squared).astype(np.float32)
    found["weights"] = (_native.conditional_affinities(squared, 15.0),)
    affinities = _native.joint_affinities(indices, distances, 15.0)
    found["affinities"] = affinities
    start = rng.normal(scale=3, size=(len(rows), 2)).astype(np.float32)
    for name, exact_rows in (("mesh", 0), ("all pairs", 5000)):
        layout = _native.TsneLayout(*affinities, start, exact_rows=exact_rows)
        layout.run(15, exaggeration=4, momentum=0.8, learning_rate=200)
        found[name] = layout.places(), layout.gradient(), np.array(layout.divergence())
    found["divergence"] = (np.array(_native.kl_divergence(*affinities, start)),)
    graph = _native.fuzzy_graph(indices, distances, 14)
    umap = _native.UmapLayout(*graph, start, a=1.6, b=0.9, negative_sample_rate=7, n_epochs=9)
    umap.advance(9)
    found["umap"] = (umap.places(),)
    found["ranks"] = _native.target_ranks(rows, indices[:, :7].copy(), k=5)
    anchors, sizes = np.arange(0, 1203, 50, dtype=np.int32), np.array([1, 9, 200], np.int32)
    found["two spaces"] = _native.coranking(rows, [start], anchors, sizes)[0]
    return found


def test_instruction_sets_change_no_bit(best: str) -> None:
    wanted = results()
    for name in _native.instruction_sets()[:-1]:
        _native.use_instruction_set(name)
        for kernel, arrays in results().items():
            for one, other in zip(arrays, wanted[kernel], strict=True):
                np.testing.assert_array_equal(one, other, err_msg=f"{kernel} by {name}")


@pytest.mark.parametrize("n", [16, 32, 48, 80, 96, 240, 640, 1280])
def test_fourier_transform_is_that_of_numpy(n: int) -> None:
    rng = np.random.default_rng(n)
    signal = rng.normal(size=(n, 16)) + 1j * rng.normal(size=(n, 16))
    real, imaginary = signal.real.astype(np.float32), signal.imag.astype(np.float32)
    forth = _native.fourier(real, imaginary)
    back = _native.fourier(real, imaginary, inverse=True)
    exact = np.fft.fft(real.astype(np.float64) + 1j * imaginary, axis=0)
    scale = np.abs(exact).max()
    assert np.abs(forth[0] + 1j * forth[1] - exact).max() < 1e-6 * scale
    exact = np.fft.ifft(real.astype(np.float64) + 1j * imaginary, axis=0) * n
    assert np.abs(back[0] + 1j * back[1] - exact).max() < 1e-6 * scale


def test_fourier_transform_refuses_other_lengths() -> None:
    for shape in ((17, 16), (16, 15), (0, 16), (112, 16)):
        numbers = np.zeros(shape, dtype=np.float32)
        with pytest.raises(ValueError, match=r"need two|n must be"):
            _native.fourier(numbers, numbers)
