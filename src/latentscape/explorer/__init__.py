"""The explorer: an atlas as a page that one can walk through.

:func:`build_page` makes one HTML file, :func:`serve` a page on this machine for atlases
too large for one file, and :class:`Explorer` a widget for notebooks. ``static/`` holds
the front end, built from ``web/``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentscape.explorer.data import data_block
    from latentscape.explorer.page import build_page
    from latentscape.explorer.server import serve
    from latentscape.explorer.widget import Explorer

__all__ = ["Explorer", "build_page", "data_block", "serve"]

_HOMES = {"Explorer": "widget", "build_page": "page", "data_block": "data", "serve": "server"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:  # the widget needs libraries that are not always there
        return getattr(import_module(f"latentscape.explorer.{_HOMES[name]}"), name)
    msg = f"module 'latentscape.explorer' has no attribute {name!r}"
    raise AttributeError(msg)
