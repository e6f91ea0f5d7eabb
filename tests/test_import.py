"""Importing the package costs nothing, and its public names are there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import latentscape

HEAVY = {"torch", "numpy", "sklearn", "scipy", "matplotlib", "pandas", "pyarrow", "numba", "rich"}


def modules_after(statement: str) -> set[str]:
    """Return what a fresh interpreter has loaded after a statement, by first name."""
    program = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_import_loads_nothing_heavy() -> None:
    loaded = modules_after("import latentscape; dir(latentscape); latentscape.errors")
    assert "latentscape" in loaded
    assert not HEAVY & loaded


@pytest.mark.parametrize(
    "module", ["images", "engines", "maps", "quality", "atlas", "figures", "pipeline", "cli"]
)
def test_torch_is_loaded_for_training_alone(module: str) -> None:
    assert "torch" not in modules_after(f"import latentscape.{module}")


def test_public_names_resolve() -> None:
    for name in latentscape.__all__:
        assert getattr(latentscape, name) is not None
        assert name in dir(latentscape)
    namespace: dict[str, object] = {}
    exec("from latentscape import *", namespace)
    assert set(latentscape.__all__) <= set(namespace)


def test_all_is_sorted_and_complete() -> None:
    names = latentscape.__all__
    constants = [name for name in names if name.isupper()]
    classes = [name for name in names if name[0].isupper() and name not in constants]
    others = [name for name in names if name.islower()]
    assert names == [*sorted(constants), *sorted(classes), *sorted(others)]
    assert set(names) == {*latentscape._HOMES, *latentscape._MODULES}


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = latentscape.nonsense


def test_dir_lists_the_public_names_alone() -> None:
    listed = {name for name in dir(latentscape) if not name.startswith("__")}
    assert listed == set(latentscape.__all__)
    assert "__version__" in dir(latentscape)
