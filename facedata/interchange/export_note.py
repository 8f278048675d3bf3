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
_SOURCES = {name: name for name in ("imagefolder", "webdataset", "hf", "rec")}
_SOURCES |= {"csv": "table", "pairs-txt": "lfw"}
"""Formats → the sources that read them."""
_COUNTS = ("crops", "people")


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
        split_names: what names a split in this format (a folder) → the split, where they differ; empty for
            crops in none.
        margin: by how much of its side the face box was grown on each side, as ``prepare --margin``.
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
    split_names: Mapping[str, str] = field(default_factory=dict)
    margin: float = 0.0


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
        return parse_export_note(file.read_bytes(), str(file))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SourceError(f"cannot read {file}: {error.strerror or error}") from error


def parse_export_note(data: bytes, shown: str) -> ExportNote:
    """Return the note in these bytes; ``shown`` is the file as messages name it.

    Raises:
        SourceError: it is damaged, or of a later version.
    """
    try:
        values = json.loads(data)
        json.dumps(values, ensure_ascii=False).encode()  # half a letter can be escaped, and not stored
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{shown} is damaged ({error}): export the set again") from error
    if not isinstance(values, dict) or values.get("kind") != _KIND:
        raise SourceError(f"{shown} is not the note of an export: export the set again")
    if values.get("version") != _VERSION:
        raise SourceError(
            f"{shown} has version {values.get('version')!r}, and this facedata reads {_VERSION}: install a "
            "newer one"
        )
    if reason := _fault(values):
        raise SourceError(f"{shown} is damaged ({reason}): export the set again")
    return ExportNote(**{name: values[name] for name in ExportNote.__dataclass_fields__})


def refuse_other_format(note: ExportNote | None, kind: str, shown: str) -> None:
    """Refuse an export to another format than a source reads, and say what reads it.

    Args:
        note: of the export; None where it is none.
        kind: the source's name.
        shown: the source as messages name it.

    Raises:
        SourceError: it is an export to another format.
    """
    if note is None or note.format == kind:
        return
    other = _SOURCES.get(note.format)
    hint = f": use `facedata prepare {other}`" if other else ", from which no photos can be taken"
    raise SourceError(f"{shown} is an export to {note.format}, not to {kind}{hint}")


def _fault(values: Mapping[str, Any]) -> str:
    """Return what is wrong with a note's values; empty if nothing is."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "format": str, "fingerprint": str, "facedata": str, "template": str, "size_px": int, "splits": dict,
        "people": dict, "left_out": list, "licence": (str, type(None)), "split_names": dict,
        "margin": (int, float),
    }  # fmt: skip
    for name, kind in kinds.items():
        if name not in values:
            return f"no {name}"
        if not isinstance(values[name], kind):
            return f"{name} is {values[name]!r}"
    for names, what in (("people", "an identity"), ("split_names", "a split")):
        if not all(isinstance(name, str) for name in values[names].values()):
            return f"{what} is no text"
    splits = values["splits"].values()
    if not all(
        isinstance(split, dict) and type(split.get(name)) is int for split in splits for name in _COUNTS
    ):
        return "a split's counts are no numbers"
    return ""
