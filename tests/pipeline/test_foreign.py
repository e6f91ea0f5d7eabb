"""Runs with an encoder from elsewhere: the maps of the native model, and decoding all the same."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import latentscape as ls
from latentscape.atlas import Atlas
from latentscape.autoencoder.networks import ReferenceAutoencoder
from latentscape.errors import AtlasError, SettingError
from latentscape.images import EmbeddingSet, ImageSet
from latentscape.pipeline import run, summarize
from latentscape.pipeline.encode import encode_images
from latentscape.types import FloatArray, StageChange

QUICK: dict[str, Any] = {
    "training": {"n_epochs": 4, "batch_size": 32},
    "maps": ("pca", "tsne", "umap"),
    "map_settings": {"tsne": {"n_iter": 250}, "umap": {"n_epochs": 200}},
    "engine": "serial",
    "verbose": 0,
}
SEPARATE = Path(__file__).parents[1] / "autoencoder" / "foreign" / "modules.py"

pytestmark = pytest.mark.usefixtures("quick_figures")


@pytest.fixture(scope="module")
def digits(few_digits: ImageSet) -> ImageSet:
    """500 training and 150 test digits."""
    return few_digits.select([*range(500), *range(1200, 1350)])


@pytest.fixture(scope="module")
def native(digits: ImageSet) -> ls.ConvAutoencoder:
    return ls.ConvAutoencoder(4, n_epochs=8, batch_size=32, random_state=0).fit(digits.train)


@pytest.fixture(scope="module")
def exported(native: ls.ConvAutoencoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """enc.onnx, dec.onnx and enc.safetensors, made of the native model."""
    folder = tmp_path_factory.mktemp("exported")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs nothing else is an old one
        for part, module, width in (
            ("enc", native.network_.encoder, (2, 1, 28, 28)),
            ("dec", native.network_.decoder, (2, 4)),
        ):
            torch.onnx.export(
                module, (torch.zeros(width),), str(folder / f"{part}.onnx"), dynamo=False,
                input_names=["x"], output_names=["y"],
                dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
            )  # fmt: skip
    save_file(native.network_.encoder.state_dict(), folder / "enc.safetensors")
    return folder


@pytest.fixture(scope="module")
def taken(native: ls.ConvAutoencoder, digits: ImageSet, exported: Path) -> Atlas:
    """The maps of the native model's codes."""
    test = digits.test
    codes = EmbeddingSet.from_arrays(
        native.transform(test), test.labels, class_names=test.class_names, name="native"
    )
    settings = {**QUICK, "training": {}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", lambda *args, **kwargs: {})
        return run(codes, exported / "native", **settings)


def overlap(one: FloatArray, other: FloatArray, k: int = 10) -> float:
    """Share of the k nearest neighbours on one map that are so on the other."""
    near = []
    for places in (one, other):
        distances = ((places[:, None] - places[None]) ** 2).sum(axis=2)
        np.fill_diagonal(distances, np.inf)
        near.append(np.argsort(distances, axis=1)[:, :k])
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(*near, strict=True)]))


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_a_foreign_encoder_gives_the_maps_of_the_native_model(
    kind: str,
    digits: ImageSet,
    exported: Path,
    taken: Atlas,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = str(exported / "enc.onnx")
    options = {}
    if kind == "torch":
        encoder = f"{SEPARATE}:reference_of_four"
        options = {"weights": exported / "enc.safetensors"}
    atlas = run(digits, tmp_path / "a", encoder=encoder, encoder_options=options, **QUICK)
    np.testing.assert_allclose(atlas.codes, taken.codes, atol=1e-4)
    mine, theirs = (
        {name: a.load_map(name).embedding_ for name in ("pca", "tsne", "umap")}
        for a in (atlas, taken)
    )
    np.testing.assert_allclose(mine["pca"], theirs["pca"], atol=1e-3)
    # t-SNE and UMAP blow differences in the last bits up to other places, so the neighbours
    # are compared. Two maps that have nothing in common share 10 of 149.
    shuffled = np.random.default_rng(0).permutation(mine["tsne"])
    assert overlap(shuffled, theirs["tsne"]) < 0.15
    assert overlap(mine["tsne"], theirs["tsne"]) > 0.8
    assert overlap(mine["umap"], theirs["umap"]) > 0.8

    # There was no decoder, so one was trained, and every place can be decoded.
    info = atlas.stage_info("decoder")
    assert info["held_out_mse"] < 0.75 * info["mean_image_mse"]
    decoder = ls.CodeDecoder.load(atlas.path / info["model"])
    codes, _ = atlas.load_map("tsne").inverse_transform(mine["tsne"][:5]), None
    assert decoder.inverse_transform(np.asarray(codes).reshape(-1, 4)[:5]).shape == (5, 28, 28)
    assert "reconstructions" not in atlas.lacking
    exact = ((atlas.reconstructions / 255.0 - atlas.images / 255.0) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(atlas.points["reconstruction_mse"], exact, rtol=1e-4)
    assert "which is not part of the atlas" in atlas.lacking["model"]
    assert any("rebuilds held-out images with an MSE of" in line for line in summarize(atlas))
    with pytest.raises(AtlasError, match="holds no encoder"):
        encode_images(tmp_path / "a", digits, tmp_path / "codes.npz", verbose=0)

    states: list[tuple[str, str]] = []

    def listen(event: object) -> None:
        if isinstance(event, StageChange):
            states.append((event.stage, event.state))

    again = {**QUICK, "callbacks": [listen]}
    with monkeypatch.context() as patch:  # which is known without encoding anything
        patch.setattr("latentscape.pipeline.journey.encode_with", None)
        run(digits, tmp_path / "a", encoder=encoder, encoder_options=options, **again)
        assert states == [("run", "kept")]
        other = {**options, "scale": 0.5}
        with pytest.raises(TypeError):  # but other options give other codes
            run(digits, tmp_path / "a", encoder=encoder, encoder_options=other, **QUICK)
    (tmp_path / "a" / "codes.npy").unlink()
    states.clear()
    run(digits, tmp_path / "a", encoder=encoder, encoder_options=options, **again)
    assert ("codes", "done") in states
    assert ("maps-tsne", "kept") in states


def test_a_decoder_that_came_along_rebuilds_and_is_imitated_for_the_page(
    native: ls.ConvAutoencoder, digits: ImageSet, exported: Path, tmp_path: Path
) -> None:
    options = {"decoder": exported / "dec.onnx"}
    settings = {**QUICK, "maps": ("pca",)}
    atlas = run(
        digits, tmp_path / "a", encoder=exported / "enc.onnx", encoder_options=options, **settings
    )
    rebuilt = native.inverse_transform(native.transform(digits.test))
    assert np.abs(atlas.reconstructions / 255.0 - rebuilt).max() < 0.01
    assert atlas.stage_info("decoder")["note"].startswith("does what the given decoder does")
    imitation = ls.CodeDecoder.load(atlas.path / atlas.stage_info("decoder")["model"])
    error = ((imitation.inverse_transform(atlas.codes) - rebuilt) ** 2).mean()
    assert error < 0.5 * ((rebuilt - rebuilt.mean(axis=0)) ** 2).mean()


def test_codes_with_images_get_a_decoder_and_codes_without_a_reason(
    native: ls.ConvAutoencoder, digits: ImageSet, tmp_path: Path
) -> None:
    codes = native.transform(digits)
    settings = {**QUICK, "maps": ("pca",)}
    table = EmbeddingSet.from_arrays(codes, images=digits.images, name="table")
    atlas = run(table, tmp_path / "a", **settings)
    assert atlas.stage_info("decoder")["held_out_mse"] < 0.06
    assert atlas.stage_info("codes")["model"] == atlas.stage_info("decoder")["model"]
    alone = run(EmbeddingSet.from_arrays(codes, name="table"), tmp_path / "b", **settings)
    assert alone.lacking["decoder"] == "the data are codes without images"
    assert "reconstruction_mse" not in alone.points


def test_what_makes_no_sense(native: ls.ConvAutoencoder, digits: ImageSet, tmp_path: Path) -> None:
    table = EmbeddingSet.from_arrays(native.transform(digits), name="table")
    with pytest.raises(SettingError, match="table holds codes already; an encoder is for images"):
        run(table, tmp_path / "a", encoder="enc.onnx", **QUICK)
    with pytest.raises(SettingError, match="mean is for an encoder from elsewhere"):
        run(digits, tmp_path / "a", encoder_options={"mean": 0.5}, **QUICK)
    loaded = ls.load_encoder(ReferenceAutoencoder(4), image_shape=(28, 28))
    with pytest.raises(SettingError, match="mean is for an encoder that is not loaded yet"):
        run(digits, tmp_path / "a", encoder=loaded, encoder_options={"mean": 0.5}, **QUICK)
    assert not (tmp_path / "a").exists()
