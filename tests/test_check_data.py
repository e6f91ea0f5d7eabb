import importlib.util
import json
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LABELS = "t10k-labels-idx1-ubyte.gz"


class AbortedError(Exception):
    """What the stand-in for hatchling raises where hatchling ends the program."""


class App:
    def abort(self, message: str) -> None:
        raise AbortedError(message)


class Interface:
    """Stands in for hatchling's class: hatchling is there only while building."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.app = App()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Any:
    name = "hatchling.builders.hooks.plugin.interface"
    parts = name.split(".")
    for i in range(1, len(parts)):
        monkeypatch.setitem(sys.modules, ".".join(parts[:i]), types.ModuleType(parts[i - 1]))
    interface = types.ModuleType(name)
    interface.BuildHookInterface = Interface  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, interface)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(hook: Any, tmp_path: Path) -> Path:
    shutil.copytree(ROOT / hook.DATA, tmp_path / hook.DATA)
    return tmp_path


def build(hook: Any, root: Path) -> None:
    hook.CheckBundledData(root).initialize("standard", {})


def test_the_original_files_pass(hook: Any) -> None:
    build(hook, ROOT)


def remove(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def replace(file: Path) -> None:
    shutil.copy(file.with_name("train-labels-idx1-ubyte.gz"), file)


def garbage(file: Path) -> None:
    file.write_bytes(b"not gzipped")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove, "is missing"),
        (cut, "cannot be read"),
        (garbage, "cannot be read"),
        (replace, "is not the original one .expected 10,008 bytes .* got 60,008 bytes"),
    ],
)
def test_a_damaged_file_stops_the_build(
    damage: Callable[[Path], None], message: str, hook: Any, tree: Path
) -> None:
    damage(tree / hook.DATA / LABELS)
    with pytest.raises(AbortedError, match=f"{LABELS} {message}.*; restore it") as caught:
        build(hook, tree)
    assert "\n" not in str(caught.value)


def test_the_checksums_must_be_there_and_whole(hook: Any, tree: Path) -> None:
    file = tree / hook.DATA / "checksums.json"
    for content in ("{", "[]", '{"files": {"a": {}}}', json.dumps({"files": {"a": 1}})):
        file.write_text(content)
        with pytest.raises(AbortedError, match=r"checksums.json cannot be read"):
            build(hook, tree)
    file.write_text('{"files": {}}')
    with pytest.raises(AbortedError, match=r"checksums.json must list .*train-images"):
        build(hook, tree)
    file.unlink()
    with pytest.raises(AbortedError, match=r"checksums.json cannot be read"):
        build(hook, tree)


def test_the_attribution_must_be_there(hook: Any, tree: Path) -> None:
    (tree / hook.DATA / "ATTRIBUTION.md").unlink()
    with pytest.raises(AbortedError, match=r"ATTRIBUTION.md is missing"):
        build(hook, tree)
