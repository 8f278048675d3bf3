"""What a finding is, the table of them, and what a check returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..types import Int64Array

if TYPE_CHECKING:
    import pandas as pd

    from ..pages.notebook import Shown
    from ..sets.prepared import PreparedSet


class Severity(str, Enum):
    """How serious a finding is: an ``error`` or a ``suspect`` that is not settled makes a check fail."""

    ERROR = "error"
    SUSPECT = "suspect"
    NOTE = "note"


class Kind(str, Enum):
    """What a finding says, in the order in which findings are listed."""

    CROP_MISSING = "crop_missing"
    CROP_CHANGED = "crop_changed"
    TABLE_TORN = "table_torn"
    COUNTS_DIFFER = "counts_differ"
    UNKNOWN_ID = "unknown_id"
    LABELS_WRONG = "labels_wrong"
    PERSON_IN_TWO_SPLITS = "person_in_two_splits"
    TRAIN_IN_TEST = "train_in_test"
    SAME_BYTES = "same_bytes"
    SAME_PICTURE = "same_picture"
    WRONG_PERSON = "wrong_person"
    STRANGER = "stranger"
    SWAPPED = "swapped"
    DOUBLE_NAME = "double_name"
    LOOK_ALIKES = "look_alikes"
    OFFICIAL_PAIR = "official_pair"
    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    FLAT = "flat"
    SMALL = "small"
    TURNED_AWAY = "turned_away"
    CUT_OFF = "cut_off"
    STRADDLING = "straddling"
    SHARED_WITH_OTHER_SET = "shared_with_other_set"


class Proposal(str, Enum):
    """What a finding proposes; only what the evidence carries."""

    DROP = "drop"
    MOVE = "move"
    MERGE = "merge"


FINDINGS = pa.schema(
    [
        pa.field("finding", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
        pa.field("left", pa.int64()),
        pa.field("left_photo", pa.string()),
        pa.field("left_identity", pa.string()),
        pa.field("left_split", pa.string()),
        pa.field("right", pa.int64()),
        pa.field("right_photo", pa.string()),
        pa.field("right_identity", pa.string()),
        pa.field("right_split", pa.string()),
        pa.field("identity", pa.string()),
        pa.field("to_identity", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("proposal", pa.string()),
        pa.field("why", pa.string(), nullable=False),
    ]
)
"""check/findings.parquet: one row per finding, errors first, then by kind, the worst first."""

_SEVERITIES, _KINDS = list(Severity), list(Kind)
_SIDES = ("left", "right")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, doubtful or worth knowing.

    Attributes:
        kind: what it is.
        severity: how serious.
        score: 0 to 1, 1 the worst; comparable within a kind.
        why: one sentence for the user.
        left: the id of the crop that is meant, or None.
        right: the id of the other crop, where two are meant.
        identity: the person that it is about, where it is about people.
        to_identity: the other person, or the one to whom a photo seems to belong.
        value: what was measured.
        threshold: what it was compared with.
        proposal: what to do, or None.
        left_photo: the photo that is meant if it has no crop; crops' photos are filled in.
        right_photo: the same for the other photo.
    """

    kind: Kind
    severity: Severity
    score: float
    why: str
    left: int | None = None
    right: int | None = None
    identity: str | None = None
    to_identity: str | None = None
    value: float | None = None
    threshold: float | None = None
    proposal: Proposal | None = None
    left_photo: str | None = None
    right_photo: str | None = None


def findings_table(findings: Iterable[Finding], classes: pa.Table) -> pa.Table:
    """Number findings and add the photos', people's and splits' names.

    Args:
        findings: in any order.
        classes: ``id``, ``photo``, ``identity`` and ``split`` of the set's crops, in ascending ``id``; may be
            empty where they cannot be read.

    Returns:
        A table of :data:`FINDINGS`, the same for the same findings in whatever order.
    """
    ordered = sorted(findings, key=order_of)
    columns: dict[str, Any] = {
        "finding": np.arange(len(ordered)),
        "kind": [one.kind.value for one in ordered],
        "severity": [one.severity.value for one in ordered],
        "score": [min(max(float(one.score), 0.0), 1.0) for one in ordered],
        "proposal": [one.proposal and one.proposal.value for one in ordered],
    }
    for name in ("identity", "to_identity", "value", "threshold", "why"):
        columns[name] = [getattr(one, name) for one in ordered]
    for side in ("left", "right"):
        ids = columns[side] = [getattr(one, side) for one in ordered]
        rows = _find_rows(classes, ids)
        for name in ("photo", "identity", "split"):
            columns[f"{side}_{name}"] = classes.column(name).take(rows).to_pylist()
        given = [getattr(one, f"{side}_photo") for one in ordered]
        photos = columns[f"{side}_photo"]
        columns[f"{side}_photo"] = [mine or other for mine, other in zip(given, photos, strict=True)]
    return pa.table({name: pa.array(columns[name], FINDINGS.field(name).type) for name in FINDINGS.names})


