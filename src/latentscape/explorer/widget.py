"""The explorer as a widget of notebooks (Jupyter, VS Code, Colab, marimo), by anywidget."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from latentscape.atlas import Atlas
from latentscape.explorer.data import Thumbnails, data_block
from latentscape.explorer.page import static_text


class Explorer(anywidget.AnyWidget):
    """An atlas to walk through inside a notebook.

    Parameters
    ----------
    atlas : Atlas
        Finished at least up to its table of points.
    thumbnails : {"small", "exact"}, default "small"
        Images in 16 grey levels, or as they are.
    height : int, default 640
        Pixels.

    Attributes
    ----------
    selection : list of int
        The selected rows of ``atlas.points``, rising. Reading it gives what was chosen on
        the maps; setting it selects there. ``observe`` tells of changes.

    Examples
    --------
    >>> explorer = Explorer(ls.Atlas.open("atlas"))  # doctest: +SKIP
    >>> explorer.selection = [3, 14, 15]  # doctest: +SKIP
    >>> explorer.selected["label"].value_counts()  # doctest: +SKIP
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    selection = traitlets.List(traitlets.Int()).tag(sync=True)
    height = traitlets.Int(640, min=200).tag(sync=True)

    def __init__(
        self, atlas: Atlas, *, thumbnails: Thumbnails = "small", height: int = 640, **traits: Any
    ) -> None:
        self._atlas = atlas
        super().__init__(
            _esm=static_text("widget.js"),
            _css=static_text("widget.css"),
            data=data_block(atlas, thumbnails=thumbnails).to_bytes(),
            height=height,
            **traits,
        )

    @property
    def selected(self) -> pd.DataFrame:
        """The selected rows of the atlas's table of points."""
        return self._atlas.points.iloc[self.selection]

    @traitlets.validate("selection")
    def _checked_selection(self, proposal: Any) -> list[int]:
        n = len(self._atlas.points)
        rows = sorted({int(row) for row in proposal["value"]})
        if rows and not (rows[0] >= 0 and rows[-1] < n):
            raise traitlets.TraitError(f"selection takes rows from 0 to {n - 1}, got {rows[-1]}")
        return rows

    def select(self, rows: Iterable[Any]) -> None:
        """Select rows by number, or by a mask as long as the table of points."""
        chosen = np.asarray(list(rows))
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        self.selection = [int(row) for row in chosen]
