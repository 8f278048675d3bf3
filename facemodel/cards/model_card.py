"""A model's card as Markdown, in its run folder or beside an exported file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facedata import PreparedSet
from facedata.errors import FacedataError
from facedata.pages.card import render_card, write_card

from ..scoring.weak_points.slice_table import HEAD
from .evaluation import Evaluation
from .model_facts import ModelFacts

logger = logging.getLogger(__name__)

CARD = "README.md"
"""The card's file in a run folder, as hubs want it."""

_SUMMARY = (
    "A network that turns the crop of a face into numbers, whose distance says how alike two faces are."
)
_TEMPLATE = Path(__file__).with_name("model-card.md")


def write_run_card(folder: Path, prepared: PreparedSet | None) -> None:
    """Write a run's card as the run is now; where it cannot be written, that is only a warning.

    Args:
        folder: the run's.
        prepared: the set it trains on; None if it is not at hand.
    """
    try:
        keep_card(folder / CARD, model_card(ModelFacts.of(folder, prepared)))
    except Exception as error:  # noqa: BLE001  whatever it is, a card must not end a night of training
        logger.warning("%s could not be written, and the run continues without it: %s", folder / CARD, error)


def keep_card(file: Path, text: str) -> Path:
    """Write a card; one that somebody has written in stays, and the new one is put beside it.

    Returns:
        The file that was written.

    Raises:
        StoreError: it cannot be written.
    """
    if write_card(file, text):
        return file
    beside = file.with_name(f"{file.stem}.new{file.suffix}")
    if write_card(beside, text):
        logger.warning("%s was edited and is kept as it is: the new card is %s", file, beside)
        return beside
    raise FacedataError(f"{file} and {beside} were both edited, and are kept: move one of them away")


def model_card(
    facts: ModelFacts, tested: Evaluation | None = None, export: Mapping[str, Any] | None = None
) -> str:
    """Return the card of a model, YAML and Markdown.

    Args:
        facts: of the model.
        tested: an evaluation of it, if there is one.
        export: of an exported file, its JSON and the name of the ``file``; None for a run folder.
    """
    spec, config = facts.spec, facts.config
    start, start_licence = facts.describe_start()
    file = None
    if export is not None:
        file = {**export, "left_out": "; ".join(export["left_out"])}
        file["numbers"] = _describe_int8(export["int8"]) if "int8" in export else None
    recipe = config.recipe if config is not None else None
    epoch = "" if facts.epoch is None else f" The weights are those of epoch {facts.epoch}."
    return render_card(
        _TEMPLATE,
        {
            "license": "unknown",
            "pipeline_tag": "image-feature-extraction",
            "library_name": "facemodel" if export is None else str(Path(export["file"]).suffix[1:]),
            "tags": ["face-recognition", "face-verification", "biometrics", "facemodel"],
        },
        name=facts.name if export is None else Path(export["file"]).stem,
        summary=_SUMMARY + (" It also names the people it was trained on." if facts.names_people else ""),
        spec=spec,
        colour=spec.colour.upper(),
        margin=f" with margin {spec.margin:g}" if spec.margin else "",
        mean=" ".join(f"{one:g}" for one in spec.mean),
        std=" ".join(f"{one:g}" for one in spec.std),
        export=file,
        threshold=facts.describe_threshold(),
        data=facts.list_data(),
        licence=(facts.set_info or {}).get("licence"),
        start=start + epoch,
        starts_pretrained=facts.header.get("pretrained", ["none"])[0] != "none",
        start_licence=start_licence,
        recipe=f"With the recipe {recipe}; its own options are not all listed." if recipe else "Options:",
        options=facts.list_options(),
        figures=facts.list_figures(),
        validation=facts.describe_validation(),
        tested=tested,
        group_head=HEAD,
        limits=facts.list_limits(None if tested is None else tested.auc),
        names_people=facts.names_people,
        names_in="the files of weights" if export is None else "the JSON beside it",
    )


def _describe_int8(int8: Mapping[str, Any]) -> str:
    """Return what was lost with 8-bit numbers, in words."""
    text = f"8-bit whole numbers (in float: {int8['in_float']}), {int8['bytes'] / 1e6:.1f} MB"
    if int8["judged_by"] == "cosine":
        return f"{text}; cosine to the float model {int8['mean_cosine']:.4f} on average"
    rates = f"{100 * int8['tar_before']:.2f}% before and {100 * int8['tar_after']:.2f}% after"
    return f"{text}; TAR at FAR {int8['far']:g} {rates}, on {int8['people']:,} people"
