"""The loopback server gives the page and ranges of the data, to this machine, and nothing else."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latentscape
from latentscape.atlas import Atlas
from latentscape.errors import SettingError, StorageError
from latentscape.explorer.container import read_block
from latentscape.explorer.server import ExplorerServer
from latentscape.images import ImageSet


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory, few_digits: ImageSet) -> Atlas:
    path = tmp_path_factory.mktemp("served") / "atlas"
    settings: dict[str, Any] = {"latent_dims": (2, 4), "n_seeds": 1, "maps": ("pca",)}
    return latentscape.run(few_digits, path, engine="serial", verbose=0, **settings)


@pytest.fixture(scope="module")
def server(atlas: Atlas) -> Iterator[ExplorerServer]:
    with ExplorerServer(atlas) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(
    server: ExplorerServer, path: str, *, host: str | None = None, ranged: str | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    try:
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{server.server_address[1]}")
        if ranged is not None:
            connection.putheader("Range", ranged)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_listens_to_this_machine_only(server: ExplorerServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_page_may_only_ask_its_own_server(server: ExplorerServer) -> None:
    status, page = asked(server, "/")
    assert status == 200
    assert b"connect-src 'self'" in page
    assert b'data-server="/data"' in page


def test_data_in_ranges(server: ExplorerServer, atlas: Atlas) -> None:
    status, data = asked(server, "/data")
    assert status == 200
    assert asked(server, "/data", ranged="bytes=3-11") == (206, data[3:12])
    size = len(data)
    assert asked(server, "/data", ranged=f"bytes={size - 2}-{size + 90}") == (206, data[-2:])
    assert np.array_equal(read_block(data, "images"), atlas.images.ravel())


@pytest.mark.parametrize("ranged", ["bytes=9-3", "bytes=99999999999-99999999999", "lines=1-2"])
def test_ranges_that_make_no_sense(server: ExplorerServer, ranged: str) -> None:
    assert asked(server, "/data", ranged=ranged) == (416, b"")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1"])
def test_other_hosts_are_refused(server: ExplorerServer, host: str) -> None:
    assert asked(server, "/data", host=host) == (403, b"")


@pytest.mark.parametrize(
    "path", ["/atlas.json", "/../atlas.json", "/data/../images.npy", "/data/0"]
)
def test_nothing_else_is_given(server: ExplorerServer, path: str) -> None:
    assert asked(server, path) == (404, b"")


def test_taken_and_senseless_ports(server: ExplorerServer, atlas: Atlas) -> None:
    with pytest.raises(StorageError, match="taken by another program"):
        ExplorerServer(atlas, int(server.server_address[1]))
    with pytest.raises(SettingError, match="between 0 and 65535"):
        ExplorerServer(atlas, 70_000)


def test_widget_selection(atlas: Atlas, tmp_path: Path) -> None:
    pytest.importorskip("anywidget", reason="needs the extra notebook")
    import traitlets

    from latentscape.explorer import Explorer

    widget = Explorer(atlas)
    widget.selection = [5, 3, 5]
    assert widget.selection == [3, 5]
    assert widget.selected["id"].tolist() == atlas.points["id"].iloc[[3, 5]].tolist()
    sevens = atlas.points["label"] == 7
    widget.select(sevens)
    assert widget.selection == np.flatnonzero(sevens).tolist()
    for wrong in ([-1], [len(atlas.points)]):
        with pytest.raises(traitlets.TraitError, match="selection takes rows from 0"):
            widget.selection = wrong
