"""Wrong paths and damaged files are refused in one sentence, and the disk stays as it was."""

from __future__ import annotations

import gzip
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .calls import Call, check_sentence, events_of, everything

# Paths


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("run nothing -o new", "there is no file or directory nothing; check the path"),
        ("run dota -o new", "did you mean 'data'?"),
        ("run mnits -o new", "did you mean 'mnist'?"),
        ("run '' -o new", "an empty path was given"),
        ("run atlas -o new", "atlas is an atlas, which `latentscape explore` shows; give the data"),
        ("run m.safetensors -o new", "is not an IDX file"),
        ("run data/nothing/images -o new", "data is the part of its path that exists"),
        ("run /dev/null -o new", "/dev/null is not a regular file"),
        ("sweep nothing -o new", "there is no file or directory nothing"),
        ("train nothing -o new", "there is no file or directory nothing"),
        ("map", "Missing argument 'ATLAS'"),
        ("map atlas", "Missing argument 'MAP'"),
        ("map nothing tsne", "nothing does not exist: give the directory that `latentscape run"),
        ("map '' tsne", "an empty path was given"),
        ("map data tsne", "data is not an atlas"),
        ("map m.safetensors tsne", "m.safetensors is a file, not an atlas directory"),
        ("encode", "Missing argument 'ATLAS|MODEL'"),
        ("encode nothing data -o new.npy", "there is no model file nothing; check the path"),
        ("encode '' data -o new.npy", "an empty path was given"),
        ("encode data data -o new.npy", "data is not an atlas"),
        ("encode atlas/codes.npy data -o new.npy", "is damaged or not a model file"),
        ("encode atlas nothing -o new.npy", "there is no file or directory nothing"),
        ("info", "Missing argument 'ATLAS|MODEL'"),
        ("info nothing", "nothing does not exist"),
        ("info ''", "an empty path was given"),
        ("info data", "data is not an atlas (no atlas.json in it)"),
        ("info data/t10k-images-idx3-ubyte", "give a file that `latentscape train` has made"),
        (f"info {'x' * 300}", "is too long for this file system"),
        ("tarin data", "No such command 'tarin'"),
        ("--nonsense", "No such option: --nonsense"),
    ],
)
def test_a_wrong_path_is_refused(call: Call, here: Path, typed: str, words: str) -> None:
    before = everything(here)
    check_sentence(call(*shlex.split(typed)), words)
    assert everything(here) == before


def test_programs_are_told_as_well(call: Call, here: Path) -> None:
    for typed, kind in (
        ("run nothing -o new --json", "StorageError"),
        ("run data -o new --seeds 0 --json", "UsageError"),
        ("info data --json", "AtlasError"),
    ):
        outcome = call(*shlex.split(typed))
        assert outcome.code == 2
        (event,) = events_of(outcome.out)
        assert (event["event"], event["kind"]) == ("error", kind)
        assert outcome.err == f"latentscape: {event['message']}\n"


# Data


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def cut_gzip(path: Path) -> None:
    content = gzip.compress(path.read_bytes(), mtime=0)
    path.write_bytes(content[: len(content) // 2])


def flip_gzip(path: Path) -> None:
    content = bytearray(gzip.compress(path.read_bytes(), mtime=0))
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def html(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html><title>404</title>")


def giant(path: Path) -> None:
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff\xff\xff\xff" * 3)


def two_more(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0\0")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def fewer_labels(path: Path) -> None:
    (path.parent / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))


def labels_as_images(path: Path) -> None:
    shutil.copy(path.parent / "train-labels-idx1-ubyte", path)


@pytest.mark.parametrize("command", ["run", "sweep", "train", "encode"])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, "expected 235,216 bytes, got 234,216; the file is cut short"),
        (two_more, "expected 235,216 bytes, got 235,218; the file goes on"),
        (cut_gzip, "the gzip stream ends too early; copy or download the file again"),
        (flip_gzip, "copy or download"),
        (html, "is not an IDX file: it starts with the bytes 3c 21"),
        (empty, "is empty; copy or download the file again"),
        (giant, "bytes, got 16; the file is cut short"),
        (fewer_labels, "holds 300 images but"),
        (labels_as_images, "labels, not images; give the images file"),
        (Path.unlink, "are needed"),
    ],
)
def test_damaged_data_are_refused(
    call: Call,
    here: Path,
    tmp_path: Path,
    command: str,
    damage: Callable[[Path], None],
    words: str,
) -> None:
    shutil.copytree("data", tmp_path / "data")
    damage(tmp_path / "data" / "train-images-idx3-ubyte")
    if damage is Path.unlink:  # the test images are left: enough to encode, or to split anew
        words = "holds no images that can be read"
        (tmp_path / "data" / "t10k-images-idx3-ubyte").unlink()
    before = everything(tmp_path), everything(here)
    first = ("encode", "atlas") if command == "encode" else (command,)
    outcome = call(*first, tmp_path / "data", "-o", tmp_path / "new.npy")
    check_sentence(outcome, words)
    assert (everything(tmp_path), everything(here)) == before


@pytest.mark.parametrize(
    ("file", "typed", "words"),
    [
        ("atlas/atlas.json", "info atlas", "atlas.json"),
        ("atlas/atlas.json", "run data -o atlas", "atlas.json"),
        ("atlas/atlas.json", "encode atlas data -o new.npy", "atlas.json"),
        ("atlas/codes.npy", "map atlas pca", "codes.npy"),
        ("m.safetensors", "info m.safetensors", "m.safetensors is damaged"),
        ("m.safetensors", "encode m.safetensors data -o new.npy", "m.safetensors is damaged"),
    ],
)
def test_what_latentscape_wrote_itself_may_be_damaged(
    call: Call, mine: Path, file: str, typed: str, words: str
) -> None:
    copies = [mine / file]
    if file == "atlas/atlas.json":
        copies.append(mine / "atlas/.atlas.json")
    for copy in copies:  # there are two of the manifest
        content = copy.read_bytes()
        copy.write_bytes(content[: len(content) // 2])
    before = everything(mine)
    check_sentence(call(*shlex.split(typed)), words)
    assert everything(mine) == before
