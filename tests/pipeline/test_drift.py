"""Drift: data of the same kind pass, each kind of difference is named."""

from __future__ import annotations

import numpy as np
import pytest

from latentscape.pipeline.drift import measure_drift

RNG = np.random.default_rng(0)
SCALE = np.array([1, 2, 3, 1, 1, 0.5], np.float32)
OWN = RNG.normal(size=(800, 6)).astype(np.float32) * SCALE
OWN_ERRORS = RNG.gamma(4, 0.01, 800)
SAME = RNG.normal(size=(300, 6)).astype(np.float32) * SCALE
ERRORS = RNG.gamma(4, 0.01, 300)


def test_more_of_the_same_is_no_drift() -> None:
    drift = measure_drift(SAME, ERRORS, OWN, OWN_ERRORS)
    assert drift.warnings == ()
    assert drift.largest_shift < 0.3
    assert 1 <= drift.largest_spread < 1.3
    assert drift.share_far < 0.04
    assert drift.share_badly_rebuilt is not None
    assert drift.share_badly_rebuilt < 0.04
    assert drift.n_rows == 300
    assert drift.as_dict()["warnings"] == []


def test_the_atlas_s_own_rows_are_no_drift() -> None:
    drift = measure_drift(OWN, OWN_ERRORS, OWN, OWN_ERRORS)
    assert (drift.warnings, drift.largest_shift, drift.largest_spread) == ((), 0, 1)
    assert drift.share_far == 0
    assert drift.share_badly_rebuilt == 8 / 800  # one in a hundred, by definition


def test_a_mean_that_moved_is_named() -> None:
    sd, mean = OWN.std(axis=0), OWN.mean(axis=0)
    for factor, n_named in ((2.9, 0), (3.2, 1)):
        moved = SAME - SAME.mean(axis=0) + mean
        moved[:, 2] += np.float32(factor * sd[2])
        drift = measure_drift(moved, None, OWN, None)
        assert drift.largest_shift == pytest.approx(factor, abs=1e-4)
        named = [said for said in drift.warnings if said.startswith("the mean of")]
        assert len(named) == n_named
    assert named[0] == (
        "the mean of 1 dimension (z2) lies up to 3.2 standard deviations from that of the atlas's "
        "codes; more than 3 means other data, or data that were prepared in another way"
    )
    assert drift.share_badly_rebuilt is None


def test_a_spread_that_grew_or_shrank_is_named() -> None:
    for factor in (4.0, 0.25):
        drift = measure_drift(SAME * np.float32(factor), None, OWN, None)
        assert drift.largest_spread == pytest.approx(4, rel=0.2)
        assert any(
            "the standard deviation of 6 dimensions (z0, z1, z2, z3, z4, ...)" in said
            for said in drift.warnings
        )
    few = measure_drift(SAME[:3] * np.float32(0.01), None, OWN, None)
    assert few.largest_spread == 1  # three rows have no spread to speak of


def test_a_dead_dimension_that_comes_alive_is_drift() -> None:
    dead = OWN.copy()
    dead[:, 4] = 2
    still = SAME.copy()
    still[:, 4] = 2
    assert measure_drift(still, None, dead, None).warnings == ()
    still[:, 4] = 2.01
    assert measure_drift(still, None, dead, None).largest_shift > 1000


def test_rows_far_from_all_others_are_counted() -> None:
    far = SAME.copy()
    far[:60] = (RNG.choice([-1, 1], (60, 6)) * 12).astype(np.float32)  # the mean stays
    drift = measure_drift(far, None, OWN, None)
    assert drift.share_far == pytest.approx(0.2, abs=0.03)
    assert any(
        "of the new rows lie farther from the atlas's codes than 99 %" in said
        for said in drift.warnings
    )


def test_images_that_are_badly_rebuilt_are_counted() -> None:
    errors = ERRORS.copy()
    errors[:30] = 1
    drift = measure_drift(SAME, errors, OWN, OWN_ERRORS)
    assert drift.share_badly_rebuilt == pytest.approx(0.1, abs=0.02)
    (said,) = drift.warnings
    assert "of the new images have a reconstruction error above" in said


def test_one_row() -> None:
    assert measure_drift(OWN[:1], OWN_ERRORS[:1], OWN, OWN_ERRORS).share_far == 0
    alone = measure_drift(OWN[:1] + 100, None, OWN, None)
    assert alone.share_far == 1
    assert measure_drift(OWN[:1], None, OWN[:1], None).warnings == ()
