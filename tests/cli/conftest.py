"""A folder with everything that a command may be given, and a call of the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import latentscape as ls
from latentscape import cli
from latentscape.images import ImageSet
from latentscape.pipeline import run

from ..atlas_tools import SMALL, quick_render, write_folder
from .calls import Call, Outcome


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command line in this process, to its exit."""

    def run_it(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        code = exit_.value.code
        assert isinstance(code, int)
        return Outcome(code, said.out, said.err)

    return run_it


@pytest.fixture(scope="session")
def finished(few: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data``, a finished ``atlas`` and ``m.safetensors``, to be looked at only."""
    home = tmp_path_factory.mktemp("finished")
    data = write_folder(few, home / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", quick_render)
        run(data, home / "atlas", **SMALL)
    model = ls.ConvAutoencoder(latent_dim=3, n_epochs=1, random_state=0)
    model.fit(few.train).save(home / "m.safetensors")
    return home


@pytest.fixture
def here(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder, as the current one."""
    monkeypatch.chdir(finished)
    return finished


@pytest.fixture
def mine(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, as the current one, for what writes into it."""
    for file in finished.rglob("*"):
        copy = tmp_path / file.relative_to(finished)
        if file.is_dir():
            copy.mkdir(exist_ok=True)
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
            os.utime(copy, ns=(0, 0))  # whatever is written anew has another time
    monkeypatch.chdir(tmp_path)
    return tmp_path
