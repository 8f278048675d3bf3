"""The bytes that the demo, LFW, CelebA, a run, its scores and a gallery had before the house was rebuilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.record import CASES, SHARED, differences, made_with, record, recorded


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_same_bytes_as_ever(case: str, tmp_path: Path) -> None:
    before, digests = recorded()
    now = made_with()
    if before != now:
        other = ", ".join(
            f"{name} {now[name]}, not {before.get(name)}" for name in now if before.get(name) != now[name]
        )
        pytest.skip(f"the digests hold on one kind of machine: here it has {other}")
    if case != "demo" and not SHARED.is_dir():
        pytest.skip(f"no real photos at {SHARED} (set FACEDATA_SHARED)")
    assert not differences(digests[case], record(tmp_path, case))
