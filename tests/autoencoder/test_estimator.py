from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from latentscape.autoencoder import ConvAutoencoder
from latentscape.autoencoder.networks import describe
from latentscape.autoencoder.storage import read_header
from latentscape.errors import (
    CodesError,
    DataError,
    ModelFileError,
    SettingError,
    StorageError,
)
from latentscape.images import ImageSet
from latentscape.types import Progress


def quick(**settings: object) -> ConvAutoencoder:
    defaults: dict[str, object] = {
        "latent_dim": 3, "n_epochs": 2, "batch_size": 32, "random_state": 0
    }  # fmt: skip
    return ConvAutoencoder(**{**defaults, **settings})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def model(few_digits: ImageSet) -> ConvAutoencoder:
    return quick().fit(few_digits.train)


def test_shapes_types_and_ranges(model: ConvAutoencoder, few_digits: ImageSet) -> None:
    codes = model.transform(few_digits.test)
    assert codes.shape == (300, 3)
    assert codes.dtype == np.float32
    images = model.inverse_transform(codes)
    assert images.shape == (300, 28, 28)
    assert images.dtype == np.float32
    assert 0 <= images.min() <= images.max() <= 1
    errors = model.reconstruction_error(few_digits.test)
    exact = ((images - few_digits.test.images / 255) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(errors, exact, rtol=1e-4)
    assert model.score(few_digits.test) == pytest.approx(-errors.mean())
    assert list(model.history_["epoch"]) == [1, 2]


def test_it_learns(few_digits: ImageSet, model: ConvAutoencoder) -> None:
    untrained = quick(n_epochs=1, learning_rate=1e-9, bias_learning_rate=1e-9).fit(few_digits.train)
    assert model.score(few_digits.test) > untrained.score(few_digits.test) / 2


def test_same_seed_same_bits_and_no_global_random_state(few_digits: ImageSet) -> None:
    train = few_digits.train.select(slice(0, 300))
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002  (the global state is what is tested)
    before = torch.random.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    first = quick(n_epochs=1).fit(train).transform(train)
    after = torch.random.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1] == after[1]
    torch.manual_seed(2)
    assert np.array_equal(first, quick(n_epochs=1).fit(train).transform(train))
    other = quick(n_epochs=1, random_state=1).fit(train).transform(train)
    assert not np.array_equal(first, other)


def test_bits_do_not_depend_on_torchs_own_thread_setting(few_digits: ImageSet) -> None:
    train = few_digits.train.select(slice(0, 300))
    before = torch.get_num_threads()
    found = []
    for n in (1, 2):
        torch.set_num_threads(n)
        found.append(quick(n_epochs=1).fit(train).transform(train))
        assert torch.get_num_threads() == n
    torch.set_num_threads(before)
    assert np.array_equal(found[0], found[1])


def test_a_code_does_not_depend_on_the_batch(model: ConvAutoencoder, few_digits: ImageSet) -> None:
    images = few_digits.test.images
    together = model.transform(images)
    order = np.random.default_rng(0).permutation(len(images))
    assert np.array_equal(model.transform(images[order]), together[order])
    assert np.array_equal(model.transform(images[7:8])[0], together[7])
    decoded = model.inverse_transform(together)
    assert np.array_equal(model.inverse_transform(together[5:6])[0], decoded[5])


def test_inputs_that_mean_the_same(model: ConvAutoencoder, few_digits: ImageSet) -> None:
    images = few_digits.test.images[:20]
    codes = model.transform(images)
    as_floats = (images / 255).astype(np.float32)
    np.testing.assert_allclose(model.transform(as_floats), codes, atol=1e-5)
    assert np.array_equal(model.transform(images[:, None]), codes)
    assert np.array_equal(model.transform(images[..., None]), codes)
    assert np.array_equal(model.transform(torch.from_numpy(images.copy())), codes)


@pytest.mark.parametrize("shape", [(8, 8), (10, 7, 3), (5, 6, 4)])
def test_colours_and_other_sizes(shape: tuple[int, ...], tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, *shape)).astype(np.uint8)
    model = quick(n_epochs=3, batch_size=8).fit(images)
    assert model.image_shape_ == shape
    codes = model.transform(images)
    rebuilt = model.inverse_transform(codes)
    assert rebuilt.shape == images.shape
    exact = ((rebuilt - images / 255) ** 2).reshape(40, -1).mean(axis=1)
    np.testing.assert_allclose(model.reconstruction_error(images), exact, rtol=1e-4)
    if len(shape) == 3:
        channels_first = np.moveaxis(images, 3, 1)
        assert np.array_equal(model.transform(channels_first), codes)
        as_tensor = torch.from_numpy(np.ascontiguousarray(channels_first))
        assert quick(n_epochs=3, batch_size=8).fit(as_tensor).image_shape_ == shape
    model.save(tmp_path / "m.safetensors")
    again = ConvAutoencoder.load(tmp_path / "m.safetensors")
    assert again.image_shape_ == shape
    assert np.array_equal(again.transform(images), codes)


def test_a_layout_that_could_be_either_has_its_channels_last() -> None:
    images = np.random.default_rng(0).random((12, 3, 8, 4))
    assert quick().fit(images).image_shape_ == (3, 8, 4)
    fitted = quick().fit(np.moveaxis(images, 1, 3))  # and then it is known which one is meant
    assert fitted.image_shape_ == (8, 4, 3)
    assert fitted.transform(images).shape == (12, 3)


