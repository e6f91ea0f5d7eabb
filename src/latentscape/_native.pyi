"""
Compiled kernels. Arrays are C-contiguous; threads <= 0 takes all cores.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy
from numpy.typing import NDArray


def instruction_sets() -> list[str]:
    """
    Names of the instruction sets that this processor has, the best one last.
    """

def instruction_set() -> str:
    """The one in use: the best, unless told otherwise."""

def use_instruction_set(name: str) -> None:
    """
    Take another one for all kernels. It changes no bit of any result: this is for tests.
    """

def fourier(real: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], imaginary: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, inverse: bool = False) -> tuple[Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')], Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]]:
    """
    Fourier transforms of 16 columns of n = 16 * 2^a 3^b 5^c numbers, unscaled: real and imaginary parts float32 (n, 16).
    """

def nearest_rows(queries: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], rows: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], k: int, *, same: bool = False, threads: int = 0, sketch: tuple[Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)]] | None = None) -> tuple[Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C')], Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C')]]:
    """
    Exact k nearest rows of each query: indices int32 and squared distances float64, (m, k). sketch: queries and rows times orthonormal columns, and an order in which near rows follow each other; makes the search faster.
    """

class InvertedFile:
    """
    Approximate k nearest rows: regions, and in them cells around centroids.
    """

    def __init__(self, rows: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, n_regions: int, n_train: int, n_iter: int = 8, seed: int = 0, threads: int = 0) -> None: ...

    @property
    def n_cells(self) -> int: ...

    def query(self, queries: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], k: int, *, n_probes: int, selves: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, threads: int = 0) -> tuple[Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C')], Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C')]]:
        """
        As nearest_rows, among the rows of the nearest cells; index -1 where there are too few.
        """

def conditional_affinities(squared: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], perplexity: float, *, threads: int = 0) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C')]:
    """
    Gaussian weights of each row's neighbours, float64 (n, k), from squared distances.
    """

def joint_affinities(indices: Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C', device='cpu', writable=False)], distances: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], perplexity: float, *, threads: int = 0) -> tuple[Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C')], Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C')], Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C')]]:
    """
    Symmetric affinities that add up to 1, as CSR: starts, columns, values.
    """

def kl_divergence(starts: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], columns: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], values: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], embedding: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, threads: int = 0) -> float:
    """
    Kullback-Leibler divergence of a map from CSR affinities, over all pairs.
    """

class TsneLayout:
    """A t-SNE map on its way."""

    def __init__(self, starts: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], columns: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], values: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], start: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, spacing: float = 0.5, exact_rows: int = 1000, threads: int = 0) -> None: ...

    def run(self, n_steps: int, *, exaggeration: float, momentum: float, learning_rate: float) -> None:
        """Take steps of gradient descent."""

    def renumber(self) -> None:
        """
        Sort the points in memory by where they lie now, which makes steps faster.
        """

    def gradient(self, *, exaggeration: float = 1.0) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]:
        """A quarter of the gradient of the divergence, float32 (n, 2)."""

    def divergence(self) -> float:
        """Kullback-Leibler divergence, by the mesh."""

    def places(self) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]:
        """Positions, float32 (n, 2)."""

def smooth_distances(indices: Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C', device='cpu', writable=False)], distances: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], k: int, *, threads: int = 0) -> tuple[Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C')], Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C')]]:
    """rho and sigma of the first k neighbours, float32 (n,) each."""

def fuzzy_graph(indices: Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C', device='cpu', writable=False)], distances: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], k: int, *, threads: int = 0) -> tuple[Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C')], Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C')], Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C')]]:
    """
    Fuzzy union of the memberships of the first k neighbours, as CSR: starts int64 (n + 1,), columns int32 and weights float32.
    """

class UmapLayout:
    """Negative-sampling descent, a few epochs at a time."""

    def __init__(self, starts: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], columns: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], weights: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], places: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, a: float, b: float, negative_sample_rate: int, n_epochs: int, seed: int = 0, threads: int = 0) -> None: ...

    def advance(self, epochs: int) -> int:
        """Go on by so many epochs at most; return how many are done."""

    def places(self) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]:
        """Where the vertices are now: float32 (n, 2)."""

def fuzzy_cross_entropy(starts: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], columns: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], weights: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], places: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, a: float, b: float, threads: int = 0) -> float:
    """Fuzzy cross-entropy of a map, over all ordered pairs."""

def target_ranks(rows: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], targets: Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, k: int = 0, threads: int = 0) -> tuple[Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C')], Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C')], Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C')]]:
    """
    Ranks int32 (n, t) of each row's targets among all other rows, and its k nearest rows.
    """

def coranking(reference: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], others: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)]], anchors: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], sizes: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], *, threads: int = 0) -> list[tuple[Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C')], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C')], Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C')], Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C')]]]:
    """
    For each other space, seen from each anchor: overlap int32 (m, sizes), sum of R_NX(K)/K (m,), and rank sums of false and of missing neighbours (m, sizes).
    """
