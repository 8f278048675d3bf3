"""The lines that the commands print: what is in a set, for people to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..photos.paths import photo_text
from ..sets.prepared import PreparedSet, short


def summary_lines(prepared: PreparedSet) -> list[str]:
    """Return the summary that ``prepare`` and ``info`` print: found, kept, rejected, people, splits."""
    counts = prepared.info["counts"]
    status, records = counts["status"], counts["records"]
    kept = status.get("kept", 0)
    # rounded down, so that 100% means all
    share = f"  {kept * 1000 // records / 10:.1f}%" if records else ""
    others = [
        f"{counts[name]:,} {text if counts[name] > 1 else text.replace('files', 'file')}"
        for name, text in (("other_files", "other files"), ("missing", "listed but not on disk"))
        if counts[name]
    ]
    lines = [
        f"found      {records:>9,} photos" + (f" ({', '.join(others)})" if others else ""),
        f"kept       {kept:>9,}{share}",
    ]
    lines += [f"rejected   {count:>9,}  {name}" for name, count in status.items() if name != "kept"]
    spread = counts["photos_per_person"]
    lines.append(
        f"people     {counts['people']:>9,}  with {spread['min']} to {spread['max']} photos, "
        f"median {spread['median']:g}"
    )
    if boxes := counts["given_boxes"]:
        median = f"median IoU with the face found {boxes['median_iou']:.2f}"
        line = f"boxes      {boxes['compared']:>9,}  given; {median}"
        if boxes["below_half"]:
            line += f"; {boxes['below_half']:,} below .5, such as {boxes['worst'][0]!r}"
        lines.append(line)
    lines += drawing_lines(counts)
    lines += [f"note       {note}" for note in prepared.info["notes"]]
    lines.append(
        f"set        {photo_text(str(prepared.path))} ({prepared.size_px} px "
        f"{prepared.info['settings']['template']} crops, fingerprint {short(prepared.fingerprint)})"
    )
    return lines


def drawing_lines(counts: Mapping[str, Any]) -> list[str]:
    """Return one line per split, and the notes on its pairs and triplets."""
    splits = counts.get("splits", {})
    lines = []
    for name in sorted(splits, key=lambda name: (name != "train", name)):
        split = splits[name]
        photos = f"{split['photos']:>9,} {'photo' if split['photos'] == 1 else 'photos'}"
        people = f"{split['people']:,} {'person' if split['people'] == 1 else 'people'}"
        drawn = f"{split['pairs']:,} pairs, {split['triplets']:,} triplets"
        lines.append(f"{name:<10} {photos} of {people}, {drawn}")
    for kind in ("split", "pairs", "triplets"):
        lines += [f"note       {note}" for note in counts.get(kind, {}).get("notes", [])]
    return lines


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
