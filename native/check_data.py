"""Run by CMakeLists.txt: no package is built around MNIST files that are not the original ones."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import zlib
from pathlib import Path

DATA = Path("src", "latentscape", "images", "data")
FILES = {
    f"{part}-{kind}-ubyte.gz"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
}


def check_bundled_data(root: Path) -> None:
    """Compare the bundled files with their recorded hashes.

    Parameters
    ----------
    root : Path
        The directory of ``pyproject.toml``.

    Raises
    ------
    ValueError
        A file is missing, damaged or not the original one; one sentence.
    """
    directory = root / DATA
    way_out = "restore it from version control and build again"
    try:
        checksums = json.loads((directory / "checksums.json").read_text(encoding="utf-8"))
        recorded = {
            name: (entry["bytes"], entry["md5"], entry["sha256"])
            for name, entry in checksums["files"].items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"the checksums in {DATA / 'checksums.json'} cannot be read ({error}); {way_out}"
        ) from error
    if set(recorded) != FILES:
        raise ValueError(f"{DATA / 'checksums.json'} must list {sorted(FILES)}; {way_out}")
    for name, expected in recorded.items():
        try:
            raw = gzip.decompress((directory / name).read_bytes())
        except FileNotFoundError:
            raise ValueError(f"the bundled file {DATA / name} is missing; {way_out}") from None
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"the bundled file {DATA / name} cannot be read ({error}); {way_out}"
            ) from error
        found = (len(raw), hashlib.md5(raw).hexdigest(), hashlib.sha256(raw).hexdigest())
        if found != expected:
            raise ValueError(
                f"the bundled file {DATA / name} is not the original one (expected "
                f"{expected[0]:,} bytes with SHA-256 {expected[2]}, got {found[0]:,} bytes with "
                f"{found[2]}); {way_out}"
            )
    if not (directory / "ATTRIBUTION.md").is_file():
        raise ValueError(
            f"{DATA / 'ATTRIBUTION.md'} is missing, without which the data must not be passed on; "
            f"{way_out}"
        )


if __name__ == "__main__":
    try:
        check_bundled_data(Path(__file__).resolve().parent.parent)
    except ValueError as error:
        sys.exit(str(error))  # one sentence instead of a traceback
