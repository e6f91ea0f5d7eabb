"""From an encoded picture to pixels: nothing is trusted, nothing is guessed.

Only formats that Pillow decodes by itself are opened (no PostScript, no PDF),
and the number of pixels in the header is looked at before any is decoded.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latentscape.errors import DataError
from latentscape.images.source import Picture
from latentscape.types import AnyArray

MOST_PIXELS = 100_000_000
_WANTED = (
    *("PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "ICO", "TGA"),
    *("JPEG2000", "AVIF"),
)
_ORIENTATION = 0x0112  # in EXIF
_TURNED = (5, 6, 7, 8)  # height and width change places


class PictureError(DataError):
    """A picture cannot be used; the message is the reason in a few words."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a picture before it is decoded.

    Attributes
    ----------
    height, width : int
        As it is to be shown.
    grey : bool
        True for one channel, with or without alpha.
    kind : {"uint8", "uint16", "int", "float"}
        Of its values.
    turned : bool
        Its EXIF data say that it lies on its side or is mirrored.
    moving : bool
        It has more than one frame.
    inks : bool
        It is CMYK.
    """

    height: int
    width: int
    grey: bool
    kind: str = "uint8"
    turned: bool = False
    moving: bool = False
    inks: bool = False


def look_at(picture: Picture) -> Look:
    """Look at a picture's header.

    Raises
    ------
    PictureError
        It is no picture, or has too many pixels.
    """
    array = _as_array(picture.content)
    if array is not None:
        grey = array.shape[2] < 3
        return Look(array.shape[0], array.shape[1], grey, kind_of(array.dtype))
    with _pillow(picture) as image:
        width, height = image.size
        orientation = _orientation(image)
        if orientation in _TURNED and image.format != "TIFF":  # here too
            width, height = height, width
        return Look(
            height,
            width,
            _is_grey(image),
            _kind(image),
            orientation > 1,
            bool(getattr(image, "is_animated", False)),
            image.mode == "CMYK",
        )


def decode(picture: Picture) -> AnyArray:
    """Decode a picture.

    Returns
    -------
    array of shape (H, W, C)
        Grey, grey and alpha, RGB, or RGB and alpha, in the values that the
        file has: uint8, uint16, int32 or float32 (arrays: any real number).

    Raises
    ------
    PictureError
        It cannot be decoded to the end.
    """
    array = _as_array(picture.content)
    if array is not None:
        return array
    with _pillow(picture) as image:
        image.load()
        if image.format != "TIFF" and _orientation(image) > 1:  # Pillow turns TIFF by itself
            turned = ImageOps.exif_transpose(image)
            image = turned if turned is not None else image
        pixels = np.asarray(_plain(image))
        return pixels if pixels.ndim == 3 else pixels[:, :, None]


def kind_of(dtype: np.dtype[Any]) -> str:
    """Return the kind of values: "uint8", "uint16", "int", "bool" or "float"."""
    if dtype.kind == "b":
        return "bool"
    if dtype.kind == "f":
        return "float"
    if dtype.kind not in "iu":
        raise DataError(f"pixels must be numbers, got {dtype}")
    return str(dtype.newbyteorder("=")) if dtype in (np.uint8, np.uint16) else "int"


@contextmanager
def _pillow(picture: Picture) -> Iterator[Any]:
    """Open a picture; whatever goes wrong with it becomes a reason."""
    if isinstance(picture.content, Image.Image):
        yield picture.content
        return
    try:
        source = picture.opened()
        _check_file(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata; what matters for pixels is an error
            warnings.filterwarnings("error", message="Truncated File Read")
            # Not by its path: Pillow would map plain TIFF files, and turned ones wrongly.
            with ExitStack() as stack:
                if isinstance(source, Path):
                    source = stack.enter_context(source.open("rb"))
                image = stack.enter_context(Image.open(source, formats=_formats()))
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise PictureError(_too_many(width * height))
                if not width * height:
                    raise PictureError("has no pixels")
                yield image
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        n_pixels = re.search(r"\d{4,}", str(error))
        raise PictureError(_too_many(int(n_pixels[0]) if n_pixels else None)) from None
    except UnidentifiedImageError:
        raise PictureError("is not an image that can be read") from None
    except MemoryError:
        raise PictureError("does not fit into memory") from None
    except OSError as error:
        if error.errno is not None:
            raise PictureError(f"cannot be opened: {error.strerror or error}") from None
        raise PictureError(f"is damaged: {_brief(error)}") from None
    except Exception as error:  # decoders raise almost anything on damaged data
        raise PictureError(f"is damaged: {_brief(error)}") from None


def _check_file(source: object) -> None:
    if isinstance(source, Path):
        status = source.stat()
        if not source.is_file():
            raise PictureError("is not a regular file")
        if not status.st_size:
            raise PictureError("is empty")
    elif hasattr(source, "getbuffer") and not source.getbuffer().nbytes:
        raise PictureError("is empty")


def _too_many(n_pixels: int | None) -> str:
    claimed = "too many" if n_pixels is None else f"{n_pixels:,}"
    return f"claims to have {claimed} pixels, more than the {MOST_PIXELS:,} that are decoded"


def _brief(error: BaseException) -> str:
    text = re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."


def _formats() -> list[str]:
    Image.init()
    return [name for name in _WANTED if name in Image.OPEN]


def _as_array(content: object) -> AnyArray | None:
    """Return pixels that are there already in the shape (H, W, C)."""
    if not isinstance(content, np.ndarray):
        return None
    array = content if content.ndim == 3 else content[:, :, None]
    if array.size == 0:
        raise PictureError("has no pixels")
    return array


def _orientation(image: Any) -> int:
    # Looking for the EXIF data of a PNG would decode the whole of it.
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged metadata say nothing; the pixels may be right all the same
        return 1
    return int(value) if value in range(1, 9) else 1


def _is_grey(image: Any) -> bool:
    if image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I"):
        return True
    if image.mode in ("P", "PA") and image.palette is not None:
        colours = np.frombuffer(bytes(image.getpalette("RGB") or b""), np.uint8)
        colours = colours[: len(colours) // 3 * 3].reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())
    return False


def _kind(image: Any) -> str:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return "uint16"  # older versions of Pillow widen these to 32 bits
    return {"I": "int", "F": "float"}.get(image.mode, "uint8")


def _plain(image: Any) -> Any:
    """Return the picture as L, LA, RGB, RGBA, 16-bit, 32-bit or float."""
    if _kind(image) != "uint8":
        return np.asarray(image).astype(np.uint16) if _kind(image) == "uint16" else image
    has_alpha = image.has_transparency_data
    if _is_grey(image):
        mode = "LA" if has_alpha else "L"
        if image.mode == "P":  # by way of the palette's colours, which are grey
            image = image.convert("RGBA" if has_alpha else "RGB")
    else:
        mode = "RGBA" if has_alpha else "RGB"
    return image if image.mode == mode else image.convert(mode)
