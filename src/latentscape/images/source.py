"""What a reader hands over: pictures or one array, and what is known of each."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from latentscape.images.refused import Refused
from latentscape.types import AnyArray

# A file, its bytes (or a call that brings them), a picture of Pillow's, or pixels.
Content: TypeAlias = Path | bytes | Callable[[], bytes] | Any


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that is not decoded yet.

    Attributes
    ----------
    name : str
        Its id, and its path in the quarantine list.
    content : Path, bytes, callable, PIL image or array
        Where its pixels are.
    """

    name: str
    content: Content

    def opened(self) -> Any:
        """Return what Pillow opens: a path, or a file of bytes."""
        content = self.content() if callable(self.content) else self.content
        return io.BytesIO(content) if isinstance(content, bytes) else content


@dataclass
class Source:
    """Everything that was found, before sizes, modes and values are made equal.

    Attributes
    ----------
    name : str
        What the data are called.
    where : str
        What was read, for messages: a path, or "the array".
    pictures : sequence of Picture, or None
        Pictures one by one; or
    array : array of shape (n, H, W) or (n, H, W, C), or None
        all of them in one.
    ids : sequence of str, or None
        One for each; None numbers them.
    labels : sequence or None
        Raw labels: words, numbers, or None where there is no label.
    class_names : sequence of str, or None
        When known; labels are then positions in it.
    split : sequence of str, or None
        "train" or "test" for each; None sets some aside.
    columns : mapping of str to sequence
        Further columns.
    refused : list of Refused
        What could not be read, and counts as bad.
    ignored : list of Refused
        What is no image and does not pretend to be one.
    notes : list of str
        Sentences for the user.
    has_columns : bool
        The name of a column of labels means something here.
    """

    name: str
    where: str
    pictures: Sequence[Picture] | None = None
    array: AnyArray | None = None
    ids: Sequence[str] | AnyArray | None = None
    labels: Sequence[Any] | AnyArray | None = None
    class_names: Sequence[str] | None = None
    split: Sequence[str] | AnyArray | None = None
    columns: Mapping[str, Sequence[Any] | AnyArray] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    ignored: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    has_columns: bool = False

    def __len__(self) -> int:
        if self.array is not None:
            return len(self.array)
        return len(self.pictures or ())
