"""The findings of a table of qualities."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from facedata.checks.findings import Finding, Kind, Proposal, Severity, findings_table
from facedata.checks.quality.measure import QUALITY
from facedata.checks.quality.poor import quality_findings
from facedata.config import CheckConfig
from facedata.tables.schema import CLASSES
from tests.support.measured_faces import quality_table

_COLUMNS = {
    Kind.BLURRED: "sharpness",
    Kind.DARK: "not_dark",
    Kind.BRIGHT: "not_bright",
    Kind.FLAT: "contrast",
    Kind.SMALL: "size",
    Kind.TURNED_AWAY: "pose",
    Kind.CUT_OFF: "uncut",
    Kind.STRADDLING: "unshared",
}
each_kind = pytest.mark.parametrize("kind", _COLUMNS)


def _find(rows: list[dict[str, float | None]], **thresholds: float) -> list[Finding]:
    return quality_findings(quality_table(rows, first_id=10), CheckConfig(**thresholds))  # type: ignore[arg-type]  # only floats


@each_kind
def test_what_is_below_the_threshold_is_found(kind: Kind) -> None:
    column = _COLUMNS[kind]
    (found,) = _find([{}, {column: 0.1}, {column: 0.6}], **{kind.value: 0.5})
    assert (found.kind, found.left, found.right) == (kind, 11, None)
    assert found.value == pytest.approx(0.1)
    assert found.threshold == 0.5
    assert found.score == pytest.approx(0.8)
    assert column in found.why
    assert "0.10" in found.why
    straddles = kind is Kind.STRADDLING
    assert found.severity is (Severity.SUSPECT if straddles else Severity.NOTE)
    assert found.proposal is (Proposal.DROP if straddles else None)


@each_kind
def test_at_the_threshold_unknown_or_switched_off_nothing_is_found(kind: Kind) -> None:
    column = _COLUMNS[kind]
    assert not _find([{column: 0.5}, {column: None}, {column: float("nan")}], **{kind.value: 0.5})
    assert not _find([{column: 0.0}], **{kind.value: 0.0})


def test_every_kind_has_a_default_between_the_best_and_the_worst() -> None:
    assert not _find([{}])
    worst = dict.fromkeys(QUALITY.names[1:], 0.0)
    assert [found.kind for found in _find([dict(worst)])] == list(_COLUMNS)
    assert {found.score for found in _find([dict(worst)])} == {1.0}


def test_an_empty_table_has_none() -> None:
    assert quality_findings(QUALITY.empty_table(), CheckConfig()) == []


def test_they_fit_the_table_of_findings() -> None:
    found = _find([{"sharpness": 0.1, "unshared": 0.2}])
    table = findings_table(found, pa.table({name: [] for name in CLASSES.names}, schema=CLASSES))
    assert table.column("kind").to_pylist() == ["straddling", "blurred"]
    assert table.column("proposal").to_pylist() == ["drop", None]
    np.testing.assert_array_less(table.column("value").to_numpy(), table.column("threshold").to_numpy())


@pytest.mark.parametrize(
    ("value", "shown"), [(0.1, "0.10"), (0.2768, "0.277"), (0.2796, "0.2796"), (0.279996, "0.279996")]
)
def test_a_value_is_shown_with_the_digits_that_tell_it_from_the_threshold(value: float, shown: str) -> None:
    (found,) = _find([{"sharpness": value}], blurred=0.28)
    assert f"sharpness {shown} is below 0.28 " in found.why
