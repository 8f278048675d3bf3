"""What is said of a set in words and numbers: counts, notes, settings, licence, versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import SEARCH_OPTIONS
from ..photos.paths import photo_text
from ..sets.prepared import PreparedSet
from ..tables.forgotten_rows import drop_forgotten
from ..types import Status
from .choice import Choice
from .crop_columns import NO_SPLIT, CropColumns
from .ledger_counts import StatusCount, count_meta
from .made_by import list_commands

_MOST_SPLITS = 6
"""Up to so many have a number of their own at the top."""


def describe_set(
    prepared: PreparedSet,
    crops: CropColumns,
    choice: Choice,
    statuses: Sequence[StatusCount],
    more_notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what the page's template says of the set, as text and numbers.

    Args:
        prepared: the set.
        crops: all its crops.
        choice: those of the page.
        statuses: what became of the photos.
        more_notes: what else a reader should know; empty ones are left out.
    """
    columns, counts = count_meta(prepared)
    return {
        "set_name": photo_text(str(prepared.path).rstrip("/").rpartition("/")[2]),
        "cards": list_cards(crops, statuses),
        "notes": list_notes(prepared, crops, choice, more_notes),
        "facts": list_facts(prepared),
        "settings": list_settings(prepared),
        "consent": {"columns": columns, "counts": counts} if columns else None,
        "command": "\n".join(list_commands(prepared)),
    }


def list_cards(crops: CropColumns, statuses: Sequence[StatusCount]) -> list[tuple[str, str]]:
    """Return the numbers at the top of the page, each with its label."""
    kept = sum(one.count for one in statuses if one.status == Status.KEPT.value)
    photos, people = sum(one.count for one in statuses), len(crops.people)
    cards = [(photos, "photo" if photos == 1 else "photos"), (kept, "kept"), (photos - kept, "rejected")]
    cards.append((people, "person" if people == 1 else "people"))
    in_split = np.bincount(crops.split, minlength=NO_SPLIT + 1).tolist()
    if len(crops.splits) > _MOST_SPLITS:
        cards += [(len(crops.splits), "splits"), (sum(in_split[:NO_SPLIT]), "crops in a split")]
    else:
        cards += [(in_split[number], f"crops in {name}") for number, name in enumerate(crops.splits)]
    cards += [(in_split[NO_SPLIT], "crops in no split")] if in_split[NO_SPLIT] else []
    return [(f"{count:,}", label) for count, label in cards]


def list_notes(
    prepared: PreparedSet, crops: CropColumns, choice: Choice, more: Sequence[str] = ()
) -> list[str]:
    """Return what a reader of the page should know, a sentence each."""
    notes = []
    if len(choice.crops) < len(crops):
        notes.append(
            f"The page shows {len(choice.crops):,} of {len(crops):,} crops, of {len(choice.people):,} of "
            f"{len(crops.people):,} people: all that the listed findings are about, then people with "
            "findings, then others drawn by chance. Numbers and distributions are of the whole set."
        )
    notes += [one for one in more if one]
    notes += prepared.info.get("notes", [])
    counts = prepared.info["counts"]
    drawn = (counts.get(kind, {}).get("notes", []) for kind in ("split", "pairs", "triplets"))
    return list(dict.fromkeys([*notes, *chain.from_iterable(drawn)]))


def list_settings(prepared: PreparedSet) -> list[tuple[str, str]]:
    """Return the settings that shaped the set, and how it is split and drawn, by name."""
    settings = prepared.info["settings"]
    unused = SEARCH_OPTIONS if settings.get("as_crops") else ()
    rows = [
        (name.replace("_", "-"), _value_text(value)) for name, value in settings.items() if name not in unused
    ]
    for kind, options in prepared.info["drawing"].items():
        for name, value in options.items():
            rows.append((f"{kind}: {name.replace('_', '-')}", _value_text(value)))
    return sorted(rows)


def _value_text(value: object) -> str:
    if value is None or value == [] or value == ():
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value_text, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value_text(one)}" for name, one in value.items())
    return str(value)


def list_facts(prepared: PreparedSet) -> list[tuple[str, str]]:
    """Return source, licence, crops, versions and fingerprint, by name."""
    info = prepared.info
    source, settings = info["source"], info["settings"]
    origins = drop_forgotten(prepared.table("photos", ["source", "licence", "status"]))
    facts = [
        ("source", " ".join(dict.fromkeys([source["kind"], photo_text(str(source["root"]))]))),
        ("licence", _shares(origins.column("licence"), "not known")),
    ]
    if len(origins.column("source").cast(pa.string()).unique()) > 1:
        facts.append(("photos by source", _shares(origins.column("source"), "not known")))
    where = "in tars" if settings.get("store") == "tar" else "one file each"
    taken = ", taken from the source as they are" if settings.get("as_crops") else ""
    facts += [
        ("crops", f"{prepared.size_px} px, template {settings.get('template', 'unknown')}, {where}{taken}"),
        ("seed", str(info.get("seed", settings.get("seed")))),
        ("fingerprint", prepared.fingerprint),
        ("schema version", str(info["schema_version"])),
    ]
    return facts + [(f"version of {name}", text) for name, text in sorted(info.get("versions", {}).items())]


def _shares(column: pa.ChunkedArray, unknown: str) -> str:
    counts = Counter[str]()
    for one in pc.value_counts(column.cast(pa.string())).to_pylist():
        counts[unknown if one["values"] is None else one["values"]] += one["counts"]
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    if len(ranked) == 1:
        return ranked[0][0]
    shown = [f"{name} ({count:,} photos)" for name, count in ranked[:10]]
    return "; ".join([*shown, *(["others"] if len(ranked) > 10 else [])]) or unknown
