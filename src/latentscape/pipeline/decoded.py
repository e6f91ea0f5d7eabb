"""How far decoded places of an atlas's maps can be believed, by the models in the atlas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from latentscape.atlas import Atlas
from latentscape.errors import CodesError, DataError
from latentscape.pipeline.settings import MAP_TITLES

if TYPE_CHECKING:
    from latentscape.quality import DecodeHonesty

PART = "decoded places"
"""Under this name `Atlas.lacking` says why they were not judged."""


def judge_decoding(
    atlas: Atlas, names: Iterable[str], *, network: str | None, random_state: int
) -> tuple[dict[str, DecodeHonesty], dict[str, dict[str, str]]]:
    """Decode places of each map, encode the images, and place them again.

    Parameters
    ----------
    atlas : Atlas
    names : iterable of str
        Maps that it has.
    network : str or None
        The Python path of a network of the user's own, where the caller has named it. It is
        never followed from a file.
    random_state : int
        Draws the places.

    Returns
    -------
    honesties : dict of str to DecodeHonesty
        By map.
    lacking : dict of str to dict of str to str
        For the other maps, the name of the part and the reason.
    """
    from latentscape.quality import decode_honesty

    found: dict[str, DecodeHonesty] = {}
    lacking: dict[str, dict[str, str]] = {}
    models: dict[str, Any] = {}
    for name in names:
        stage = "plane" if name == "direct" else "codes"
        reason = why_no_decoding(atlas, stage, network)
        if reason is not None:
            part = PART if stage == "codes" else f"{PART} of {MAP_TITLES[name]}"
            lacking[name] = {part: reason}
            continue
        if stage not in models:
            models[stage] = _model(atlas, stage, network)
        fitted, model = atlas.load_map(name), models[stage]
        codes = fitted.embedding_ if name == "direct" else atlas.mapped_codes
        try:
            found[name] = decode_honesty(
                fitted,
                codes,
                model.inverse_transform,
                model.transform,
                random_state=random_state,
            )
        except (CodesError, DataError) as error:
            lacking[name] = {f"{PART} of {MAP_TITLES[name]}": str(error).rstrip(".")}
    return found, lacking


def why_no_decoding(atlas: Atlas, stage: str, network: str | None) -> str | None:
    """Say why codes of a stage cannot be decoded and encoded; None where they can be."""
    needs = "needs a model that decodes and encodes"
    info = atlas.stage_info(stage)
    if "model" not in info or "encoder" in info:
        return f"{needs}: {atlas.lacking.get('model', 'there is none in the atlas')}"
    if not (atlas.path / str(info["model"])).is_file():
        return f"{needs}: {info['model']} is not in the atlas any more"
    own = str((atlas.settings.get("training") or {}).get("network", ""))
    if ":" in own and network is None:
        return (
            f"{needs}, and this one's network {own!r} is code that is only run where you name it: "
            "`latentscape run` judges decoded places"
        )
    return None


def _model(atlas: Atlas, stage: str, network: str | None) -> Any:
    from latentscape.autoencoder import ConvAutoencoder  # torch takes seconds to import

    return ConvAutoencoder.load(atlas.path / str(atlas.stage_info(stage)["model"]), network=network)
