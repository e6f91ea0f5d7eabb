"""The list of bad inputs: what a user types, and the very sentence that comes back.

Each row is one case. A refusal is one sentence on standard error, nothing on standard output,
exit code 2 and a disk as it was; what can be dealt with is dealt with, and told in a sentence.
How each is dealt with is tested beside the code that does it (tests/images, tests/pipeline).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import make_blobs

from latentscape.atlas import Atlas
from latentscape.images import ImageSet

from ..atlas_tools import check_intact, write_folder
from ..images.pictures import class_folders, encoded, noise, write
from .calls import Call, everything

Build = Callable[[Path], object]

TRAINED = "--latent-dims 2,3 --seeds 1 --epochs 1 --engine serial"


@dataclass(frozen=True)
class Row:
    """One case of the list.

    ``build`` fills the folder ``in``; ``says`` are sentences, each of them whole.
    """

    case: str
    build: Build
    typed: str
    says: Sequence[str]
    refused: bool = False


def run(
    case: str, build: Build, *says: str, data: str = "in", maps: str = "pca", more: str = ""
) -> Row:
    """Images that a run goes through with."""
    return Row(case, build, f"run {data} -o new --maps {maps} {TRAINED} {more}", says)


def table(case: str, build: Build, *says: str, maps: str = "pca", more: str = "") -> Row:
    """Codes that a run goes through with."""
    return Row(case, build, f"run in/t.npz -o new --maps {maps} {more}", says)


def refused(case: str, build: Build, typed: str, sentence: str) -> Row:
    """What nothing is done with."""
    return Row(case, build, typed, (sentence,), refused=True)


# What lies in the folder


def fill(folder: Path, n: int, *shape: int) -> None:
    for i, image in enumerate(noise(n, *shape)):
        write(folder / f"a{i:03d}.png", image)


def pixels(*shape: int) -> Build:
    return lambda folder: np.save(folder / "a.npy", noise(*shape))


def codes(n: int, change: Callable[[Any], object] = lambda rows: None) -> Build:
    def build(folder: Path) -> None:
        rows, labels = make_blobs(n, 5, centers=3, random_state=0)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        change(rows)
        np.savez(folder / "t.npz", codes=rows, labels=labels)

    return build


def two_zero_rows(rows: Any) -> None:
    rows[[3, 17]] = 0


def long_table(folder: Path) -> None:
    np.save(folder / "t.npy", np.random.default_rng(0).normal(size=(80_000, 4)).astype("f4"))


def mixed_sizes(folder: Path) -> None:
    fill(folder, 24, 8, 12)
    write(folder / "b.png", noise(16, 24))
    write(folder / "c.png", noise(4, 6))


def mixed_modes(folder: Path) -> None:
    fill(folder, 30, 9, 9, 3)
    write(folder / "grey.png", noise(9, 9))
    write(folder / "clear.png", noise(9, 9, 4))
    write(folder / "palette.png", Image.fromarray(noise(9, 9, 3)).quantize(8))
    write(folder / "inks.jpg", Image.new("CMYK", (9, 9), (0, 255, 255, 0)))


def sixteen_bits(folder: Path) -> None:
    for i, image in enumerate(noise(30, 9, 9)):
        write(folder / f"{i}.png", image.astype(np.uint16) * 257)


def float_tiffs(folder: Path) -> None:
    for i, image in enumerate(np.linspace(0, 255, 30 * 81, dtype=np.float32).reshape(30, 9, 9)):
        write(folder / f"{i}.tif", image)


def damaged(n_good: int) -> Build:
    def build(folder: Path) -> None:
        fill(folder, n_good, 9, 9)
        (folder / "x-empty.png").write_bytes(b"")
        (folder / "x-page.png").write_bytes(b"<!DOCTYPE html><title>404</title>")
        (folder / "x-text.jpg").write_bytes(b"no picture")

    return build


def partly_labelled(folder: Path) -> None:
    class_folders(folder, 20)
    fill(folder, 5, 9, 8)


def unseen_class(folder: Path) -> None:
    class_folders(folder / "train", 30)
    class_folders(folder / "test", 12, ("dog", "owl"))


def leaking(folder: Path) -> None:
    class_folders(folder / "train", 30)
    class_folders(folder / "test", 12)
    copy = (folder / "train" / "cat" / "000.png").read_bytes()
    (folder / "test" / "dog" / "000.png").write_bytes(copy)


def uneven(folder: Path) -> None:
    class_folders(folder, 550, ("cat",))
    class_folders(folder, 11, ("dog",))


def repeat(rows: Any) -> None:
    rows[20:30] = rows[0]


def constant(rows: Any) -> None:
    rows[:, 2] = 1


def broken(rows: Any) -> None:
    rows[[3, 7]] = np.nan
    rows[9, 0] = np.inf


def long_and_short(rows: Any) -> None:
    rows *= np.linspace(1, 3, len(rows))[:, None]


def header(*dimensions: int, order: str = ">", n_values: int) -> Build:
    content = bytes([0, 0, 8, 3]) + np.array(dimensions, f"{order}u4").tobytes()
    return lambda folder: (folder / "train-images-idx3-ubyte").write_bytes(
        content + bytes(n_values)
    )


def web_page(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").write_bytes(b"<!DOCTYPE html><title>404</title>")


def fewer_labels(folder: Path) -> None:
    np.savez(folder / "a.npz", images=noise(10, 5, 5), labels=np.arange(9))


def large(folder: Path) -> None:
    for i, image in enumerate(noise(24, 300, 400, 3)):
        write(folder / f"{i}.jpg", image)


def diverging(folder: Path) -> None:
    """Write images, and a network whose loss is never a number."""
    np.save(folder / "a.npy", noise(40, 8, 8))
    (folder / "nets.py").write_text(
        "from torch import nn\n"
        "class Lost(nn.Module):\n"
        "    def __init__(self, latent_dim, image_shape):\n"
        "        super().__init__()\n"
        "        self.down, self.up = nn.Linear(64, latent_dim), nn.Linear(latent_dim, 64)\n"
        "    def encode(self, x):\n"
        "        return self.down(x.flatten(1))\n"
        "    def decode(self, z):\n"
        "        return self.up(z / 0).reshape(-1, 1, 8, 8)\n"
    )


SPLIT = (
    "in has no test images of its own, so 4 of its 26 images (one in seven, drawn with a fixed "
    "seed) were set aside for testing."
)
NO_LABELS = "lacking    labels, label measures, LDA: the data have no labels"

ROWS = [
    run(
        "mixed sizes",
        mixed_sizes,
        "in: 26 grey images of 8×12 pixels (22 for training, 4 for testing) without labels; 2 of "
        "another size fitted to 8×12.",
        SPLIT,
        "The images of in come in 3 sizes: 8×12 (24), 16×24 (1), 4×6 (1); --size chooses another "
        "than 8×12.",
    ),
    run(
        "mixed modes",
        mixed_modes,
        "in: 34 RGB images of 9×9 pixels (29 for training, 5 for testing) without labels; 1 with "
        "transparency laid over white; 1 in grey made RGB; 1 converted from CMYK.",
    ),
    run(
        "16 bits",
        sixteen_bits,
        "in: 30 grey images of 9×9 pixels (26 for training, 4 for testing) without labels; 16-bit "
        "values were scaled from 0 (black) to 65535 (white).",
    ),
    run(
        "floats up to 255",
        float_tiffs,
        "in: 30 grey images of 9×9 pixels (26 for training, 4 for testing) without labels; "
        "floating-point values were scaled from 0 (black) to 255 (white).",
    ),
    run(
        "less than 1 % that cannot be read",
        damaged(400),
        "in: 400 grey images of 9×9 pixels (343 for training, 57 for testing) without labels; 3 "
        "files set aside.",
    ),
    refused(
        "more than 1 % that cannot be read",
        damaged(200),
        "run in -o new",
        "3 of 203 images in in cannot be read, more than 1 % of them (x-empty.png: is empty; "
        "x-page.png: is not an image that can be read; x-text.jpg: is not an image that can be "
        "read); mend or remove them, or allow more (max_bad, --max-bad)",
    ),
    run("no labels", pixels(40, 8, 8), NO_LABELS, data="in/a.npy", maps="pca,lda"),
    run(
        "some labels",
        partly_labelled,
        "in: 45 grey images of 9×8 pixels (39 for training, 6 for testing) in 2 classes, 5 of them "
        "without a label.",
        "LDA: its axes come from the 40 labelled rows; the other 5 were placed on them",
        maps="pca,lda",
        more="--rows all",
    ),
    run(
        "a class that training does not see",
        unseen_class,
        "No training image shows the class owl, but test images do.",
    ),
    run(
        "one class",
        lambda folder: class_folders(folder, 40, ("cat",)),
        "lacking    label measures, LDA: needs two classes or more, and all rows have the label "
        "“cat”",
        maps="pca,lda",
        more="--rows all",
    ),
    run(
        "two classes",
        lambda folder: class_folders(folder, 40),
        "note       LDA: two classes give one axis; the other is the first principal component of "
        "what that axis leaves",
        maps="pca,lda",
        more="--rows all",
    ),
    table(
        "few rows",
        codes(12),
        "note       t-SNE: perplexity lowered: 30 -> 3.667, as 12 distinct rows allow no more",
        "note       UMAP: n_neighbors lowered: 15 -> 11, as 12 distinct rows allow no more",
        maps="pca,tsne,umap",
    ),
    table(
        "fewer than 10 rows",
        codes(6),
        "lacking    LDA, t-SNE, UMAP: needs 10 rows or more, and there are 6: so few are mapped by "
        "PCA alone",
        maps="pca,lda,tsne,umap",
    ),
    refused(
        "fewer than 4 rows",
        codes(3),
        "run in/t.npz -o new",
        "t.npz has 3 rows, but a map needs at least 4; give more of them",
    ),
    table("repeated rows", codes(40, repeat), "10 of the 40 rows repeat another one exactly."),
    run(
        "test images in training",
        leaking,
        "1 of the 84 images repeats another one exactly.",
        "1 of the 24 test images is among the training images too, so test errors look better than "
        "they are; take them out of one of the two.",
    ),
    table(
        "a column that never changes",
        codes(40, constant),
        "1 of 5 columns never changes (column 2): dead units, which no map can show.",
    ),
    refused(
        "NaN in codes",
        codes(40, broken),
        "run in/t.npz -o new",
        "3 of 40 rows of the codes of t.npz hold NaN or infinity (rows 3, 7, 9); mend what made "
        "them, or set them aside with drop_nonfinite (--drop-nonfinite)",
    ),
    table(
        "NaN in codes, set aside",
        codes(40, broken),
        "t.npz: 37 embeddings of 5 numbers, no images, 3 classes, 3 rows set aside.",
        "3 of 40 rows hold NaN or infinity and were set aside (rows 3, 7, 9).",
        more="--drop-nonfinite",
    ),
    refused(
        "more than memory",
        pixels(40, 8, 8),
        "run in/a.npy -o new --memory 0.1 --engine serial",
        "a would take about 0.7 GB of memory, of which Python and its libraries alone take 0.7 GB, "
        "and there are 0.1 GB; allow more with --memory GB",
    ),
    refused(
        "more than memory, but for a sample",
        long_table,
        "run in/t.npy -o new --memory 0.8",
        "t.npy would take about 0.9 GB of memory (judging), and there are 0.8 GB; map a sample and "
        "place the rest: --sample N (10000, for example), or allow more with --memory GB",
    ),
    run(
        "uneven classes",
        uneven,
        "The classes differ much in size: cat has 550 images and dog 11; read the figures of each "
        "class, not the overall accuracy.",
    ),
    run(
        "tiny images",
        pixels(40, 1, 9),
        "a.npy: 40 grey images of 1×9 pixels (34 for training, 6 for testing) without labels.",
        data="in/a.npy",
    ),
    run(
        "odd sizes",
        pixels(40, 3, 5),
        "a.npy: 40 grey images of 3×5 pixels (34 for training, 6 for testing) without labels.",
        data="in/a.npy",
    ),
    run(
        "large images",
        large,
        "in: 24 RGB images of 48×64 pixels (21 for training, 3 for testing) without labels; made "
        "smaller so that no side is longer than 64 pixels (--size changes that).",
    ),
    refused(
        "a file cut short",
        header(60_000, 28, 28, n_values=1000),
        "run in -o new",
        "in/train-images-idx3-ubyte: expected 47,040,016 bytes, got 1,016; the file is cut short, "
        "so copy or download it again",
    ),
    refused(
        "wrong byte order",
        header(6, 28, 28, order="<", n_values=6 * 28 * 28),
        "run in -o new",
        "in/train-images-idx3-ubyte: the dimensions (6, 28, 28) are stored in the wrong byte "
        "order; IDX files are big-endian, so write the most significant byte of each number first",
    ),
    refused(
        "wrong header",
        web_page,
        "run in -o new",
        "in/train-images-idx3-ubyte is not an IDX file: it starts with the bytes 3c 21 instead of "
        "00 00",
    ),
    refused(
        "another number of labels",
        fewer_labels,
        "run in/a.npz -o new",
        "in/a.npz holds 10 images but 9 labels; one label is needed for each image",
    ),
    table(
        "uneven lengths",
        codes(40, long_and_short),
        "The rows have lengths from 1 to 3 (coefficient of variation 30 %); if only their "
        "direction carries meaning, as with CLIP, --metric cosine compares that alone.",
    ),
    table(
        "only directions",
        codes(40, long_and_short),
        "maps       40 embeddings, 5 latent dimensions: PCA, t-SNE, UMAP; codes compared by cosine "
        "distance",
        maps="pca,tsne,umap",
        more="--metric cosine --perplexity 5",
    ),
    refused(
        "zero rows, and only directions",
        codes(40, two_zero_rows),
        "run in/t.npz -o new --metric cosine",
        "2 of the 40 rows of t.npz that are mapped are zero (row-00003, row-00017) and have no "
        "direction, which --metric cosine compares; leave such rows out, or take --metric "
        "euclidean",
    ),
    refused(
        "a perplexity below one",
        codes(40),
        "run in/t.npz -o new --perplexity 0.5",
        "perplexity must be at least 1, as it is the effective number of neighbours, got 0.5.",
    ),
    refused(
        "a setting of a map that is not made",
        codes(40),
        "run in/t.npz -o new --maps pca --perplexity 30",
        "--perplexity is a setting of tsne, which --maps does not name; add tsne to --maps, or "
        "leave --perplexity out",
    ),
    table(
        "few labelled rows for many columns",
        codes(12),
        "note       LDA: 12 labelled rows of 3 classes are few for 5 columns, so the spread within "
        "classes was shrunk towards an equal one in all directions (by ",
        maps="lda",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.case)
@pytest.mark.usefixtures("quick_figures")
def test_the_list(row: Row, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    row.build(tmp_path / "in")
    before = everything(tmp_path)
    outcome = call(*shlex.split(row.typed))
    if row.refused:
        (sentence,) = row.says
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err == f"latentscape: {sentence}\n"
        assert everything(tmp_path) == before
        return
    assert outcome.code == 0, outcome.err
    for sentence in row.says:
        assert sentence in outcome.out
    assert check_intact(tmp_path / "new")
    assert "run" in Atlas.open(tmp_path / "new").stages


@pytest.mark.usefixtures("quick_figures")
def test_damaged_files_are_listed_with_their_reasons(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    damaged(400)(tmp_path / "in")
    (tmp_path / "in" / "x-cut.png").write_bytes(encoded(noise(9, 9))[:90])
    assert call(*shlex.split(f"run in -o new --maps pca {TRAINED}")).code == 0
    listed = (tmp_path / "new" / "quarantine.csv").read_text().splitlines()
    assert listed[0] == "path,reason"
    assert [line.partition(",")[0] for line in listed[1:]] == [
        "x-cut.png",
        "x-empty.png",
        "x-page.png",
        "x-text.jpg",
    ]
    assert listed[2:] == [
        "x-empty.png,is empty",
        "x-page.png,is not an image that can be read",
        "x-text.jpg,is not an image that can be read",
    ]


def test_a_loss_that_is_no_number(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried again with half the learning rate, and then given up: what stood, stays."""
    monkeypatch.chdir(tmp_path)
    diverging(tmp_path)
    typed = f"run a.npy -o new --network nets.py:Lost --maps pca {TRAINED}"
    outcome = call(*shlex.split(typed))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1] == (
        "latentscape: the training loss stopped being a finite number in epoch 1, batch 1, also at "
        "half the learning rate; lower learning_rate (now 0.05) and bias_learning_rate (now 0.01)"
    )
    check_intact(tmp_path / "new")


