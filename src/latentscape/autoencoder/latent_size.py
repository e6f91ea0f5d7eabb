"""Which latent size the evidence speaks for, by a stated rule and its rivals."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from latentscape.errors import SettingError
from latentscape.types import DoubleArray

# A doubling of the latent size that lowers the error by less than this share
# is called no gain by the gain rule.
_SMALL_GAIN = 0.15


@dataclass(frozen=True)
class LatentSizeChoice:
    """A latent size, the rule that chose it, and what other rules would say.

    Attributes
    ----------
    latent_dim : int
        The chosen number of latent dimensions.
    rule : str
        The rule, in words.
    tolerance : float
        How far above the best mean validation MSE the rule goes, as a share.
    band : tuple of int
        Smallest and largest size that any rule chooses.
    rules : dict of str to int
        The size that each rule chooses: ``tolerance``, ``one_se`` (two seeds
        or more), ``gain``, and ``kneedle_*`` for four choices of axes.
    thin : bool
        True where a size was trained with one seed only.
    best : bool
        True where the chosen size is the one with the lowest error, so that a
        still larger one might do better.
    model_limited_above : int or None
        The size above which PCA reconstructs the test images better: there
        the network, and not the latent size, is the limit.
    """

    latent_dim: int
    rule: str
    tolerance: float
    band: tuple[int, int]
    rules: dict[str, int]
    thin: bool
    best: bool
    model_limited_above: int | None

    @property
    def sentence(self) -> str:
        """The choice in words, with its doubts."""
        low, high = self.band
        parts = [f"{self.latent_dim} latent dimensions: {self.rule}"]
        parts.append(
            "other rules agree" if low == high else f"other rules choose from {low} to {high}"
        )
        if self.best:
            parts.append("the error still falls at the largest size tried")
        if self.thin:
            parts.append("one seed only, so the evidence is thin")
        if self.model_limited_above is not None:
            where = f"above {self.model_limited_above} dimensions"
            parts.append(
                f"{where if self.model_limited_above else 'at every size'} PCA does better, so "
                "there the network is the limit"
            )
        return "; ".join(parts) + "."

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values, the sentence included."""
        return {**asdict(self), "band": list(self.band), "sentence": self.sentence}


def choose_latent_dim(results: pd.DataFrame, *, tolerance: float = 0.1) -> LatentSizeChoice:
    """Choose the smallest latent size whose error is near the best.

    The rule: the smallest size whose validation MSE, averaged over seeds,
    lies within ``tolerance`` of the lowest average. Test images play no part
    in it. The rivals are the one-standard-error rule (Breiman et al. 1984),
    the first doubling that gains less than 15 %, and Kneedle (Satopää et al.
    2011) for linear and logarithmic axes.

    Parameters
    ----------
    results : DataFrame
        Columns model ("autoencoder" or "pca"), latent_dim, seed,
        validation_mse and test_mse, as in ``LatentSizeSweep.results_``.
    tolerance : float, default 0.1
        At least 0; 0.1 means within 10 %.

    Raises
    ------
    SettingError
        When the tolerance is negative or no autoencoder was validated.
    """
    if not tolerance >= 0:
        msg = f"tolerance must be 0 or more, got {tolerance!r}"
        raise SettingError(msg)
    trained = results[results["model"] == "autoencoder"]
    if trained.empty or trained["validation_mse"].isna().any():
        msg = "a latent size is chosen on validation images; train with validation_fraction > 0"
        raise SettingError(msg)
    table = trained.pivot_table(index="latent_dim", columns="seed", values="validation_mse")
    sizes = table.index.to_numpy(dtype=np.int64)
    means = table.mean(axis=1).to_numpy(dtype=np.float64)
    n_seeds = table.count(axis=1).to_numpy(dtype=np.int64)
    best = int(means.argmin())

    rules = {"tolerance": _smallest(sizes, means <= (1 + tolerance) * means[best])}
    if n_seeds[best] > 1:
        error = table.iloc[best].std(ddof=1) / math.sqrt(n_seeds[best])
        rules["one_se"] = _smallest(sizes, means <= means[best] + error)
    if len(sizes) > 1:
        rules["gain"] = _first_small_gain(table)
    if len(sizes) > 2:
        rules.update(_kneedle(sizes, means))
    return LatentSizeChoice(
        latent_dim=rules["tolerance"],
        rule=(
            "the smallest size whose mean validation MSE is within "
            f"{100 * tolerance:.0f} % of the best"
        ),
        tolerance=float(tolerance),
        band=(min(rules.values()), max(rules.values())),
        rules=rules,
        thin=bool((n_seeds < 2).any()),
        best=rules["tolerance"] == int(sizes[-1]) and len(sizes) > 1,
        model_limited_above=_model_limited_above(results),
    )


def _smallest(sizes: np.ndarray[Any, Any], allowed: np.ndarray[Any, Any]) -> int:
    return int(sizes[np.flatnonzero(allowed)[0]])


def _first_small_gain(table: pd.DataFrame) -> int:
    """Return the first size after which a doubling surely gains less than 15 %."""
    sizes = table.index.to_numpy(dtype=np.float64)
    logs = np.log(table.to_numpy(dtype=np.float64))
    threshold = -math.log(1 - _SMALL_GAIN)
    for i in range(len(sizes) - 1):
        gains = (logs[i] - logs[i + 1]) / math.log2(sizes[i + 1] / sizes[i])
        gains = gains[np.isfinite(gains)]
        error = gains.std(ddof=1) / math.sqrt(len(gains)) if len(gains) > 1 else 0.0
        if gains.mean() + 1.96 * error < threshold:
            return int(sizes[i])
    return int(sizes[-1])


def _kneedle(sizes: np.ndarray[Any, Any], means: DoubleArray) -> dict[str, int]:
    found = {}
    for x_name, x in (("linear", sizes.astype(np.float64)), ("log", np.log(sizes))):
        for y_name, y in (("linear", means), ("log", np.log(means))):
            if np.ptp(y) == 0:
                continue
            knee = (1 - (x - x.min()) / np.ptp(x)) - (y - y.min()) / np.ptp(y)
            found[f"kneedle_{x_name}_{y_name}"] = int(sizes[int(knee.argmax())])
    return found


def _model_limited_above(results: pd.DataFrame) -> int | None:
    """Return the largest size below the first at which PCA's test MSE is lower."""
    means = results.groupby(["model", "latent_dim"])["test_mse"].mean()
    if "pca" not in means.index.get_level_values(0):
        return None
    both = pd.concat({"net": means["autoencoder"], "pca": means["pca"]}, axis=1).dropna()
    worse = both.index[both["net"] > both["pca"]]
    if worse.empty:
        return None
    better = both.index[both.index < worse[0]]
    return int(better[-1]) if len(better) else 0
