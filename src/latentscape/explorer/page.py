"""The explorer as one HTML file that needs no server and no network."""

from __future__ import annotations

import base64
import hashlib
import html
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from latentscape.atlas import Atlas
from latentscape.explorer.data import Thumbnails, data_block

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="app"{attributes}></div>
<noscript>This page needs JavaScript: it is a program that runs in your browser alone.</noscript>
{data}{program}<script>{boot}</script>
</body>
</html>
"""


def build_page(atlas: Atlas, *, thumbnails: Thumbnails = "small") -> bytes:
    """Build the explorer of an atlas as one HTML file.

    Parameters
    ----------
    atlas : Atlas
        Finished at least up to its table of points.
    thumbnails : {"small", "exact"}, default "small"
        Images in 16 grey levels, at most 64 pixels a side; or as they are.

    Returns
    -------
    bytes
        UTF-8. The program in it, deflated, is the one that its Content-Security-Policy names
        by its hash, and may load nothing from anywhere.

    Raises
    ------
    AtlasError
        If the atlas has no points, or a part of it is damaged.
    """
    block = data_block(atlas, thumbnails=thumbnails).to_bytes()
    return _fill(atlas, data=_block("latentscape-data", block))


def served_page(atlas: Atlas, data_address: str) -> bytes:
    """Build the page that asks a server for its data, at an address of that server."""
    return _fill(atlas, attributes={"data-server": data_address}, served=True)


def _fill(
    atlas: Atlas,
    *,
    data: str = "",
    attributes: Mapping[str, str] | None = None,
    served: bool = False,
) -> bytes:
    given = "".join(f' {key}="{html.escape(value)}"' for key, value in (attributes or {}).items())
    name = str(atlas.data.get("name", ""))
    page = _PAGE.format(
        policy=page_policy(served=served),
        title=html.escape(f"{name} · latentscape" if name else "latentscape"),
        style=static_text("app.css"),
        attributes=given,
        data=data,
        program=_block("latentscape-program", _deflated("app.js")),
        boot=static_text("boot.js"),
    )
    return page.encode()


def page_policy(*, served: bool) -> str:
    """Return the Content-Security-Policy: this program, this style, and nothing from elsewhere.

    The program has two parts: a short script unpacks the other and puts it into the page, where
    the browser compares it with its hash as it does with any script.
    """
    policy = {
        "default-src": "'none'",
        "script-src": f"{_hash(static_text('boot.js'))} {_hash(static_text('app.js'))}",
        "style-src": _hash(static_text("app.css")),
        "img-src": "data: blob:",
        "worker-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    if served:
        policy["connect-src"] = "'self'"
    return "; ".join(f"{key} {value}" for key, value in policy.items())


@cache
def static_text(name: str) -> str:
    """Return a file of the built front end."""
    return files("latentscape.explorer").joinpath("static", name).read_text(encoding="utf-8")


@cache
def _deflated(name: str) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(static_text(name).encode()) + packer.flush()


def _block(name: str, content: bytes) -> str:
    text = base64.b64encode(content).decode("ascii")
    return f'<script type="application/octet-stream" id="{name}">{text}</script>\n'


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
