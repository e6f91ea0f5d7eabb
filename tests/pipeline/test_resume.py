"""A run does what is missing, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError, CodesError, SettingError
from latentscape.images import ImageSet
from latentscape.pipeline import add_map, run
from latentscape.pipeline.settings import STAGE_VERSIONS

from ..atlas_tools import SMALL, Listener, arrays, files

pytestmark = pytest.mark.usefixtures("quick_figures")


def go(images: ImageSet, path: Path, **changes: Any) -> Listener:
    """Run with small settings and return what happened."""
    listener = Listener()
    run(images, path, callbacks=[listener], **{**SMALL, **changes})
    return listener


def changed(path: Path, before: dict[str, tuple[int, bytes]]) -> set[str]:
    """Return the files that were written anew, removed or added."""
    after = files(path)
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def test_a_finished_run_does_nothing_again(few: ImageSet, tmp_path: Path) -> None:
    first = go(few, tmp_path)
    assert first.n_trained == 2
    before = files(tmp_path)
    second = go(few, tmp_path)
    assert not changed(tmp_path, before)
    assert [(change.stage, change.state) for change in second.changes] == [("run", "kept")]
    # Another word for the same settings is the same run.
    go(few, tmp_path, latent_dims=[5, 2.0], maps=["lda", "pca"], map_settings={"tsne": {}})
    assert not changed(tmp_path, before)


def test_more_seeds_and_sizes_train_only_what_is_missing(few: ImageSet, tmp_path: Path) -> None:
    go(few, tmp_path)
    before = files(tmp_path)
    assert go(few, tmp_path, n_seeds=2).n_trained == 2
    assert go(few, tmp_path, n_seeds=2, latent_dims=(2, 3, 5)).n_trained == 2
    models = {name for name in before if name.startswith("model/")}
    assert not models & changed(tmp_path, before)
    assert sorted(Atlas.open(tmp_path).model_paths) == [(d, s) for d in (2, 3, 5) for s in (0, 1)]
    # Fewer again: nothing is trained, and nothing that was trained is lost.
    before = files(tmp_path)
    assert go(few, tmp_path).n_trained == 0
    assert not {name for name in changed(tmp_path, before) if name.startswith("model/")}
    assert len(list(tmp_path.glob("model/*"))) == 6
    assert set(Atlas.open(tmp_path).sweep["seed"]) == {0, -1}


def test_other_training_settings_keep_the_models_of_the_first(
    few: ImageSet, tmp_path: Path
) -> None:
    go(few, tmp_path, latent_dims=(2,), maps=())
    once = arrays(tmp_path)
    assert go(few, tmp_path, latent_dims=(2,), maps=(), training={"n_epochs": 2}).n_trained == 1
    back = go(few, tmp_path, latent_dims=(2,), maps=())
    assert back.n_trained == 0
    after = arrays(tmp_path)
    assert {name: after[name] for name in once} == once


def test_another_perplexity_redoes_only_that_map(few: ImageSet, tmp_path: Path) -> None:
    quick = {"n_iter": 30}
    maps = {"maps": ("pca", "tsne")}
    go(few, tmp_path, **maps, map_settings={"tsne": quick})
    before = files(tmp_path)
    again = go(few, tmp_path, **maps, map_settings={"tsne": {**quick, "perplexity": 9.0}})
    assert again.stages("done") == {"maps-tsne", "quality-tsne", "points", "figures", "explorer"}
    assert again.n_trained == 0
    redone = changed(tmp_path, before)
    own = {"maps/tsne.safetensors", "quality/tsne.json", "quality/tsne.safetensors"}
    assert own <= redone
    kinds = {name.split("/")[0] for name in redone - own}
    assert kinds <= {"figures", "points.parquet", "quality.json", "atlas.json", "explorer.html"}
    # A default that is spelled out, or a whole number for a decimal one, is no change.
    given = {**quick, "perplexity": 9, "early_exaggeration": 12.0, "n_jobs": 2}
    same = go(few, tmp_path, **maps, map_settings={"tsne": given})
    assert "maps-tsne" in same.stages("kept")


def test_a_map_that_is_no_longer_asked_for_goes(few: ImageSet, tmp_path: Path) -> None:
    go(few, tmp_path)
    go(few, tmp_path, maps=("pca",))
    assert Atlas.open(tmp_path).map_names == ("direct", "pca")
    assert not (tmp_path / "maps" / "lda.safetensors").exists()


def test_a_map_made_anew_is_what_a_run_with_its_settings_makes(
    few: ImageSet, tmp_path: Path
) -> None:
    go(few, tmp_path / "one")
    before = files(tmp_path / "one")
    given: dict[str, Any] = {"n_iter": 30, "perplexity": 9.0}
    listener = Listener()
    made = add_map(tmp_path / "one", "tsne", verbose=0, callbacks=[listener], **given)
    assert made.map_names == ("direct", "pca", "lda", "tsne")
    assert listener.stages("done") == {"maps-tsne", "quality-tsne", "points", "figures", "explorer"}
    assert {"maps/tsne.safetensors", "points.parquet"} <= changed(tmp_path / "one", before)

    asked: dict[str, Any] = {"maps": ("pca", "lda", "tsne"), "map_settings": {"tsne": given}}
    before = files(tmp_path / "one")
    nothing = go(few, tmp_path / "one", **asked)
    assert [(c.stage, c.state) for c in nothing.changes] == [("run", "kept")]
    assert not changed(tmp_path / "one", before)
    go(few, tmp_path / "two", **asked)
    assert arrays(tmp_path / "one") == arrays(tmp_path / "two")


def test_a_map_of_an_unfinished_or_damaged_atlas_is_refused(few: ImageSet, tmp_path: Path) -> None:
    go(few, tmp_path, until="sweep")
    with pytest.raises(AtlasError, match="not finished"):
        add_map(tmp_path, "pca", verbose=0)
    go(few, tmp_path)
    (tmp_path / "codes.npy").write_bytes((tmp_path / "codes.npy").read_bytes()[:-1] + b"\xff")
    before = files(tmp_path)
    with pytest.raises(AtlasError, match=r"codes\.npy has other content.*run"):
        add_map(tmp_path, "pca", verbose=0)
    assert not changed(tmp_path, before)
    assert "codes" in go(few, tmp_path).stages("done")
    # A run with other settings was interrupted before its maps.
    go(few, tmp_path, until="sweep", n_seeds=2)
    add_map(tmp_path, "pca", verbose=0)
    assert go(few, tmp_path, n_seeds=2).stages("kept") != {"run"}


def test_a_map_that_cannot_be_made_leaves_the_atlas_as_it_is(few: ImageSet, tmp_path: Path) -> None:
    plain = replace(few, labels=None, class_names=())
    go(plain, tmp_path, maps=("pca",))
    before = files(tmp_path)
    with pytest.raises(CodesError, match="LDA"):
        add_map(tmp_path, "lda", verbose=0)
    with pytest.raises(SettingError, match="perplexity"):
        add_map(tmp_path, "tsne", verbose=0, perplexity=-1)
    with pytest.raises(SettingError, match="no map 'direct'"):
        add_map(tmp_path, "direct", verbose=0)
    assert not changed(tmp_path, before)


def test_a_sweep_and_then_a_run_train_once(few: ImageSet, tmp_path: Path) -> None:
    swept = go(few, tmp_path, until="sweep")
    assert swept.n_trained == 2
    atlas = Atlas.open(tmp_path)
    assert atlas.has("sweep")
    assert not atlas.has("points")
    assert go(few, tmp_path).n_trained == 0
    # A sweep of a finished atlas leaves its maps and their settings alone.
    go(few, tmp_path, until="sweep", maps=("pca", "umap"), n_seeds=2)
    assert Atlas.open(tmp_path).settings["maps"] == ["pca", "lda"]
    assert Atlas.open(tmp_path).map_names == ("direct", "pca", "lda")


def test_other_images_never_stand_beside_the_old_ones(
    few: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(few, tmp_path)
    inverted = ImageSet(
        255 - few.images,
        few.labels,
        few.class_names,
        few.split,
        few.ids,
        "inverted",
    )

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("latentscape.autoencoder.sweep.train", interrupted)
        with pytest.raises(KeyboardInterrupt):
            go(inverted, tmp_path)
    atlas = Atlas.open(tmp_path)
    assert atlas.data["name"] == "inverted"
    assert not atlas.has("codes")
    assert go(few, tmp_path).n_trained == 0  # the models were not lost


def test_damage_is_found_and_mended(few: ImageSet, tmp_path: Path) -> None:
    go(few, tmp_path)
    undamaged = arrays(tmp_path)
    model = next(tmp_path.glob("model/d5*"))
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    (tmp_path / "maps" / "pca.safetensors").unlink()
    listener = go(few, tmp_path)
    assert listener.n_trained == 1
    assert {"maps-pca", f"model-{model.stem}"} == listener.stages("damaged")
    assert arrays(tmp_path) == undamaged


def test_the_mapped_size_need_not_be_swept(few: ImageSet, tmp_path: Path) -> None:
    listener = go(few, tmp_path, latent_dims=(4,), latent_dim=3, maps=())
    assert listener.n_trained == 3  # 4, and 3 and 2 for the maps
    atlas = Atlas.open(tmp_path)
    assert atlas.codes.shape == (100, 3)
    assert set(atlas.sweep["latent_dim"]) == {4}
    assert sorted(atlas.model_paths) == [(2, 0), (3, 0), (4, 0)]


def test_any_engine_gives_the_same_bytes(few: ImageSet, tmp_path: Path) -> None:
    class Backwards:
        """Finishes last what was asked for first."""

        def map(self, task: Any, keys: Any, *, on_progress: Any = None) -> Any:
            for key in reversed(list(keys)):
                yield key, task(key, on_progress or (lambda progress: None))

    go(few, tmp_path / "one", n_seeds=2)
    go(few, tmp_path / "two", n_seeds=2, engine=Backwards())
    assert arrays(tmp_path / "one") == arrays(tmp_path / "two")


def test_rows_decide_what_is_mapped(few: ImageSet, tmp_path: Path) -> None:
    go(few, tmp_path, latent_dims=(2,), maps=("pca",), rows="all")
    atlas = Atlas.open(tmp_path)
    assert np.array_equal(atlas.images, few.images)
    assert len(atlas.points) == 400
    again = go(few, tmp_path, latent_dims=(2,), maps=("pca",), rows="train")
    assert again.n_trained == 0
    assert len(Atlas.open(tmp_path).points) == 300


def test_the_manifest_is_plain_json(few: ImageSet, tmp_path: Path) -> None:
    go(few, tmp_path, latent_dims=(2,), maps=())
    manifest = json.loads((tmp_path / "atlas.json").read_bytes())
    assert manifest["data"]["n_train"] == 300
    assert manifest["settings"]["training"] == {"n_epochs": 1}
    assert manifest["stages"]["codes"]["info"]["latent_dim"] == 2


def test_the_training_version_is_repeated_without_torch() -> None:
    from latentscape.autoencoder.training import TRAINING_VERSION

    assert STAGE_VERSIONS["training"] == TRAINING_VERSION
