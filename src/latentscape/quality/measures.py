"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from latentscape.neighbors import Metric
from latentscape.quality.estimates import Estimate, as_json
from latentscape.quality.neighborhoods import RnxCurve
from latentscape.types import FloatArray

Scope = Literal["local", "global", "label", "stability", "decoding"]

HEADLINES = ("recall", "triplets", "label_accuracy", "stability", "round_trip")
"""The one figure of each scope that is shown first; measures of one scope agree mostly."""


@dataclass(frozen=True)
class Measure:
    """One figure of a map, beside what it can be compared with.

    Attributes
    ----------
    value, standard_error : float
        NaN where it cannot be told.
    random : float
        What a random map has: expected or, where no formula is known, found by dealing out the
        places of this map at random.
    pca : float or None
        The same figure of the PCA map of the same codes; None without baselines, and for decoded
        places.
    pca_error : float or None
        Its standard error.
    best : float
    scope : {"local", "global", "label", "stability", "decoding"}
    title : str
    definition : str
        One sentence.
    codes : float or None
        The same figure in the codes themselves, for figures about labels.
    pixels : float or None
        The same in the images.
    headline : bool
        Whether it is the one to show for its scope.
    gain : float or None
        `value` minus `pca`.
    gain_error : float or None
        Its standard error: paired, as both maps were measured on the same rows, where rows have
        values of their own.
    """

    value: float
    standard_error: float
    random: float
    pca: float | None
    pca_error: float | None
    best: float
    scope: Scope
    title: str
    definition: str
    codes: float | None = None
    pixels: float | None = None
    headline: bool = False
    gain: float | None = None
    gain_error: float | None = None


@dataclass(frozen=True, eq=False)
class MapReport:
    """How far one map can be trusted; made by :func:`latentscape.quality.report`.

    Attributes
    ----------
    measures : dict of str to Measure
        In the order in which they are shown.
    curves : dict of str to RnxCurve
        R_NX of ``"map"`` and ``"random"``, with baselines of ``"pca"`` as well.
    per_sample : dict of str to float32 array, shape (n,)
        ``"recall"``, ``"trustworthiness"`` (low: false neighbours on the map) and ``"continuity"``
        (low: neighbours missing on the map). Empty for more rows than are measured one by one.
    hops : dict of str to dict of str to Estimate
        What each step loses: ``"codes_map"`` and, with images, ``"pixels_codes"`` and
        ``"pixels_map"``; each holds ``recall``, ``r_nx_auc``, ``trustworthiness`` and
        ``continuity``, seen from the same anchors.
    n_rows, n_neighbors, n_anchors, n_islands : int
    random_state : int
    notes : tuple of str
        What was sampled or left out, in sentences.
    metric : {"euclidean", "cosine"}
        By what codes are compared.
    """

    measures: Mapping[str, Measure]
    curves: Mapping[str, RnxCurve]
    per_sample: Mapping[str, FloatArray]
    hops: Mapping[str, Mapping[str, Estimate]]
    n_rows: int
    n_neighbors: int
    n_anchors: int
    n_islands: int
    random_state: int
    notes: tuple[str, ...] = field(default=())
    metric: Metric = "euclidean"

    def headlines(self) -> dict[str, Measure]:
        """Return one measure for each scope that could be measured."""
        return {name: measure for name, measure in self.measures.items() if measure.headline}

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it; per-sample values as percentiles."""
        percentiles = (1, 5, 25, 50, 75, 95, 99)
        content = {
            "n_rows": self.n_rows,
            "n_neighbors": self.n_neighbors,
            "n_anchors": self.n_anchors,
            "n_islands": self.n_islands,
            "random_state": self.random_state,
            "metric": self.metric,
            "measures": {name: asdict(measure) for name, measure in self.measures.items()},
            "curves": {
                name: {
                    "sizes": curve.sizes,
                    "values": curve.values,
                    "standard_errors": curve.standard_errors,
                    "auc": curve.auc,
                }
                for name, curve in self.curves.items()
            },
            "hops": {name: dict(hop) for name, hop in self.hops.items()},
            "percentiles": {
                name: dict(zip(percentiles, np.percentile(values, percentiles), strict=True))
                for name, values in self.per_sample.items()
            },
            "notes": list(self.notes),
        }
        found: dict[str, Any] = as_json(content)
        return found

    def __str__(self) -> str:
        lines = [
            f"{self.n_rows} rows, {self.n_neighbors} neighbours; * shown first",
            f"{'':<34}{'map':>9}{'± s.e.':>9}{'random':>9}{'PCA':>9}{'codes':>9}{'pixels':>9}",
        ]
        scope = ""
        for measure in self.measures.values():
            if measure.scope != scope:
                scope = measure.scope
                lines.append(f"{scope}")
            star = "*" if measure.headline else " "
            cells = (measure.value, measure.standard_error, measure.random, measure.pca)
            texts = [_cell(number) for number in (*cells, measure.codes, measure.pixels)]
            lines.append(f" {star}{measure.title:<32}" + "".join(f"{text:>9}" for text in texts))
        lines.append("kept by each hop (recall, R_NX AUC)")
        for name, hop in self.hops.items():
            title = name.replace("_", " → ")
            lines.append(f"  {title:<32}{_cell(hop['recall'])}{_cell(hop['r_nx_auc']):>9}")
        return "\n".join(line.rstrip() for line in [*lines, *self.notes])


def _cell(number: float | None) -> str:
    if number is None:
        return ""
    if np.isnan(number):
        return "-"
    return "<0.0001" if 0 < number < 0.00005 else f"{float(number):.4f}"
