import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LABELS = "t10k-labels-idx1-ubyte.gz"


@pytest.fixture
def hook() -> Any:
    spec = importlib.util.spec_from_file_location("check_data", ROOT / "native" / "check_data.py")
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
    hook.check_bundled_data(root)


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
    with pytest.raises(ValueError, match=f"{LABELS} {message}.*; restore it") as caught:
        build(hook, tree)
    assert "\n" not in str(caught.value)


def test_the_checksums_must_be_there_and_whole(hook: Any, tree: Path) -> None:
    file = tree / hook.DATA / "checksums.json"
    for content in ("{", "[]", '{"files": {"a": {}}}', json.dumps({"files": {"a": 1}})):
        file.write_text(content)
        with pytest.raises(ValueError, match=r"checksums.json cannot be read"):
            build(hook, tree)
    file.write_text('{"files": {}}')
    with pytest.raises(ValueError, match=r"checksums.json must list .*train-images"):
        build(hook, tree)
    file.unlink()
    with pytest.raises(ValueError, match=r"checksums.json cannot be read"):
        build(hook, tree)


def test_the_attribution_must_be_there(hook: Any, tree: Path) -> None:
    (tree / hook.DATA / "ATTRIBUTION.md").unlink()
    with pytest.raises(ValueError, match=r"ATTRIBUTION.md is missing"):
        build(hook, tree)


def test_it_ends_the_build_with_one_sentence(hook: Any, tree: Path) -> None:
    script = tree / "native" / "check_data.py"
    script.parent.mkdir()
    shutil.copy(ROOT / "native" / "check_data.py", script)
    fine = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (fine.returncode, fine.stderr) == (0, "")
    remove(tree / hook.DATA / LABELS)
    bad = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert bad.stderr.count("\n") == 1
    assert f"{LABELS} is missing" in bad.stderr
