"""What a check found, if it is of this state of the set."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ..checks.check_folder import CHECK, SUMMARY_FILE
from ..checks.findings import FINDINGS
from ..errors import OtherSetError, SetError, UsageError
from ..files.atomic import file_sha256
from ..files.remote import Remote, parse_location
from ..sets.prepared import PreparedSet, short
from ..tables.parquet import read_footer, read_table

FINDINGS_FILE = "findings.parquet"


@dataclass(frozen=True)
class CheckFindings:
    """A check's findings.

    Attributes:
        folder: where its files are.
        table: the findings, as :data:`facedata.checks.findings.FINDINGS`.
        sha256: of findings.parquet.
    """

    folder: Path
    table: pa.Table = field(repr=False)
    sha256: str


def find_check_folder(prepared: PreparedSet, check: str | os.PathLike[str] | None) -> Path:
    """Return the folder that a check wrote to.

    Args:
        prepared: the set.
        check: another folder than ``check`` in the set's.

    Raises:
        UsageError: none is named and the set is at a URL, or one at a URL is named.
    """
    location = prepared.path / CHECK if check is None else parse_location(check)
    if isinstance(location, Remote):
        hint = "--check names the folder here that `facedata check --out` wrote to"
        raise UsageError(f"{location} is at a URL, and a review reads findings on this machine: {hint}")
    return location


def read_findings(prepared: PreparedSet, folder: Path) -> CheckFindings:
    """Read what a check of a set found.

    Raises:
        SetError: the set was not checked, or the file cannot be read.
        OtherSetError: the findings are of another set, or of another state of this one.
    """
    file = folder / FINDINGS_FILE
    again = f"`facedata check {prepared}`, or with a model `facemodel check MODEL {prepared}`"
    if not file.is_file() or not (folder / SUMMARY_FILE).is_file():
        raise SetError(f"{folder} holds no findings: run {again} first")
    footer = read_footer(file)
    if footer.fingerprint != prepared.fingerprint:
        raise OtherSetError(
            f"{file} is of the set {short(footer.fingerprint)}, and {prepared} is now "
            f"{short(prepared.fingerprint)}: run {again} again"
        )
    try:
        table = read_table(file, "findings").select(FINDINGS.names)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise SetError(f"{file} is damaged ({' '.join(str(error).split())}): run {again} again") from error
    return CheckFindings(folder, table, file_sha256(file))
