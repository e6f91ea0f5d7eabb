"""Maps: from codes to the plane and back.

Five classes with one face (:class:`Map2D`): ``fit``, ``transform``,
``inverse_transform``. :data:`MAPS` names them as the command line does.
"""

from latentscape.maps.base import Map2D
from latentscape.maps.direct import Direct
from latentscape.maps.guard import FewRowsWarning, SettingLoweredWarning
from latentscape.maps.lda import LDA
from latentscape.maps.pca import PCA
from latentscape.maps.storage import load_map, map_from_bytes, map_to_bytes, save_map
from latentscape.maps.tsne import TSNE
from latentscape.maps.umap import UMAP

MAPS: dict[str, type[Map2D]] = {
    "direct": Direct,
    "pca": PCA,
    "lda": LDA,
    "tsne": TSNE,
    "umap": UMAP,
}

__all__ = [
    "LDA",
    "MAPS",
    "PCA",
    "TSNE",
    "UMAP",
    "Direct",
    "FewRowsWarning",
    "Map2D",
    "SettingLoweredWarning",
    "load_map",
    "map_from_bytes",
    "map_to_bytes",
    "save_map",
]
