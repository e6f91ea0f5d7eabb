from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from latentscape.autoencoder import ConvAutoencoder, load_encoder
from latentscape.autoencoder.foreign import onnx_file
from latentscape.errors import CodesError, DataError, ModelFileError, SettingError, StorageError
from latentscape.images import ImageSet

from .modules import ChannelsFirst, ChannelsLast, Norm, OneAtATime, Pictures, TwoThings

MODULES = Path(__file__).parent / "modules.py"


def path(name: str) -> str:
    return f"{MODULES}:{name}"


@pytest.fixture(scope="module")
def native(few_digits: ImageSet) -> ConvAutoencoder:
    settings = {"n_epochs": 2, "batch_size": 32, "random_state": 0, "device": "cpu"}
    return ConvAutoencoder(4, **settings).fit(few_digits.train)  # type: ignore[arg-type]


def to_onnx(module: nn.Module, example: torch.Tensor, file: Path, *, fixed: bool = False) -> Path:
    names: dict[str, Any] = {} if fixed else {"dynamic_axes": {"x": {0: "n"}, "y": {0: "n"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs nothing else is an old one
        torch.onnx.export(
            module.eval(), (example,), str(file), dynamo=False, input_names=["x"],
            output_names=["y"], **names,
        )  # fmt: skip
    return file


@pytest.mark.parametrize("fixed", [False, True])
def test_onnx_gives_the_codes_and_images_of_the_model_it_was_exported_from(
    native: ConvAutoencoder, few_digits: ImageSet, tmp_path: Path, fixed: bool
) -> None:
    images = few_digits.test.images[:60]
    n = 1 if fixed else 2  # a batch axis fixed to one
    example = torch.zeros(n, 1, 28, 28)
    enc = to_onnx(native.network_.encoder, example, tmp_path / "e.onnx", fixed=fixed)
    dec = to_onnx(native.network_.decoder, torch.zeros(n, 4), tmp_path / "d.onnx", fixed=fixed)
    foreign = load_encoder(enc, decoder=dec, image_shape=(28, 28))
    assert (foreign.layout, foreign.latent_dim, foreign.has_decoder) == ("NCHW", 4, True)
    codes = native.transform(images)
    np.testing.assert_allclose(foreign.transform(images), codes, atol=1e-4)
    np.testing.assert_allclose(
        foreign.inverse_transform(codes), native.inverse_transform(codes), atol=1e-5
    )
    np.testing.assert_allclose(
        foreign.reconstruction_error(images), native.reconstruction_error(images), rtol=1e-4
    )
    alone = load_encoder(enc, image_shape=(28, 28))
    assert not alone.has_decoder
    with pytest.raises(SettingError, match="came without a decoder; train one with CodeDecoder"):
        alone.inverse_transform(codes)
    assert alone.digest != foreign.digest
    assert alone.digest == load_encoder(enc, image_shape=(28, 28)).digest
    # A code does not depend on what it is encoded beside.
    assert np.array_equal(foreign.transform(images[5:6])[0], foreign.transform(images)[5])


def test_torch_gives_the_codes_of_the_model_too(
    native: ConvAutoencoder, few_digits: ImageSet, tmp_path: Path
) -> None:
    images = few_digits.test.images[:60]
    codes = native.transform(images)
    by_hand = load_encoder(native.network_, image_shape=(28, 28))
    assert np.array_equal(by_hand.transform(images), codes)
    assert by_hand.has_decoder
    whole = tmp_path / "whole.safetensors"
    save_file(native.network_.state_dict(), whole)
    native.save(tmp_path / "model.safetensors")  # is one with weights too
    part = tmp_path / "part.safetensors"
    save_file(native.network_.encoder.state_dict(), part)
    for name, weights in (
        ("both_parts", whole),
        ("both_parts", tmp_path / "model.safetensors"),
        ("reference_of_four", part),
        ("reference_of_four", _encoder_alone(native, tmp_path)),
    ):
        foreign = load_encoder(path(name), weights=weights, image_shape=(28, 28))
        assert np.array_equal(foreign.transform(images), codes)
        assert foreign.has_decoder == (name == "both_parts")


def _encoder_alone(native: ConvAutoencoder, folder: Path) -> Path:
    """Weights under the names that they have in the whole model."""
    weights = {f"encoder.{k}": v for k, v in native.network_.encoder.state_dict().items()}
    save_file(weights, folder / "prefixed.safetensors")
    return folder / "prefixed.safetensors"


def test_value_ranges() -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 6, 5, 3)).astype(np.uint8)
    given = load_encoder(
        ChannelsFirst(), image_shape=(6, 5, 3), scale=255, mean=(10, 20, 30), std=(1, 2, 4)
    )
    expected = (images.mean(axis=(1, 2)) - [10, 20, 30]) / [1, 2, 4]
    np.testing.assert_allclose(given.transform(images), expected, rtol=1e-4)
    np.testing.assert_allclose(given.transform(images / 255), expected, rtol=1e-4)
    plain = load_encoder(Norm(), image_shape=(6, 5, 3)).transform(images)
    np.testing.assert_allclose(plain[:, 0], images.mean(axis=(1, 2, 3)) / 255, rtol=1e-5)
    assert 0 <= plain[:, 1].min() <= plain[:, 2].max() <= 1


@pytest.mark.parametrize(
    ("module", "layout"), [(ChannelsLast(), "NHWC"), (ChannelsFirst(), "NCHW")]
)
@pytest.mark.parametrize("as_onnx", [False, True])
def test_the_layout_is_found(module: nn.Module, layout: str, as_onnx: bool, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 6, 5, 3)).astype(np.uint8)
    source: Any = module
    if as_onnx:
        shape = (2, 6, 5, 3) if layout == "NHWC" else (2, 3, 6, 5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # asserts on shapes are traced
            source = to_onnx(module, torch.zeros(shape), tmp_path / "e.onnx")
    foreign = load_encoder(source, image_shape=(6, 5, 3))
    assert foreign.layout == layout
    np.testing.assert_allclose(foreign.transform(images), images.mean(axis=(1, 2)) / 255, rtol=1e-4)


def test_a_batch_of_one_that_is_not_declared(few_digits: ImageSet) -> None:
    images = few_digits.test.images[:5]
    foreign = load_encoder(OneAtATime(), image_shape=(28, 28))
    expected = images.reshape(5, -1).sum(axis=1) / 255
    np.testing.assert_allclose(foreign.transform(images)[:, 0], expected, rtol=1e-4)


def test_grey_images_for_a_network_of_colours(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 5)).astype(np.uint8)
    enc = to_onnx(ChannelsFirst(), torch.zeros(2, 3, 6, 5), tmp_path / "e.onnx")
    foreign = load_encoder(enc, image_shape=(6, 5))
    assert "grey was given as all three" in foreign.notes[0]
    expected = np.repeat(images.mean(axis=(1, 2))[:, None] / 255, 3, axis=1)
    np.testing.assert_allclose(foreign.transform(images), expected, rtol=1e-4)


