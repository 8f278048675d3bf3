"""The lines that the commands print: what is in a set, for people to read."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..files.remote import Remote
from ..pages.page_folder import INDEX
from ..photos.paths import photo_text
from ..report.report_folder import REPORT
from ..sets.prepared import PreparedSet, short
from ..tables.forgotten_rows import drop_forgotten
from ..tables.names import escape_unseen, show_name

_COPIES = {
    "same_bytes": "with the same bytes as a photo of another person",
    "across_splits": "that look the same as a photo in another split (saved again, resized, mirrored)",
}

_CHANGES = pa.array(["drop", "move", "merge"])
_SHOWN = 10
"""How many dropped photos, and moved ones, are named."""


def summary_lines(prepared: PreparedSet) -> list[str]:
    """Return the summary that ``prepare`` and ``info`` print: found, kept, rejected, people, splits."""
    counts = prepared.info["counts"]
    status, records = counts["status"], counts["records"]
    kept = status.get("kept", 0)
    share = f"  {percent(kept, records)}" if records else ""
    others = [
        f"{counts[name]:,} {text if counts[name] > 1 else text.replace('files', 'file')}"
        for name, text in (("other_files", "other files"), ("missing", "listed but not on disk"))
        if counts[name]
    ]
    lines = [
        f"found      {records:>9,} photos" + (f" ({', '.join(others)})" if others else ""),
        f"kept       {kept:>9,}{share}",
    ]
    others = [name for name in status if name not in ("kept", "forgotten")]
    lines += [f"rejected   {status[name]:>9,}  {name}" for name in others]
    if forgotten := status.get("forgotten"):
        lines.append(f"forgotten  {forgotten:>9,}  at somebody's request")
    spread = counts["photos_per_person"]
    line = f"people     {counts['people']:>9,}"
    if spread["min"] < spread["max"]:
        line += f"  with {spread['min']:,} to {spread['max']:,} photos, median {spread['median']:g}"
    elif counts["people"]:
        line += f"  with {spread['max']:,} photo{'s'[: spread['max'] > 1]} each"
    lines.append(line)
    if boxes := counts["given_boxes"]:
        median = f"median IoU with the face found {boxes['median_iou']:.2f}"
        line = f"boxes      {boxes['compared']:>9,}  given; {median}"
        if boxes["below_half"]:
            line += f"; {boxes['below_half']:,} below .5, such as {boxes['worst'][0]!r}"
        lines.append(line)
    if taken := counts.get("as_crops"):
        line = f"as crops   {taken['unchanged']:>9,}  byte for byte"
        lines.append(line + f"; {taken['encoded']:,} encoded anew" * bool(taken["encoded"]))
    if corrections := counts.get("corrections"):
        lines.append(f"corrected  {_corrected(corrections)}")
    for name, what in _COPIES.items():
        if (copies := counts.get("copies", {}).get(name)) and copies["photos"]:
            some = " and ".join(repr(record) for record in copies["named"][0])
            more = "; counts.copies in dataset.json names more" if len(copies["named"]) > 1 else ""
            lines.append(f"copies     {copies['photos']:>9,}  {what}, such as {some}{more}")
    lines += drawing_lines(counts, str(prepared))
    lines += [f"note       {note}" for note in prepared.info["notes"]]
    if not isinstance(prepared.path, Remote) and (prepared.path / REPORT.name / INDEX).is_file():
        lines.append(f"page       {photo_text(str(prepared))}/{REPORT.name}/{INDEX}")
    lines.append(
        f"set        {photo_text(str(prepared))} ({prepared.size_px} px "
        f"{prepared.info['settings']['template']} crops, fingerprint {short(prepared.fingerprint)})"
    )
    return lines


def _corrected(counts: Mapping[str, int]) -> str:
    """Return what corrections did, in words; what they settled counts last."""
    words = (
        ("dropped", "photo dropped", "photos dropped"),
        ("moved", "photo moved", "photos moved"),
        ("merged_people", "person merged into another", "people merged into others"),
        ("kept", "photo kept as right", "photos kept as right"),
        ("distinct", "pair of people kept apart", "pairs of people kept apart"),
    )
    said = [
        f"{counts[name]:,} {one if counts[name] == 1 else several}"
        for name, one, several in words
        if counts[name]
    ]
    return ", ".join(said)


def info_lines(prepared: PreparedSet) -> list[str]:
    """Return the summary that ``info`` prints: as :func:`summary_lines`, with source and licence."""
    lines, source = summary_lines(prepared), prepared.info["source"]
    origins = drop_forgotten(prepared.table("photos", ["source", "licence", "status"])).drop_columns("status")
    sources, licences = (
        Counter({one["values"]: one["counts"] for one in pc.value_counts(texts).to_pylist()})
        for texts in origins.cast(pa.schema([("source", pa.string()), ("licence", pa.string())])).columns
    )
    root = "" if source["root"] == source["kind"] else " " + photo_text(str(source["root"]))
    line = f"source     {source['kind']}{root}"
    if len(sources) > 1:
        line += f" ({', '.join(f'{name} {count:,}' for name, count in sorted(sources.items()))})"
    known = [f"{name} ({count:,} photos)" for name, count in licences.most_common() if name is not None]
    if len(known) == 1 and len(licences) == 1:
        known = [next(iter(licences))]
    if unknown := licences[None]:
        known.append(
            f"not known of {unknown:,} photos"
            if known
            else "not known: `facedata prepare --licence TEXT` records it"
        )
    return [*lines[:-1], line, f"licence    {'; '.join(known)}", lines[-1]]


def corrected_rows(prepared: PreparedSet, applied: int = 0) -> list[dict[str, Any]]:
    """Return the photos that corrections dropped or moved, in the order of the files and their lines.

    Args:
        prepared: the corrected set.
        applied: how many files had been applied before; theirs are left out.
    """
    if not prepared.has("corrections"):
        return []
    table = prepared.table("corrections")
    is_new = pc.and_(pc.greater(table.column("file"), applied), pc.is_in(table.column("action"), _CHANGES))
    rows: list[dict[str, Any]] = table.filter(is_new).to_pylist()
    return rows


def correction_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what ``fix`` prints of its corrections: how many photos, and the first few by name."""
    lines = []
    for heading, actions in (("dropped", ("drop",)), ("moved", ("move", "merge"))):
        mine = [row for row in rows if row["action"] in actions]
        lines.append(f"{heading:<10} {len(mine):>9,} {'photo' if len(mine) == 1 else 'photos'}")
        for row in mine[:_SHOWN]:
            whose = show_name(row["identity"]) if row["identity"] is not None else "nobody"
            to = f" to {show_name(row['to_identity'])}" if row["to_identity"] is not None else ""
            photo = escape_unseen(row["record"])
            lines.append(f"             {photo} of {whose}{to} ({row['action']}, line {row['line']})")
        if len(mine) > _SHOWN:
            lines.append(f"             and {len(mine) - _SHOWN:,} more; the table corrections has them all")
    return lines