def order_of(finding: Finding) -> tuple[Any, ...]:
    """Return the key by which findings are sorted: errors first, then by kind, the worst first."""
    sides = (-1 if finding.left is None else finding.left, -1 if finding.right is None else finding.right)
    texts = (finding.left_photo or "", finding.identity or "", finding.to_identity or "", finding.why)
    place = (_SEVERITIES.index(finding.severity), _KINDS.index(finding.kind), -finding.score)
    return (*place, *sides, *texts)


def _find_rows(classes: pa.Table, ids: list[int | None]) -> pa.Array:
    """Return each id's row number in the classes; null for None, and for an id that no crop has."""
    known: Int64Array = classes.column("id").to_numpy().astype(np.int64)
    wanted = np.array([-1 if one is None else one for one in ids], np.int64)
    at = np.searchsorted(known, wanted)
    is_there = (at < len(known)) & (known[np.minimum(at, len(known) - 1)] == wanted) if len(known) else at < 0
    return pa.array(at, pa.int64(), mask=~is_there)


def count_kinds(findings: pa.Table) -> dict[str, dict[str, int]]:
    """Return how many findings there are by severity and kind, in the order of the table."""
    counts: dict[str, dict[str, int]] = {}
    kinds = Counter(zip(*(findings.column(name).to_pylist() for name in ("severity", "kind")), strict=True))
    for (severity, kind), count in kinds.items():
        counts.setdefault(severity, {})[kind] = count
    return counts


@dataclass(frozen=True)
class Findings:
    """What a check found.

    Attributes:
        folder: where findings.parquet, summary.json and the other files are.
        table: the findings, as :data:`FINDINGS`.
        summary: summary.json.
        prepared: the set; None if it cannot be opened.
    """

    folder: Path
    table: pa.Table = field(repr=False)
    summary: dict[str, Any] = field(repr=False)
    prepared: PreparedSet | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        kinds = Counter(self.table.column("kind").to_pylist())
        counts = ", ".join(f"{name} {count:,}" for name, count in kinds.items()) or "nothing found"
        return f"Findings({str(self.folder)!r}: {counts})"

    def _repr_html_(self) -> str:
        from ..pages.notebook import render_object  # with jinja2, which only those who look at them need

        return render_object(repr(self), lambda: show_findings(self))

    @property
    def undecided(self) -> int:
        """How many errors and suspects remain."""
        return sum(one != Severity.NOTE.value for one in self.table.column("severity").to_pylist())

    def to_pandas(self) -> pd.DataFrame:
        """Return the findings as a data frame, a row each."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame


def show_findings(findings: Findings, most: int = 6) -> Shown:
    """Return what a notebook shows: how many there are, and the worst of each kind as pictures.

    Args:
        findings: from a check.
        most: how many are shown; the worst of each kind first, then the second worst.
    """
    from ..pages.notebook import Group, Picture, Shown, Table
    from ..sets.notebook import picture_of, read_crops

    lines, places, start = [], [], 0
    for severity, kinds in findings.summary["findings"].items():
        for kind, count in kinds.items():  # as the table is sorted, the worst first
            lines.append((f"{kind}, {severity}", f"{count:,}"))
            places += [(nth, start + nth) for nth in range(min(count, most))]
            start += count
    rows = pa.array(sorted(row for _, row in sorted(places)[:most]), pa.int64())
    worst = findings.table.take(rows).to_pylist()
    sides = [(one[side], one[f"{side}_identity"], one[f"{side}_photo"]) for one in worst for side in _SIDES]
    pictures = {crop: Picture(None, who or "", photo or "") for crop, who, photo in sides if crop is not None}
    if findings.prepared is not None and pictures:
        pictures |= {crop.id: picture_of(crop) for crop in read_crops(findings.prepared, [*pictures])}
    groups = (
        Group(
            tuple(pictures[one[side]] for side in _SIDES if one[side] is not None),
            f"{one['severity']}, {one['kind']}: {one['why']}",
        )
        for one in worst
    )
    tables = (Table(("finding", "count"), tuple(lines)),) if lines else ()
    return Shown(tables, tuple(groups))
