"""Images that are in memory: arrays, tensors, bunches, and data sets of PyTorch and others.

Everything is recognised by what it can do; none of those libraries is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from latentscape.errors import DataError
from latentscape.images.options import ReadingOptions
from latentscape.images.readers.stack import CHANNELS, as_stack, roles_of, source_of_parts
from latentscape.images.refused import Refused
from latentscape.images.source import Picture, Source
from latentscape.types import AnyArray, Progress, ProgressCallback

_IMAGE_KEYS = ("image", "img", "images", "pixels", "x")
_LABEL_KEYS = ("label", "labels", "target", "class", "fine_label", "y")


def source_from_object(data: Any, options: ReadingOptions, report: ProgressCallback) -> Source:
    """Take images from an object in memory.

    Raises
    ------
    DataError
        It holds no images that can be found.
    """
    if is_array(data):
        return Source("images", "the array", array=as_stack(to_numpy(data), "the array", options))
    if isinstance(data, tuple) and len(data) == 2 and all(is_array(part) for part in data):
        images, labels = data
        return source_of_parts(
            "images", "the array", {"": to_numpy(images)}, {"": to_numpy(labels)}, options
        )
    if isinstance(data, Mapping):
        return _from_mapping(data, options)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return _from_items(data, report)
    if hasattr(data, "dataset"):
        raise DataError("this loads batches of a data set; give the data set itself (its .dataset)")
    if hasattr(data, "__iter__"):
        raise DataError(
            f"a {type(data).__name__} can only be read from its beginning to its end; give a list "
            "of its items, or a data set with a length"
        )
    raise DataError(
        f"images cannot be read from an object of type {type(data).__name__}; give a path, an "
        "array, a data set or a mapping with 'images' and 'labels'"
    )


def is_array(data: Any) -> bool:
    """Tell an array, a tensor or a table from other objects."""
    return isinstance(data, np.ndarray) or (
        any(hasattr(data, name) for name in ("detach", "to_numpy", "__array_interface__"))
        and not isinstance(data, Image.Image)
    )


def to_numpy(data: Any) -> AnyArray:
    """Return an array, a tensor on any device, or a table as a numpy array."""
    try:
        if hasattr(data, "detach"):
            data = data.detach().cpu()
            data = data.numpy()
        elif hasattr(data, "to_numpy"):
            data = data.to_numpy()
        return np.asarray(data)
    except (TypeError, RuntimeError, ValueError) as error:  # sparse, bfloat16, ragged
        raise DataError(f"the images cannot become a numpy array: {error}") from error


def _from_mapping(data: Mapping[str, Any], options: ReadingOptions) -> Source:
    """Read scikit-learn's bunches, and mappings with images and labels."""
    arrays = {str(n): v for n, v in data.items() if is_array(v) or isinstance(v, Sequence)}
    arrays = {n: v for n, v in arrays.items() if not isinstance(v, str)}
    if "images" in arrays and "data" in arrays:  # the same pixels as rows
        del arrays["data"]
    roles = roles_of(n for n in arrays if n not in ("target_names", "class_names"))
    images = {part: to_numpy(arrays[n]) for (kind, part), n in roles.items() if kind == "images"}
    labels = {part: to_numpy(arrays[n]) for (kind, part), n in roles.items() if kind == "labels"}
    if not images:
        raise DataError(
            f"a mapping with {', '.join(map(str, data)) or 'nothing'} holds no images; call them "
            "'images' and the labels 'labels'"
        )
    names = data.get("target_names", data.get("class_names"))
    whole = all(np.asarray(values).dtype.kind in "iu" for values in labels.values())
    class_names = None
    if names is not None and labels and whole and not isinstance(names, str):
        class_names = [str(n) for n in np.asarray(names).tolist()]
        n_named = max(int(values.max(initial=0)) for values in labels.values()) + 1
        class_names = class_names if n_named <= len(class_names) else None
    return source_of_parts(
        "images", "the mapping", images, labels, options, class_names=class_names
    )


def _from_items(data: Any, report: ProgressCallback) -> Source:
    """Read a data set item by item: images, pairs of image and label, or mappings."""
    n = len(data)
    source = Source(_name_of(data), f"the {type(data).__name__}", pictures=[])
    if not n:
        raise DataError(f"{source.where} holds no images")
    pictures: list[Picture] = []
    labels: list[Any] = []
    ids: list[str] = []
    every = max(1, n // 100)
    for i in range(n):
        if i % every == 0:
            report(Progress("fetching", i, n))
        row = f"item {i:,}"
        try:
            item = data[i]
        except Exception as error:  # the data set's own code, which may raise anything
            said = str(error).strip().partition("\n")[0] or type(error).__name__
            source.refused.append(
                Refused(row, f"the data set raised {type(error).__name__}: {said}")
            )
            continue
        image, label = _parted(item)
        content = _pixels(image)
        if content is None:
            source.refused.append(Refused(row, f"is a {type(image).__name__}, not an image"))
            continue
        pictures.append(Picture(row, content))
        labels.append(label)
        ids.append(f"image-{i:05d}")
    report(Progress("fetching", n, n))
    source.pictures = pictures
    source.ids = ids
    if any(label is not None for label in labels):
        source.labels = labels
        source.class_names = _classes_of(data, labels)
    return source


def _parted(item: Any) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        image = next((item[k] for k in _IMAGE_KEYS if k in item), None)
        return image, _label(next((item[k] for k in _LABEL_KEYS if k in item), None))
    if isinstance(item, tuple | list) and len(item) and not _is_number(item[0]):
        first = item[0]
        if isinstance(first, list | tuple):  # nested numbers: one image
            return item, None
        return first, _label(item[1]) if len(item) > 1 else None
    return item, None


def _label(label: Any) -> Any:
    """Return one word or number; anything else is no label."""
    if is_array(label):
        array = to_numpy(label).reshape(-1)
        return array[0].item() if array.size == 1 else None
    return label if isinstance(label, str | bytes | int | float | np.generic) else None


def _pixels(image: Any) -> Any:
    """Return a picture of Pillow's, encoded bytes, or pixels in the shape (H, W, C)."""
    if isinstance(image, Image.Image) or (isinstance(image, bytes) and image):
        return image
    if isinstance(image, Mapping) and isinstance(image.get("bytes"), bytes):
        return image["bytes"]
    if not is_array(image) and not isinstance(image, list | tuple):
        return None
    try:
        array = to_numpy(image)
    except DataError:
        return None
    if array.dtype.kind not in "biuf" or array.ndim not in (2, 3) or not array.size:
        return None
    if array.ndim == 3 and array.shape[2] not in CHANNELS:
        array = np.moveaxis(array, 0, 2)
        if array.shape[2] not in CHANNELS:
            return None
    return array


def _classes_of(data: Any, labels: list[Any]) -> list[str] | None:
    """Return the names of classes where a data set has them, and its labels are places in them."""
    names = getattr(data, "classes", None)
    features = getattr(data, "features", None)
    if names is None and isinstance(features, Mapping):
        feature = next((features[k] for k in _LABEL_KEYS if k in features), None)
        names = getattr(feature, "names", None)
    if not isinstance(names, list | tuple) or len({str(n) for n in names}) != len(names):
        return None
    whole = [label for label in labels if isinstance(label, int | np.integer)]
    places = len(whole) == len([v for v in labels if v is not None])
    if not places or not all(-1 <= label < len(names) for label in whole):
        return None
    return [str(n) for n in names]


def _name_of(data: Any) -> str:
    name = type(data).__name__
    return "images" if name in ("list", "tuple", "Subset", "TensorDataset", "Dataset") else name


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.generic)
