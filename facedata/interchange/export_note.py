"""facedata-export.json, the note in every export: of which set it is, and what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SourceError
from ..files.atomic import write_text

EXPORT_NOTE = "facedata-export.json"
"""The note's file in the export's folder."""

_KIND, _VERSION = "facedata export", 1


@dataclass(frozen=True)
class ExportNote:
    """What an export says of itself.

    Attributes:
        format: its name, a key of :data:`facedata.config.EXPORTS`.
        fingerprint: of the set it was made from.
        facedata: the version that wrote it.
        template: how its crops were cut, a key of :data:`facedata.config.TEMPLATES`.
        size_px: the side of its crops.
        splits: by name, how many ``crops`` and ``people`` are in it; the name is empty for crops in no split.
        people: what names a person in this format (a folder, a label) → the identity, where they differ.
        left_out: what of the set is not in it, a sentence each.
        licence: the photos' licence; None if it is not known.
    """

    format: str
    fingerprint: str
    facedata: str
    template: str
    size_px: int
    splits: Mapping[str, Mapping[str, int]]
    people: Mapping[str, str] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    licence: str | None = None


def write_export_note(folder: Path, note: ExportNote) -> None:
    """Write the note of an export.

    Raises:
        StoreError: it cannot be written.
    """
    values = {"kind": _KIND, "version": _VERSION, **asdict(note)}
    text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(folder / EXPORT_NOTE, text + "\n")


def read_export_note(folder: Path) -> ExportNote | None:
    """Read the note of an export; None where the folder has none.

    Raises:
        SourceError: it is damaged, or of a later version.
    """
    file = folder / EXPORT_NOTE
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"cannot read {file}: {error}; export the set again") from error
    if not isinstance(values, dict) or values.get("kind") != _KIND:
        raise SourceError(f"{file} is not the note of an export; export the set again")
    if values.get("version") != _VERSION:
        raise SourceError(
            f"{file} has version {values.get('version')!r}, and this facedata reads {_VERSION}: install a "
            "newer one"
        )
    if reason := _fault(values):
        raise SourceError(f"{file} is damaged ({reason}): export the set again")
    return ExportNote(**{name: values[name] for name in ExportNote.__dataclass_fields__})


def _fault(values: Mapping[str, Any]) -> str:
    """Return what is wrong with a note's values; empty if nothing is."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "format": str, "fingerprint": str, "facedata": str, "template": str, "size_px": int, "splits": dict,
        "people": dict, "left_out": list, "licence": (str, type(None)),
    }  # fmt: skip
    for name, kind in kinds.items():
        if name not in values:
            return f"no {name}"
        if not isinstance(values[name], kind):
            return f"{name} is {values[name]!r}"
    if not all(isinstance(identity, str) for identity in values["people"].values()):
        return "an identity is no text"
    counts = [count for split in values["splits"].values() for count in _counts(split)]
    return "" if all(isinstance(count, int) for count in counts) else "a split's counts are no numbers"


def _counts(split: Any) -> list[Any]:
    return [split.get(name) for name in ("crops", "people")] if isinstance(split, dict) else [None]
