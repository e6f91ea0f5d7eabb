"""Showing an atlas wherever Python runs: in a notebook, or in the browser."""

from __future__ import annotations

import sys
import webbrowser
from typing import TYPE_CHECKING

from latentscape.atlas import Atlas
from latentscape.errors import SettingError
from latentscape.explorer.data import Thumbnails
from latentscape.explorer.page import build_page
from latentscape.files import write_atomically

if TYPE_CHECKING:
    from latentscape.explorer.widget import Explorer

PAGE = "explorer.html"


def show(atlas: Atlas, *, thumbnails: Thumbnails = "small", height: int = 640) -> Explorer | None:
    """Return a widget in a notebook; elsewhere open the page in the browser.

    Parameters
    ----------
    atlas : Atlas
    thumbnails : {"small", "exact"}, default "small"
        16 grey levels, or the images as they are.
    height : int, default 640
        Pixels of the widget.

    Raises
    ------
    SettingError
        In a notebook without anywidget.
    """
    if in_notebook():
        try:
            from latentscape.explorer.widget import Explorer
        except ImportError as error:
            raise SettingError(
                "the widget needs anywidget: run `pip install 'latentscape[notebook]'`, or open "
                f"{atlas.path / PAGE} in a browser"
            ) from error
        return Explorer(atlas, thumbnails=thumbnails, height=height)
    path = atlas.path / PAGE
    if thumbnails != "small" or not atlas.has(PAGE):
        # Beside the run's own page, which the atlas has recorded byte for byte.
        path = atlas.path / f"explorer-{thumbnails}.html"
        write_atomically(path, build_page(atlas, thumbnails=thumbnails))
    webbrowser.open(path.resolve().as_uri())
    return None


def in_notebook() -> bool:
    """Tell whether a notebook is listening."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")
