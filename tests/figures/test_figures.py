"""Figures say what the data show, whatever part of an atlas is there."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from latentscape.atlas import Atlas
from latentscape.errors import AtlasError
from latentscape.figures import (
    decoded_plane,
    loss_curve,
    map_figure,
    map_sheet,
    reconstructions,
    render_all,
    to_png,
    to_svg,
    training_curves,
)
from latentscape.figures.maps import point_look
from latentscape.figures.render import drawable
from latentscape.types import Progress

Build = Callable[..., Atlas]


def words(figure: Figure) -> str:
    """Everything that is written on a figure."""
    texts: Iterator[Text] = (t for t in figure.findobj(Text) if t.get_visible())
    return " ".join(t.get_text() for t in texts).replace("\u00a0", " ")


def paint(figure: Figure) -> None:
    figure.set_dpi(40)  # coarse is enough to meet every warning
    figure.canvas.draw()


def title(figure: Figure) -> str:
    return " ".join(t.get_text() for t in figure.texts if t.get_fontsize() == 13.5).replace(
        "\u00a0", " "
    )


def overlaps(figure: Figure, minimum: float = 0.0) -> list[tuple[str, str]]:
    """Pairs of bold or coloured labels inside axes whose boxes overlap."""
    figure.canvas.draw()
    found = []
    for axes in figure.axes:
        boxes = [(t.get_text(), Text.get_window_extent(t)) for t in axes.texts if t.get_visible()]
        for i, (a, first) in enumerate(boxes):
            for b, second in boxes[:i]:
                both = first.intersection(first, second)
                if both is not None and both.width * both.height > minimum:
                    found.append((a, b))
    return found


def test_everything_is_drawn_the_same_each_time_as_png_and_svg(atlas: Atlas) -> None:
    events: list[Progress] = []
    files = dict(render_all(atlas, events.append))
    stems = [
        "loss_curve",
        "training_curves",
        "reconstructions",
        "map_direct",
        "map_pca",
        "map_lda",
        "map_tsne",
        "map_umap",
        "map_sheet",
        "decoded_plane",
    ]
    assert list(files) == [f"figures/{stem}.{kind}" for stem in stems for kind in ("png", "svg")]
    assert [event.step for event in events] == list(range(len(stems) + 1))
    for name, content in files.items():
        if name.endswith("png"):
            Image.open(io.BytesIO(content)).verify()
        else:
            assert content.startswith(b"<?xml")
            assert b"<dc:date>" not in content
    for name in ("loss_curve", "map_tsne"):
        again = drawable(atlas)[name]
        assert to_png(again()) == files[f"figures/{name}.png"]
        assert to_svg(again()) == files[f"figures/{name}.svg"]


def test_a_png_has_the_pixels_of_matplotlib_at_200_dpi(atlas: Atlas) -> None:
    figure = drawable(atlas)["map_sheet"]()
    dpi = figure.dpi
    ours = Image.open(io.BytesIO(to_png(figure)))
    assert figure.dpi == dpi
    theirs = io.BytesIO()
    figure.savefig(theirs, format="png", dpi=200)
    expected = np.asarray(Image.open(theirs))
    assert (expected[:, :, 3] == 255).all()
    assert np.array_equal(np.asarray(ours), expected[:, :, :3])
    assert ours.info["dpi"] == pytest.approx((200, 200), abs=0.01)


def test_svgs_are_equal_between_processes(atlas: Atlas) -> None:
    code = (
        "import sys, hashlib; from latentscape.atlas import Atlas;"
        "from latentscape.figures import map_figure, to_svg;"
        "print(hashlib.sha256(to_svg(map_figure(Atlas.open(sys.argv[1]), 'tsne'))).hexdigest(),"
        "'torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code, str(atlas.path)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    assert runs.pop().split()[1:] == ["False", "False"]


def test_points_are_one_picture_and_text_is_vectors(atlas: Atlas) -> None:
    svg = to_svg(map_figure(atlas, "tsne"))
    assert svg.count(b"<image") == 1
    assert svg.count(b"<use") > 50  # glyphs
    assert len(svg) < 1_500_000


def test_the_callers_settings_neither_matter_nor_change(atlas: Atlas) -> None:
    plain = to_png(loss_curve(atlas))
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30, "savefig.dpi": 20}):
        before = dict(mpl.rcParams)
        assert to_png(loss_curve(atlas)) == plain
        assert dict(mpl.rcParams) == before


def test_the_loss_curve_states_the_finding(atlas: Atlas) -> None:
    figure = loss_curve(atlas)
    sweep = atlas.sweep
    at64 = sweep[sweep["latent_dim"] == 64]
    share = (
        at64[at64["model"] == "autoencoder"]["test_mse"].mean()
        / at64[at64["model"] == "pca"]["test_mse"].iloc[0]
    )
    assert title(figure) == f"64 neurons: the test error is {100 * share:.0f} % of PCA’s"
    text = words(figure)
    for part in ("published curve", "mean of 3 seeds", "PCA", "chosen: 64", "choose 16 to 128"):
        assert part in text
    ticks = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert ticks == ["2", "4", "8", "16", "32", "64", "128"]
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert max(len(line.get_xdata()) for line in dots) == 21  # type: ignore[arg-type]
    assert overlaps(figure) == []


def test_the_published_curve_stands_only_where_it_belongs(build: Build) -> None:
    text = words(loss_curve(build(40, name="my-photos")))
    assert "published" not in text


def test_one_seed_is_called_thin(build: Build) -> None:
    assert "a single seed: thin evidence" in words(loss_curve(build(40, n_seeds=1)))


def test_nothing_sticks_out_of_any_figure(atlas: Atlas) -> None:
    for name, draw in drawable(atlas).items():
        figure = draw()
        figure.canvas.draw()
        page = figure.bbox
        written = list(figure.texts)
        for axes in figure.axes:
            written += [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label]
        for text in written:
            if text.get_visible() and text.get_text():
                box = Text.get_window_extent(text)  # without the arrow of an annotation
                assert page.x0 <= box.x0 <= box.x1 <= page.x1, (name, text.get_text())
                assert page.y0 <= box.y0 <= box.y1 <= page.y1, (name, text.get_text())


def test_training_curves_have_a_panel_for_each_size_and_a_line_for_each_seed(atlas: Atlas) -> None:
    figure = training_curves(atlas)
    assert len(figure.axes) == 7
    assert all(len(axes.lines) == 6 for axes in figure.axes)
    assert re.fullmatch(
        r"After 8 epochs the validation error still falls by .* % an epoch", title(figure)
    )


def test_reconstructions_show_the_best_median_and_worst_of_each_class(atlas: Atlas) -> None:
    figure = reconstructions(atlas)
    assert len(figure.axes[0].images) == 10 * 3 * 2
    points = atlas.points
    worst = points[points["label"] == 3]["reconstruction_mse"].max()
    assert f"{worst:.4f}" in words(figure)
    means = points.groupby("label")["reconstruction_mse"].mean()
    assert title(figure).startswith(f"“{means.idxmax()}” is the hardest class")


@pytest.mark.parametrize("name", ["direct", "pca", "lda", "tsne", "umap"])
def test_a_map_labels_each_class_once_and_apart(atlas: Atlas, name: str) -> None:
    figure = map_figure(atlas, name)
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(labels) == [str(k) for k in range(10)]
    assert overlaps(figure) == []
    assert figure.axes[0].get_aspect() == 1.0
    text = words(figure)
    assert "n = 1,797" in text
    assert "leave one out" in text


def test_axes_have_names_only_where_units_mean_something(atlas: Atlas) -> None:
    assert re.search(r"PC 1 \([\d.]+ % of the variance\)", words(map_figure(atlas, "pca")))
    assert "LD 2" in words(map_figure(atlas, "lda"))
    assert "neuron 1" in words(map_figure(atlas, "direct"))
    for name in ("tsne", "umap"):
        assert not map_figure(atlas, name).axes[0].axison


def test_the_sheet_compares_the_four_maps(atlas: Atlas) -> None:
    figure = map_sheet(atlas)
    assert len(figure.axes) == 4
    accuracy = {k: v for k, v in atlas.quality["knn_accuracy"].items() if k != "direct"}
    accuracy.pop("codes")
    best = max(accuracy, key=lambda name: float(accuracy[name]))
    names = {"pca": "PCA", "lda": "LDA", "tsne": "t-SNE", "umap": "UMAP"}
    assert title(figure).startswith(f"{names[best]} keeps the classes apart best")


def test_the_decoded_plane_shares_its_axes_with_the_points(atlas: Atlas) -> None:
    left, right = decoded_plane(atlas).axes
    assert left.get_xlim() == pytest.approx(right.get_xlim())
    assert left.get_ylim() == pytest.approx(right.get_ylim())
    assert left.get_ylim()[0] < left.get_ylim()[1]  # row 0 of the images has the largest y


@pytest.mark.parametrize("name", ["direct", "pca", "lda", "tsne", "umap"])
def test_any_map_may_be_the_only_one(build: Build, name: str) -> None:
    xy = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    atlas = build(60, maps={name: xy})
    figures = drawable(atlas)
    assert f"map_{name}" in figures
    for draw in figures.values():
        paint(draw())


STAGES = ("sweep", "choice", "codes", "points", "plane", "quality")


@pytest.mark.parametrize("missing", STAGES)
def test_any_part_may_be_missing(build: Build, missing: str) -> None:
    atlas = build(60, skip=(missing,))
    for draw in drawable(atlas).values():
        paint(draw())


def test_an_empty_atlas_has_no_figures_and_says_why(build: Build) -> None:
    atlas = build(20, skip=STAGES)
    assert list(render_all(atlas)) == []
    for draw in (loss_curve, training_curves, reconstructions, decoded_plane, map_sheet):
        with pytest.raises(AtlasError, match="has no"):
            draw(atlas)
    with pytest.raises(AtlasError, match=r"has no map 'tsne' \(it has: none\)"):
        map_figure(atlas, "tsne")


@pytest.mark.parametrize("case", ["twelve", "four", "one class", "no labels", "forty", "colour"])
def test_unusual_data_are_drawn_without_a_word_of_warning(build: Build, case: str) -> None:
    rng = np.random.default_rng(0)
    if case == "twelve":
        atlas = build(12)
    elif case == "four":
        atlas = build(4, maps={"umap": np.eye(4, 2, dtype=np.float32)})
    elif case == "one class":
        atlas = build(50, labels=np.zeros(50, np.int64), n_classes=1)
    elif case == "no labels":
        atlas = build(50, labels=np.full(50, -1), n_classes=0, skip=("quality",))
    elif case == "forty":
        atlas = build(400, labels=np.arange(400) % 40, n_classes=40)
    else:
        images = rng.integers(0, 255, (50, 6, 9, 3), dtype=np.uint8)
        atlas = build(50, images=images, labels=np.arange(50) % 3, n_classes=3)
    for draw in drawable(atlas).values():
        paint(draw())
    labels = list(map_figure(atlas, "umap").axes[0].texts)
    assert len(labels) == {"one class": 1, "no labels": 0, "forty": 20, "colour": 3}.get(
        case, len(set(atlas.points["label"]))
    )


def test_missing_positions_are_left_out(build: Build) -> None:
    xy = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    xy[3] = np.nan
    nowhere = np.full((30, 2), np.nan, np.float32)
    atlas = build(30, maps={"tsne": xy, "umap": nowhere}, skip=("quality",))
    assert "n = 29" in words(map_figure(atlas, "tsne"))
    with pytest.raises(AtlasError, match="no finite position"):
        map_figure(atlas, "umap")


def test_size_and_opacity_follow_the_number_of_points() -> None:
    looks = [point_look(n, 6.0) for n in (12, 1_000, 10_000, 70_000, 1_000_000)]
    sizes, alphas = zip(*looks, strict=True)
    assert list(sizes) == sorted(sizes, reverse=True)
    assert list(alphas) == sorted(alphas, reverse=True)
    assert sizes[0] <= 45
    assert sizes[-1] >= 0.3
    assert alphas[-1] >= 0.3
