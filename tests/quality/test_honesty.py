"""Decode honesty and the distance between real and generated images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import sqrtm

from latentscape.errors import CodesError, DataError
from latentscape.maps import PCA, TSNE
from latentscape.quality import DecodeHonesty, decode_honesty, frechet_distance
from latentscape.types import DoubleArray, FloatArray


def flat(n: int = 400, d: int = 6, thickness: float = 0.01) -> FloatArray:
    """Codes near a plane."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(d, 2)))[0].T
    points: DoubleArray = rng.normal(size=(n, 2)) @ axes
    return (points + rng.normal(scale=thickness, size=(n, d))).astype(np.float32)


def same(values: Any) -> Any:
    return values


def test_a_perfect_model_comes_back_and_a_shift_is_seen() -> None:
    codes = flat()
    pca = PCA().fit(codes)
    honesty, off, trip = decode_honesty(pca, codes, same, same, return_per_sample=True)
    assert off.shape == trip.shape == (400,)
    assert isinstance(honesty, DecodeHonesty)
    assert honesty.round_trip < 1e-5
    assert honesty.off < 1
    assert honesty.off == pytest.approx(off.mean())

    def shifted(codes: FloatArray) -> FloatArray:
        moved: FloatArray = codes + pca.components_[0].astype(np.float32)
        return moved

    spread = np.sqrt(pca.embedding_.var(axis=0).mean())
    moved = decode_honesty(pca, codes, shifted, same)
    assert moved.round_trip == pytest.approx(1 / spread, rel=1e-4)
    assert moved.off == honesty.off


def test_equals_plain_numpy_at_given_places() -> None:
    codes = flat(thickness=0.1)
    fitted = TSNE(perplexity=15, n_iter=100, random_state=0).fit(codes)
    places = np.array([[0, 0], [3, -2], [500, 500]], dtype=np.float32)

    def decode(rows: FloatArray) -> FloatArray:
        return np.tanh(rows)

    def encode(images: Any) -> Any:
        return images * np.float32(0.9)

    _, off, trip = decode_honesty(
        fitted, codes, decode, encode, places=places, return_per_sample=True
    )
    inverse = fitted.inverse_transform(places)
    apart = np.sqrt(((codes[:, None].astype(np.float64) - codes[None]) ** 2).sum(axis=2))
    np.fill_diagonal(apart, np.inf)
    nearest = np.sqrt(((inverse[:, None].astype(np.float64) - codes[None]) ** 2).sum(axis=2))
    np.testing.assert_allclose(off, nearest.min(axis=1) / np.median(apart.min(axis=1)), rtol=1e-5)
    back = fitted.transform(encode(decode(inverse)))
    spread = np.sqrt(fitted.embedding_.var(axis=0).mean())
    np.testing.assert_allclose(
        trip, np.hypot(*(back.astype(np.float64) - places).T) / spread, rtol=1e-5
    )
    assert trip[2] > 10  # no place of the map lies there


def test_a_random_map_is_far_from_both() -> None:
    codes = flat(1000)
    pca = PCA().fit(codes)
    honesty = decode_honesty(pca, codes, same, same)
    assert honesty.n_places == 1000
    # Two independent places of a normal cloud are sqrt(pi) standard deviations apart.
    assert honesty.random_round_trip == pytest.approx(np.sqrt(np.pi), rel=0.05)
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 1000, (2, 4000))
    middle = (codes[one] + codes[other])[one != other] / 2
    away = np.sqrt(((middle[:, None] - codes[None]) ** 2).sum(axis=2)).min(axis=1).mean()
    apart = np.sqrt(((codes[:, None] - codes[None]) ** 2).sum(axis=2))
    np.fill_diagonal(apart, np.inf)
    assert honesty.random_off == pytest.approx(away / np.median(apart.min(axis=1)), rel=0.1)
    assert decode_honesty(pca, codes, same, same, n_places=7).n_places == 7


def test_the_same_places_every_time_and_images_in_parts() -> None:
    codes = flat(600)
    pca = PCA().fit(codes)
    seen: list[int] = []

    def encode(images: Any) -> Any:
        seen.append(len(images))
        return images

    first = decode_honesty(pca, codes, same, encode)
    assert seen == [250, 250, 100]  # a thousand large images need not be in memory at once
    assert decode_honesty(pca, codes, same, same) == first
    assert decode_honesty(pca, codes, same, same, random_state=1) != first


def test_bad_models_are_named() -> None:
    codes = flat(50)
    pca = PCA().fit(codes)
    with pytest.raises(DataError, match="decode returned an array"):
        decode_honesty(pca, codes, lambda rows: rows[:-1], same)
    with pytest.raises(DataError, match="encode returned NaN"):
        decode_honesty(pca, codes, same, lambda images: images * np.nan)
    with pytest.raises(CodesError):
        decode_honesty(pca, codes[:-1], same, same)
    with pytest.raises(CodesError, match="shape"):
        decode_honesty(pca, codes, same, same, places=np.zeros(2))
    copies = np.repeat(flat(10), 2, axis=0)
    with pytest.raises(CodesError, match="copy"):
        decode_honesty(PCA().fit(copies), copies, same, same)


def test_frechet_distance_equals_the_formula() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(500, 4)), rng.normal(size=(300, 4)) * [1, 2, 1, 3] + [0, 1, 0, 0]
    a, b = one.astype(np.float32).astype(np.float64), other.astype(np.float32).astype(np.float64)
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    shift = a.mean(axis=0) - b.mean(axis=0)
    exact = shift @ shift + np.trace(s + t - 2 * np.real(sqrtm(s @ t)))
    found = frechet_distance(one, other)
    assert found == pytest.approx(exact, rel=1e-6)
    assert 0 < found.standard_error < found / 3
    halves = frechet_distance(one[::2], one[1::2])
    assert halves < 0.1 * found
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_refuses_what_does_not_fit() -> None:
    rows = flat(30)
    with pytest.raises(CodesError, match="columns"):
        frechet_distance(rows, rows[:, :3])
    with pytest.raises(CodesError):
        frechet_distance(rows, rows[:10])
