"""What a report's folder holds, and whose report it is."""

from __future__ import annotations

from pathlib import Path

from ..pages.page_folder import INDEX, PageKind, clear_leftovers

SHEETS = "sheets"
PICTURES = "pictures"
"""The folder of the examples' pictures, beside a page that does not hold them."""

REPORT = PageKind("report", frozenset({SHEETS, PICTURES}))


def is_report_of(folder: Path, fingerprint: str) -> bool:
    """Return whether a folder has the report of the set with this fingerprint; clear what is left beside."""
    if not (folder / INDEX).is_file():
        return False
    clear_leftovers(folder)
    return fingerprint.encode() in (folder / INDEX).read_bytes()
