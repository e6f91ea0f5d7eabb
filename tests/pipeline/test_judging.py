"""Every map of a run is judged: figures, words, a trust for each point."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from latentscape.atlas import Atlas
from latentscape.autoencoder import ConvAutoencoder
from latentscape.errors import AtlasError
from latentscape.figures import measures_table, neighborhood_curves, to_png, trust_sheet
from latentscape.images import ImageSet
from latentscape.neighbors import NeighborGraph
from latentscape.pipeline import judge, run, summarize, trust_lines
from latentscape.pipeline.decoded import why_no_decoding
from latentscape.pipeline.settings import STAGE_VERSIONS
from latentscape.quality import decode_honesty, neighbor_recall, trustworthiness

from ..atlas_tools import SMALL, Listener, quick_render


@pytest.fixture(scope="module")
def atlas(few: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    path = tmp_path_factory.mktemp("judged") / "atlas"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.figures.render_all", quick_render)
        return run(few, path, **{**SMALL, "maps": ("pca", "lda", "tsne", "umap")})


def test_each_map_has_its_measures_and_its_card(atlas: Atlas) -> None:
    assert list(atlas.quality["maps"]) == ["direct", "pca", "lda", "tsne", "umap"]
    codes = np.array(atlas.codes)
    for name, report in atlas.quality["maps"].items():
        places = atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy()
        k = report["n_neighbors"]
        recall = report["measures"]["recall"]["value"]
        assert recall == pytest.approx(float(neighbor_recall(codes, places, k)))
        found = report["measures"]["trustworthiness"]["value"]
        assert found == pytest.approx(float(trustworthiness(codes, places, k)))
        assert set(report["hops"]) == {"pixels_codes", "codes_map", "pixels_map"}
        assert len(atlas.quality["cards"][name]["sentences"]) == 9
    stable = {n: m["measures"].get("stability") for n, m in atlas.quality["maps"].items()}
    assert stable["direct"] is None  # there is one training only
    assert stable["pca"]["value"] == 1  # it depends on no seed
    assert 0 < stable["umap"]["value"] <= 1


def test_each_point_has_its_trust(atlas: Atlas) -> None:
    for name, report in atlas.quality["maps"].items():
        for column in ("recall", "trustworthiness", "continuity"):
            values = atlas.points[f"{name}_{column}"]
            assert values.dtype == np.float32
            assert values.between(-0.01, 1.01).all()
            mean = report["measures"][column]["value"]
            assert values.mean() == pytest.approx(mean, abs=1e-5)


def test_the_graph_is_kept_for_all(atlas: Atlas) -> None:
    graph = NeighborGraph.build(np.array(atlas.codes), 90)
    assert np.array_equal(atlas.graph.indices, graph.indices)
    assert atlas.stage_info("neighbors")["recall"] == 1


def test_the_trust_is_drawn_and_told(atlas: Atlas) -> None:
    drawn = {draw(atlas) for draw in (measures_table, neighborhood_curves, trust_sheet)}
    assert all(to_png(figure).startswith(b"\x89PNG") for figure in drawn)
    lines = trust_lines(atlas)
    assert "kept neighbours" in lines[0]
    assert sum("±" in line for line in lines[1:6]) == 5
    card = atlas.quality["cards"]["tsne"]["sentences"][0]["text"]
    assert any(line.endswith(card) for line in lines)


def test_decoded_places_are_judged_by_the_models_of_the_atlas(atlas: Atlas) -> None:
    two = ConvAutoencoder.load(atlas.path / atlas.stage_info("plane")["model"])
    whole = ConvAutoencoder.load(atlas.path / atlas.stage_info("codes")["model"])
    for name, report in atlas.quality["maps"].items():
        model = two if name == "direct" else whole
        codes = np.array(atlas.codes2 if name == "direct" else atlas.codes)
        honesty = decode_honesty(
            atlas.load_map(name), codes, model.inverse_transform, model.transform
        )
        measure = report["measures"]["round_trip"]
        assert measure["scope"] == "decoding"
        assert measure["value"] == pytest.approx(float(honesty.round_trip), rel=1e-5)
        assert measure["standard_error"] == pytest.approx(
            honesty.round_trip.standard_error, rel=1e-5
        )
        assert report["measures"]["off_data"]["value"] == pytest.approx(
            float(honesty.off), rel=1e-5
        )
        topics = {each["topic"]: each for each in atlas.quality["cards"][name]["sentences"]}
        assert topics["decoding"]["verdict"] != "unknown"
    assert not [part for part in atlas.lacking if part.startswith("decoded places")]
    texts = {text.get_text() for text in measures_table(atlas).texts}
    assert {"round trip of decoded places", "decoded places, off the data"} <= texts


def test_without_its_model_an_atlas_says_why(
    few: ImageSet, tmp_path: Path, quick_figures: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    done = run(few, path, **{**SMALL, "latent_dim": 5})
    model = str(done.stage_info("codes")["model"])
    (path / model).unlink()
    # As an atlas of an older version is judged anew.
    monkeypatch.setitem(STAGE_VERSIONS, "quality", STAGE_VERSIONS["quality"] + 1)
    judged = judge(path, verbose=0)
    assert f"{model} is not in the atlas any more" in judged.lacking["decoded places"]
    assert "round_trip" not in judged.quality["maps"]["pca"]["measures"]
    assert "round_trip" in judged.quality["maps"]["direct"]["measures"]
    assert "decoded places" in "\n".join(summarize(judged))
    cards = judged.quality["cards"]["pca"]["sentences"]
    assert {each["topic"]: each["verdict"] for each in cards}["decoding"] == "unknown"


def test_a_network_is_never_followed_from_a_file(atlas: Atlas) -> None:
    manifest = {**atlas.settings, "training": {"network": "nets.py:Pair"}}
    own = Atlas.open(atlas.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Atlas, "settings", manifest)
        assert "only run where you name it" in str(why_no_decoding(own, "codes", None))
        assert why_no_decoding(own, "codes", "nets.py:Pair") is None


def test_small_errors_are_not_shown_as_none(atlas: Atlas) -> None:
    changed = Atlas.open(atlas.path)
    changed.quality["maps"]["umap"]["measures"]["triplets"]["standard_error"] = 0.0002
    row = next(line for line in trust_lines(changed) if line.startswith("UMAP"))
    assert "± < 0.001" in row
    assert "± 0.000 " not in row + " "


def test_judging_again_does_nothing(atlas: Atlas) -> None:
    listener = Listener()
    before = (atlas.path / "atlas.json").read_bytes()
    judge(atlas.path, verbose=0, callbacks=[listener])
    assert listener.stages("done") == set()
    # Not even the time of the run, or the order of its stages, is written anew.
    assert (atlas.path / "atlas.json").read_bytes() == before


def test_an_atlas_that_was_never_judged_is(
    few: ImageSet, tmp_path: Path, quick_figures: None
) -> None:
    run(few, tmp_path / "a", **SMALL)
    before = Atlas.open(tmp_path / "a").quality["maps"]
    manifest = json.loads((tmp_path / "a" / "atlas.json").read_bytes())
    for name in [n for n in manifest["stages"] if n.startswith(("quality-", "neighbors"))]:
        del manifest["stages"][name]
    (tmp_path / "a" / "atlas.json").write_text(json.dumps(manifest))
    listener = Listener()
    again = judge(tmp_path / "a", verbose=0, callbacks=[listener])
    made = {"neighbors", "quality-direct", "quality-pca", "quality-lda"}
    assert made <= listener.stages("done")
    assert again.quality["maps"] == before


def test_an_unfinished_atlas_is_not_judged(few: ImageSet, tmp_path: Path) -> None:
    run(few, tmp_path / "a", **{**SMALL, "until": "sweep"})
    with pytest.raises(AtlasError, match="is not finished"):
        judge(tmp_path / "a", verbose=0)
    with pytest.raises(AtlasError, match="does not exist"):
        judge(tmp_path / "nothing", verbose=0)
