"""Cards say what is so: maps made to have one fault each, and the verdict on it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from latentscape import quality
from latentscape.maps import PCA
from latentscape.quality.cards import Verdict
from latentscape.types import FloatArray, IntArray

TOPICS = [
    "gaps",
    "classes",
    "sizes",
    "distances",
    "neighbours",
    "misplaced",
    "seeds",
    "decoding",
    "pca",
]


def groups(n: int = 1000) -> tuple[FloatArray, IntArray]:
    """Flat codes: five groups of different width in a plane, and no other direction."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 5
    centers = np.array([[0, 0], [40, 0], [0, 60], [90, 10], [70, 70]])
    width = np.array([0.5, 1, 2, 3, 4])[y, None]
    plane = centers[y] + width * rng.normal(size=(n, 2))
    return (plane @ np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]).astype(np.float32), y


def test_a_faithful_map_is_trusted_in_everything() -> None:
    codes, y = groups()
    rng = np.random.default_rng(1)
    plane = np.linalg.svd(codes - codes.mean(0), full_matrices=False)
    places = plane[0][:, :2] * plane[1][:2]
    seeds = [places + 0.01 * rng.normal(size=places.shape)]
    honesty = quality.DecodeHonesty(
        quality.Estimate(0.8, 0.01), quality.Estimate(0.02, 0.0004), 3, 1.7
    )
    found = quality.report(codes, places, labels=y, others=seeds, decoding=honesty)
    card = quality.map_card(found, "Faithful")
    assert [sentence.topic for sentence in card.sentences] == TOPICS
    for topic in TOPICS[:-1]:
        assert card[topic].verdict == "yes", card[topic]
    assert "5 islands" in card["gaps"].text
    assert card["pca"].verdict == "no"  # a plane is all that PCA needs


def test_invented_gaps() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(1000, 4)).astype(np.float32)  # one cloud
    y = (codes[:, 0] > 0).astype(int)
    shifts = 40.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    places = rng.normal(size=(1000, 2)) + shifts[rng.integers(0, 4, 1000)]
    card = quality.map_card(quality.report(codes, places, labels=y))
    assert card["gaps"].verdict == "no"
    assert "4 islands" in card["gaps"].text
    assert card["neighbours"].verdict == "no"
    assert card["misplaced"].verdict == "no"
    assert card["classes"].verdict == "partly"
    assert card["distances"].verdict == "no"
    # The same cloud cut in two along a line: only codes beside the cut are parted.
    cut = codes[:, :2] + 10 * y[:, None]
    assert quality.map_card(quality.report(codes, cut))["gaps"].verdict == "partly"


def test_invented_separation_of_classes() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(1000, 8)).astype(np.float32)
    y = rng.integers(0, 2, 1000)  # labels that the codes know nothing about
    places = rng.normal(size=(1000, 2)) + 20 * y[:, None]
    card = quality.map_card(quality.report(codes, places, labels=y))
    assert card["classes"].verdict == "no"
    assert "invented" in card["classes"].text


def test_sizes_that_mean_nothing() -> None:
    codes, y = groups()
    plane = np.linalg.svd(codes - codes.mean(0), full_matrices=False)
    places = (plane[0] * plane[1])[:, :2]
    rng = np.random.default_rng(2)
    means = np.stack([places[y == c].mean(axis=0) for c in range(5)])
    alike = means[y] + rng.normal(size=(1000, 2))  # every group equally wide
    card = quality.map_card(quality.report(codes, alike, labels=y))
    assert card["sizes"].verdict == "no"
    assert card["distances"].verdict == "yes"
    assert card["gaps"].verdict == "yes"


def test_distances_that_mean_nothing() -> None:
    codes, y = groups()
    plane = np.linalg.svd(codes - codes.mean(0), full_matrices=False)
    places = (plane[0] * plane[1])[:, :2]
    places -= np.stack([places[y == c].mean(axis=0) for c in range(5)])[y]
    line = places + np.array([[0, 0], [90, 0], [30, 0], [60, 0], [10, 0]])[y]
    card = quality.map_card(quality.report(codes, line, labels=y))
    assert card["distances"].verdict == "no"
    assert card["neighbours"].verdict == "yes"


def test_seeds_and_what_is_unknown() -> None:
    codes, _ = groups()
    rng = np.random.default_rng(3)
    places = codes[:, :2]
    other = quality.map_card(
        quality.report(codes, places, others=[rng.normal(size=places.shape)], baselines=False)
    )
    assert other["seeds"].verdict == "no"
    assert other["pca"].verdict == "unknown"
    alone = quality.map_card(quality.report(codes, places))
    assert alone["seeds"].verdict == "unknown"
    assert alone["classes"].verdict == "unknown"
    cloud = rng.normal(size=(1000, 2))
    assert quality.map_card(quality.report(cloud, cloud))["gaps"].verdict == "unknown"


