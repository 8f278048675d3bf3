"""The end of a check: what is settled left out, proposals made, and all files written, or none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..files.staged import StagedFiles
from ..tables.parquet import stage_table
from .check_folder import CHECK_KIND, SUMMARY_FILE, read_lines
from .corrections_csv import files_to_write
from .finding_names import CropNames
from .findings import FINDINGS, Finding, Findings, count_kinds, findings_table
from .proposals import as_proposed, is_own, join_lines, propose
from .run_checks import Checked
from .settled import find_meant, leave_out_settled, read_decisions


def close_check(
    folder: Path,
    checked: Checked,
    more: Sequence[Finding] = (),
    summary: Mapping[str, Any] | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> Findings:
    """Leave out what is settled, make the proposals, and write the folder's files, summary.json last.

    Args:
        folder: from :func:`open_check_folder`.
        checked: from :func:`facedata.checks.run_checks.run_checks`.
        more: further findings, of who is who.
        summary: further keys of summary.json.
        extra: further files, by name, which belong to this check.

    Raises:
        UsageError: corrections.csv was edited meanwhile, and cannot be read.
        StoreError: a file cannot be written; those of an earlier check stay.
    """
    lines = [as_proposed(line) for line in read_lines(folder)]  # again: it may have been edited meanwhile
    written = [line for line in lines if not is_own(line)]
    findings = [*checked.findings, *more]
    names = CropNames(findings, checked.classes, checked.records)
    mine = find_meant(written, checked.prepared, names.photos_of)
    decisions = read_decisions(checked.prepared, mine)
    findings, settled = leave_out_settled(findings, decisions, names)
    proposed = propose(findings, mine, decisions.distinct, names)
    table = findings_table(findings, checked.classes)
    found: dict[str, Any] = {
        **checked.summary,
        **(summary or {}),
        "kind": CHECK_KIND,
        "facedata": version("facedata"),
        "fingerprint": checked.fingerprint,
        "findings": count_kinds(table),
        "settled": settled,
        "corrections": {"proposed": len(proposed), "yours": len(written)},
        "files": {},
    }
    tables = {"findings": (table, FINDINGS), "quality": (checked.quality, checked.quality.schema)}
    with StagedFiles() as staged:
        for name, (rows, schema) in tables.items():
            found["files"][f"{name}.parquet"] = stage_table(
                staged, folder / f"{name}.parquet", rows.combine_chunks(), kind=name, schema=schema,
                fingerprint=checked.fingerprint,
            )  # fmt: skip
        found["files"] |= _stage(staged, folder, {**checked.files, **(extra or {})})
        _stage(staged, folder, files_to_write(folder, lines, join_lines(lines, proposed)))
        text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        _stage(staged, folder, {SUMMARY_FILE: text.encode()})
        staged.commit()
    return Findings(folder, table, found, checked.prepared)


def _stage(staged: StagedFiles, folder: Path, contents: Mapping[str, bytes]) -> dict[str, dict[str, str]]:
    """Stage files; return what summary.json records of them."""
    for name, content in contents.items():
        with staged.open(folder / name) as stream:
            stream.write(content)
    return {name: {"sha256": hashlib.sha256(content).hexdigest()} for name, content in contents.items()}
