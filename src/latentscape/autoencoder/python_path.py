"""Classes of the user's own, named by a Python path.

Importing a path runs the code that it names. So a path is only ever imported
when the user gives it, in a call or on the command line; one that stands in a
file (a model's, an atlas's) is never followed.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from latentscape.errors import SettingError


def is_python_path(name: str) -> bool:
    """Tell whether a name is a path: ``package.module:Name`` or ``file.py:Name``."""
    module, colon, attribute = name.rpartition(":")
    return bool(module and colon and attribute)


def load_object(path: str) -> Any:
    """Import what a Python path names.

    Parameters
    ----------
    path : str
        ``package.module:Name``, found on Python's path or in the current
        directory; or ``some/file.py:Name``.

    Raises
    ------
    SettingError
        When there is no such module, file or name, or its import fails.
    """
    where, _, name = path.rpartition(":")
    if not is_python_path(path):
        msg = f"{path!r} is no Python path; write package.module:Name or file.py:Name"
        raise SettingError(msg)
    module = _load_file(Path(where), path) if _is_file(where) else _load_module(where, path)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            msg = f"there is no {name!r} in {where}, which {path!r} names; check the spelling"
            raise SettingError(msg)
        found = getattr(found, part)
    return found


def source_digest(path: str) -> str:
    """Return the SHA-256 of the source file that a Python path leads to.

    It is part of the key of a training: other code is another training. Empty
    when the source is not at hand.
    """
    where = path.rpartition(":")[0]
    if not _is_file(where):
        file = getattr(sys.modules.get(where), "__file__", None)
        if file is None:
            load_object(path)
            file = getattr(sys.modules.get(where), "__file__", None)
        if file is None:
            return ""
        where = file
    try:
        return hashlib.sha256(Path(where).read_bytes()).hexdigest()
    except OSError:
        return ""


def _is_file(where: str) -> bool:
    return where.endswith(".py") or os.sep in where


def _load_file(file: Path, path: str) -> ModuleType:
    if not file.is_file():
        msg = f"there is no file {file}, which {path!r} names; check the path"
        raise SettingError(msg)
    with _told(path):
        # Another content is another module, so a changed file is not taken for the old one.
        digest = hashlib.sha256(str(file.resolve()).encode() + file.read_bytes()).hexdigest()
        name = f"latentscape_own_{digest[:16]}"
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


def _load_module(where: str, path: str) -> ModuleType:
    with _told(path):
        try:
            return importlib.import_module(where)
        except ModuleNotFoundError as error:
            if error.name != where.split(".")[0]:
                raise
        # An installed command, unlike `python -m`, does not look in the current directory.
        sys.path.append(os.getcwd())
        try:
            return importlib.import_module(where)
        finally:
            sys.path.pop()


@contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        msg = f"{path!r} cannot be imported: {type(error).__name__}: {error}"
        raise SettingError(msg) from error
