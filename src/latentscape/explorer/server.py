"""The explorer of an atlas that is too large for one file, served to this machine alone."""

from __future__ import annotations

import errno
import re
import threading
import webbrowser
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from latentscape.atlas import Atlas
from latentscape.errors import SettingError, StorageError
from latentscape.explorer.container import DataBlock
from latentscape.explorer.data import data_block, page_images
from latentscape.explorer.page import page_policy, served_page

HOST = "127.0.0.1"
DATA = "/data"
IMAGES = "/images"
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")
_ROWS = re.compile(r"rows=(\d{1,10}(?:,\d{1,10}){0,1023})")
_PIECE = 1 << 20  # bytes that are written at a time


class ExplorerServer(ThreadingHTTPServer):
    """A server with three things to give: the page, ranges of the data block, and images.

    It listens on 127.0.0.1 only, and answers only requests that name it as host, so that
    no page from elsewhere can read it through a name that points here. It knows no paths
    of files: whatever is asked for beside these three is not there.

    It listens at once. The data block is made meanwhile, in a thread, so that a browser can
    start and show the page; who asks for data waits until they are there.

    Parameters
    ----------
    atlas : Atlas
    port : int, default 0
        0 takes a free one.

    Attributes
    ----------
    address : str
        What to open in a browser.
    made : Future of DataBlock
        The data block, or the error that stood in its way.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, atlas: Atlas, port: int = 0) -> None:
        if isinstance(port, bool) or not 0 <= port <= 65535:
            raise SettingError(f"the port must lie between 0 and 65535, got {port!r}")
        self.page = served_page(atlas, DATA)
        # What a page's own element cannot say: nobody may frame it.
        self.policy = f"{page_policy(served=True)}; frame-ancestors 'none'"
        self.made: Future[DataBlock] = Future()
        self.images = atlas.images if atlas.has("images") else None
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is taken by another program" if taken else f"cannot be used ({error.strerror})"
            raise StorageError(
                f"port {port} of this machine {why}: give another with --port"
            ) from error
        self.address = f"http://{HOST}:{self.server_address[1]}/"
        threading.Thread(target=self._make, args=(atlas,), daemon=True).start()

    def _make(self, atlas: Atlas) -> None:
        try:
            self.made.set_result(data_block(atlas, served=True))
        except BaseException as error:  # whoever waits for it hears of it
            self.made.set_exception(error)

    def end_if_damaged(self) -> None:
        """Wait for the data block, and shut down when there will be none."""
        if self.made.exception() is not None:
            self.shutdown()

    @property
    def data(self) -> DataBlock:
        """The data block, as soon as it is made; what stood in its way is raised."""
        return self.made.result()

    @property
    def names(self) -> set[str]:
        """Host names under which it may be asked."""
        port = self.server_address[1]
        return {f"{HOST}:{port}", f"localhost:{port}"}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: browsers break off requests when they no longer need an answer."""


class _Handler(BaseHTTPRequestHandler):
    server: ExplorerServer
    protocol_version = "HTTP/1.1"
    server_version = "latentscape"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        address = urlsplit(self.path)
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.names:
            self._refuse(HTTPStatus.FORBIDDEN)
        elif self.path in ("/", "/index.html"):
            policy = {"Content-Security-Policy": self.server.policy}
            self._lead(HTTPStatus.OK, "text/html; charset=utf-8", len(self.server.page), policy)
            if body:
                self.wfile.write(self.server.page)
        elif self.path == DATA:
            self._data(body=body)
        elif address.path == IMAGES and self.path.startswith(IMAGES):
            self._images(address.query, body=body)
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _images(self, query: str, *, body: bool) -> None:
        images, match = self.server.images, _ROWS.fullmatch(query)
        if images is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        rows = np.array(match[1].split(",") if match else [-1], dtype=np.int64)
        if rows.min() < 0 or rows.max() >= len(images):
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        content = page_images(images[rows]).tobytes()
        self._lead(HTTPStatus.OK, "application/octet-stream", len(content))
        if body:
            self.wfile.write(content)

    def _data(self, *, body: bool) -> None:
        try:
            data = self.server.data
        except Exception:  # `serve` ends with it
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        first, last = 0, len(data) - 1
        status = HTTPStatus.OK
        wanted = self.headers.get("Range")
        if wanted is not None:
            match = _RANGE.fullmatch(wanted.strip())
            if match is None or int(match[1]) > min(int(match[2]), last):
                self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                return
            first, last = int(match[1]), min(int(match[2]), last)
            status = HTTPStatus.PARTIAL_CONTENT
        length = last - first + 1
        more = {"Accept-Ranges": "bytes"}
        if status is HTTPStatus.PARTIAL_CONTENT:
            more["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        self._lead(status, "application/octet-stream", length, more)
        if body:
            for offset in range(first, last + 1, _PIECE):
                self.wfile.write(data.read(offset, min(_PIECE, last + 1 - offset)))

    def _lead(
        self, status: HTTPStatus, kind: str, length: int, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(length),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Resource-Policy": "same-origin",
            # Isolated, the page may share its codes with its worker instead of copying them.
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Embedder-Policy": "require-corp",
            "Referrer-Policy": "no-referrer",
            **(more or {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _refuse(self, status: HTTPStatus) -> None:
        self._lead(status, "text/plain; charset=utf-8", 0)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the base class refuses (other methods, nonsense), in the same way."""
        self.close_connection = True
        if self.request_version != "HTTP/0.9":
            more = {"Allow": "GET, HEAD"} if code == HTTPStatus.NOT_IMPLEMENTED else {}
            code = HTTPStatus.METHOD_NOT_ALLOWED if more else code
            self._lead(HTTPStatus(code), "text/plain; charset=utf-8", 0, more)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def serve(
    atlas: Atlas,
    *,
    port: int = 0,
    browser: bool = True,
    on_start: Callable[[str], None] | None = None,
) -> None:
    """Serve the explorer of an atlas to this machine until interrupted.

    Parameters
    ----------
    atlas : Atlas
        Finished at least up to its table of points. Images are read from its directory when
        they are looked at, so its size does not matter.
    port : int, default 0
        0 takes a free one.
    browser : bool, default True
        Open it in the browser.
    on_start : callable, optional
        Is told the address when the page can be opened.

    Raises
    ------
    KeyboardInterrupt
        When the user has had enough (Ctrl-C).
    StorageError
        If the port is taken.
    AtlasError
        If the atlas has no points, or a part of it is damaged.
    """
    with ExplorerServer(atlas, port) as server:
        if on_start is not None:
            on_start(server.address)
        if browser:
            # In a thread of its own: some browsers only come back when they are closed.
            threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
        threading.Thread(target=server.end_if_damaged, daemon=True).start()
        server.serve_forever(poll_interval=0.2)
        server.made.result()  # it has ended by itself: tell why
