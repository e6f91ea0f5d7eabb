"""
Compiled kernels. Arrays are C-contiguous; threads <= 0 takes all cores.
"""

from typing import Annotated

import numpy
from numpy.typing import NDArray

def nearest_rows(
    queries: Annotated[
        NDArray[numpy.float32], dict(shape=(None, None), order="C", device="cpu", writable=False)
    ],
    rows: Annotated[
        NDArray[numpy.float32], dict(shape=(None, None), order="C", device="cpu", writable=False)
    ],
    k: int,
    *,
    same: bool = False,
    threads: int = 0,
) -> tuple[
    Annotated[NDArray[numpy.int32], dict(shape=(None, None), order="C")],
    Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C")],
]:
    """
    Exact k nearest rows of each query: indices int32 and squared distances float64, (m, k).
    """

class InvertedFile:
    """Approximate k nearest rows: cells around centroids."""

    def __init__(
        self,
        rows: Annotated[
            NDArray[numpy.float32],
            dict(shape=(None, None), order="C", device="cpu", writable=False),
        ],
        *,
        n_cells: int,
        n_train: int,
        n_iter: int = 8,
        seed: int = 0,
        threads: int = 0,
    ) -> None: ...
    def query(
        self,
        queries: Annotated[
            NDArray[numpy.float32],
            dict(shape=(None, None), order="C", device="cpu", writable=False),
        ],
        k: int,
        *,
        n_probes: int,
        selves: Annotated[
            NDArray[numpy.int32], dict(shape=(None,), order="C", device="cpu", writable=False)
        ]
        | None = None,
        threads: int = 0,
    ) -> tuple[
        Annotated[NDArray[numpy.int32], dict(shape=(None, None), order="C")],
        Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C")],
    ]:
        """
        As nearest_rows, among the rows of the nearest cells; index -1 where there are too few.
        """

def smooth_distances(
    indices: Annotated[
        NDArray[numpy.int32], dict(shape=(None, None), order="C", device="cpu", writable=False)
    ],
    distances: Annotated[
        NDArray[numpy.float32], dict(shape=(None, None), order="C", device="cpu", writable=False)
    ],
    k: int,
    *,
    threads: int = 0,
) -> tuple[
    Annotated[NDArray[numpy.float32], dict(shape=(None,), order="C")],
    Annotated[NDArray[numpy.float32], dict(shape=(None,), order="C")],
]:
    """rho and sigma of the first k neighbours, float32 (n,) each."""

def fuzzy_graph(
    indices: Annotated[
        NDArray[numpy.int32], dict(shape=(None, None), order="C", device="cpu", writable=False)
    ],
    distances: Annotated[
        NDArray[numpy.float32], dict(shape=(None, None), order="C", device="cpu", writable=False)
    ],
    k: int,
    *,
    threads: int = 0,
) -> tuple[
    Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C")],
    Annotated[NDArray[numpy.int32], dict(shape=(None,), order="C")],
    Annotated[NDArray[numpy.float32], dict(shape=(None,), order="C")],
]:
    """
    Fuzzy union of the memberships of the first k neighbours, as CSR: starts int64 (n + 1,), columns int32 and weights float32.
    """

class UmapLayout:
    """Negative-sampling descent, a few epochs at a time."""

    def __init__(
        self,
        starts: Annotated[
            NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)
        ],
        columns: Annotated[
            NDArray[numpy.int32], dict(shape=(None,), order="C", device="cpu", writable=False)
        ],
        weights: Annotated[
            NDArray[numpy.float32], dict(shape=(None,), order="C", device="cpu", writable=False)
        ],
        places: Annotated[
            NDArray[numpy.float32],
            dict(shape=(None, None), order="C", device="cpu", writable=False),
        ],
        *,
        a: float,
        b: float,
        negative_sample_rate: int,
        n_epochs: int,
        seed: int = 0,
        threads: int = 0,
    ) -> None: ...
    def advance(self, epochs: int) -> int:
        """Go on by so many epochs at most; return how many are done."""

    def places(self) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order="C")]:
        """Where the vertices are now: float32 (n, 2)."""

def fuzzy_cross_entropy(
    starts: Annotated[
        NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)
    ],
    columns: Annotated[
        NDArray[numpy.int32], dict(shape=(None,), order="C", device="cpu", writable=False)
    ],
    weights: Annotated[
        NDArray[numpy.float32], dict(shape=(None,), order="C", device="cpu", writable=False)
    ],
    places: Annotated[
        NDArray[numpy.float32], dict(shape=(None, None), order="C", device="cpu", writable=False)
    ],
    *,
    a: float,
    b: float,
    threads: int = 0,
) -> float:
    """Fuzzy cross-entropy of a map, over all ordered pairs."""
