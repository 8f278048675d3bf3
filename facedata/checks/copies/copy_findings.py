"""What copies mean in a set: a repeated photo, one photo under two names, or one on both sides of a split."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..findings import Finding, Kind, Proposal, Severity
from .find_copies import CopyPairs
from .same_picture import LIKENESS

_SCORE_OF_NOTE = 0.5

_CERTAIN = 0.94
"""Photos saved again once are more alike than this; those below were changed more, or are of one series."""


def copy_findings(pairs: CopyPairs, classes: pa.Table) -> list[Finding]:
    """Return a finding for each pair of copies, in their order.

    Copies of two people or in two splits are errors; of one person's photos only if they are certain, since
    others may be of one series. Then the later one can go. Which of two names is right, a copy does not tell.

    Args:
        pairs: rows of the classes.
        classes: the set's crops, with ``id``, ``photo``, ``identity`` and ``split``.
    """
    sides = [classes.take(pa.array(rows)).to_pylist() for rows in (pairs.left, pairs.right)]
    columns = (pairs.is_same_bytes.tolist(), pairs.likeness.tolist(), pairs.is_mirrored.tolist())
    found = []
    for left, right, is_same, likeness, is_mirrored in zip(*sides, *columns, strict=True):
        one_person, one_split = (left[name] == right[name] for name in ("identity", "split"))
        is_certain = is_same or likeness >= _CERTAIN
        is_note = one_person and (one_split or not is_certain)
        what = "is the same picture as" if is_certain else "looks like the same picture, changed, as"
        what = "has the same bytes as" if is_same else what
        finding = Finding(
            kind=Kind.SAME_BYTES if is_same else Kind.SAME_PICTURE,
            severity=Severity.NOTE if is_note else Severity.ERROR,
            # comparable within a kind: across people and splits above within, the surer the higher
            score=likeness * (_SCORE_OF_NOTE if is_note else 1.0),
            why=_say(left, right, what, is_mirrored),
            left=left["id"],
            right=right["id"],
            identity=left["identity"],
            to_identity=None if one_person else right["identity"],
            value=likeness,
            threshold=1.0 if is_same else LIKENESS,
            proposal=Proposal.DROP if one_person and is_certain else None,
        )
        found.append(finding)
    return found


def _say(left: dict[str, Any], right: dict[str, Any], what: str, is_mirrored: bool) -> str:
    text = f"{right['photo']} {what} {left['photo']}{', mirrored' if is_mirrored else ''}"
    if left["photo"] == right["photo"]:
        text = f"{right['photo']} is in the set twice"
    if left["identity"] != right["identity"]:
        text += f", under two names: {left['identity']} and {right['identity']}"
    if left["split"] != right["split"]:
        text += f", in two splits: {left['split'] or 'none'} and {right['split'] or 'none'}"
    if left["identity"] != right["identity"]:
        text += "; drop or move one of them"
    return f"{text}."
