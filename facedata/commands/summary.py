"""What a set holds, as lines for a person to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..photos.paths import photo_text
from ..sets.prepared import PreparedSet, short


def summary_lines(prepared: PreparedSet) -> list[str]:
    """Return the summary that ``prepare`` and ``info`` print: found, kept, rejected, people, splits."""
    counts = prepared.info["counts"]
    kept = counts["status"].get("kept", 0)
    lines = [
        f"found      {counts['records']:>9,} photos{_around(counts)}",
        f"kept       {kept:>9,}{_share(kept, counts)}",
    ]
    lines += [
        f"rejected   {count:>9,}  {status}" for status, count in counts["status"].items() if status != "kept"
    ]
    spread = counts["photos_per_person"]
    lines.append(
        f"people     {counts['people']:>9,}  with {spread['min']} to {spread['max']} photos, "
        f"median {spread['median']:g}"
    )
    lines += _given_boxes(counts["given_boxes"])
    lines += drawing_lines(counts)
    lines += [f"note       {note}" for note in prepared.info["notes"]]
    lines.append(
        f"set        {photo_text(str(prepared.path))} ({prepared.size_px} px "
        f"{prepared.info['settings']['template']} crops, fingerprint {short(prepared.fingerprint)})"
    )
    return lines


def drawing_lines(counts: Mapping[str, Any]) -> list[str]:
    """Return one line per split, and what there is to say of pairs and triplets."""
    lines = [
        f"{name:<10} {split['photos']:>9,} {_word(split['photos'], 'photo')} of "
        f"{split['people']:,} {_word(split['people'], 'person', 'people')}, "
        f"{split['pairs']:,} pairs, {split['triplets']:,} triplets"
        for name, split in sorted(
            counts.get("splits", {}).items(), key=lambda item: (item[0] != "train", item[0])
        )
    ]
    for kind in ("split", "pairs", "triplets"):
        lines += [f"note       {note}" for note in _notes(counts.get(kind, {}))]
    return lines


def weights_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return two lines per detector: its weights, and where they are or belong."""
    lines = []
    for row in rows:
        there = "here" if row["present"] else "not here"
        lines.append(
            f"{row['detector']:<11}{row['file']}, {row['size_bytes'] / 1e6:.1f} MB, {row['licence']}, "
            f"{row['origin']}, SHA-256 {row['sha256']}"
        )
        lines.append(f"{'':<11}{there}: {photo_text(row['path'])}")
    return lines


def _notes(section: Mapping[str, Any]) -> Iterable[str]:
    notes: list[str] = section.get("notes", [])
    return notes


def _share(kept: int, counts: Mapping[str, Any]) -> str:
    # rounded down: only all of them are 100%
    return f"  {kept * 1000 // counts['records'] / 10:.1f}%" if counts["records"] else ""


def _word(count: int, one: str, many: str = "") -> str:
    return one if count == 1 else many or f"{one}s"


def _given_boxes(boxes: Mapping[str, Any] | None) -> list[str]:
    if boxes is None:
        return []
    line = (
        f"boxes      {boxes['compared']:>9,}  given; median IoU with the face found {boxes['median_iou']:.2f}"
    )
    worst = (
        f"; {boxes['below_half']:,} below .5, such as {boxes['worst'][0]!r}" if boxes["below_half"] else ""
    )
    return [line + worst]


def _around(counts: Mapping[str, Any]) -> str:
    more = [
        f"{counts[name]:,} {text if counts[name] > 1 else text.replace('files', 'file')}"
        for name, text in (("other_files", "other files"), ("missing", "listed but not on disk"))
        if counts[name]
    ]
    return f" ({', '.join(more)})" if more else ""
