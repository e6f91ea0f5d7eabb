"""What each command does, says and leaves on the disk."""

from __future__ import annotations

import importlib.metadata
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latentscape as ls
from latentscape import cli
from latentscape.atlas import Atlas
from latentscape.cli import options
from latentscape.images import ImageSet
from latentscape.pipeline import settings

from ..atlas_tools import arrays, files
from .calls import ALONE, COMMANDS, GROUP, QUICK, Call, events_of, result_of

# Help


def test_help_shows_every_command(call: Call) -> None:
    assert tuple(GROUP.commands) == COMMANDS
    for arguments in ((), ("--help",), ("-h",)):
        shown = call(*arguments)
        assert shown.code == 0
        assert shown.err == ""
        for name in COMMANDS:
            assert re.search(rf"^\W*{name} ", shown.out, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_an_example_that_can_be_typed(
    call: Call, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = call(name, "--help")
    assert shown.code == 0
    example = re.search(rf"Example: latentscape ({name} .*)", shown.out)
    assert example is not None
    typed = shlex.split(example[1].strip(" │"))
    command = GROUP.commands[name]
    context = command.make_context(name, typed[1:])  # refuses what cannot be typed
    assert any(value not in (None, False) for value in context.params.values())
    for option in command.params:
        assert option.name == "data" or option.help, option.name


def test_the_version(call: Call) -> None:
    shown = call("--version")
    assert (shown.code, shown.out) == (0, f"{ls.__version__}\n")


def test_the_installed_command_is_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="latentscape")
    assert script.load() is cli.main
    monkeypatch.setattr(sys, "argv", ["latentscape", "info", "nothing"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == 2


def test_what_the_options_repeat_from_the_library() -> None:
    """They repeat it because importing the library takes a second, and --help must not."""
    from latentscape.engines.make import ENGINES

    assert options.ENGINES == ENGINES
    assert options.MAPS == settings.MAP_NAMES
    assert options.LARGEST_SEED == settings.LARGEST_SEED


# run and sweep


@pytest.mark.usefixtures("quick_figures")
def test_run_says_what_it_found_and_a_second_time_does_nothing(
    call: Call, finished: Path, tmp_path: Path
) -> None:
    atlas = tmp_path / "atlas"
    done = call("run", finished / "data", "-o", atlas, *QUICK, *ALONE)
    assert done.code == 0
    choice = Atlas.open(atlas).choice
    for words in (
        "400 grey images of 28×28 pixels (300 for training, 100 for testing) in 10 classes",
        f"choice     {choice['sentence']}",
        "test MSE",
        "10-NN label accuracy:",
        f"figures (PNG and SVG) in {atlas / 'figures'}",
    ):
        assert words in done.out
    assert "2 trained, 0 kept" in done.err
    assert arrays(atlas) == arrays(finished / "atlas")  # as the Python face makes it

    before = files(atlas)
    again = call("run", finished / "data", "-o", atlas, *QUICK, *ALONE)
    assert (again.code, again.out, again.err) == (0, done.out, "")
    assert files(atlas) == before


@pytest.mark.usefixtures("quick_figures")
def test_run_reports_events_to_programs(call: Call, finished: Path, tmp_path: Path) -> None:
    atlas = tmp_path / "atlas"
    typed = ("run", finished / "data", "-o", atlas, *QUICK, *ALONE, "--json")
    done = call(*typed)
    assert (done.code, done.err) == (0, "")
    events = events_of(done.out)
    assert {event["event"] for event in events} == {"progress", "stage", "result"}
    progress = [event for event in events if event["event"] == "progress"]
    assert all(0 <= event["step"] <= event["total"] for event in progress)
    last = {event["task"]: event for event in progress}
    assert {"d2-s0", "d5-s0", "pca", "lda"} <= set(last)
    assert all(event["step"] == event["total"] for event in last.values())
    finished_stages = [e["stage"] for e in events if e["event"] == "stage" and e["state"] == "done"]
    assert finished_stages[:3] == ["data", "training", "sweep"]
    assert set(finished_stages) - {"data", "training"} <= set(Atlas.open(atlas).stages)
    result = result_of(done.out)
    assert result["atlas"] == str(atlas)
    assert result["choice"]["latent_dim"] in (2, 5)
    assert set(result["quality"]["knn_accuracy"]) == {"codes", "direct", "pca", "lda"}

    again = events_of(call(*typed).out)
    assert [(e.get("stage"), e.get("state")) for e in again] == [("run", "kept"), (None, None)]
    assert again[-1] == result


@pytest.mark.usefixtures("quick_figures")
def test_a_sweep_trains_and_a_run_goes_on_from_there(
    call: Call, finished: Path, tmp_path: Path
) -> None:
    atlas = tmp_path / "atlas"
    training = ("--latent-dims", "2,5", "--seeds", "1", "--epochs", "1")
    swept = call("sweep", finished / "data", "-o", atlas, *training, *ALONE)
    assert swept.code == 0
    assert "test MSE" in swept.out
    assert "missing    maps, figures" in swept.out
    assert not (atlas / "codes.npy").exists()
    assert "missing    maps, figures" in call("info", atlas).out
    done = call("run", finished / "data", "-o", atlas, *QUICK, *ALONE)
    assert done.code == 0
    assert "trained" not in done.err
    assert arrays(atlas) == arrays(finished / "atlas")
    again = call("sweep", finished / "data", "-o", atlas, *training, *ALONE, "--json")
    assert result_of(again.out)["choice"] == Atlas.open(atlas).choice


def test_every_option_of_run_and_sweep_reaches_the_library(
    call: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def record(*arguments: Any, **keywords: Any) -> Atlas:
        given.update(keywords, data=arguments[0], path=arguments[1])
        return Atlas.open(here / "atlas")

    monkeypatch.setattr("latentscape.pipeline.run", record)
    both = shlex.split(
        "--latent-dims 8,2 --seeds 4 --epochs 3 --tolerance .25 --seed 7 --device cpu "
        "--engine processes --workers 2"
    )
    alone = shlex.split(
        "--latent-dim 8 --maps umap,tsne --rows all --perplexity 9.5 --n-neighbors 4 --min-dist .3 "
        "--metric cosine"
    )
    expected: dict[str, Any] = {
        "data": "data",
        "path": "out",
        "latent_dims": [8, 2],
        "n_seeds": 4,
        "training": {"n_epochs": 3, "device": "cpu"},
        "tolerance": 0.25,
        "random_state": 7,
        "engine": "processes",
        "n_jobs": 2,
        "verbose": 1,
        "callbacks": [],
        "reading": {},
    }
    assert call("sweep", "data", "-o", "out", *both).code == 0
    assert given == {**expected, "until": "sweep"}
    given.clear()
    assert call("run", "data", "--output", "out", *both, *alone).code == 0
    assert given == {
        **expected,
        "latent_dim": 8,
        "maps": ["umap", "tsne"],
        "rows": "all",
        "encoder": None,
        "encoder_options": {},
        "memory": None,
        "sample": None,
        "metric": "cosine",
        "map_settings": {
            "tsne": {"perplexity": 9.5},
            "umap": {"n_neighbors": 4, "min_dist": 0.3},
        },
    }
    # Without options: the library's own defaults, spelled out in the help.
    given.clear()
    assert call("run").code == 0
    for name in ("encoder", "memory"):
        assert given.pop(name) is None
    assert (given.pop("encoder_options"), given.pop("reading")) == ({}, {})
    assert (given.pop("data"), given.pop("path")) == ("mnist", "atlas")
    assert (given.pop("engine"), given.pop("n_jobs"), given.pop("verbose")) == ("auto", None, 1)
    assert given.pop("callbacks") == []
    assert settings.run_settings(**given) == settings.RunSettings()


# train


def test_train_stores_the_model_that_python_makes(
    call: Call, here: Path, few: ImageSet, tmp_path: Path
) -> None:
    output = tmp_path / "new" / "model.safetensors"
    typed = ("train", "data", "-o", output, "--latent-dim", "3", "--epochs", "1", "--seed", "4")
    done = call(*typed)
    assert done.code == 0
    expected = ls.ConvAutoencoder(latent_dim=3, n_epochs=1, random_state=4).fit(few.train)
    model = ls.ConvAutoencoder.load(output)
    assert np.array_equal(model.transform(few.images), expected.transform(few.images))
    test_mse = -expected.score(few.test)
    counts = "data       data: 400 grey images of 28×28 pixels (300 for training, 100 for testing)"
    assert done.out == f"{counts} in 10 classes.\ntest MSE   {test_mse:.5f}\nmodel      {output}\n"
    assert [file.name for file in output.parent.iterdir()] == [output.name]

    before = output.read_bytes()
    result = result_of(call(*typed, "--json", "--threads", "1").out)
    assert result == {
        "event": "result",
        "model": str(output),
        "latent_dim": 3,
        "test_mse": pytest.approx(test_mse),
        "n_train": 300,
        "n_test": 100,
    }
    said = call("info", output)
    assert f"test_mse               {model.metrics_['test_mse']}" in said.out
    again = ls.ConvAutoencoder.load(output)
    assert len(before) > 300_000
    assert np.array_equal(again.transform(few.images), expected.transform(few.images))


# map


@pytest.mark.usefixtures("quick_figures")
def test_map_makes_one_map_anew(call: Call, mine: Path) -> None:
    before = arrays(mine / "atlas")
    done = call("map", "atlas", "tsne", "--perplexity", "9", "--seed", "5")
    assert done.code == 0
    assert "t-SNE" in done.out
    assert Atlas.open(mine / "atlas").settings["map_settings"] == {
        "tsne": {"perplexity": 9.0, "random_state": 5}
    }
    first = arrays(mine / "atlas")
    changed = {name for name in before if before[name] != first[name]}
    assert changed <= {"quality.json"}

    result = result_of(call("map", "atlas", "tsne", "--perplexity", "12", "--json").out)
    assert set(result["quality"]["knn_accuracy"]) == {"codes", "direct", "pca", "lda", "tsne"}
    second = arrays(mine / "atlas")
    tsne = {name for name in first if "tsne" in name and not name.startswith("figures")}
    assert tsne
    assert all(first[name] != second[name] for name in tsne)
    assert {name: second[name] for name in before if name not in changed} == {
        name: before[name] for name in before if name not in changed
    }


def test_the_options_of_umap_reach_the_library(
    call: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def record(*arguments: Any, **keywords: Any) -> Atlas:
        given.append((arguments, keywords))
        return Atlas.open(here / "atlas")

    monkeypatch.setattr("latentscape.pipeline.add_map", record)
    typed = shlex.split("map atlas umap --n-neighbors 4 --min-dist 0.3 --seed 2 --metric cosine")
    assert call(*typed).code == 0
    chosen = {"n_neighbors": 4, "min_dist": 0.3, "random_state": 2, "metric": "cosine"}
    assert given == [(("atlas", "umap"), {**chosen, "verbose": 1, "callbacks": []})]


# encode


def test_encode_writes_codes_and_places(
    call: Call, here: Path, few: ImageSet, tmp_path: Path
) -> None:
    done = call("encode", "atlas", "data", "-o", tmp_path / "codes.npz")
    assert done.code == 0
    latent_dim = Atlas.open("atlas").codes.shape[1]
    assert f"codes      400 × {latent_dim} in {tmp_path / 'codes.npz'}" in done.out
    assert "places     on direct, pca, lda" in done.out
    with np.load(tmp_path / "codes.npz") as stored:
        assert np.array_equal(stored["codes"][300:], Atlas.open("atlas").codes)

    one = "data/t10k-images-idx3-ubyte"
    shown = call("encode", "m.safetensors", one, "-o", tmp_path / "codes.npy", "--json")
    result = result_of(shown.out)
    assert (result["n"], result["latent_dim"], result["maps"]) == (100, 3, [])
    expected = ls.ConvAutoencoder.load("m.safetensors").transform(few.test.images)
    assert np.array_equal(np.load(tmp_path / "codes.npy"), expected)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["codes.npy", "codes.npz"]


# info


def test_info_tells_of_an_atlas_and_of_a_model(call: Call, here: Path) -> None:
    before = files(here)
    told = call("info", "atlas")
    assert told.code == 0
    for words in ("choice", "test MSE", "maps       100 images", "models     2 in atlas/model"):
        assert words in told.out
    for stage in ("sweep", "codes", "maps-pca", "points", "figures"):
        assert re.search(rf"^ +{stage} +[\d.]+ s ", told.out, re.MULTILINE)
    result = result_of(call("info", "atlas", "--json").out)
    assert result["data"]["n_train"] == 300
    assert set(result["stages"]) == set(Atlas.open("atlas").stages)

    told = call("info", "m.safetensors")
    assert re.search(r"^latent_dim +3$", told.out, re.MULTILINE)
    result = result_of(call("info", "m.safetensors", "--json").out)
    assert result["params"]["latent_dim"] == 3
    assert files(here) == before


def test_judge_tells_how_far_maps_can_be_trusted(call: Call, finished: Path) -> None:
    told = call("judge", finished / "atlas")
    assert told.code == 0
    assert re.search(r"^PCA .*0\.\d{3} ± 0\.\d{3}", told.out, re.MULTILINE)
    assert "+ yes   ~ partly   - no   ? cannot be told" in told.out
    result = result_of(call("judge", finished / "atlas", "--json").out)
    assert "trustworthiness" in result["quality"]["maps"]["pca"]["measures"]
    refused = call("judge", finished / "nothing")
    assert refused.code == 2
    assert "does not exist" in refused.err


def test_a_model_takes_the_place_of_nothing_but_a_model(
    call: Call, finished: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.idx"
    data.write_bytes((finished / "data" / "t10k-images-idx3-ubyte").read_bytes())
    whole = data.read_bytes()
    refused = call("train", data, "--epochs", 1, "--latent-dim", 2, "-o", data)
    assert refused.code == 2
    assert "is there already and no model, so it is not replaced" in refused.err
    assert data.read_bytes() == whole
    for _ in range(2):  # a model may be trained anew
        arguments = ("--epochs", 1, "--latent-dim", 2, "-o", tmp_path / "m.safetensors")
        assert call("train", data, *arguments).code == 0
