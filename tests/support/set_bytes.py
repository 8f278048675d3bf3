"""Comparing prepared sets, and folders, byte by byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

OUTSIDE_THE_PROMISE = {"log.jsonl", ".seen.arrow"}


def set_bytes(folder: Path) -> dict[str, str]:
    """Every file under the byte promise, and the SHA-256 of its bytes."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in OUTSIDE_THE_PROMISE and not is_of_report(file, folder)
    }


def is_of_report(file: Path, folder: Path) -> bool:
    """Whether a file of a set belongs to its report, a page that shows what other files hold."""
    return file.relative_to(folder).parts[0] == "report"


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Return all that lies below a folder: files' bytes by path, None for folders."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def events(folder: Path) -> list[dict[str, Any]]:
    """The set's log, a dictionary a line."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