@pytest.mark.parametrize("n", [3, 12, 33])
@pytest.mark.parametrize("shape", [(28, 28), (5, 5, 3)])
def test_few_images(n: int, shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)
    model = quick(batch_size=32).fit(images)
    assert np.isfinite(model.transform(images)).all()
    assert np.isfinite(model.history_["validation_mse"]).all()


def test_the_file_describes_the_network(model: ConvAutoencoder, tmp_path: Path) -> None:
    model.save(tmp_path / "m.safetensors")
    header = read_header(tmp_path / "m.safetensors")
    assert header["architecture"] == describe(model.network_)
    assert header["architecture"]["encoder"][0]["op"] == "conv2d"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 784), np.uint8), r"reshape\(-1, height, width\)"),
        (np.zeros((0, 28, 28), np.uint8), "at least one image"),
        (np.zeros((3, 28, 28), np.int64), "uint8 or as floats"),
        (np.full((3, 28, 28), 255.0), "got values from 255 to 255; divide by"),
        (np.full((3, 28, 28), np.nan), r"must lie in \[0, 1\]"),
        (np.zeros((3, 8, 8, 2), np.uint8), "1, 3 or 4 channels in the last axis"),
        (np.zeros((3, 300, 20), np.uint8), "up to 256 pixels a side"),
        ([np.zeros((28, 28)), np.zeros((27, 28))], "the same size"),
    ],
)
def test_images_that_cannot_be_used(images: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        quick().fit(images)  # type: ignore[arg-type]


def test_other_errors_are_clear(model: ConvAutoencoder, few_digits: ImageSet) -> None:
    with pytest.raises(NotFittedError):
        quick().transform(few_digits.test)
    with pytest.raises(DataError, match=r"expected images of shape \(28, 28\), got \(14, 14\)"):
        model.transform(np.zeros((2, 14, 14), np.uint8))
    with pytest.raises(CodesError, match=r"shape \(n, 3\), got \(2, 4\)"):
        model.inverse_transform(np.zeros((2, 4)))
    with pytest.raises(CodesError, match=r"see rows \[1\]"):
        model.inverse_transform(np.array([[0, 0, 0], [0, np.inf, 0]]))
    for setting, value in {"device": "cuda:99", "n_jobs": 0, "random_state": -1}.items():
        with pytest.raises(SettingError, match=setting):
            quick(**{setting: value}).fit(few_digits.train)


def test_it_is_a_scikit_learn_estimator(model: ConvAutoencoder) -> None:
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "network_")
    assert "latent_dim=3" in repr(copy)


def test_progress_reports_every_step_and_shows_the_weights(few_digits: ImageSet) -> None:
    seen: list[tuple[Progress, float]] = []
    train = few_digits.train.select(slice(0, 200))
    model = quick(n_epochs=1, device="cpu")  # a GPU is asked less often

    def look(event: Progress) -> None:
        seen.append((event, float(next(model.network_.parameters()).detach().sum())))

    model.set_params(callbacks=[look]).fit(train)
    assert [event.step for event, _ in seen] == list(range(1, seen[0][0].total + 1))
    assert seen[0][0].task == "d3-s0"
    assert seen[0][1] != seen[-1][1]


def test_a_saved_model_does_the_same_and_holds_no_pickle(
    model: ConvAutoencoder, few_digits: ImageSet, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    model.save(path)
    again = ConvAutoencoder.load(path)
    assert np.array_equal(again.transform(few_digits.test), model.transform(few_digits.test))
    assert again.get_params() == {**model.get_params(), "callbacks": ()}
    assert again.history_.equals(model.history_)
    assert set(load_file(path)) == set(model.network_.state_dict())
    assert path.read_bytes() == again.to_bytes()


def test_files_that_are_no_models(model: ConvAutoencoder, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no model file"):
        ConvAutoencoder.load(tmp_path / "none.safetensors")
    path = tmp_path / "model.safetensors"
    model.save(path)
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], whole[:-1], b"\x80\x04K\x01.", b"x" * 5000):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match="damaged or not a model file"):
            ConvAutoencoder.load(path)
    save_file({"w": torch.zeros(2)}, path)
    with pytest.raises(ModelFileError, match="not a model saved by latentscape"):
        ConvAutoencoder.load(path)
    path.write_bytes(whole.replace(b'\\"latent_dim\\": 3', b'\\"latent_dim\\": 5'))
    with pytest.raises(ModelFileError, match="do not fit the network"):
        ConvAutoencoder.load(path)
    path.write_bytes(whole.replace(b'\\"format_version\\": 1', b'\\"format_version\\": 9'))
    with pytest.raises(ModelFileError, match="later version"):
        ConvAutoencoder.load(path)


def test_saving_where_nothing_can_be_written_loses_nothing(
    model: ConvAutoencoder, tmp_path: Path
) -> None:
    path = tmp_path / "file" / "model.safetensors"
    path.parent.write_text("in the way")
    with pytest.raises(StorageError):
        model.save(path)
    assert path.parent.read_text() == "in the way"
