"""The data block: a header in JSON and typed blocks of bytes behind it.

8 bytes ``LATENTSX``, version and length of the header (uint32, little endian), the
header (JSON, deflated), the blocks one after the other. ``schema.json`` says what the
header holds, ``data.py`` fills it, and ``web/src/format.ts`` reads it with types that are
made from the same schema. Text stands in JSON only, numbers in blocks.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from latentscape.types import AnyArray

MAGIC = b"LATENTSX"
_TYPES = {"uint8": "u1", "uint16": "u2", "float32": "f4"}

Reader = Callable[[int, int], bytes]


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of the header; its ``"version"`` is that of the data block."""
    text = files("latentscape.explorer").joinpath("schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@dataclass(frozen=True)
class LateBlock:
    """A block that is read when it is asked for, in parts: for the server.

    Attributes
    ----------
    length : int
        Bytes.
    read : callable
        ``read(offset, length)`` returns these bytes.
    """

    length: int
    read: Reader


@dataclass
class Container:
    """Collects a header's fields and blocks.

    Attributes
    ----------
    packed : bool
        Whether blocks are deflated: not for servers, where time counts and room does not.
    """

    packed: bool = True
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    _parts: list[bytes | LateBlock] = field(default_factory=list)
    _length: int = 0

    def add(self, name: str, array: AnyArray, *, pack: bool = True) -> str:
        """Store numbers under a name, deflated where that makes them smaller; return the name.

        uint16 are stored byte plane by byte plane, which packs better.
        """
        array = np.ascontiguousarray(array)
        kind = _TYPES[array.dtype.name]
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        data, entry = little.tobytes(), {"type": kind}
        if kind == "u2" and self.packed:
            data = np.frombuffer(data, np.uint8).reshape(-1, 2).T.tobytes()
            entry["planes"] = True  # type: ignore[assignment]  # a flag among names
        return self._store(name, data, entry, pack=pack)

    def add_json(self, name: str, value: Any) -> str:
        """Store JSON under a name; return the name."""
        return self._store(name, json_bytes(value), {"type": "json"}, pack=True)

    def add_late(self, name: str, block: LateBlock, kind: str = "u1") -> str:
        """Store numbers that are read when they are asked for; return the name."""
        self._enter(name, block, block.length, {"type": kind, "packing": "none"})
        return name

    def _store(self, name: str, data: bytes, entry: dict[str, Any], *, pack: bool) -> str:
        packed = deflate(data) if pack and self.packed else data
        smaller = len(packed) < len(data)
        content = packed if smaller else data
        entry["packing"] = "deflate" if smaller else "none"
        self._enter(name, content, len(content), entry)
        return name

    def _enter(
        self, name: str, part: bytes | LateBlock, length: int, entry: dict[str, Any]
    ) -> None:
        self.blocks[name] = {"offset": self._length, "length": length, **entry}
        self._parts.append(part)
        self._length += length

    def finish(self, header: Mapping[str, Any]) -> DataBlock:
        """Put the header before the blocks."""
        text = deflate(json_bytes({**header, "blocks": self.blocks}))
        lead = MAGIC + struct.pack("<II", schema()["version"], len(text)) + text
        return DataBlock([lead, *self._parts])


class DataBlock:
    """A finished data block, which can be read in parts like a file.

    Parameters
    ----------
    parts : list of bytes or LateBlock
        One after the other.
    """

    def __init__(self, parts: list[bytes | LateBlock]) -> None:
        self._parts = parts
        lengths = [part.length if isinstance(part, LateBlock) else len(part) for part in parts]
        self._starts = [0, *np.cumsum(lengths, dtype=object)]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on, fewer only at the end."""
        end = min(offset + length, len(self))
        found = []
        for part, start, stop in zip(self._parts, self._starts, self._starts[1:], strict=False):
            low, high = max(offset, start) - start, min(end, stop) - start
            if low < high:
                whole = isinstance(part, bytes)
                found.append(part[low:high] if whole else part.read(low, high - low))  # type: ignore[index, union-attr]  # `whole` tells which
        return b"".join(found)

    def to_bytes(self) -> bytes:
        """Return all of it."""
        return self.read(0, len(self))


def json_bytes(value: Any) -> bytes:
    """Write JSON without spaces, in UTF-8; NaN is refused with a ValueError."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
    ).encode("utf-8", "backslashreplace")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    message = f"cannot write {value!r} into the page's data"
    raise TypeError(message)


def deflate(data: bytes) -> bytes:
    """Pack without a frame around ("deflate-raw" in the browser's words)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def parse(data: bytes) -> tuple[int, dict[str, Any], int]:
    """Return version, header, and where the blocks begin."""
    version, length = struct.unpack("<II", data[8:16])
    header = json.loads(zlib.decompress(data[16 : 16 + length], -15))
    return version, header, 16 + length


def read_block(data: bytes, name: str) -> AnyArray:
    """Return the numbers of one block of a whole data block."""
    _, header, start = parse(data)
    entry = header["blocks"][name]
    content = data[start + entry["offset"] : start + entry["offset"] + entry["length"]]
    if entry["packing"] == "deflate":
        content = zlib.decompress(content, -15)
    if entry.get("planes"):
        content = np.frombuffer(content, np.uint8).reshape(2, -1).T.tobytes()
    kinds = {short: name for name, short in _TYPES.items()}
    return np.frombuffer(content, np.dtype(kinds[entry["type"]]).newbyteorder("<"))
