from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentscape.autoencoder import CodeDecoder, ConvAutoencoder
from latentscape.autoencoder.storage import read_header
from latentscape.errors import CodesError, DataError, ModelFileError, SettingError
from latentscape.images import ImageSet
from latentscape.types import FloatArray

from ..networks.numpy_network import run

QUICK = {"n_epochs": 5, "batch_size": 32}


@pytest.fixture(scope="module")
def codes(few_digits: ImageSet) -> FloatArray:
    """Principal components: codes that a decoder can learn something from, in odd units."""
    pixels = few_digits.images.reshape(len(few_digits), -1) / 255.0
    pixels -= pixels.mean(axis=0)
    axes = np.linalg.svd(pixels[:500], full_matrices=False)[2][:10]
    units = 10.0 ** np.arange(-5, 5)
    return np.asarray((pixels @ axes.T) * units + 3 * units, dtype=np.float32)


@pytest.fixture(scope="module")
def decoder(codes: FloatArray, few_digits: ImageSet) -> CodeDecoder:
    train = few_digits.split == "train"
    return CodeDecoder(**QUICK).fit(codes[train], few_digits.images[train])  # type: ignore[arg-type]


def test_it_learns_and_reports_its_error_on_pairs_it_has_not_seen(
    decoder: CodeDecoder, codes: FloatArray, few_digits: ImageSet
) -> None:
    test = few_digits.split == "test"
    assert decoder.held_out_mse_ < 0.6 * decoder.mean_image_mse_
    error = -decoder.score(codes[test], few_digits.images[test])
    assert error == pytest.approx(decoder.held_out_mse_, rel=0.2)
    decoded = decoder.inverse_transform(codes[test])
    exact = ((decoded - few_digits.images[test] / 255) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(
        decoder.reconstruction_error(codes[test], few_digits.images[test]), exact, rtol=1e-3
    )
    assert decoder.history_["validation_mse"].iloc[-1] == pytest.approx(
        decoder.held_out_mse_, rel=1e-3
    )  # before and after the units of the codes were folded into the first layer


def test_codes_that_say_nothing_are_no_better_than_the_mean_image(few_digits: ImageSet) -> None:
    noise = np.random.default_rng(0).normal(size=(1200, 3)).astype(np.float32)
    decoder = CodeDecoder(**QUICK).fit(noise, few_digits.train)  # type: ignore[arg-type]
    assert decoder.held_out_mse_ > 0.9 * decoder.mean_image_mse_


def test_its_file_can_be_run_without_torch(
    decoder: CodeDecoder, codes: FloatArray, tmp_path: Path
) -> None:
    file = tmp_path / "d.safetensors"
    decoder.save(file)
    again = CodeDecoder.load(file)
    assert np.array_equal(again.inverse_transform(codes), decoder.inverse_transform(codes))
    assert again.held_out_mse_ == decoder.held_out_mse_
    assert file.read_bytes() == again.to_bytes()
    header = read_header(file)
    assert header["architecture"]["encoder"] is None
    from safetensors.numpy import load_file

    images = run(header["architecture"]["decoder"], load_file(file), codes[:4].astype(float))
    np.testing.assert_allclose(images[:, 0], decoder.inverse_transform(codes[:4]), atol=1e-4)
    with pytest.raises(ModelFileError, match="holds a decoder alone; load it with CodeDecoder"):
        ConvAutoencoder.load(file)


def test_a_whole_autoencoder_is_no_decoder(few: ImageSet, tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    ConvAutoencoder(2, n_epochs=1).fit(few.train).save(file)
    with pytest.raises(ModelFileError, match="holds a whole autoencoder"):
        CodeDecoder.load(file)


def test_constant_codes_colours_and_few_pairs() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 9, 7, 3)).astype(np.uint8)
    codes = np.concatenate([rng.normal(size=(12, 2)), np.full((12, 1), 5.0)], axis=1)
    for network in ("reference", "residual"):
        decoder = CodeDecoder(network, n_epochs=3).fit(codes, images)
        assert decoder.inverse_transform(codes).shape == images.shape
        assert np.isfinite(decoder.held_out_mse_)


def test_what_cannot_be_trained_on(few: ImageSet) -> None:
    codes = np.zeros((400, 3), np.float32)
    with pytest.raises(CodesError, match=r"each of 400 images, in an array of shape \(400, d\)"):
        CodeDecoder().fit(codes[:5], few)
    with pytest.raises(CodesError, match=r"finite numbers; see rows \[7\]"):
        CodeDecoder().fit(np.where(np.arange(400)[:, None] == 7, np.nan, codes), few)
    with pytest.raises(DataError, match="uint8 or as floats"):
        CodeDecoder().fit(codes, few.images.astype(int))
    with pytest.raises(SettingError, match="no decoder 'vgg'; choose one of: reference, residual"):
        CodeDecoder("vgg").fit(codes, few)
    with pytest.raises(SettingError, match="validation_fraction must not be 0"):
        CodeDecoder(validation_fraction=0).fit(codes, few)
