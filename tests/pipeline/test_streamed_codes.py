"""Runs on codes that stay on the disk: a sample is mapped, the rest is placed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentscape.atlas import Atlas
from latentscape.engines import make_engine
from latentscape.errors import DataError, SettingError
from latentscape.figures.render import drawable
from latentscape.images import EmbeddingStream, read_embeddings
from latentscape.pipeline import run, summarize
from latentscape.pipeline.memory import plan_memory
from latentscape.pipeline.settings import run_settings
from latentscape.types import AnyArray

from ..atlas_tools import Listener, arrays, check_intact, environment, quick_render

N, WIDTH, SAMPLE = 700, 6, 200
SETTINGS: dict[str, Any] = {
    "maps": ("pca", "lda", "tsne"),
    "sample": SAMPLE,
    "map_settings": {"tsne": {"n_iter": 30}},
    "verbose": 0,
}


def codes_of(n: int = N) -> tuple[AnyArray, AnyArray]:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    return (rng.normal(size=(n, WIDTH)) + 4 * np.eye(3, WIDTH)[labels]).astype("f4"), labels


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    codes, labels = codes_of()
    path = tmp_path_factory.mktemp("codes") / "clip.npy"
    np.save(path, codes)
    np.save(path.with_name("clip-labels.npy"), np.array(["cat", "dog", "owl"])[labels])
    return path


@pytest.fixture(scope="module")
def atlas(file: Path) -> Atlas:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", quick_render)
        return run(file, file.with_name("atlas"), **SETTINGS)


@pytest.mark.usefixtures("quick_figures")
def test_it_is_the_atlas_of_the_same_codes_in_memory(
    file: Path, atlas: Atlas, tmp_path: Path
) -> None:
    check_intact(atlas.path)
    labels = file.with_name("clip-labels.npy")
    loaded = run(read_embeddings(file, labels=labels), tmp_path / "loaded", **SETTINGS)
    assert np.array_equal(atlas.codes, loaded.codes)
    assert atlas.sample is not None
    assert loaded.sample is not None
    assert np.array_equal(atlas.sample, loaded.sample)
    pd.testing.assert_frame_equal(
        atlas.points.astype({"split": str}), loaded.points.astype({"split": str})
    )
    assert atlas.quality == loaded.quality
    assert atlas.lacking == loaded.lacking
    assert atlas.data["class_names"] == ["cat", "dog", "owl"]
    assert atlas.data["sentence"] == loaded.data["sentence"]


def test_every_picture_and_the_summary_say_that_it_is_a_sample(atlas: Atlas) -> None:
    figures = drawable(atlas)
    assert {"map_pca", "map_lda", "map_tsne", "map_sheet", "trust_sheet"} <= set(figures)
    for name, draw in figures.items():
        words = " ".join(text.get_text() for text in draw().texts)
        assert "Maps are fitted on a sample of 200 of 700 rows" in words, name
    assert "The codes stay on the disk" in " ".join(summarize(atlas))


@pytest.mark.usefixtures("quick_figures")
def test_it_goes_on_where_it_was(file: Path, atlas: Atlas) -> None:
    whole = arrays(atlas.path)
    again = Listener()
    run(file, atlas.path, **SETTINGS, callbacks=[again])
    assert [(c.stage, c.state) for c in again.changes] == [("run", "kept")]
    codes = atlas.path / "codes.npy"
    codes.write_bytes(codes.read_bytes()[:-1] + b"\xff")
    mended = Listener()
    run(file, atlas.path, **SETTINGS, callbacks=[mended])
    assert mended.stages("damaged") == {"codes"}
    assert mended.stages("done") - {"run", "data"} == {"codes"}
    assert arrays(atlas.path) == whole


@pytest.mark.parametrize("kind", ["<f2", "<f8", ">f4"])
def test_rows_are_read_into_one_buffer(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = codes_of(50)[0].astype(kind)
    np.save(tmp_path / "c.npy", codes)
    stream = EmbeddingStream.open(tmp_path / "c.npy")
    monkeypatch.setattr("latentscape.images.embedding_stream._BATCH_BYTES", 8 * codes[0].nbytes)
    found, buffers = [], []
    for rows, batch in stream.batches():
        assert batch.dtype == np.float32
        assert rows.stop - rows.start == len(batch) <= 8
        buffers.append(batch.__array_interface__["data"][0])
        found.append(batch.copy())
    assert np.array_equal(np.concatenate(found), codes.astype(np.float32))
    assert len(buffers) == 7
    assert len(set(buffers)) == 1


def test_rows_that_are_not_finite(file: Path, tmp_path: Path) -> None:
    codes, labels = codes_of()
    codes[3, 1], codes[500, 0] = np.nan, np.inf
    bad = tmp_path / "bad.npy"
    np.save(bad, codes)
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(
        DataError, match=r"2 of 700 rows of the codes of bad\.npy hold NaN .*3, 500"
    ):
        run(bad, tmp_path / "atlas", **SETTINGS)
    assert not (tmp_path / "atlas").exists()
    stream = EmbeddingStream.open(bad, tmp_path / "labels.npy").looked_at(drop_nonfinite=True)
    table = read_embeddings(bad, labels=tmp_path / "labels.npy", drop_nonfinite=True)
    assert len(stream) == len(table) == N - 2
    kept = np.concatenate([batch.copy() for _, batch in stream.batches()])
    assert np.array_equal(kept, table.codes)
    assert stream.labels is not None
    assert table.labels is not None
    assert np.array_equal(stream.labels, table.labels)
    assert stream.ids(np.arange(N - 2)) == table.ids.tolist()
    assert (stream.notes, stream.sentence) == (table.notes, table.sentence)
    assert [item.reason for item in stream.quarantine] == ["NaN or infinity"] * 2
    assert stream.content_hash != EmbeddingStream.open(file).looked_at().content_hash


def test_what_does_not_fit_is_refused(file: Path, tmp_path: Path) -> None:
    """And is not read into the memory instead, without its labels."""
    codes, _ = codes_of()
    some = tmp_path / "some.npy"
    np.save(some, codes)
    np.save(tmp_path / "some-labels.npy", np.zeros(N - 1, int))
    with pytest.raises(DataError, match="there are 700 rows of codes but 699 labels"):
        run(some, tmp_path / "atlas", **SETTINGS)
    (tmp_path / "some-labels.npy").unlink()
    with pytest.raises(DataError, match=r"no column 'species'; give labels as an \.npy"):
        run(some, tmp_path / "atlas", **SETTINGS, reading={"labels": "species"})
    with pytest.raises(SettingError, match=r"there is no sweep of clip\.npy"):
        run(file, tmp_path / "atlas", **SETTINGS, until="sweep")
    with pytest.raises(SettingError, match=r"clip\.npy holds codes already"):
        run(file, tmp_path / "atlas", **SETTINGS, encoder="enc.onnx")
    codes[5] = 0
    np.save(some, codes)
    with pytest.raises(DataError, match=r"1 of the 700 rows .* is zero \(row-00005\)"):
        run(some, tmp_path / "atlas", **SETTINGS, metric="cosine")
    assert not (tmp_path / "atlas").exists()


@pytest.mark.usefixtures("quick_figures")
def test_codes_in_fortran_order_are_read_as_a_whole(tmp_path: Path) -> None:
    codes, _ = codes_of()
    np.save(tmp_path / "f.npy", np.asfortranarray(codes))
    atlas = run(tmp_path / "f.npy", tmp_path / "atlas", **{**SETTINGS, "maps": ("pca",)})
    assert np.array_equal(atlas.codes, codes)
    assert atlas.stage_info("sample")["n"] == SAMPLE


@pytest.mark.usefixtures("quick_figures")
def test_a_sample_of_all_rows_is_none(file: Path, tmp_path: Path) -> None:
    atlas = run(file, tmp_path / "atlas", **{**SETTINGS, "maps": ("pca",), "sample": N})
    assert atlas.sample is None
    assert not any("sample" in note for note in atlas.data["notes"])


@pytest.mark.usefixtures("quick_figures")
def test_a_folder_of_codes_and_labels(tmp_path: Path) -> None:
    codes, labels = codes_of()
    folder = tmp_path / "table"
    folder.mkdir()
    np.save(folder / "codes.npy", codes)
    np.save(folder / "labels.npy", labels)
    stream = EmbeddingStream.open(folder)
    assert (stream.name, stream.class_names) == ("table", ("0", "1", "2"))
    settings = {**SETTINGS, "maps": ("pca",), "rows": "train"}
    atlas = run(folder, tmp_path / "atlas", **settings)
    assert "The codes stay on the disk" in " ".join(atlas.data["notes"])
    assert atlas.stage_info("codes")["note"] == (
        "all 700 rows are mapped, as only 0 are training rows"
    )


CHILD = """
import json, sys
from latentscape.pipeline import run
planned = []
run(sys.argv[1], sys.argv[2], sample=1000, maps=("pca",), verbose=0, memory=8,
    callbacks=[lambda e: planned.append(e.note) if getattr(e, "stage", "") == "memory" else None])
peak = next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]
print(json.dumps([int(peak) * 1024, planned]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_estimate_holds_for_two_million_codes(tmp_path: Path) -> None:
    """Measured in a process of its own: at least the peak, and at most twice it."""
    n, width = 2_000_000, 64
    path = tmp_path / "large.npy"
    made: Any = np.lib.format.open_memmap(path, "w+", np.float32, (n, width))
    block = np.random.default_rng(0).normal(size=(100_000, width)).astype(np.float32)
    for start in range(0, n, len(block)):
        made[start : start + len(block)] = block + start  # no row is that of another
    del made
    settings = run_settings(sample=1000, maps=("pca",))
    estimate = plan_memory(EmbeddingStream.open(path), settings, make_engine("serial")).peak
    command = [sys.executable, "-c", CHILD, str(path), str(tmp_path / "atlas")]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=600, check=True
    )
    peak, planned = json.loads(done.stdout.splitlines()[-1])
    assert f"about {estimate / 1e9:.1f} GB at most" in planned[0]
    assert peak <= estimate <= 2 * peak
    assert len(Atlas.open(tmp_path / "atlas").codes) == n
