"""Pictures of an atlas, drawn with matplotlib and from nothing but the atlas.

Each function returns a :class:`matplotlib.figure.Figure` that belongs to no
window and to no global state; :func:`render_all` draws everything an atlas has
material for, as PNG and SVG. The titles say in words what the data show.
"""

from latentscape.figures.loss import loss_curve
from latentscape.figures.maps import map_figure, map_sheet
from latentscape.figures.plane import decoded_plane
from latentscape.figures.reconstructions import reconstructions
from latentscape.figures.render import render_all, to_png, to_svg
from latentscape.figures.training import training_curves
from latentscape.figures.trust import measures_table, neighborhood_curves, trust_sheet

__all__ = [
    "decoded_plane",
    "loss_curve",
    "map_figure",
    "map_sheet",
    "measures_table",
    "neighborhood_curves",
    "reconstructions",
    "render_all",
    "to_png",
    "to_svg",
    "training_curves",
    "trust_sheet",
]
