"""The loopback server gives the page and ranges of the data, to this machine, and nothing else."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError, SettingError, StorageError
from latentscape.explorer.container import parse, read_block
from latentscape.explorer.data import data_block
from latentscape.explorer.server import ExplorerServer, serve

from .small_atlas import clustered_codes, small_atlas, small_images


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    labels = clustered_codes(300)[1]
    path = tmp_path_factory.mktemp("served") / "atlas"
    return small_atlas(path, n=300, labels=labels, images=small_images(labels))


@pytest.fixture(scope="module")
def server(atlas: Atlas) -> Iterator[ExplorerServer]:
    with ExplorerServer(atlas) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def request(
    server: ExplorerServer, path: str, method: str = "GET", /, **headers: str | None
) -> http.client.HTTPResponse:
    """Ask as any program may, with any method and any host; the answer is read to its end."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        headers.setdefault("Host", f"127.0.0.1:{server.server_address[1]}")
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.content = answer.read()  # type: ignore[attr-defined]  # for the tests
        return answer
    finally:
        connection.close()


def asked(server: ExplorerServer, path: str, **headers: str | None) -> tuple[int, bytes]:
    answer: Any = request(server, path, "GET", **headers)
    return answer.status, answer.content


def raw(server: ExplorerServer, text: bytes) -> bytes:
    """Send bytes that no decent program would send."""
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as line:
        line.sendall(text)
        line.shutdown(socket.SHUT_WR)
        found = b""
        while piece := line.recv(65536):
            found += piece
        return found


def test_listens_to_this_machine_only(server: ExplorerServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_address[1]}/"


def test_page_may_only_ask_its_own_server(server: ExplorerServer) -> None:
    answer: Any = request(server, "/")
    assert answer.status == 200
    assert b'data-server="/data"' in answer.content
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["script-src"].startswith("'sha256-")
    assert policy["script-src"].encode() in answer.content  # the page's own element says so too


@pytest.mark.parametrize("path", ["/", "/data", "/images?rows=1", "/nothing"])
def test_every_answer_keeps_others_out(server: ExplorerServer, path: str) -> None:
    headers = request(server, path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Python" not in headers["Server"]


def test_data_in_ranges(server: ExplorerServer, atlas: Atlas) -> None:
    status, data = asked(server, "/data")
    assert status == 200
    assert asked(server, "/data", Range="bytes=3-11") == (206, data[3:12])
    size = len(data)
    assert asked(server, "/data", Range=f"bytes={size - 2}-{size + 90}") == (206, data[-2:])
    _, header, _ = parse(data)
    codes = read_block(data, "codes").reshape(atlas.codes.shape)
    lows, steps = header["codes"]["lows"], header["codes"]["steps"]
    back = np.asarray(lows) + np.asarray(steps) * codes
    assert (np.abs(back - atlas.codes) <= np.asarray(steps) / 2 * (1 + 1e-4)).all()
    places = read_block(data, "map-pca").reshape(2, -1).T * header["maps"][-1]["step"]
    spread = np.ptp(atlas.points[["pca_x", "pca_y"]].to_numpy(), axis=0)
    np.testing.assert_allclose(np.ptp(places, axis=0) * header["maps"][-1]["scale"], spread, 1e-3)


def test_any_range_of_codes_is_that_of_the_whole(server: ExplorerServer) -> None:
    whole = asked(server, "/data")[1]
    _, header, start = parse(whole)
    first = start + header["blocks"]["codes"]["offset"]
    for offset, length in ((0, 1), (1, 2), (7, 33), (15, 1), (100, 999)):
        low, high = first + offset, first + offset + length - 1
        assert asked(server, "/data", Range=f"bytes={low}-{high}") == (206, whole[low : high + 1])


@pytest.mark.parametrize(
    "ranged", ["bytes=9-3", "bytes=99999999999-99999999999", "lines=1-2", "bytes=-5", "bytes=" * 9]
)
def test_ranges_that_make_no_sense(server: ExplorerServer, ranged: str) -> None:
    assert asked(server, "/data", Range=ranged) == (416, b"")


def test_images_by_row(server: ExplorerServer, atlas: Atlas) -> None:
    rows = [7, 3, 3, 299]
    status, content = asked(server, f"/images?rows={','.join(map(str, rows))}")
    assert status == 200
    assert content == atlas.images[rows].tobytes()


@pytest.mark.parametrize(
    "query",
    ["", "rows=", "rows=300", "rows=-1", "rows=1,", "rows=1;2", "rows=0x1", "row=1",
     "rows=" + "1," * 1024 + "1", "rows=99999999999999999999", "rows=1&rows=2"],
)  # fmt: skip
def test_rows_that_are_none(server: ExplorerServer, query: str) -> None:
    assert asked(server, f"/images?{query}") == (400, b"")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "0.0.0.0", "", None]
)
@pytest.mark.parametrize("path", ["/", "/data", "/images?rows=1"])
def test_other_hosts_are_refused(server: ExplorerServer, host: str | None, path: str) -> None:
    """A name of somebody else that points here (DNS rebinding) gets nothing."""
    assert asked(server, path, Host=host) == (403, b"")