def test_other_data_than_the_atlas_has(
    call: Call, here: Path, few: ImageSet, tmp_path: Path
) -> None:
    other = ImageSet.from_arrays(255 - few.images, few.labels, name="inverted")
    data = write_folder(other, tmp_path / "inverted")
    outcome = call("encode", "atlas", data, "-o", tmp_path / "new.npz")
    assert outcome.code == 0
    assert re.search(
        r"^drift      100 % of the new images have a reconstruction error above 0\.\d{4}, which "
        r"99 % of the atlas's images stay below: the model has not learned such images$",
        outcome.out,
        re.MULTILINE,
    )
    same = call("encode", "atlas", "data", "-o", tmp_path / "same.npz")
    assert re.search(
        r"^drift      none: the mean of a dimension moved by at most 0\.\d\d standard deviations$",
        same.out,
        re.MULTILINE,
    )


@pytest.mark.usefixtures("quick_figures")
def test_images_of_another_size_are_prepared_as_the_atlas_s_were(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "in", 30, 8, 12)
    fill(tmp_path / "larger", 12, 16, 24)
    assert call(*shlex.split(f"run in -o new --maps pca {TRAINED}")).code == 0
    outcome = call(*shlex.split("encode new larger -o new.npz"))
    assert outcome.out.splitlines()[0] == (
        "data       larger: 12 grey images of 8×12 pixels without labels; 12 of another size "
        "fitted to 8×12."
    )
