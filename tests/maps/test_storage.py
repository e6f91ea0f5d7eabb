"""A map file brings the same map back, or says why it cannot."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from sklearn.exceptions import NotFittedError

from latentscape.errors import ModelFileError, StorageError
from latentscape.maps import (
    LDA,
    MAPS,
    PCA,
    TSNE,
    UMAP,
    Direct,
    Map2D,
    load_map,
    map_from_bytes,
    map_to_bytes,
    save_map,
)
from latentscape.maps.storage import _checksum
from latentscape.types import FloatArray


def rows(n: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(n, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted_maps() -> dict[str, Map2D]:
    unfitted: dict[str, Map2D] = {
        "direct": Direct(),
        "pca": PCA(),
        "lda": LDA(),
        "tsne": TSNE(perplexity=np.float64(7), n_iter=50, random_state=3),
        "umap": UMAP(n_neighbors=6, n_epochs=10, random_state=np.random.RandomState(1)),
    }
    unfitted["tsne"].set_params(progress=lambda event: None)
    codes = rows(120, 0)
    codes[100:] = codes[:20]
    labels = np.array(["a", "b", "c"])[np.arange(120) % 3]
    return {name: each.fit(codes, labels) for name, each in unfitted.items()}


every_map = pytest.mark.parametrize("name", list(MAPS))


@every_map
def test_a_loaded_map_is_the_saved_one_to_the_bit(
    name: str, fitted_maps: dict[str, Map2D], tmp_path: Path
) -> None:
    fitted = fitted_maps[name]
    save_map(fitted, tmp_path / "map.safetensors")
    loaded = load_map(tmp_path / "map.safetensors")
    assert type(loaded) is type(fitted)
    np.testing.assert_array_equal(loaded.embedding_, fitted.embedding_)
    new, points = rows(50, 1), rows(50, 2) * 20
    np.testing.assert_array_equal(loaded.transform(new), fitted.transform(new))
    for ours, theirs in zip(
        loaded.inverse_transform(points, return_distance=True),
        fitted.inverse_transform(points, return_distance=True),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
    settings = fitted.get_params() | {"progress": None}
    for key, value in loaded.get_params().items():
        assert value == (None if key == "random_state" and name == "umap" else settings[key])
    for attribute in fitted._stored_values:
        assert np.array_equal(getattr(loaded, attribute), getattr(fitted, attribute))
    assert map_to_bytes(loaded) == (tmp_path / "map.safetensors").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["map.safetensors"]
    assert loaded.fit(rows(60, 3), np.arange(60) % 2).embedding_.shape == (60, 2)


def test_column_names_are_kept() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows(20, 0), columns=["left", "right"])
    loaded = map_from_bytes(map_to_bytes(PCA().fit(frame)))
    assert loaded.feature_names_in_.tolist() == ["left", "right"]
    assert loaded.transform(frame).shape == (20, 2)


def test_an_unfitted_map_cannot_be_stored() -> None:
    with pytest.raises(NotFittedError):
        map_to_bytes(PCA())


def test_every_flipped_bit_and_every_cut_is_noticed(fitted_maps: dict[str, Map2D]) -> None:
    data = map_to_bytes(fitted_maps["pca"])
    assert isinstance(map_from_bytes(data), PCA)
    rng = np.random.default_rng(0)
    for length in [0, 1, 7, 8, 9, *rng.integers(10, len(data), 30), len(data) - 1]:
        with pytest.raises(ModelFileError):
            map_from_bytes(data[:length])
    header = 8 + int.from_bytes(data[:8], "little")
    for place in [*range(8), *rng.integers(header, len(data), 100)]:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(ModelFileError):
            map_from_bytes(bytes(damaged))


def changed(whole: Map2D, **changes: object) -> bytes:
    data = map_to_bytes(whole)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["latentscape_map"])
    header.update(changes)
    return bytes(
        safetensors.numpy.save(
            safetensors.numpy.load(data), metadata={"latentscape_map": json.dumps(header)}
        )
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "format version 2"),
        ({"class": "Isomap"}, "unknown kind of map 'Isomap'"),
        ({"class": "TSNE"}, "arrays are not those"),
        ({"settings": {"n_components": 3}}, "damaged"),
        ({"settings": None}, "damaged"),
        ({"sha256": "0"}, "checksum"),
        ({"fitted": {"surprise": 1}}, "arrays are not those"),
        ({"n_features_in": "many"}, "damaged"),
    ],
)
def test_foreign_headers(
    changes: dict[str, object], message: str, fitted_maps: dict[str, Map2D]
) -> None:
    assert isinstance(map_from_bytes(changed(fitted_maps["pca"])), PCA)  # unchanged, it loads
    with pytest.raises(ModelFileError, match=message):
        map_from_bytes(changed(fitted_maps["pca"], **changes))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\x80\x05\x95" + bytes(40),  # the start of a pickle
        safetensors.numpy.save({"weights": np.zeros(3)}),
        safetensors.numpy.save({"weights": np.zeros(3)}, metadata={"latentscape_map": "[]"}),
        safetensors.numpy.save({"weights": np.zeros(3)}, metadata={"latentscape_map": "{"}),
    ],
)
def test_foreign_files(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "some.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"some\.safetensors: .*no map"):
        load_map(path)


def test_paths_that_cannot_be_read_or_written(
    tmp_path: Path, fitted_maps: dict[str, Map2D]
) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        load_map(tmp_path / "absent")
    with pytest.raises(StorageError, match="cannot write"):
        save_map(fitted_maps["pca"], tmp_path / "no folder" / "map")


def test_a_failed_write_leaves_the_old_file_alone(
    tmp_path: Path, fitted_maps: dict[str, Map2D], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "map"
    save_map(fitted_maps["pca"], path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        save_map(fitted_maps["tsne"], path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["map"]


@every_map
def test_a_map_saves_and_loads_itself(
    name: str, fitted_maps: dict[str, Map2D], tmp_path: Path
) -> None:
    fitted = fitted_maps[name]
    fitted.save(tmp_path / "map.safetensors")
    assert (tmp_path / "map.safetensors").read_bytes() == map_to_bytes(fitted)
    for kind in (type(fitted), Map2D):
        loaded = kind.load(str(tmp_path / "map.safetensors"))
        assert type(loaded) is type(fitted)
        np.testing.assert_array_equal(loaded.transform(rows(9, 1)), fitted.transform(rows(9, 1)))


def test_a_map_of_another_kind_is_refused(fitted_maps: dict[str, Map2D], tmp_path: Path) -> None:
    fitted_maps["umap"].save(tmp_path / "m")
    with pytest.raises(ModelFileError) as raised:
        TSNE.load(tmp_path / "m")
    assert str(raised.value) == (
        f"{tmp_path / 'm'} holds a map of the kind UMAP, not TSNE; read it with UMAP.load."
    )
    with pytest.raises(NotFittedError):
        TSNE().save(tmp_path / "n")
    with pytest.raises(StorageError, match="cannot read"):
        TSNE.load(tmp_path / "n")
    for call in (TSNE.load, fitted_maps["umap"].save):
        with pytest.raises(StorageError, match="an empty path was given"):
            call("")


@every_map
def test_arrays_that_do_not_fit_together_are_refused(
    name: str, fitted_maps: dict[str, Map2D]
) -> None:
    """Whoever can write a checksum can write one for any arrays."""
    data = map_to_bytes(fitted_maps[name])
    length = int.from_bytes(data[:8], "little")
    text = json.loads(data[8 : 8 + length])["__metadata__"]["latentscape_map"]
    arrays = safetensors.numpy.load(data)
    for which in arrays:
        for wrong in (arrays[which][:-1], arrays[which][..., :1], arrays[which][..., None]):
            if which == "embedding_" and wrong.shape == arrays[which][:-1].shape and name != "lda":
                continue  # so many places of a map may there be
            made = {**arrays, which: np.ascontiguousarray(wrong)}
            header = {**json.loads(text), "sha256": _checksum(made)}
            with pytest.raises(ModelFileError, match="damaged"):
                map_from_bytes(
                    bytes(
                        safetensors.numpy.save(
                            made, metadata={"latentscape_map": json.dumps(header)}
                        )
                    )
                )
