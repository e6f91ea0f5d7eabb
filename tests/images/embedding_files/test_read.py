"""Every form of embeddings: the same codes come out of each, and what is odd is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from latentscape.errors import DataError, SettingError, StorageError
from latentscape.images import EmbeddingSet, ImageSet, looks_like_embeddings, read_embeddings

RNG = np.random.default_rng(0)
N, D = 12, 5
CODES = RNG.normal(size=(N, D)).astype(np.float32)
WORDS = ["cat", "dog", "emu"] * 4
IDS = [f"file-{i}" for i in range(N)]
IMAGES = RNG.integers(0, 256, (N, 4, 4), dtype=np.uint8)
YEARS = np.arange(2000, 2000 + N)


def frame() -> pd.DataFrame:
    table = pd.DataFrame({"id": IDS, "label": WORDS, "year": YEARS})
    for i in range(D):
        table[f"z{i}"] = CODES[:, i]
    table["tsne_x"] = 0.5
    return table


def write_npy(folder: Path) -> Path:
    np.save(folder / "a.npy", CODES)
    return folder / "a.npy"


def write_npz(folder: Path) -> Path:
    np.savez_compressed(
        folder / "a.npz", codes=CODES, labels=WORDS, ids=IDS, year=YEARS, map=CODES[:, :2]
    )
    return folder / "a.npz"


def write_parquet_columns(folder: Path) -> Path:
    frame().to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def write_parquet_list(folder: Path) -> Path:
    table = pd.DataFrame({"id": IDS, "embedding": list(CODES), "label": WORDS, "year": YEARS})
    table.to_parquet(folder / "b.parquet")
    return folder / "b.parquet"


def write_parquet_fixed(folder: Path) -> Path:
    lists = pa.FixedSizeListArray.from_arrays(pa.array(CODES.ravel()), D)
    table = pa.table({"v": lists, "label": pa.array(WORDS).dictionary_encode(), "id": IDS})
    parquet.write_table(table.append_column("year", pa.array(YEARS)), folder / "c.parquet")
    return folder / "c.parquet"


def write_csv(folder: Path) -> Path:
    frame().to_csv(folder / "a.csv", index=False)
    return folder / "a.csv"


def write_tsv(folder: Path) -> Path:
    frame().to_csv(folder / "a.tsv", index=False, sep="\t")
    return folder / "a.tsv"


def write_projector(folder: Path) -> Path:
    np.savetxt(folder / "vectors.tsv", CODES, delimiter="\t", fmt="%.9g")
    metadata = pd.DataFrame({"id": IDS, "label": WORDS, "year": YEARS})
    metadata.to_csv(folder / "metadata.tsv", index=False, sep="\t")
    return folder / "vectors.tsv"


def adata(**fields: Any) -> anndata.AnnData:
    obs = pd.DataFrame({"label": pd.Categorical(WORDS), "year": YEARS}, index=IDS)
    return anndata.AnnData(obs=obs, **fields)


def write_h5ad(folder: Path) -> Path:
    adata(X=CODES).write_h5ad(folder / "a.h5ad")
    return folder / "a.h5ad"


def write_h5ad_obsm(folder: Path) -> Path:
    wide = scipy.sparse.csr_matrix((N, 30), dtype=np.float32)
    made = adata(X=wide, obsm={"X_pca": CODES, "X_umap": CODES[:, :2].copy()})
    made.write_h5ad(folder / "b.h5ad")
    return folder / "b.h5ad"


WITH_NAMES = [
    write_npz,
    write_parquet_columns,
    write_parquet_list,
    write_parquet_fixed,
    write_csv,
    write_tsv,
    write_projector,
    write_h5ad,
    write_h5ad_obsm,
]


@pytest.mark.parametrize("write", WITH_NAMES)
def test_every_form_holds_the_same(write: Any, tmp_path: Path) -> None:
    path = write(tmp_path)
    assert looks_like_embeddings(path)
    table = read_embeddings(path)
    assert_array_equal(table.codes, CODES)
    assert table.class_names == ("cat", "dog", "emu")
    assert table.labels is not None
    assert_array_equal(table.labels, np.arange(N) % 3)
    assert table.ids.tolist() == IDS
    assert_array_equal(table.columns["year"], YEARS)
    assert table.name == path.name


def test_an_array_alone(tmp_path: Path) -> None:
    path = write_npy(tmp_path)
    assert looks_like_embeddings(path)
    table = read_embeddings(path)
    assert_array_equal(table.codes, CODES)
    assert table.labels is None
    assert table.sentence == "a.npy: 12 embeddings of 5 numbers, no images, no labels."
    np.save(tmp_path / "y.npy", np.arange(N) % 2)
    np.save(tmp_path / "pictures.npy", IMAGES)
    full = read_embeddings(path, labels=tmp_path / "y.npy", images=IMAGES, ids=IDS, name="pets")
    assert full.class_names == ("0", "1")
    assert full.ids.tolist() == IDS
    assert full.sentence == "pets: 12 embeddings of 5 numbers, images of 4 × 4, 2 classes."


def test_codes_of_an_array_stay_on_the_disk(tmp_path: Path) -> None:
    table = read_embeddings(write_npy(tmp_path))
    base: Any = table.codes
    while not isinstance(base, np.memmap):
        base = base.base
        assert base is not None
    assert base.dtype == np.float32


def test_labels_beside_an_array(tmp_path: Path) -> None:
    path = write_npy(tmp_path)
    np.save(path.with_name(f"{path.stem}-labels.npy"), np.array(WORDS))
    assert read_embeddings(path).class_names == ("cat", "dog", "emu")
    given = read_embeddings(path, labels=["a", "b"] * (N // 2))
    assert given.class_names == ("a", "b")


def test_a_folder(tmp_path: Path) -> None:
    np.save(tmp_path / "embeddings.npy", CODES)
    np.save(tmp_path / "labels.npy", np.array(WORDS))
    np.save(tmp_path / "images.npy", IMAGES)
    assert looks_like_embeddings(tmp_path)
    table = read_embeddings(tmp_path)
    assert table.class_names == ("cat", "dog", "emu")
    assert table.images is not None
    assert_array_equal(table.images, IMAGES)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no embeddings: a file vectors\.tsv"):
        read_embeddings(tmp_path / "empty")


def test_images_bring_what_they_know(tmp_path: Path) -> None:
    images = ImageSet.from_arrays(IMAGES, np.arange(N) % 2, ids=IDS)
    table = read_embeddings(write_npy(tmp_path), images=images)
    assert table.class_names == ("0", "1")
    assert_array_equal(table.split, images.split)
    assert_array_equal(table.ids, IDS)
    with pytest.raises(DataError) as raised:
        read_embeddings(tmp_path / "a.npy", images=images.select(slice(0, 11)))
    assert str(raised.value) == (
        "there are 12 rows of codes but 11 images in images; give the two that belong together"
    )


def test_one_column_of_metadata_has_no_header(tmp_path: Path) -> None:
    path = write_projector(tmp_path)
    (tmp_path / "metadata.tsv").write_text("".join(f"{word}\n" for word in WORDS))
    assert read_embeddings(path).class_names == ("cat", "dog", "emu")
    (tmp_path / "metadata.tsv").write_text("".join(f"{word}\n" for word in WORDS[1:]))
    with pytest.raises(DataError, match=r"12 rows in vectors.tsv but 11 in .*metadata.tsv; give"):
        read_embeddings(path)


def test_a_split_column_is_the_split(tmp_path: Path) -> None:
    table = frame().assign(split=["train"] * 9 + ["test"] * 3)
    table.to_csv(tmp_path / "a.csv", index=False)
    read = read_embeddings(tmp_path / "a.csv")
    assert (len(read.train), len(read.test)) == (9, 3)
    table.assign(split="dev").to_csv(tmp_path / "a.csv", index=False)
    assert "split" in read_embeddings(tmp_path / "a.csv").columns


def test_ids_that_are_not_distinct_are_a_column(tmp_path: Path) -> None:
    frame().assign(id="same").to_csv(tmp_path / "a.csv", index=False)
    table = read_embeddings(tmp_path / "a.csv")
    assert table.ids[0] == "row-00000"
    assert set(table.columns["id"].tolist()) == {"same"}


def test_names_can_be_given(tmp_path: Path) -> None:
    table = pd.DataFrame({f"a{i}": CODES[:, 0] for i in range(7)})
    table["kind"], table["who"] = WORDS, IDS
    for i in range(D):
        table[f"b_{i}"] = CODES[:, i]
    table.to_csv(tmp_path / "a.csv", index=False)
    read = read_embeddings(tmp_path / "a.csv", key="b", labels="kind", ids="who")
    assert_array_equal(read.codes, CODES)
    assert read.class_names == ("cat", "dog", "emu")
    assert read.ids.tolist() == IDS
    unknown: list[dict[str, Any]] = [{"key": "c"}, {"labels": "c"}, {"ids": "c"}]
    for asked in unknown:
        with pytest.raises(DataError, match=r"a.csv has no column 'c'; it has: a0, a1, "):
            read_embeddings(tmp_path / "a.csv", **asked)
    with pytest.raises(DataError, match="the column 'kind' holds no lists of numbers"):
        read_embeddings(tmp_path / "a.csv", key="kind")


def test_which_of_several_must_be_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", one=CODES, two=CODES[:, :3])
    with pytest.raises(DataError, match=r"plainly one of codes \(it holds: one, two\); name it"):
        read_embeddings(tmp_path / "a.npz")
    assert not looks_like_embeddings(tmp_path / "a.npz")
    assert read_embeddings(tmp_path / "a.npz", key="two").latent_dim == 3

    pd.DataFrame({"one": list(CODES), "two": list(CODES)}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"several columns of lists \(one, two\)"):
        read_embeddings(tmp_path / "a.parquet")
    assert read_embeddings(tmp_path / "a.parquet", key="two").latent_dim == D

    adata(obsm={"X_a": CODES, "X_b": CODES}).write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(DataError, match=r"several embeddings in obsm \(X_a, X_b\)"):
        read_embeddings(tmp_path / "a.h5ad")
    assert read_embeddings(tmp_path / "a.h5ad", key="X_b").latent_dim == D
    with pytest.raises(DataError, match="no entry of obsm 'X_c'; it has: X_a, X_b"):
        read_embeddings(tmp_path / "a.h5ad", key="X_c")


def test_h5ad_says_what_it_took(tmp_path: Path) -> None:
    path = write_h5ad_obsm(tmp_path)
    assert "The codes are obsm/X_pca of b.h5ad." in read_embeddings(path).notes
    assert read_embeddings(path, key="X").latent_dim == 30


def test_h5ad_without_anndata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_h5ad(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "anndata", None)
    with pytest.raises(SettingError) as raised:
        read_embeddings(path)
    assert str(raised.value) == (
        '.h5ad files need the package anndata: pip install "latentscape[anndata]"'
    )


def test_h5ad_that_promises_too_much(tmp_path: Path) -> None:
    path = write_h5ad(tmp_path)
    with h5py.File(path, "r+") as file:
        attributes = dict(file["X"].attrs)
        del file["X"]
        empty = file.create_dataset("X", (N, 10**9), np.float32, chunks=(1, 1000))
        empty.attrs.update(attributes)
    with pytest.raises(DataError, match="X promises more than the file's bytes can hold"):
        read_embeddings(path)
    sparse = scipy.sparse.csr_matrix((N, 10**8), dtype=np.float32)
    obs = pd.DataFrame(index=IDS)
    with h5py.File(tmp_path / "b.h5ad", "w") as file:
        anndata.io.write_elem(file, "X", sparse)
        anndata.io.write_elem(file, "obs", obs)
    with pytest.raises(DataError) as raised:
        read_embeddings(tmp_path / "b.h5ad")
    assert str(raised.value) == (
        f"{tmp_path / 'b.h5ad'}: X is a sparse matrix of 12 × 100,000,000, too large to be codes; "
        "put embeddings of it into obsm (by PCA, for example)"
    )


@pytest.mark.parametrize("write", [write_csv, write_parquet_list, write_npz, write_h5ad])
def test_rows_without_numbers_are_named_in_every_form(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = CODES.copy()
    broken[[2, 7], 1] = np.nan
    monkeypatch.setattr(f"{__name__}.CODES", broken)
    path = write(tmp_path)
    with pytest.raises(DataError) as raised:
        read_embeddings(path)
    assert str(raised.value) == (
        f"2 of 12 rows of the codes of {path.name} hold NaN or infinity (rows 2, 7); mend what "
        "made them, or set them aside with drop_nonfinite (--drop-nonfinite)"
    )
    table = read_embeddings(path, drop_nonfinite=True)
    assert [refused.path for refused in table.quarantine] == [f"{path}, row 2", f"{path}, row 7"]
    assert len(table) == 10
    assert "file-2" not in table.ids.tolist()


def test_counts_that_do_not_fit_are_both_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", codes=CODES, labels=np.zeros(11, int))
    with pytest.raises(DataError) as raised:
        read_embeddings(tmp_path / "a.npz")
    assert str(raised.value) == (
        "there are 12 rows of codes but 11 labels; one label is needed for each row"
    )
    with pytest.raises(DataError, match="12 rows of codes but 11 images; one image"):
        read_embeddings(write_npy(tmp_path), images=IMAGES[1:])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"", "damaged or not an .npy file"),
        ("a.npy", b"\x93NUMPY\x01\x00", "damaged or not an .npy file"),
        ("a.npz", b"PK\x03\x04", "damaged or not an .npz file"),
        ("a.parquet", b"PAR1PAR1", "damaged or not a Parquet file"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n1,2\n3\n", "damaged or not a table of numbers .*2 columns, got 1"),
        ("a.csv", b"a,b\nx,y\n", "no column of numbers"),
        ("a.csv", b"a0,a1\n", "holds no rows|no column of numbers"),
        ("a.csv", b"a,a\n1,2\n", "two columns 'a'"),
        ("a.csv", b"\xff\xfe1.5\n", "damaged or not a table of numbers"),
        ("a.h5ad", b"\x89HDF", "damaged or not an .h5ad file"),
        ("a.bin", b"x", "of no kind that embeddings are read from"),
    ],
)
def test_what_is_not_readable_is_said(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_embeddings(tmp_path / name)


def test_cut_short_and_too_long(tmp_path: Path) -> None:
    path = write_npy(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(DataError) as raised:
        read_embeddings(path)
    assert str(raised.value) == (
        f"{path}: expected 368 bytes, got 365; the file is cut short, so make or copy it again"
    )
    path.write_bytes(whole + b"\0")
    with pytest.raises(DataError, match="more follows its last value"):
        read_embeddings(path)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    objects = np.array([Trap()], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", codes=objects)
    for name in ("a.npy", "a.npz"):
        assert not looks_like_embeddings(tmp_path / name)
        with pytest.raises(DataError, match=r"holds Python objects .*never loaded"):
            read_embeddings(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_wrong_shapes_and_types(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    with pytest.raises(DataError, match=r"uint8 values of the shape \(12, 4, 4\)"):
        read_embeddings(tmp_path / "a.npy")
    assert not looks_like_embeddings(tmp_path / "a.npy")
    pd.DataFrame({"v": [[1.0, 2.0], [1.0]]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="holds 2 numbers in row 0 but 1 in row 1"):
        read_embeddings(tmp_path / "a.parquet")
    pd.DataFrame({"v": [[1.0, 2.0], None]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="'v' has no codes in row 1"):
        read_embeddings(tmp_path / "a.parquet")


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    write_npy(tmp_path)
    with pytest.raises(StorageError, match=r"did you mean .*a\.npy"):
        read_embeddings(tmp_path / "a.np")
    assert not looks_like_embeddings(tmp_path / "a.np")
    assert not looks_like_embeddings("\0")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "label,pixel0,pixel1\n1,0.5,0.25\n"),
        ("a.csv", "label,1x1,1x2\n1,0.5,0.25\n"),
        ("a.csv", "5,0,0,255\n"),
        ("a.csv", "file,label\na.png,cat\n"),
        ("a.txt", "1.5,2.5\n"),
        ("a.parquet", "PAR1"),
        ("a.npz", "PK"),
        ("a.npy", "x"),
    ],
)
def test_what_is_not_embeddings(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert not looks_like_embeddings(tmp_path / name)


def test_pictures_in_parquet_are_not_embeddings(tmp_path: Path) -> None:
    pictures = pd.DataFrame({"image": [{"bytes": b"x", "path": "a.png"}] * 2, "v": [[1.0]] * 2})
    pictures.to_parquet(tmp_path / "a.parquet")
    assert not looks_like_embeddings(tmp_path / "a.parquet")


def test_types_of_the_result(tmp_path: Path) -> None:
    table = read_embeddings(write_csv(tmp_path))
    assert isinstance(table, EmbeddingSet)
    assert table.codes.dtype == np.float32
    assert table.quarantine == ()
