"""What is measured of a model: plain numpy and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from latentscape.errors import CodesError, DataError, LabelsError, SettingError
from latentscape.quality import (
    active_units,
    code_spectrum,
    dead_units,
    decoder_smoothness,
    entropy_dimension,
    interpolation_error,
    knn_transfer_accuracy,
    linear_probe_accuracy,
    mse_by_class,
    mse_percentiles,
    n_components_for,
    participation_ratio,
    pca_reconstruction,
    psnr,
    r_squared,
    reconstruction_mse,
    silhouette,
    skill,
    ssim,
)
from latentscape.types import FloatArray, UInt8Array


def pictures(n: int = 60, size: int = 14) -> tuple[UInt8Array, FloatArray]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(n, size, size)).astype(np.uint8)
    noise = 0.1 * rng.normal(size=images.shape) * np.linspace(0.5, 1.5, n)[:, None, None]
    return images, (images / 255 + noise).astype(np.float32)


def test_errors_of_images() -> None:
    images, rebuilt = pictures()
    single = ((images / 255 - rebuilt.astype(float)) ** 2).mean(axis=(1, 2))
    mse, per_image = reconstruction_mse(images, rebuilt, return_per_sample=True)
    np.testing.assert_allclose(per_image, single)
    assert mse == pytest.approx(single.mean())
    assert mse.standard_error == pytest.approx(single.std(ddof=1) / np.sqrt(60))
    assert psnr(images, rebuilt) == pytest.approx((-10 * np.log10(single)).mean())
    assert mse_percentiles(images, rebuilt)[50] == pytest.approx(np.median(single))
    y = np.arange(60) % 3
    assert mse_by_class(images, rebuilt, y)[1] == pytest.approx(single[1::3].mean())
    assert float(psnr(images, images)) == 120
    mean = images.mean(axis=0) / 255
    total = ((images / 255 - mean) ** 2).mean()
    assert r_squared(images, rebuilt, mean) == pytest.approx(1 - single.mean() / total)
    assert r_squared(images, np.broadcast_to(mean, images.shape), mean) == 0.0
    assert skill(images, images, rebuilt) == 1.0
    assert skill(images, rebuilt, rebuilt) == 0.0
    own = skill(images, rebuilt, np.broadcast_to(mean, images.shape))
    ratios = [
        1
        - np.delete(single, i).sum() / np.delete(((images / 255 - mean) ** 2).mean((1, 2)), i).sum()
        for i in range(60)
    ]
    assert own.standard_error == pytest.approx(np.std(ratios) * np.sqrt(59), rel=0.2)


def test_ssim_equals_a_window_at_a_time() -> None:
    images, rebuilt = pictures(3)
    steps = np.arange(-5, 6)
    weights = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / 4.5)
    weights /= weights.sum()
    values = []
    for one, other in zip(images / 255, rebuilt.astype(float), strict=True):
        for row in range(4):
            for column in range(4):
                x, y = (m[row : row + 11, column : column + 11] for m in (one, other))
                mx, my = (weights * x).sum(), (weights * y).sum()
                vx, vy = (weights * (x - mx) ** 2).sum(), (weights * (y - my) ** 2).sum()
                both = (weights * (x - mx) * (y - my)).sum()
                values.append(
                    (2 * mx * my + 1e-4) * (2 * both + 9e-4)
                    / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
                )  # fmt: skip
    assert ssim(images, rebuilt) == pytest.approx(np.mean(values), abs=1e-9)
    assert ssim(images, images) == pytest.approx(1.0)
    coloured = np.repeat(images[..., None], 3, axis=3)
    again = np.repeat(rebuilt[..., None], 3, axis=3)
    assert ssim(coloured, again) == pytest.approx(float(ssim(images, rebuilt)))


def test_pca_rebuilds_as_scikit_learn_does() -> None:
    images, _ = pictures(100, 6)
    flat = images.reshape(100, -1) / 255
    for n_components in (0, 3, 36):
        own = pca_reconstruction(images[:80], images[80:], n_components)
        assert own.shape == (20, 6, 6)
        if n_components:
            pca = PCA(n_components).fit(flat[:80])
            theirs = pca.inverse_transform(pca.transform(flat[80:]))
        else:
            theirs = np.broadcast_to(flat[:80].mean(axis=0), (20, 36))
        np.testing.assert_allclose(own.reshape(20, -1), theirs, atol=1e-5)


def test_use_of_units() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(5000, 6)) * [3, 2, 1, 1, 0.001, 0]
    variances = np.sort(np.linalg.eigvalsh(np.cov(codes.T)))[::-1]
    np.testing.assert_allclose(code_spectrum(codes), variances, atol=1e-5)
    ratio = participation_ratio(codes)
    assert ratio == pytest.approx(variances.sum() ** 2 / (variances**2).sum(), rel=1e-5)
    shares = variances[variances > 1e-9] / variances.sum()
    entropy = entropy_dimension(codes)
    assert entropy == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-4)
    many = [participation_ratio(rng.normal(size=(400, 3)) * [2, 1, 1]) for _ in range(40)]
    spread = np.std(np.array(many, dtype=float), ddof=1)
    assert np.mean([value.standard_error for value in many]) == pytest.approx(spread, rel=0.35)
    assert dead_units(codes).tolist() == [4, 5]
    assert active_units(codes).tolist() == [0, 1, 2, 3]
    assert n_components_for(codes) == 4
    assert n_components_for(codes, 0.5) == 1
    even = participation_ratio(rng.normal(size=(20_000, 8)))
    assert even == pytest.approx(8, rel=0.01)
    assert participation_ratio(np.ones((10, 3))) == entropy_dimension(np.ones((10, 3))) == 0.0
    assert dead_units(np.ones((10, 3))).tolist() == [0, 1, 2]
    assert n_components_for(np.ones((10, 3))) == 0


def test_probes() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 900)
    codes = 4 * np.eye(5)[y] + rng.normal(size=(900, 5)) * [1, 1, 1, 100, 0]
    names = np.array(["a", "b", "c"])[y]
    assert linear_probe_accuracy(codes[:600], names[:600], codes[600:], names[600:]) > 0.95
    # On a ring inside a ring neighbours know the answer, and a line does not.
    radius, angle = 1 + (y > 0), rng.uniform(0, 2 * np.pi, 900)
    rings = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    split = (rings[:600], y[:600] > 0, rings[600:], y[600:] > 0)
    assert linear_probe_accuracy(*split) < 0.8 < 0.99 < knn_transfer_accuracy(*split)
    assert knn_transfer_accuracy([[0.0], [9.0]], ["a", "b"], [[1.0], [8.0]], ["a", "c"], 1) == 0.5
    with pytest.raises(CodesError, match="columns"):
        linear_probe_accuracy(codes, y, rings, y)
    with pytest.raises(CodesError, match="columns"):
        knn_transfer_accuracy(codes, y, rings, y)
    with pytest.raises(LabelsError, match="two classes"):
        linear_probe_accuracy(codes, np.zeros(900), codes, y)
    with pytest.raises(SettingError, match="penalty"):
        linear_probe_accuracy(codes, y, codes, y, penalty=0)


def test_smoothness_of_a_linear_decoder_is_its_gain() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(500, 4)).astype(np.float32)
    turn = np.linalg.qr(rng.normal(size=(9, 4)))[0].T  # keeps lengths
    found = decoder_smoothness(lambda z: 2 * z @ turn, codes)
    assert found.mean == pytest.approx(2.0, rel=1e-3)
    assert found.percentiles[99] == pytest.approx(2.0, rel=1e-2)
    jumps = decoder_smoothness(lambda z: 2 * z @ turn + (z[:, :1] > 0), codes)
    assert jumps.percentiles[50] == pytest.approx(2.0, rel=1e-2)
    assert jumps.percentiles[99] > 10
    assert jumps.mean > found.mean
    assert found == decoder_smoothness(lambda z: 2 * z @ turn, codes)


def test_interpolation() -> None:
    rng = np.random.default_rng(0)
    codes = rng.uniform(size=(2000, 2)).astype(np.float32)  # a convex set: midpoints lie inside

    def decode(z: FloatArray) -> FloatArray:
        return np.repeat(z, 8, axis=1).reshape(-1, 4, 4)

    inside = interpolation_error(decode, codes, decode(codes))
    assert abs(inside - 1) < 5 * inside.standard_error + 0.1
    angle = 2 * np.pi * codes[:, 0]
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    assert interpolation_error(decode, ring, decode(ring)) > 1000
    as_bytes = (255 * decode(codes)).round().astype(np.uint8)
    assert interpolation_error(decode, codes, as_bytes) == pytest.approx(float(inside), rel=0.5)


def test_the_mean_over_samples_is_the_measure() -> None:
    rng = np.random.default_rng(6)
    images, rebuilt = rng.random((9, 14, 14)), rng.random((9, 14, 14))
    for measure in (psnr, ssim):
        whole, single = measure(images, rebuilt, return_per_sample=True)
        assert single.shape == (9,)
        assert np.isclose(single.mean(), float(measure(images, rebuilt)))
        assert np.isclose(float(measure(images[:1], rebuilt[:1])), single[0])
        assert float(whole) == float(measure(images, rebuilt))
    rows, labels = rng.normal(size=(40, 3)), np.arange(40) % 2
    whole, single = silhouette(rows, labels, n_samples=15, return_per_sample=True)
    assert np.isfinite(single).sum() == 15
    assert np.isclose(np.nanmean(single), float(whole))
    accuracy, right = knn_transfer_accuracy(
        rows[:30], labels[:30], rows[30:], labels[30:], 5, return_per_sample=True
    )
    assert right.shape == (10,)
    assert np.isclose(right.mean(), float(accuracy))


def test_bad_input() -> None:
    images, rebuilt = pictures()
    with pytest.raises(DataError, match="belong together"):
        reconstruction_mse(images, rebuilt[:5])
    with pytest.raises(DataError, match="images 3"):
        psnr(images, np.where(np.arange(60)[:, None, None] == 3, np.nan, rebuilt))
    with pytest.raises(DataError, match="11 by 11"):
        ssim(images[:, :9], rebuilt[:, :9])
    with pytest.raises(DataError, match="mean image"):
        r_squared(images, rebuilt, np.zeros(5))
    with pytest.raises(SettingError, match="n_components"):
        pca_reconstruction(images, images, 1000)
    with pytest.raises(SettingError, match="share"):
        n_components_for(np.eye(3), 0)
    codes = np.random.default_rng(0).normal(size=(60, 3))
    with pytest.raises(DataError, match="returned 5"):
        decoder_smoothness(lambda z: z[:5], codes)
    with pytest.raises(DataError, match="NaN"):
        decoder_smoothness(lambda z: z * np.nan, codes)
    with pytest.raises(SettingError, match="step"):
        decoder_smoothness(lambda z: z, codes, step=0)
    with pytest.raises(SettingError, match="copy"):
        decoder_smoothness(lambda z: z, np.ones((60, 3)))
    with pytest.raises(DataError, match="60 codes"):
        interpolation_error(lambda z: z, codes, images[:5])
