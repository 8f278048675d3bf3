"""README.md of an export: a dataset card, as hubs show it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...pages.card import is_edited, render_card, write_card
from ...types import Status
from .licences import licence_head
from .set_facts import STATUS_WORDS, SetFacts
from .snippets import loading_lines

CARD = "README.md"
"""The card's file in the export's folder."""

EDITED_CARD = "README.before.md"
"""The card of the export that this one replaced, if somebody had written in it."""

_TEMPLATE = Path(__file__).with_name("dataset-card.md")

_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
"""The hub's classes of sizes, from a thousand on ten times each."""

_NAMED_IN = {
    "imagefolder": "In the folder of each split, folders have the names of the people, and files those of "
    "their photos.",
    "webdataset": "In the .tar files, every .json has the name of a person and the path of a photo; a .cls "
    "has a number.",
    "hf": "The tables in data/ have the names of the people and the paths of their photos, and those in "
    "pairs/ and triplets/, if there are any, the paths of crops, and so names.",
    "rec": "The .lst files have the paths of the crops, and so names; in .rec, .idx, .bin and .pairs.tsv "
    "people are numbers.",
    "pairs-txt": "The folders of the crops, the crops in them and all lists (pairs….txt, people….txt) have "
    "the names of the people.",
    "csv": "All tables (crops.csv, photos.csv, and pairs.csv and triplets.csv, if there are any) have the "
    "names of the people, and so have the folders in crops/; photos.csv may name people without a crop, too.",
    "coco": "The files in annotations/ have the names of the people, the paths of their photos, and where in "
    "a photo a face is.",
}
"""Which files of a format have names in them, but for the note."""
_NAMED_IN_NOTE = (
    "facedata-export.json has names, too: its “people” says who is meant by which label or folder. To hand "
    "this on without names, empty that as well."
)


def write_dataset_card(folder: Path, facts: SetFacts, more: Mapping[str, Any], earlier: Path) -> list[str]:
    """Write the card of an export; return what the user should know.

    Args:
        folder: the export's.
        facts: of the set and the export.
        more: what the YAML says besides.
        earlier: the folder of the export that this one replaces; what somebody has written into its card is
            kept beside the new one.

    Raises:
        StoreError: it cannot be written.
    """
    write_card(folder / CARD, dataset_card(facts, more))
    if not is_edited(earlier / CARD):
        return []
    (folder / EDITED_CARD).write_bytes((earlier / CARD).read_bytes())
    return [f"the card that was edited here is kept as {EDITED_CARD}"]


def dataset_card(facts: SetFacts, more: Mapping[str, Any]) -> str:
    """Return the card of an export, YAML and Markdown.

    Args:
        facts: of the set and the export.
        more: what the YAML says besides, such as the hub's ``configs``.
    """
    note, statuses = facts.note, facts.statuses
    licences = [one for one in facts.told if one.name == "licence" and one.says_more_than(note.licence)]
    return render_card(
        _TEMPLATE,
        {
            **licence_head(note.licence),
            "pretty_name": facts.name,
            "size_categories": [_SIZES[min(max(0, len(str(facts.crops)) - 3), 6)]],
            "task_categories": ["image-classification", "image-feature-extraction"],
            "annotations_creators": ["found"] if facts.are_finished else ["found", "machine-generated"],
            "tags": ["face-recognition", "face-verification", "biometrics", "croissant", "facedata"],
            **more,
        },
        facts=facts,
        name=facts.name,
        snippet=loading_lines(note),
        steps=facts.list_steps(),
        limits=facts.list_limits(),
        statuses=[(name, count, STATUS_WORDS[Status(name)]) for name, count in statuses.items()],
        fingerprint=note.fingerprint,
        made_with=f"Made with facedata {note.facedata}.",
        drawn=facts.list_drawn(),
        licences=[f"Licences of the single photos: {one.sentence}" for one in licences],
        consent=[one for one in facts.told if one.name != "licence"],
        forgotten=statuses.get(Status.FORGOTTEN.value, 0),
        named_in=[_NAMED_IN[note.format], *([_NAMED_IN_NOTE] if note.people else [])],
    )
