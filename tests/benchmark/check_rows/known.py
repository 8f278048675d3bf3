"""LFW's View 1 as it is: the published errors that a check finds, and what else it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import facemodel
from tests.benchmark.check_rows.line import Line
from tests.benchmark.check_rows.sets import Sets, known_errors

Found = dict[str, Any]
"""A row of findings.parquet."""

_MOST_OTHERS = 6
_PHOTO_KINDS = ("wrong_person", "stranger", "swapped")
_ABOUT = {
    "same_photo_two_names": ("same_picture", "same_bytes"),
    "double_name": ("double_name",),
    "wrong_name": ("wrong_person", "swapped"),
    "wrong_same_pair": ("official_pair", *_PHOTO_KINDS),
}
"""The kinds of findings that say what each kind of published error is."""


def known_lines(sets: Sets) -> Iterator[Line]:
    """Yield the rows of what is published, and of what is not."""
    checked = facemodel.check(sets.lfw_set.path, sets.model)
    found: list[Found] = checked.table.to_pylist()
    errors = known_errors()
    counts = f"{checked.summary['crops']:,} crops, {checked.summary['people']:,} people"
    for kind in _ABOUT:
        rows = [row for row in errors if row["kind"] == kind]
        by = [next((one["kind"] for one in found if is_about(one, row)), None) for row in rows]
        missed = [
            f"missed: {row['left']}, {row['right']}" for row, one in zip(rows, by, strict=True) if not one
        ]
        kinds = ", ".join(sorted({one for one in by if one}))
        text = f"{len(by) - by.count(None)} of {len(by)}" + (f" ({kinds})" if kinds else "")
        yield Line(f"lfw View 1: {kind}", text, "all", None not in by, counts=counts, more=tuple(missed))
    others = [one for one in found if not any(is_explained(one, row) for row in errors)]
    merges = [one for one in others if one["proposal"] == "merge"]
    more = tuple(describe(one) for one in merges)
    yield Line(
        "lfw View 1: other names merged", str(len(merges)), "0 that are two people", not merges, more=more
    )
    doubtful = [one for one in others if one["kind"] in ("wrong_person", "double_name")]
    yield Line(
        "lfw View 1: other findings of wrong person and double name", str(len(doubtful)),
        f"≤ {_MOST_OTHERS}, each judged in docs/check.md", len(doubtful) <= _MOST_OTHERS,
        more=tuple(describe(one) for one in doubtful),
    )  # fmt: skip
    rest = [one for one in others if one["kind"] in ("stranger", "swapped", "look_alikes", "official_pair")]
    yield Line(
        "lfw View 1: strangers, swapped, look-alikes, official pairs, not published", str(len(rest)),
        "no limit: to be looked at", True, more=tuple(describe(one) for one in rest),
    )  # fmt: skip


def is_about(finding: Found, error: dict[str, str]) -> bool:
    """Return whether a finding says what a published error says."""
    if finding["kind"] not in _ABOUT[error["kind"]]:
        return False
    named = {error["left"], error["right"]}
    photos = {Path(finding[side]).stem for side in ("left_photo", "right_photo") if finding[side]}
    if error["kind"] == "double_name":
        return {finding["identity"], finding["to_identity"]} == named
    if error["kind"] == "wrong_name":
        return error["left"] in photos and error["right"] in (finding["identity"], finding["to_identity"])
    return photos == named or (finding["kind"] in _PHOTO_KINDS and bool(photos & named))


def is_explained(finding: Found, error: dict[str, str]) -> bool:
    """Return whether a finding comes of a published error: it is about its photos or its two people."""
    named = {error["left"], error["right"]}
    photos = {Path(finding[side]).stem for side in ("left_photo", "right_photo") if finding[side]}
    return bool(photos & named) or {finding["identity"], finding["to_identity"]} == named


def describe(finding: Found) -> str:
    """Return a line for a person who wants to look."""
    value = finding["value"]
    text = f"{finding['kind']} ({finding['score']:.2f}): {finding['why']}"
    return text if value is None else f"{text} [{value:.2f}]"
