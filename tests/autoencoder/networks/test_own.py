from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import latentscape as ls
from latentscape.autoencoder import ConvAutoencoder
from latentscape.autoencoder.networks import describe, make_network
from latentscape.autoencoder.storage import read_header
from latentscape.autoencoder.sweep import training_keys
from latentscape.errors import ModelFileError, SettingError
from latentscape.images import ImageSet

FILE = Path(__file__).parent / "own_networks.py"


def path(name: str) -> str:
    return f"{FILE}:{name}"


@pytest.fixture(scope="module")
def images() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (60, 6, 7, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", ["Pair", "Bounded", "WithMethods", "two_modules"])
def test_each_way_of_offering_a_pair(
    name: str, images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], tmp_path: Path
) -> None:
    model = ConvAutoencoder(3, network=path(name), n_epochs=40, batch_size=20, random_state=0)
    model.fit(images)
    losses = model.history_["train_loss"]
    assert losses.iloc[-1] < 0.8 * losses.iloc[0]
    codes = model.transform(images)
    assert codes.shape == (60, 3)
    rebuilt = model.inverse_transform(codes)
    assert rebuilt.shape == images.shape
    exact = ((rebuilt - images / 255) ** 2).reshape(60, -1).mean(axis=1)
    np.testing.assert_allclose(model.reconstruction_error(images), exact, rtol=1e-4)
    far = model.inverse_transform(1e3 * codes)
    assert far.min() >= 0
    assert far.max() <= 1

    file = tmp_path / "m.safetensors"
    model.save(file)
    with pytest.raises(ModelFileError, match="to load it is to run that code, so name it again"):
        ConvAutoencoder.load(file)
    again = ConvAutoencoder.load(file, network=path(name))
    assert np.array_equal(again.transform(images), codes)
    # What the page can run is described, and nothing else is.
    assert (read_header(file)["architecture"] is None) == (name != "Bounded")
    other = "Pair" if name == "WithMethods" else "WithMethods"
    with pytest.raises(ModelFileError, match="do not fit the network"):
        ConvAutoencoder.load(file, network=path(other))


def test_a_path_in_a_file_is_never_imported(
    images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trap = tmp_path / "trap.py"
    trap.write_text(FILE.read_text() + f"\nopen({str(tmp_path / 'sprung')!r}, 'w').close()\n")
    model = ConvAutoencoder(2, network=f"{trap}:Pair", n_epochs=1, random_state=0).fit(images)
    model.save(tmp_path / "m.safetensors")
    (tmp_path / "sprung").unlink()
    trap.write_text(trap.read_text() + "\n")  # so that it would have to be imported again
    with pytest.raises(ModelFileError, match="name it again"):
        ConvAutoencoder.load(tmp_path / "m.safetensors")
    assert not (tmp_path / "sprung").exists()
    ConvAutoencoder.load(tmp_path / "m.safetensors", network=f"{trap}:Pair")
    assert (tmp_path / "sprung").exists()


def test_a_class_in_a_package_of_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "my_own_package_of_networks"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "nets.py").write_text(FILE.read_text())
    monkeypatch.chdir(tmp_path)
    network = make_network("my_own_package_of_networks.nets:Pair", 3, (8, 8))
    assert network.encode(torch.zeros(1, 1, 8, 8)).shape == (1, 3)
    assert describe(network) is None  # its images must be cut to [0, 1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            path("NarrowCodes"),
            r"the encoder of '.*' makes \(n, 5\) of an input of shape \(n, 1, 6, 7\), expected "
            r"codes of shape \(n, 3\)",
        ),
        (
            path("FlatImages"),
            r"the decoder of '.*' makes \(n, 42\) of an input of shape \(n, 3\), expected images "
            r"of shape \(n, 1, 6, 7\)",
        ),
        (path("Variational"), r"the encoder of '.*' makes a tuple .* expected codes"),
        (path("Breaks"), r"the encoder of '.*' fails on an input of shape \(n, 1, 6, 7\): Runtime"),
        (path("Untrainable"), "without parameters"),
        (path("no_network"), "gives a str, expected a module with methods encode and decode"),
        (
            path("other_arguments"),
            r"could not be called with latent_dim=3 and image_shape=\(6, 7\)",
        ),
        (path("Nothing"), "there is no 'Nothing' in"),
        ("no/such/file.py:Pair", "there is no file no/such/file.py"),
        ("no_such_package_here.nets:Pair", "cannot be imported: ModuleNotFoundError"),
        ("vgg", "there is no network 'vgg'; choose one of: reference, residual, or give a class"),
        (":Pair", "there is no network ':Pair'"),
    ],
)
def test_what_is_wrong_is_said_with_the_shape_expected(name: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make_network(name, 3, (6, 7))


def test_code_that_fails_when_it_is_imported(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("1 / 0\n")
    with pytest.raises(SettingError, match="cannot be imported: ZeroDivisionError: division by"):
        make_network(f"{file}:Pair", 3, (6, 7))


def test_other_code_is_another_training(few_digits: ImageSet, tmp_path: Path) -> None:
    file = tmp_path / "nets.py"
    file.write_text(FILE.read_text())
    template = ConvAutoencoder(network=f"{file}:Pair")
    first = training_keys(few_digits, template, [2], n_seeds=1)
    assert training_keys(few_digits, template, [2], n_seeds=1) == first
    file.write_text(FILE.read_text().replace("nn.Tanh()", "nn.ReLU()"))
    assert training_keys(few_digits, template, [2], n_seeds=1) != first


def test_a_sweep_of_an_own_network(few: ImageSet) -> None:
    template = ConvAutoencoder(network=path("Pair"), n_epochs=1)
    sweep = ls.LatentSizeSweep((2,), 1, estimator=template, engine="serial").fit(few)
    assert sweep.model(2).transform(few.test).shape == (100, 2)
