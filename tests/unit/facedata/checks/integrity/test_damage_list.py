"""Of many findings of a sort a few are listed, and the rest is one number."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.checks.findings import Kind, Severity
from facedata.checks.integrity.damage_list import MOST, DamageList


def describe(row: int) -> dict[str, object]:
    return {"why": f"row {row}", "left": row}


@pytest.mark.parametrize("count", [0, 1, MOST, MOST + 1, 1_000_000])
def test_the_rest_is_counted(count: int) -> None:
    damage = DamageList()
    half = count // 2
    damage.add_rows(Kind.UNKNOWN_ID, "odd rows", np.arange(half), describe)
    damage.add_rows(Kind.UNKNOWN_ID, "odd rows", np.arange(half, count), describe)
    found = damage.findings()
    assert [one.left for one in found[:MOST]] == list(range(min(count, MOST)))
    if count <= MOST:
        assert len(found) == count
    else:
        assert len(found) == MOST + 1
        assert found[-1].value == count - MOST
        assert found[-1].why == f"{count - MOST:,} more odd rows"
        assert (found[-1].kind, found[-1].severity) == (Kind.UNKNOWN_ID, Severity.ERROR)


def test_sorts_and_severities_are_counted_apart() -> None:
    damage = DamageList()
    for sort in ("odd rows", "even rows"):
        for severity in (Severity.ERROR, Severity.NOTE):
            damage.add_rows(Kind.UNKNOWN_ID, sort, np.arange(MOST + 1), describe, severity)
    assert len(damage.findings()) == 4 * (MOST + 1)


def test_findings_of_no_sort_are_all_listed() -> None:
    damage = DamageList()
    for number in range(2 * MOST):
        damage.add(Kind.TABLE_TORN, f"{number}")
    assert [one.why for one in damage.findings()] == [str(number) for number in range(2 * MOST)]
