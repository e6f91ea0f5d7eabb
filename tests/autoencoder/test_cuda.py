"""What a CUDA GPU must give; these run where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentscape.autoencoder import ConvAutoencoder
from latentscape.images import ImageSet

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")


def trained(images: ImageSet, device: str) -> ConvAutoencoder:
    model = ConvAutoencoder(latent_dim=4, n_epochs=2, random_state=0, device=device)
    return model.fit(images)


def test_auto_is_cuda_and_a_seed_gives_the_same_bits(few_digits: ImageSet) -> None:
    one, two = (trained(few_digits.train, device) for device in ("auto", "cuda"))
    assert next(one.network_.parameters()).is_cuda
    assert np.array_equal(one.transform(few_digits.test), two.transform(few_digits.test))
    assert torch.backends.cudnn.allow_tf32  # the settings of others are as they were


def test_the_processor_finds_the_same_codes_and_images(
    few_digits: ImageSet, tmp_path: Path
) -> None:
    model = trained(few_digits.train, "cuda")
    model.save(tmp_path / "m.safetensors")
    other = ConvAutoencoder.load(tmp_path / "m.safetensors", device="cpu")
    codes = model.transform(few_digits.test)
    spread = codes.std(axis=0).max()
    assert np.abs(other.transform(few_digits.test) - codes).max() < 1e-4 * spread
    images = model.inverse_transform(codes)
    assert np.abs(other.inverse_transform(codes) - images).max() < 1e-4
