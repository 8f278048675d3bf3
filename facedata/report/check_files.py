"""What the last check found: the findings that the page lists, counts of all, and each crop's qualities."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.check_folder import CHECK, CHECK_KIND, SUMMARY_FILE
from ..checks.findings import FINDINGS
from ..checks.quality.poor import RULES
from ..errors import SetError
from ..files.remote import Location
from ..sets.prepared import PreparedSet, short
from ..tables.parquet import read_blocks, read_footer
from ..types import Int32Array, Int64Array
from .crop_columns import CropColumns

MOST_LISTED = 2000
"""The most findings that are on the page."""

UNKNOWN = 255
"""A quality that could not be told."""

QUALITY_BINS = 20
"""Of the charts of qualities."""

_PEOPLE = ("left_identity", "right_identity", "identity", "to_identity")


@dataclass(frozen=True)
class CheckFiles:
    """What the page shows of a check; nothing where there was none.

    Attributes:
        counts: severity, kind and number of findings, errors first, in the order of the kinds.
        listed: those on the page, as :data:`facedata.checks.findings.FINDINGS`.
        of_person: ``(people,)`` int64, how many findings are about each person.
        quality: by name, ``(n,)`` uint8 of each crop: 0 worst to 254 best, :data:`UNKNOWN`.
        thresholds: by quality, below which a crop is reported; of those that have one.
        state: ``none``, ``current``, or ``stale`` where the check is of another state of the set, or damaged.
        note: what the user should know; empty for nothing.
    """

    counts: list[tuple[str, str, int]]
    listed: pa.Table
    of_person: Int64Array
    quality: dict[str, npt.NDArray[np.uint8]] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    state: str = "current"
    note: str = ""

    def describe(self) -> dict[str, Any] | None:
        """Return what the page's template says of the check; None if there was none."""
        if self.state == "none":
            return None
        total, is_stale = sum(count for _, _, count in self.counts), self.state == "stale"
        return {"counts": self.counts, "shown": len(self.listed), "total": total, "is_stale": is_stale}

    def named_rows(self, crops: CropColumns) -> Int64Array:
        """Return the rows of the crops that the listed findings are about; may repeat."""
        ids = [pc.drop_null(self.listed.column(side)).to_numpy() for side in ("left", "right")]
        rows = crops.rows_of(np.concatenate(ids))
        return rows[rows >= 0]


def read_check_files(prepared: PreparedSet, crops: CropColumns) -> CheckFiles:
    """Read what the last check of a set found.

    A check of another state of the set, or one whose files are damaged, counts for nothing but its note.
    """
    file = prepared.path / CHECK / SUMMARY_FILE
    nothing = CheckFiles([], FINDINGS.empty_table(), np.zeros(len(crops.people), np.int64), state="none")
    if not file.is_file():
        return nothing
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
        if summary["kind"] == CHECK_KIND and summary["fingerprint"] == prepared.fingerprint:
            return _Reader(prepared, crops).read(summary["settings"])
        why = "is of another state of the set"
    except (OSError, ValueError, LookupError, TypeError, RecursionError, SetError, pa.ArrowException):
        why = "cannot be read, or only in part"
    note = f"What the last check found {why}, and is left out: run `facedata check`, then `facedata report`."
    return replace(nothing, state="stale", note=note)


