"""Disks that fail at each single call, for the tests that nothing is lost.

As a script, the runs of which each is killed at its first new call: see ``kill_at_each_write``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

Call = tuple[Any, ...]


class BrokenDisk:
    """Stands in for ``os``: each write, sync, rename, link and removal fails when it comes first.

    Parameters
    ----------
    atlas : Path
        Which atlas is written.
    harm : callable
        Gets the call, and does not come back from it.
    failed : set
        The calls that have failed already.
    """

    def __init__(self, atlas: Path, harm: Callable[[Call], None], failed: set[Call]) -> None:
        self._atlas = atlas
        self._harm = harm
        self._open: dict[int, list[Any]] = {}
        self.failed = failed

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, *arguments: Any) -> int:
        handle = os.open(path, *arguments)
        self._open[handle] = [path, 0]
        return handle

    def write(self, handle: int, data: Any) -> int:
        path, number = self._open[handle]
        self._open[handle][1] = number + 1
        call = self._new("write", path, number)
        if call:
            os.write(handle, data[: len(data) // 2])  # as far as there was room
            self._harm(call)
        return os.write(handle, data)

    def fsync(self, handle: int) -> None:
        self._fail("fsync", self._open[handle][0])
        os.fsync(handle)

    def replace(self, source: Any, target: Any) -> None:
        self._fail("replace", target)
        os.replace(source, target)

    def link(self, source: Any, target: Any) -> None:
        self._fail("link", target)
        os.link(source, target)

    def unlink(self, path: Any) -> None:
        if not os.fspath(path).endswith(".tmp"):  # no harm in one that could not be removed
            self._fail("unlink", path)
        os.unlink(path)

    def _fail(self, kind: str, path: Any) -> None:
        call = self._new(kind, path)
        if call:
            self._harm(call)

    def _new(self, kind: str, path: Any, number: int = 0) -> Call | None:
        """Return the call if it comes for the first time, and remember it."""
        name = os.path.basename(path)
        if name.endswith(".tmp"):
            name = name.removeprefix(".").rsplit(".", 2)[0]
        n_stages = 0
        if "atlas.json" in name or os.path.isdir(path):  # written once for each stage
            with contextlib.suppress(OSError, ValueError):
                n_stages = len(json.loads((self._atlas / "atlas.json").read_bytes())["stages"])
        call = (kind, name, number, n_stages)
        if call in self.failed:
            return None
        self.failed.add(call)
        return call


def disk_is_full(call: Call) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(call[1]))


def kill_at_each_write(data: Path, atlas: Path, settings: dict[str, Any], log: Path) -> None:
    """Run again and again, each run in a process that dies at its first new call.

    Forked from this one, so that a run does not begin with seconds of imports. After each death
    the atlas is looked at. ``log`` gets one line for each: the call, and how many stages stood.
    An undisturbed run, beside the atlas, comes first.
    """
    from latentscape.images import load_images
    from latentscape.pipeline import run
    from tests.atlas_tools import arrays, check_intact, quick_render

    images = load_images(data)
    with mock.patch("latentscape.figures.render_all", quick_render):
        run(images, atlas.with_name("undisturbed"), **settings)
    failed: set[Call] = set()
    kept: dict[str, bytes] = {}
    while True:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:

            def die(call: Call) -> None:
                if call[0] == "fsync" and not (atlas / call[1]).is_dir():
                    return  # to a killed process the same as the rename that follows
                os.write(writer, json.dumps(call).encode())  # noqa: B023  (at once)
                os.kill(os.getpid(), signal.SIGKILL)

            disk = BrokenDisk(atlas, die, failed)
            with (
                mock.patch("latentscape.files.os", disk),
                mock.patch("latentscape.atlas.writer.os", disk),
                mock.patch("latentscape.figures.render_all", quick_render),
            ):
                run(images, atlas, **settings)
            os._exit(0)
        os.close(writer)
        status = os.waitpid(child, 0)[1]
        said = os.read(reader, 10_000)
        os.close(reader)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))
        assert os.WTERMSIG(status) == signal.SIGKILL
        failed.add(tuple(json.loads(said)))
        n_stages = check_intact(atlas, killed=True)
        now = arrays(atlas)
        lost = [name for name in kept if kept[name] != now.get(name)]
        assert not lost, (said, lost)
        kept = now
        with log.open("a") as file:
            file.write(json.dumps([*json.loads(said), n_stages]) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    data_, atlas_, settings_, log_ = sys.argv[1:]
    kill_at_each_write(Path(data_), Path(atlas_), json.loads(settings_), Path(log_))
