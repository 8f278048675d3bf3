"""What copies mean: kinds, severities, proposals and sentences."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from facedata.checks.copies.copy_findings import copy_findings
from facedata.checks.copies.find_copies import CopyPairs
from facedata.checks.findings import Finding, Kind, Proposal, Severity

CLASSES = pa.table(
    {
        "id": [10, 11, 12, 13, 14],
        "photo": ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "ann/3.jpg", "ann/3.jpg"],
        "identity": ["ann", "ann", "bob", "ann", "cat"],
        "split": ["train", "train", "train", "test", None],
    }
)


def _find(
    left: int, right: int, same_bytes: bool = False, mirrored: bool = False, likeness: float = 0.96875
) -> Finding:
    pairs = CopyPairs(
        np.array([left]), np.array([right]), np.array([same_bytes]),
        np.array([1 if same_bytes else likeness], np.float32), np.array([mirrored]),
    )  # fmt: skip
    (finding,) = copy_findings(pairs, CLASSES)
    return finding


def test_a_copy_within_a_person_is_a_note_and_the_later_one_can_go() -> None:
    finding = _find(0, 1)
    assert (finding.kind, finding.severity) == (Kind.SAME_PICTURE, Severity.NOTE)
    assert (finding.left, finding.right, finding.proposal) == (10, 11, Proposal.DROP)
    assert (finding.identity, finding.to_identity) == ("ann", None)
    assert finding.value == 0.96875
    assert finding.threshold is not None
    assert finding.threshold < finding.value
    assert finding.why == "ann/2.jpg is the same picture as ann/1.jpg."


def test_what_may_be_the_next_of_a_series_is_not_proposed_to_go() -> None:
    finding = _find(0, 1, likeness=0.875)
    assert (finding.severity, finding.proposal) == (Severity.NOTE, None)
    assert finding.why == "ann/2.jpg looks like the same picture, changed, as ann/1.jpg."
    across_splits, across_people = _find(0, 3, likeness=0.875), _find(0, 2, likeness=0.875)
    assert (across_splits.severity, across_splits.proposal) == (Severity.NOTE, None)
    assert across_people.severity is Severity.ERROR


def test_a_copy_across_people_is_an_error_that_says_both_names() -> None:
    finding = _find(0, 2, mirrored=True)
    assert (finding.kind, finding.severity, finding.proposal) == (Kind.SAME_PICTURE, Severity.ERROR, None)
    assert (finding.identity, finding.to_identity) == ("ann", "bob")
    assert finding.why == (
        "bob/1.jpg is the same picture as ann/1.jpg, mirrored, under two names: ann and bob; drop or move "
        "one of them."
    )


def test_a_copy_across_splits_is_an_error_and_the_later_one_can_go() -> None:
    finding = _find(1, 3, same_bytes=True)
    assert (finding.kind, finding.severity) == (Kind.SAME_BYTES, Severity.ERROR)
    assert finding.proposal is Proposal.DROP
    assert finding.why == "ann/3.jpg has the same bytes as ann/2.jpg, in two splits: train and test."


def test_one_photo_with_two_records_says_so() -> None:
    finding = _find(3, 4)
    assert finding.severity is Severity.ERROR
    assert finding.why == (
        "ann/3.jpg is in the set twice, under two names: ann and cat, in two splits: test and none; drop or "
        "move one of them."
    )


@pytest.mark.parametrize(("left", "right"), [(0, 2), (1, 3)])
def test_errors_score_above_notes(left: int, right: int) -> None:
    assert 1 >= _find(left, right).score > _find(0, 1).score > 0


def test_no_pairs_no_findings() -> None:
    none = np.zeros(0, np.int64)
    pairs = CopyPairs(none, none, none.astype(bool), none.astype(np.float32), none.astype(bool))
    assert copy_findings(pairs, CLASSES) == []