def test_decoded_places() -> None:
    codes, _ = groups()
    found = quality.report(codes, codes[:, :2])
    assert quality.map_card(found)["decoding"].verdict == "unknown"
    for trip, off, verdict in (
        (0.05, 0.5, "yes"),
        (0.05, 2.5, "partly"),  # it comes back, but from among no data
        (0.2, 0.5, "partly"),
        (0.6, 0.5, "no"),
    ):
        honesty = quality.DecodeHonesty(
            quality.Estimate(off, 0.01), quality.Estimate(trip, 0.003), 2.0, 1.8
        )
        report = quality.report(codes, codes[:, :2], decoding=honesty)
        sentence = quality.map_card(report)["decoding"]
        assert sentence.verdict == verdict
        assert f"{trip:.3f} ± 0.003" in sentence.text
        measure = report.measures["round_trip"]
        assert (measure.scope, measure.random, measure.best) == ("decoding", 1.8, 0.0)
        assert report.measures["off_data"].random == 2.0
        assert report.headlines()["round_trip"] is measure


def test_what_has_no_seed_and_what_is_pca_itself() -> None:
    codes, _ = groups()
    rng = np.random.default_rng(4)
    wide = codes + rng.normal(size=codes.shape).astype(np.float32)
    places = PCA().fit(wide).embedding_
    card = quality.map_card(quality.report(wide, places, others=[places]))
    assert card["seeds"].verdict == "yes"
    assert "seed" not in card["seeds"].text
    assert card["pca"].verdict == "unknown"
    assert "PCA map itself" in card["pca"].text


@pytest.mark.parametrize(
    ("kept", "words"), [(0.95, "nearly the same map"), (0.749, "one neighbour in 4 is another")]
)
def test_seeds_are_told_as_far_as_they_agree(kept: float, words: str) -> None:
    codes, _ = groups()
    found = quality.report(codes, codes[:, :2], others=[codes[:, 1:3]])
    changed = dict(found.measures)
    changed["stability"] = replace(changed["stability"], value=kept)
    changed["procrustes"] = replace(changed["procrustes"], value=0.1)
    sentence = quality.map_card(replace(found, measures=changed))["seeds"]
    assert sentence.verdict == "yes"
    assert words in sentence.text


@pytest.mark.parametrize(
    ("error", "shown"),
    [(0.2, "0.50 ± 0.20"), (0.0004, "0.5000 ± 0.0004"), (1e-6, "0.5000 ± < 0.0001"), (0, "0.50)")],
)
def test_an_error_that_is_one_is_not_shown_as_zero(error: float, shown: str) -> None:
    codes, _ = groups()
    found = quality.report(codes, codes[:, :2])
    changed = dict(found.measures)
    changed["density"] = replace(changed["density"], value=0.5, standard_error=error)
    assert shown in quality.map_card(replace(found, measures=changed))["sizes"].text


def test_better_than_pca() -> None:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 3 * np.pi, 1000)
    roll = np.stack([angle * np.cos(angle), 10 * rng.uniform(size=1000), angle * np.sin(angle)], 1)
    flat = np.stack([angle**2 / 2, roll[:, 1]], axis=1)
    card = quality.map_card(quality.report(roll, flat))
    assert card["pca"].verdict == "partly"  # a Swiss roll, unrolled: neighbours, not distances
    assert "neighbourhoods better" in card["pca"].text


def test_every_number_in_a_card_comes_from_the_report() -> None:
    codes, y = groups()
    found = quality.report(codes, codes[:, :2], labels=y, others=[codes[:, 1:3]])
    card = quality.map_card(found)
    measures = dict(found.measures)
    measures["density"] = replace(measures["density"], value=-0.123, standard_error=0.004)
    measures["label_accuracy"] = replace(measures["label_accuracy"], value=0.5123)
    changed = quality.map_card(replace(found, measures=measures))
    assert "-0.123 ± 0.004" in changed["sizes"].text
    assert "51.2 %" in changed["classes"].text
    assert changed["classes"].verdict == "partly"
    for topic in ("gaps", "distances", "neighbours", "misplaced", "seeds", "pca"):
        assert changed[topic] == card[topic]


def test_a_card_can_be_read_and_written() -> None:
    codes, y = groups()
    card = quality.map_card(quality.report(codes, codes[:, :2], labels=y), "UMAP")
    assert json.loads(json.dumps(card.as_dict()))["sentences"][0]["topic"] == "gaps"
    text = str(card)
    assert text.startswith("UMAP of 1,000 points")
    for sentence in card.sentences:
        assert sentence.text in text
        assert sentence.text.endswith(".")
        assert sentence.verdict in get_args(Verdict)
    with pytest.raises(KeyError, match="weather"):
        card["weather"]
