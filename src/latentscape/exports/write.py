"""Export: which files a format consists of, and their writing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError, SettingError
from latentscape.exports import projector, tables
from latentscape.exports.anndata import write_h5ad
from latentscape.exports.folder import ExportFolder
from latentscape.images.embedding_files.anndata import need_anndata
from latentscape.types import Progress, ProgressCallback

FORMATS = ("onnx", "parquet", "csv", "projector", "anndata", "npz")

Produce = Callable[[Path], None]


@dataclass(frozen=True)
class ExportReport:
    """What an export has written.

    Attributes
    ----------
    folder : Path
        Where.
    files : mapping of str to int
        Size in bytes of each file, by its name in the folder.
    onnx_differences : mapping of str to float
        Largest difference between onnxruntime and torch for ``"encode"`` and
        ``"decode"``; empty where no ONNX was written.
    lacking : mapping of str to str
        For each format that could not be written, the reason.
    """

    folder: Path
    files: Mapping[str, int] = field(default_factory=dict)
    onnx_differences: Mapping[str, float] = field(default_factory=dict)
    lacking: Mapping[str, str] = field(default_factory=dict)


def export(
    atlas: Atlas | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    formats: Sequence[str] | None = None,
    *,
    network: str | None = None,
    on_progress: ProgressCallback | None = None,
) -> ExportReport:
    """Write an atlas in the formats of other tools.

    Each file appears whole or not at all. A file that an earlier export has
    not written, or that was changed since, is never replaced.

    Parameters
    ----------
    atlas : Atlas or path
        A finished atlas.
    folder : path
        Where the files go; made if needed.
    formats : sequence of str, optional
        From

        - ``"onnx"``: ``encoder.onnx`` and ``decoder.onnx``, compared with torch
          (needs ``latentscape[onnx]``); the decoder alone for codes from
          elsewhere;
        - ``"parquet"``, ``"csv"``: ``points.parquet`` and ``points.csv``, with
          the codes as columns ``z0``, ``z1``, ...;
        - ``"projector"``: a folder for TensorBoard's embedding projector;
        - ``"anndata"``: ``atlas.h5ad`` (needs ``latentscape[anndata]``);
        - ``"npz"``: ``atlas.npz``, all arrays.

        By default all that this atlas and the installed packages allow; the
        reasons for the others stand in the report.
    network : str, optional
        The Python path of the network, for a model whose network is a class of
        your own: see :meth:`latentscape.ConvAutoencoder.load`.
    on_progress : callable, optional
        Is called with :class:`~latentscape.types.Progress` after each file.

    Returns
    -------
    ExportReport

    Raises
    ------
    AtlasError
        The atlas is not finished, or lacks what a format needs that was asked
        for by name.
    SettingError
        A format is unknown, or needs a package that is not installed.
    StorageError
        A file cannot be written, or somebody else's file has its name.
    ExportError
        An ONNX file gives other numbers than torch.

    Examples
    --------
    >>> import latentscape as ls
    >>> report = ls.export("atlas", "out", ["parquet", "npz"])  # doctest: +SKIP
    >>> list(report.files)  # doctest: +SKIP
    ['points.parquet', 'atlas.npz']
    """
    opened = atlas if isinstance(atlas, Atlas) else Atlas.open(Path(atlas))
    if not os.fspath(folder):
        msg = "an empty path was given; give the directory that the files go to"
        raise SettingError(msg)
    chosen = _checked(formats)
    tables.require_codes(opened)
    target = ExportFolder(Path(folder))
    plan: dict[str, Produce] = {}
    lacking: dict[str, str] = {}
    differences: Mapping[str, float] = {}
    for name in chosen:
        try:
            if name == "onnx":
                files, differences = _onnx_files(opened, network)
            else:
                files = _FILES[name](opened)
        except (AtlasError, SettingError) as error:
            if formats is not None:
                raise
            lacking[name] = str(error)
            continue
        plan |= files
    target.check(plan)
    tell = on_progress or _silently
    sizes: dict[str, int] = {}
    tell(Progress("export", 0, len(plan)))
    for done, (file, produce) in enumerate(plan.items(), 1):
        sizes[file] = target.write(file, produce)
        tell(Progress("export", done, len(plan)))
    return ExportReport(target.path, sizes, dict(differences), lacking)


def _checked(formats: Sequence[str] | None) -> list[str]:
    if formats is None:
        return list(FORMATS)
    given = [formats] if isinstance(formats, str) else list(formats)
    unknown = [name for name in given if name not in FORMATS]
    if unknown or not given:
        wrong = repr(unknown[0]) if unknown else "nothing"
        msg = f"there is no format {wrong}; choose from {', '.join(FORMATS)}"
        raise SettingError(msg)
    return [name for name in FORMATS if name in given]


def _onnx_files(
    atlas: Atlas, network: str | None
) -> tuple[dict[str, Produce], Mapping[str, float]]:
    model = atlas.stage_info("codes").get("model")
    if not model:
        reason = atlas.lacking.get("model", "its codes came without one")
        raise AtlasError(f"{atlas.path} has no model that could be written as ONNX: {reason}")
    from latentscape.exports.onnx import OnnxExport  # torch takes seconds to import

    halves = OnnxExport(atlas, atlas.path / str(model), network)
    return halves.files, halves.differences


def _projector_files(atlas: Atlas) -> dict[str, Produce]:
    parts = {
        projector.VECTORS: projector.write_vectors,
        projector.METADATA: projector.write_metadata,
    }
    if atlas.has("images"):
        parts[projector.SPRITE] = projector.write_sprite
    parts |= {projector.PBTXT: projector.write_pbtxt, projector.JSON: projector.write_json}
    return {f"projector/{name}": _of(atlas, write) for name, write in parts.items()}


def _anndata_files(atlas: Atlas) -> dict[str, Produce]:
    need_anndata()
    return {"atlas.h5ad": _of(atlas, write_h5ad)}


def _of(atlas: Atlas, write: Callable[[Atlas, Path], None]) -> Produce:
    return lambda path: write(atlas, path)


_FILES: dict[str, Callable[[Atlas], dict[str, Produce]]] = {
    "parquet": lambda atlas: {"points.parquet": _of(atlas, tables.write_parquet)},
    "csv": lambda atlas: {"points.csv": _of(atlas, tables.write_csv)},
    "projector": _projector_files,
    "anndata": _anndata_files,
    "npz": lambda atlas: {"atlas.npz": _of(atlas, tables.write_npz)},
}


def _silently(event: Progress) -> None:
    """Take no notice of progress."""
