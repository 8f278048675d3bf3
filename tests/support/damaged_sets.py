"""Sets that are damaged on purpose: a table or dataset.json is altered, the rest stays as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from facedata.checks.findings import Finding, findings_table
from facedata.checks.integrity.find_damage import Damage, find_damage
from facedata.files.remote import Location
from facedata.tables.schema import CLASSES

Rows = list[dict[str, Any]]


def alter_table(folder: Path, kind: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a table again with other contents; dataset.json records them, so that only these give it away."""
    file = folder / f"{kind}.parquet"
    table = pq.read_table(file)
    altered = change(table)
    pq.write_table(altered.replace_schema_metadata(table.schema.metadata), file)
    record_table(folder, kind)


def alter_rows(folder: Path, kind: str, change: Callable[[Rows], Rows]) -> None:
    """Write a table again with other rows, as :func:`alter_table` does."""

    def alter(table: pa.Table) -> pa.Table:
        columns = pa.schema([column.with_nullable(True) for column in table.schema])
        return pa.Table.from_pylist(change(table.to_pylist()), schema=columns)

    alter_table(folder, kind, alter)


def record_table(folder: Path, kind: str) -> None:
    """Write a table's SHA-256 into dataset.json; and its rows, where they can be read."""
    file = folder / f"{kind}.parquet"

    def record(info: dict[str, Any]) -> None:
        about = info["tables"][kind]
        about["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
        try:
            about["rows"] = pq.read_metadata(file).num_rows
        except (OSError, ValueError, NotImplementedError):
            return

    alter_info(folder, record)


def alter_info(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the contents of dataset.json."""
    file = folder / "dataset.json"
    info = json.loads(file.read_text(encoding="utf-8"))
    change(info)
    file.write_text(json.dumps(info), encoding="utf-8")


def look(folder: Location) -> Damage:
    """Look for damage, and check that what was found can be written and shown."""
    damage = find_damage(folder)
    classes = CLASSES.empty_table() if damage.classes is None else damage.classes
    assert classes.schema.equals(CLASSES)
    classes.validate(full=True)
    assert classes.column("id").to_pylist() == sorted(set(classes.column("id").to_pylist()))
    assert findings_table(damage.findings, classes).num_rows == len(damage.findings)
    assert all(one.why.strip() and "\n" not in one.why for one in damage.findings)
    return damage


def kinds(folder: Location) -> set[str]:
    """Return the kinds of the findings."""
    return {one.kind.value for one in look(folder).findings}


def of_kind(damage: Damage, kind: str) -> list[Finding]:
    """Return the findings of one kind."""
    return [one for one in damage.findings if one.kind.value == kind]
