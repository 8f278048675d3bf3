"""What is printed of an export."""

from __future__ import annotations

from .write_export import Exported


def export_lines(exported: Exported) -> list[str]:
    """Return what is printed of an export: where it is, what is in it, and what of the set is not."""
    note = exported.note
    lines = [f"export     {exported.folder}", f"format     {note.format}"]
    for name, counts in note.splits.items():
        crops, people = counts["crops"], counts["people"]
        said = f"{crops:,} crop{'s'[: crops != 1]} of {people:,} {'person' if people == 1 else 'people'}"
        lines.append(f"{'split':11}{name or 'none'}: {said}")
    lines += [f"left out   {sentence}" for sentence in note.left_out]
    return lines + [f"use        {line}" for line in exported.lines]