def refused(error: type[Exception], message: str, source: Any, **options: Any) -> None:
    with pytest.raises(error, match=message):
        load_encoder(source, **{"image_shape": (28, 28), **options})


def test_what_cannot_be_used_is_refused_with_its_reason(
    native: ConvAutoencoder, tmp_path: Path
) -> None:
    enc = to_onnx(native.network_.encoder, torch.zeros(2, 1, 28, 28), tmp_path / "e.onnx")
    refused(DataError, r"shape \(n, 1, 28, 28\), which images of 32 × 32 with 1 channel do "
            r"not fit; resize", enc, image_shape=(32, 32))  # fmt: skip
    refused(DataError, "images of 28 × 28 with 3 channels do not fit", enc, image_shape=(28, 28, 3))
    refused(StorageError, "there is no file .*none.onnx", tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no onnx")
    refused(ModelFileError, "damaged or no ONNX file", tmp_path / "bad.onnx")
    refused(SettingError, "is no encoder that can be read: give an ONNX file", "encoder.pt")
    refused(SettingError, "holds its weights itself", enc, weights="w.safetensors")
    refused(SettingError, "std must be positive numbers, got 0", enc, std=0)
    refused(SettingError, "mean has 3 values, but the images have 1 channel", enc, mean=(1, 2, 3))
    refused(SettingError, "layout must be one of NCHW", enc, layout="CHWN")
    refused(DataError, r"float32 of shape \(n, 1, 28, 28\), expected codes", Pictures())
    refused(DataError, "it gives a tuple, expected a tensor", TwoThings())
    refused(SettingError, "its arguments are .*width", path("WithArguments"))
    refused(SettingError, "gives a int, expected a torch module", path("not_a_module"))
    refused(StorageError, "no file w.safetensors with weights", path("both_parts"),
            weights="w.safetensors")  # fmt: skip
    (tmp_path / "w.safetensors").write_bytes(b"\x80\x04K\x01.")
    refused(ModelFileError, "damaged or no safetensors file .*save_file", path("both_parts"),
            weights=tmp_path / "w.safetensors")  # fmt: skip
    save_file({"other": torch.zeros(2)}, tmp_path / "w.safetensors")
    refused(ModelFileError, "lacking: decoder.0.bias.* and .* more; too many: other",
            path("both_parts"), weights=tmp_path / "w.safetensors")  # fmt: skip
    weights = {**native.network_.state_dict(), "encoder.0.bias": torch.zeros(9)}
    save_file(weights, tmp_path / "w.safetensors")
    refused(ModelFileError, r"encoder.0.bias has shape \(9,\), expected \(8,\)",
            path("both_parts"), weights=tmp_path / "w.safetensors")  # fmt: skip
    refused(DataError, "the decoder gives an output of shape", enc, decoder=Pictures())
    black = np.zeros((3, 28, 28), np.uint8)
    with pytest.raises((CodesError, DataError), match="not finite numbers for 3 of 3"):
        load_encoder(path("NotFinite"), image_shape=(28, 28)).transform(black)


def test_without_onnxruntime_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(SettingError, match=r'pip install "latentscape\[onnx\]"'):
        onnx_file.onnx_network(tmp_path / "e.onnx", "encoder")


def test_weights_drawn_at_random_are_told(tmp_path: Path) -> None:
    file = tmp_path / "nets.py"
    file.write_text(
        "import torch\n"
        "def fresh():\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))\n"
        "def trained():\n"
        "    made = fresh()\n"
        "    for value in made.parameters():\n"
        "        torch.nn.init.constant_(value, 0.5)\n"
        "    return made\n"
    )
    told = load_encoder(f"{file}:fresh", image_shape=(8, 8)).notes
    assert "draws its own at random" in told[0]
    assert "--weights FILE.safetensors" in told[0]
    assert load_encoder(f"{file}:trained", image_shape=(8, 8)).notes == ()
    weights = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).state_dict()
    save_file(weights, tmp_path / "w.safetensors")
    given = load_encoder(f"{file}:fresh", image_shape=(8, 8), weights=tmp_path / "w.safetensors")
    assert given.notes == ()