def percent(part: int, whole: int) -> str:
    """Return a share with one decimal, rounded; 100% means all and 0% none.

    >>> percent(95, 96), percent(1, 9_999), percent(9_999, 10_000), percent(0, 3), percent(3, 3)
    ('99.0%', '0.1%', '99.9%', '0.0%', '100.0%')
    """
    tenths = (2000 * part + whole) // (2 * whole)
    if 0 < part < whole:
        tenths = min(max(tenths, 1), 999)
    return f"{tenths / 10:.1f}%"


def drawing_lines(counts: Mapping[str, Any], path: str | os.PathLike[str]) -> list[str]:
    """Return one line per split, and the notes on its pairs and triplets; ``path`` is the set's."""
    splits = counts.get("splits", {})
    lines = []
    for name in sorted(splits, key=lambda name: (name != "train", name)):
        split = splits[name]
        photos = f"{split['photos']:>9,} {'photo' if split['photos'] == 1 else 'photos'}"
        people = f"{split['people']:,} {'person' if split['people'] == 1 else 'people'}"
        drawn = f"{split['pairs']:,} pairs, {split['triplets']:,} triplets"
        lines.append(f"{name:<10} {photos} of {people}, {drawn}")
    split, pairs, triplets = (
        counts.get(kind, {}).get("notes", []) for kind in ("split", "pairs", "triplets")
    )
    command = f"`facedata split {photo_text(shlex.quote(os.fspath(path)))}"
    notes = [note.replace("`facedata split SET", command) for note in split]
    twins = {note.replace(" has no pairs: ", " has no triplets: "): note for note in pairs}
    notes += [
        note
        if twin not in triplets or twin == note
        else note.replace(" no pairs: ", " no pairs or triplets: ")
        for twin, note in twins.items()
    ]
    notes += [note for note in triplets if note not in twins]
    return lines + [f"note       {note}" for note in notes]


def weights_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return two lines per detector: its weights, and the path where they are or would be."""
    lines = []
    for row in rows:
        state = "downloaded" if row["present"] else "not downloaded"
        lines.append(
            f"{row['detector']:<11}{row['file']}, {row['size_bytes'] / 1e6:.1f} MB, {row['licence']}, "
            f"{row['origin']}, SHA-256 {row['sha256']}"
        )
        lines.append(f"{'':<11}{state}: {photo_text(row['path'])}")
    return lines
