"""A card for each map: what it can and cannot tell on these data, in plain words.

Every sentence is computed from a :class:`MapReport`. The thresholds:

=============================  ==================================================================
question                       verdict
=============================  ==================================================================
are gaps real                  share of neighbouring codes on different islands, against that of
                               the same islands dealt out at random: at most a tenth "yes", at
                               most a half "partly", beyond "no"
are classes as pure as shown   label accuracy on the map minus that of the codes: within .02 (or
                               two standard errors) "yes", below "partly" (classes are mixed up),
                               above "no" (invented separation)
do sizes mean something        correlation of local radii: .7 "yes", .3 "partly", below "no"
do distances between groups    rank correlation of centroid distances minus one standard error:
mean something                 .7 "yes", .3 "partly", below "no"; without three classes, of random
                               pairs of rows
do neighbours belong together  kept neighbours: half "yes", a tenth "partly", below "no"
how many are misplaced         share of rows with trustworthiness below .9: at most 5 % "yes", at
                               most 20 % "partly", beyond "no"
does it stay with other seeds  share of common neighbours between seeds: half "yes", unless the
                               Procrustes distance is above .35; a fifth "partly", below "no";
                               only from nine tenths on it is called nearly the same map
may a decoded place be         round trip (decoded, encoded and placed again): at most a tenth of
believed                       the map's standard deviation "yes", at most a half "partly", beyond
                               "no"; and never "yes" where the place's code is more than twice as
                               far from the data as codes are from each other
is it better than PCA          R_NX AUC and triplets, each by two standard errors of the
                               paired difference: both "yes", one "partly", none "no"; of the PCA
                               map itself "unknown"
=============================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from latentscape.quality.measures import MapReport, Measure

Verdict = Literal["yes", "partly", "no", "unknown"]

CROSSING_YES, CROSSING_PARTLY = 0.1, 0.5
ACCURACY_MARGIN = 0.02
CORRELATION_YES, CORRELATION_PARTLY = 0.7, 0.3
RECALL_YES, RECALL_PARTLY = 0.5, 0.1
POOR_TRUST = 0.9
POOR_YES, POOR_PARTLY = 0.05, 0.2
STABILITY_YES, STABILITY_PARTLY = 0.5, 0.2
STABILITY_SAME = 0.9
MOVED = 0.35
ROUND_TRIP_YES, ROUND_TRIP_PARTLY = 0.1, 0.5
OFF_DATA = 2.0


@dataclass(frozen=True)
class Sentence:
    """One thing that a map can tell or not.

    Attributes
    ----------
    topic : str
        ``"gaps"``, ``"classes"``, ``"sizes"``, ``"distances"``, ``"neighbours"``, ``"misplaced"``,
        ``"seeds"``, ``"decoding"`` or ``"pca"``.
    verdict : {"yes", "partly", "no", "unknown"}
        Whether the map can be trusted in this.
    text : str
        In plain words, with the figures it rests on.
    """

    topic: str
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class MapCard:
    """What one map can and cannot tell.

    Attributes
    ----------
    title : str
    sentences : tuple of Sentence
    """

    title: str
    sentences: tuple[Sentence, ...]

    def __getitem__(self, topic: str) -> Sentence:
        """Return the sentence about a topic."""
        for sentence in self.sentences:
            if sentence.topic == topic:
                return sentence
        raise KeyError(topic)

    def as_dict(self) -> dict[str, Any]:
        """Return title and sentences as JSON can hold them."""
        return {"title": self.title, "sentences": [asdict(each) for each in self.sentences]}

    def __str__(self) -> str:
        marks = {"yes": "+", "partly": "~", "no": "-", "unknown": "?"}
        lines = [f" {marks[each.verdict]} {each.text}" for each in self.sentences]
        return "\n".join([self.title, *lines])


def map_card(report: MapReport, name: str = "Map") -> MapCard:
    """Say in plain words what a map can and cannot tell on these data.

    Parameters
    ----------
    report : MapReport
        With labels, other seeds, decoded places and baselines it can answer more; what it cannot
        answer is said to be unknown.
    name : str, default "Map"
        For example ``"t-SNE"``.

    Returns
    -------
    MapCard
        One sentence for each topic; thresholds in :mod:`latentscape.quality.cards`.
    """
    topics: list[Callable[[MapReport], Sentence]] = [
        _gaps,
        _classes,
        _sizes,
        _distances,
        _neighbours,
        _misplaced,
        _seeds,
        _decoding,
        _pca,
    ]
    title = f"{name} of {report.n_rows:,} points: what it can tell"
    if report.metric == "cosine":
        title += ", codes compared by cosine distance"
    return MapCard(title, tuple(topic(report) for topic in topics))


def _gaps(report: MapReport) -> Sentence:
    crossing = report.measures["gap_crossing"]
    if report.n_islands < 2 or crossing.random == 0:
        return Sentence(
            "gaps", "unknown", "The map has no gaps: it shows one cloud, whose parts run together."
        )
    ratio = crossing.value / crossing.random
    verdict = _below(ratio, CROSSING_YES, CROSSING_PARTLY)
    begin = f"The map shows {report.n_islands} islands. "
    figures = (
        f"{_percent(crossing.value)} of neighbouring codes lie on different islands "
        f"(chance: {_percent(crossing.random)})"
    )
    meaning = {
        "yes": f"The gaps between them are real: only {figures}.",
        "partly": f"Some gaps cut through codes that belong together: {figures}.",
        "no": f"The gaps are invented: {figures}.",
    }[verdict]
    return Sentence("gaps", verdict, begin + meaning)


def _classes(report: MapReport) -> Sentence:
    accuracy = report.measures.get("label_accuracy")
    if accuracy is None or accuracy.codes is None:
        return Sentence(
            "classes", "unknown", "Whether classes are as separate as they look: no labels given."
        )
    excess = accuracy.value - accuracy.codes
    margin = max(ACCURACY_MARGIN, 2 * accuracy.standard_error)
    figures = (
        f"neighbours tell the label of {_percent(accuracy.value)} of the points on the map and of "
        f"{_percent(accuracy.codes)} in the codes"
    )
    if excess > margin:
        return Sentence(
            "classes",
            "no",
            f"The map separates classes more than the codes do, which is invented: {figures}.",
        )
    if excess < -margin:
        return Sentence("classes", "partly", f"The map mixes classes up: {figures}.")
    return Sentence("classes", "yes", f"Classes are as separate as in the codes: {figures}.")


def _sizes(report: MapReport) -> Sentence:
    density = report.measures["density"]
    if np.isnan(density.value):
        return Sentence(
            "sizes", "unknown", "Whether sizes mean something: too many points are copies."
        )
    verdict = _above(density.value, CORRELATION_YES, CORRELATION_PARTLY)
    meaning = {
        "yes": "Wide parts of the map hold codes that are spread out, dense parts similar ones",
        "partly": "How wide a part of the map is gives only a hint at how spread out its codes are",
        "no": "How wide a part of the map is says nothing: dense and sparse codes are drawn alike",
    }[verdict]
    return Sentence("sizes", verdict, f"{meaning} (density correlation {_signed(density)}).")


def _distances(report: MapReport) -> Sentence:
    between = report.measures.get("centroid_distances")
    if between is not None and not np.isnan(between.value):
        of, what = between, "between classes"
    else:
        of, what = report.measures["shepard_spearman"], "between points far apart"
    safe = of.value - (0.0 if np.isnan(of.standard_error) else of.standard_error)
    verdict = _above(safe, CORRELATION_YES, CORRELATION_PARTLY)
    meaning = {
        "yes": f"Distances {what} can be read: near and far are mostly as in the codes",
        "partly": f"Distances {what} are a hint at best",
        "no": f"Distances {what} cannot be read: who lies beside whom says little",
    }[verdict]
    return Sentence("distances", verdict, f"{meaning} (rank correlation {_signed(of)}).")


def _neighbours(report: MapReport) -> Sentence:
    recall = report.measures["recall"]
    verdict = _above(recall.value, RECALL_YES, RECALL_PARTLY)
    kept, k = recall.value * report.n_neighbors, report.n_neighbors
    text = f"Of the {k} nearest codes of a point, {kept:.1f} are among its {k} nearest on the map"
    meaning = {
        "yes": "its neighbours can be taken at their word.",
        "partly": "its surroundings can be trusted, its nearest neighbours cannot.",
        "no": "neighbours on the map are mostly others than in the codes.",
    }[verdict]
    return Sentence("neighbours", verdict, f"{text}: {meaning}")


def _misplaced(report: MapReport) -> Sentence:
    single = report.per_sample.get("trustworthiness")
    if single is None:
        return Sentence(
            "misplaced", "unknown", "How many points are misplaced: too many to rank one by one."
        )
    share = float((single < POOR_TRUST).mean())
    torn = float((report.per_sample["continuity"] < POOR_TRUST).mean())
    verdict = _below(share, POOR_YES, POOR_PARTLY)
    return Sentence(
        "misplaced",
        verdict,
        f"{_percent(share)} of the points lie among strangers, whose codes are far from theirs; "
        f"{_percent(torn)} are torn from neighbours that the map puts elsewhere.",
    )


def _seeds(report: MapReport) -> Sentence:
    stability = report.measures.get("stability")
    if stability is None:
        return Sentence(
            "seeds",
            "unknown",
            "How much moves with another seed: no map of another seed was compared; for the plane "
            "of two neurons that would be another training.",
        )
    left = report.measures["procrustes"].value
    if stability.value == 1 and left < 1e-6:
        return Sentence(
            "seeds", "yes", "Nothing in it is left to chance: made once more, it is the same map."
        )
    verdict = _above(stability.value, STABILITY_YES, STABILITY_PARTLY)
    if verdict == "yes" and left > MOVED:
        verdict = "partly"
        meaning = "Another seed keeps the neighbours of a point but moves its island elsewhere"
    else:
        one_in = f"{1 / max(1 - stability.value, 0.01):.0f}"
        alike = (
            "Another seed draws nearly the same map"
            if stability.value >= STABILITY_SAME
            else f"Another seed draws a similar map, in which one neighbour in {one_in} is another"
        )
        meaning = {
            "yes": alike,
            "partly": "Another seed keeps the surroundings of a point but changes its neighbours",
            "no": "Another seed draws another map",
        }[verdict]
    return Sentence(
        "seeds",
        verdict,
        f"{meaning}: {_percent(stability.value)} of the neighbours on the map are the same; what "
        f"the best shift, turn and scale cannot undo is {left:.2f} (0: the same picture, 1: none "
        "of it).",
    )


def _decoding(report: MapReport) -> Sentence:
    trip, off = report.measures.get("round_trip"), report.measures.get("off_data")
    if trip is None or off is None:
        return Sentence(
            "decoding",
            "unknown",
            "Whether a decoded place may be believed: not measured; it needs a model that decodes "
            "and encodes.",
        )
    verdict = _below(trip.value, ROUND_TRIP_YES, ROUND_TRIP_PARTLY)
    meaning = {
        "yes": "What a place decodes to belongs there",
        "partly": "What a place decodes to belongs near it, not just there",
        "no": "What a place decodes to belongs elsewhere on the map",
    }[verdict]
    if verdict == "yes" and off.value > OFF_DATA:
        verdict = "partly"
        meaning += ", but is unlike the data"
    return Sentence(
        "decoding",
        verdict,
        f"{meaning}: decoded, encoded and placed again, it comes back {_signed(trip)} standard "
        f"deviations of the map away (a random place: {trip.random:.2f}); its code is "
        f"{off.value:.2f} times as far from the data as a code from its nearest other one.",
    )


def _pca(report: MapReport) -> Sentence:
    near, far = report.measures["r_nx_auc"], report.measures.get("triplets")
    if near.pca is None or far is None:
        return Sentence("pca", "unknown", "Whether it beats PCA: not measured.")
    if near.gain == 0 and far.gain == 0:
        return Sentence(
            "pca",
            "unknown",
            "It is the PCA map itself, which others are compared with, or has its very figures.",
        )
    better = [_beats(near), _beats(far)]
    verdict: Verdict = "yes" if all(better) else "partly" if any(better) else "no"
    meaning = {
        (True, True): "It keeps both neighbourhoods and distances better than PCA",
        (True, False): "It keeps neighbourhoods better than PCA, but distances no better",
        (False, True): "It keeps distances better than PCA, but neighbourhoods no better",
        (
            False,
            False,
        ): "PCA, which is simpler, keeps neighbourhoods and distances no worse",
    }[better[0], better[1]]
    return Sentence(
        "pca",
        verdict,
        f"{meaning} (R_NX AUC {near.value:.2f} against {near.pca:.2f}, triplets {far.value:.2f} "
        f"against {far.pca:.2f}; a random map has 0 and .5).",
    )


def _beats(measure: Measure) -> bool:
    return (measure.gain or 0.0) > 2 * (measure.gain_error or 0.0)


def _above(value: float, yes: float, partly: float) -> Verdict:
    return "yes" if value >= yes else "partly" if value >= partly else "no"


def _below(value: float, yes: float, partly: float) -> Verdict:
    return "yes" if value <= yes else "partly" if value <= partly else "no"


def _percent(share: float) -> str:
    percent = 100 * share
    if 0 < percent < 0.1:
        return "less than 0.1 %"
    return f"{percent:.0f} %" if percent >= 99.95 or percent == 0 else f"{percent:.1f} %"


def _signed(measure: Measure) -> str:
    """Return a value with its error; digits enough that an error which is one is not shown as 0."""
    error = measure.standard_error
    if np.isnan(error) or error == 0:
        return f"{measure.value:.2f}"
    digits = int(np.clip(np.ceil(-np.log10(error)), 2, 4))
    if float(f"{error:.{digits}f}") == 0:
        return f"{measure.value:.{digits}f} ± < {10.0**-digits:.{digits}f}"
    return f"{measure.value:.{digits}f} ± {error:.{digits}f}"