@dataclass(frozen=True)
class _Reader:
    """Reads the files of a check of this state of the set; what is wrong with them raises."""

    prepared: PreparedSet
    crops: CropColumns

    def read(self, settings: Mapping[str, Any]) -> CheckFiles:
        """Read all of it; ``settings`` are those of the check."""
        ranges, of_person = self._count()
        limits = {
            rule.column: float(settings[rule.kind.value]) for rule in RULES if rule.kind.value in settings
        }
        counts = [(*kind, count) for kind, count in ranges.items()]
        return CheckFiles(counts, self._list(ranges), of_person, self._measure(), limits)

    def _file(self, kind: str) -> Location:
        file = self.prepared.path / CHECK / f"{kind}.parquet"
        footer = read_footer(file)
        if footer.kind != kind or footer.fingerprint != self.prepared.fingerprint:
            raise SetError(f"{file} is of the set {short(footer.fingerprint)}, not of {self.prepared}")
        return file

    def _count(self) -> tuple[dict[tuple[str, str], int], Int64Array]:
        """Return how many findings there are by severity and kind, as they lie in the file, and by person."""
        counts: dict[tuple[str, str], int] = {}
        people = pa.array(self.crops.people, pa.string())
        of_person = np.zeros(len(people) + 1, np.int64)  # the last is for nobody
        for block in read_blocks(self._file("findings"), ["severity", "kind", *_PEOPLE]):
            kinds = block.group_by(["severity", "kind"], use_threads=False).aggregate([([], "count_all")])
            for row in kinds.to_pylist():
                kind = (row["severity"], row["kind"])
                counts[kind] = counts.get(kind, 0) + row["count_all"]
            at = [pc.index_in(block.column(name), value_set=people) for name in _PEOPLE]
            codes = np.sort([pc.fill_null(one, len(people)).to_numpy() for one in at], axis=0)
            codes[1:][codes[1:] == codes[:-1]] = len(people)  # a person counts once in each
            of_person += np.bincount(codes.ravel(), minlength=len(of_person))
        return counts, of_person[:-1]

    def _list(self, counts: Mapping[tuple[str, str], int]) -> pa.Table:
        """Return the findings for the page: the worst of each kind, errors before suspects before notes."""
        sizes = np.array(list(counts.values()), np.int64)
        starts, taken = np.cumsum(sizes) - sizes, np.zeros(len(sizes), np.int64)
        severities = np.array([severity for severity, _ in counts])
        for severity in dict.fromkeys(severities.tolist()):
            mine = severities == severity
            taken[mine] = share_evenly(sizes[mine], MOST_LISTED - int(taken.sum()))
        rows = np.concatenate([np.empty(0, np.int64), *map(np.arange, starts, starts + taken)])
        tables, start = [FINDINGS.empty_table()], 0
        for block in read_blocks(self._file("findings")):
            here = rows[(rows >= start) & (rows < start + len(block))] - start
            tables.append(block.select(FINDINGS.names).take(pa.array(here)).cast(FINDINGS))
            start += len(block)
        return pa.concat_tables(tables)

    def _measure(self) -> dict[str, npt.NDArray[np.uint8]]:
        """Return the qualities of all crops."""
        found: dict[str, npt.NDArray[np.uint8]] = {}
        for block in read_blocks(self._file("quality")):
            rows = self.crops.rows_of(block.column("id").to_numpy())
            for name in block.column_names[1:]:
                values = block.column(name).to_numpy().astype(np.float64)
                is_known = np.isfinite(values)
                scaled = _to_bytes(np.where(is_known, values, 0))
                mine = found.setdefault(name, np.full(len(self.crops), UNKNOWN, np.uint8))
                mine[rows[rows >= 0]] = np.where(is_known, scaled, UNKNOWN)[rows >= 0]
        return found


def _to_bytes(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return qualities as numbers up to 254: the nearest that are in the same bin of the charts."""
    top = UNKNOWN - 1
    values = np.clip(values, 0, 1)
    bins = np.minimum(np.floor(values * QUALITY_BINS + 1e-9), QUALITY_BINS - 1)
    first, after = np.ceil(bins * top / QUALITY_BINS), np.ceil((bins + 1) * top / QUALITY_BINS)
    return np.clip(np.round(values * top), first, np.where(bins == QUALITY_BINS - 1, top, after - 1))


def share_evenly(sizes: npt.NDArray[np.int64], room: int) -> npt.NDArray[np.int64]:
    """Return how many of each size to take so that ``room`` is used as evenly as can be.

    >>> share_evenly(np.array([5, 100, 2]), 20).tolist(), share_evenly(np.array([1, 1]), 1).tolist()
    ([5, 13, 2], [1, 0])
    """
    taken = np.zeros(len(sizes), np.int64)
    while room > 0 and (taken < sizes).any():
        is_open = np.flatnonzero(taken < sizes)
        if room < len(is_open):
            taken[is_open[:room]] += 1
            break
        step = min(room // len(is_open), int((sizes - taken)[is_open].min()))
        taken[is_open] += step
        room -= step * len(is_open)
    return taken


def worst_quality(
    quality: dict[str, npt.NDArray[np.uint8]], person: Int32Array, people: int
) -> npt.NDArray[np.uint8]:
    """Return each person's quality: the mean of their crops' worst ones, ``(people,)`` uint8.

    Args:
        quality: by name, ``(n,)`` uint8 of each crop.
        person: ``(n,)`` int32, each crop's person.
        people: how many there are.
    """
    found = np.full(people, UNKNOWN, np.uint8)
    if not quality:
        return found
    worst = np.full(len(person), UNKNOWN, np.uint8)
    for values in quality.values():
        np.minimum(worst, values, out=worst)
    is_known = worst != UNKNOWN
    counts = np.bincount(person[is_known], minlength=people)
    sums = np.bincount(person[is_known], weights=worst[is_known], minlength=people)
    has_any = counts > 0
    found[has_any] = np.round(sums[has_any] / counts[has_any]).astype(np.uint8)
    return found
