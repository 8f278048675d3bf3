"""A set's findings, written as a check writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from facedata import PreparedSet
from facedata.checks.findings import FINDINGS
from facedata.tables.parquet import write_table


def write_findings(
    prepared: PreparedSet, findings: Sequence[dict[str, Any]], fingerprint: str | None = None
) -> Path:
    """Write findings; columns that one lacks are null, or 0 where they must not be."""
    filled = []
    for number, one in enumerate(findings):
        base = {
            field.name: None if field.nullable else {"string": ""}.get(str(field.type), 0)
            for field in FINDINGS
        }
        filled.append({**base, "finding": number, "severity": "suspect", **one})
    path = Path(str(prepared.path)) / "check" / "findings.parquet"
    path.parent.mkdir(exist_ok=True)
    table = pa.Table.from_pylist(filled, schema=FINDINGS)
    write_table(
        path, table, kind="findings", schema=FINDINGS, fingerprint=fingerprint or prepared.fingerprint
    )
    return path
