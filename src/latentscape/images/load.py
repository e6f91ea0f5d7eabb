"""Images from anywhere, by name, by path or from memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from latentscape.errors import DataError, SettingError, StorageError
from latentscape.images.assemble import assemble
from latentscape.images.embedding_files import looks_like_embeddings, read_embeddings
from latentscape.images.embedding_files.arrays import mapped_npy
from latentscape.images.embeddings import EmbeddingSet
from latentscape.images.idx import read_idx
from latentscape.images.imageset import ImageSet
from latentscape.images.mnist import load_mnist
from latentscape.images.options import ReadingOptions, reading_options
from latentscape.images.readers import source_from_path
from latentscape.images.readers.memory import source_from_object
from latentscape.images.readers.stack import as_labels
from latentscape.images.source import Source
from latentscape.types import Progress, ProgressCallback


def load_images(
    data: Any,
    *,
    size: int | str | Sequence[int] | None = None,
    mode: str | None = None,
    background: str = "white",
    max_bad: float = 0.01,
    labels: str | os.PathLike[str] | Sequence[Any] | None = None,
    shape: str | Sequence[int] | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    on_progress: ProgressCallback | None = None,
) -> ImageSet:
    """Load images, whatever they lie in, and make them equal.

    Parameters
    ----------
    data : str, path or object
        ``"mnist"`` for the bundled digits (a file or directory of that name is
        given as ``"./mnist"`` or as a path object); or the path of

        - a folder of pictures: in subfolders by class, or flat, with a
          ``labels.csv`` or ``metadata.csv`` beside them or without labels;
          ``train`` and ``test`` above them are the split;
        - IDX files named as MNIST's are, plain or gzipped, or a folder of them;
        - ``.npy`` with ``labels.npy`` beside it, or ``.npz`` with ``images``
          and ``labels``, or ``x_train``, ``y_train``, ``x_test``, ``y_test``;
        - ``.parquet``, ``.arrow`` or ``.feather``, or a folder of shards, with
          a column of encoded pictures, of arrays, or a column for each pixel;
        - ``.csv`` with a column for each pixel and one for the label;
        - WebDataset's ``.tar`` shards.

        Or, from memory: an array or a tensor of shape (n, H, W), (n, H, W, C)
        or (n, C, H, W); a pair of images and labels; a mapping or a bunch of
        scikit-learn's; a list, or any data set with a length whose items are
        images, pairs of image and label, or mappings with them (PyTorch's,
        Hugging Face's).
    size : int, "HxW" or (height, width), optional
        Size of all images, in pixels. By default the commonest size, made
        smaller in proportion where a side is longer than 64.
    mode : {"grey", "rgb"}, optional
        By default what most images are.
    background : str, default "white"
        Colour behind transparent pixels, and around images of another shape.
    max_bad : float, default 0.01
        Largest share of images that may be unreadable; they are set aside and
        named in `quarantine`.
    labels : str, path or sequence, optional
        The column that holds the labels, a table of labels, or one label for
        each image.
    shape : "HxW", "HxWxC" or sequence of int, optional
        Of images whose pixels lie in rows.
    preprocessing : mapping, optional
        `preprocessing` of another image set or of an atlas: the new images are
        treated as those were, and not split. It takes the place of `size`,
        `mode` and `background`.
    on_progress : callable, optional
        Is called with :class:`~latentscape.types.Progress`.

    Returns
    -------
    ImageSet
        uint8 images, grey (n, H, W) or RGB (n, H, W, 3). `sentence` says what
        was read and what was changed, `quarantine` what was not read, `notes`
        what is odd. Where there are no test images, one image in seven is set
        aside for testing, and a note says so.

    Raises
    ------
    StorageError
        The path does not exist or may not be read.
    DataError
        The data do not hold what they should, or do not fit together; an
        :class:`~latentscape.errors.IdxFormatError` for a damaged IDX file.
    SettingError
        An option makes no sense.
    """
    options = reading_options(
        size=size,
        mode=mode,
        background=background,
        max_bad=max_bad,
        labels=labels,
        shape=shape,
        preprocessing=preprocessing,
    )
    options = replace(options, labels=_labels_in_file(labels))
    if isinstance(data, str) and data == "mnist":
        return _bundled(options)
    report = on_progress or _silently
    return assemble(_source(data, options, report), options, report)


def load_data(
    data: Any,
    *,
    key: str | None = None,
    drop_nonfinite: bool = False,
    on_progress: ProgressCallback | None = None,
    **options: Any,
) -> ImageSet | EmbeddingSet:
    """Load whatever a path or an object holds: images or embeddings.

    Parameters
    ----------
    data
        What :func:`load_images` or
        :func:`latentscape.images.read_embeddings` reads. An option that only
        images have (`size`, `mode`, `shape`) makes images of it.
    key, drop_nonfinite
        Those of :func:`latentscape.images.read_embeddings`; the data must then
        be embeddings.
    on_progress : callable, optional
        Is called with :class:`~latentscape.types.Progress`.
    **options
        Those of :func:`load_images`; for embeddings `labels` alone.

    Returns
    -------
    ImageSet or EmbeddingSet

    Raises
    ------
    LatentscapeError
        As :func:`load_images` and :func:`latentscape.images.read_embeddings`.
    """
    is_path = isinstance(data, str | os.PathLike) and bool(os.fspath(data)) and data != "mnist"
    if is_path:
        _refuse_atlas(Path(data))
    wanted = key is not None or drop_nonfinite
    as_images = any(options.get(name) is not None for name in ("size", "mode", "shape"))
    if is_path and not as_images and (wanted or looks_like_embeddings(data)):
        labels = options.get("labels")
        return read_embeddings(data, key=key, labels=labels, drop_nonfinite=drop_nonfinite)
    if wanted:
        which = "key" if key is not None else "drop_nonfinite"
        msg = f"{which} is for files of embeddings; leave it out, or give such a file"
        raise SettingError(msg)
    return load_images(data, on_progress=on_progress, **options)


def _labels_in_file(labels: Any) -> Any:
    """Read labels that lie in an array's file; tables belong to the readers."""
    if not isinstance(labels, str | os.PathLike) or not Path(labels).is_file():
        return labels
    path = Path(labels)
    if path.suffix.lower() == ".npy":
        return as_labels(mapped_npy(path), None, str(path))
    return as_labels(read_idx(path), None, str(path)) if "idx1" in path.name else labels


def _source(data: Any, options: ReadingOptions, report: ProgressCallback) -> Source:
    if not isinstance(data, str | os.PathLike):
        return source_from_object(data, options, report)
    if not os.fspath(data):
        raise StorageError("an empty path was given; give 'mnist', a folder or a file")
    _refuse_atlas(Path(data))
    return source_from_path(Path(data), options)


def _refuse_atlas(path: Path) -> None:
    """Codes that lie in an atlas are not taken for data by mistake."""
    # os.path says no where pathlib raises: for names that are too long.
    if os.path.isfile(path / "atlas.json"):
        msg = (
            f"{path} is an atlas, which `latentscape explore` shows; give the data that it was "
            "made from, or a file in it"
        )
        raise DataError(msg)


def _bundled(options: ReadingOptions) -> ImageSet:
    """Return the bundled digits, as they are or as the options want them."""
    digits = load_mnist()
    if replace(options, max_bad=0.01) in (_AS_IT_IS, replace(_AS_IT_IS, background="black")):
        return digits
    source = Source(
        digits.name,
        digits.name,
        array=digits.images,
        ids=digits.ids.tolist(),
        labels=None if digits.labels is None else digits.labels.tolist(),
        class_names=digits.class_names,
        split=digits.split.tolist(),
    )
    return assemble(source, options, _silently)


_AS_IT_IS = ReadingOptions()


def _silently(event: Progress) -> None:
    """Take no notice of progress."""