def test_two_hosts_are_none(server: ExplorerServer) -> None:
    own = f"Host: 127.0.0.1:{server.server_address[1]}\r\n".encode()
    answer = raw(server, b"GET / HTTP/1.1\r\n" + own + b"Host: evil.example\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403 ")


def test_localhost_is_this_machine_too(server: ExplorerServer) -> None:
    assert asked(server, "/", Host=f"LOCALHOST:{server.server_address[1]}")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/atlas.json", "/../atlas.json", "/data/../images.npy", "/data/0", "/data/",
     "/data?x", "/%2e%2e/atlas.json", "/images.npy", "/images/..", "/link", "/figures/",
     "/static/app.js", "http://127.0.0.1/images.npy", "/index.html/..", "/.."],
)  # fmt: skip
def test_nothing_else_is_given(server: ExplorerServer, atlas: Atlas, path: str) -> None:
    """No file of the atlas has a path here, no directory a list, no link a target."""
    link = atlas.path / "link"
    if not link.is_symlink():
        link.symlink_to("/etc/hostname")
    assert asked(server, path) == (404, b"")


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "X"]
)
@pytest.mark.parametrize("path", ["/", "/data"])
def test_other_methods_are_refused(server: ExplorerServer, method: str, path: str) -> None:
    answer: Any = request(server, path, method)
    assert (answer.status, answer.content) == (405, b"")
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/data", "/images?rows=1,2"])
def test_head_tells_as_much_without_content(server: ExplorerServer, path: str) -> None:
    whole: Any = request(server, path)
    head: Any = request(server, path, "HEAD")
    assert (head.status, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(whole.content)


@pytest.mark.parametrize(
    "nonsense",
    [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
     b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"\r\n", b""],
)  # fmt: skip
def test_nonsense_gets_no_page(server: ExplorerServer, nonsense: bytes) -> None:
    answer = raw(server, nonsense)
    assert b"<" not in answer
    assert not answer.startswith(b"HTTP/1.1 200")
    assert asked(server, "/")[0] == 200  # and the server goes on


def test_many_at_once(server: ExplorerServer) -> None:
    whole = asked(server, "/data")[1]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: asked(server, "/data")[1], range(24)))
    assert all(answer == whole for answer in answers)


def test_taken_and_senseless_ports(server: ExplorerServer, atlas: Atlas) -> None:
    with pytest.raises(StorageError, match="taken by another program"):
        ExplorerServer(atlas, int(server.server_address[1]))
    with pytest.raises(SettingError, match="between 0 and 65535"):
        ExplorerServer(atlas, 70_000)


def test_listens_before_the_data_are_made(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    whole = data_block(atlas, served=True)

    def slow(*_: Any, **__: Any) -> Any:
        assert go_on.wait(10)
        return whole

    monkeypatch.setattr("latentscape.explorer.server.data_block", slow)
    with ExplorerServer(atlas) as early:
        thread = threading.Thread(target=early.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            assert asked(early, "/")[0] == 200
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(asked, early, "/data")
                assert asked(early, "/images?rows=1")[0] == 200
                assert not waiting.done()
                go_on.set()
                assert waiting.result() == (200, whole.to_bytes())
        finally:
            go_on.set()
            early.shutdown()
            thread.join()


def test_what_stands_in_the_way_of_the_data_is_told(
    atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: Any, **__: Any) -> Any:
        raise AtlasError("the codes are damaged")

    monkeypatch.setattr("latentscape.explorer.server.data_block", damaged)
    with pytest.raises(AtlasError, match="the codes are damaged"):
        serve(atlas, browser=False)
    with ExplorerServer(atlas) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            assert asked(server, "/data") == (500, b"")
        finally:
            server.shutdown()
            thread.join()
