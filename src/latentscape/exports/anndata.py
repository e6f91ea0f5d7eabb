"""An atlas as AnnData's .h5ad, for scanpy and its kin."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from latentscape.atlas import Atlas
from latentscape.exports.tables import class_names, label_words, map_places
from latentscape.images.embedding_files.anndata import need_anndata


def write_h5ad(atlas: Atlas, path: Path) -> None:
    """Write codes as X, maps as X_tsne and so on in obsm, and the points' columns in obs.

    Raises
    ------
    SettingError
        The package anndata is not installed.
    """
    anndata = need_anndata()
    points = atlas.points
    places = {f"{name}_{axis}" for name in atlas.map_names for axis in "xy"}
    obs = points[[name for name in points.columns if name not in ({"id", "label"} | places)]]
    obs = obs.set_axis(points["id"].astype(str).to_numpy(dtype=object), axis=0)
    obs["split"] = pd.Categorical(points["split"].astype(str))
    if class_names(atlas):
        words = label_words(atlas).astype(object)
        words[words == ""] = None  # a category that is missing, not an empty one
        obs["label"] = pd.Categorical(words, categories=class_names(atlas))
    codes = np.asarray(atlas.codes)
    var = pd.DataFrame(index=[f"z{i}" for i in range(codes.shape[1])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        made = anndata.AnnData(
            X=codes,
            obs=obs,
            var=var,
            obsm={f"X_{name}": map_places(atlas, name) for name in atlas.map_names},
            uns={"latentscape": {"data": str(atlas.data.get("name", ""))}},
        )
        made.write_h5ad(path)
