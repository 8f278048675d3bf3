"""Memory of the conducting process, per row: the wide columns of a ledger never are in it together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FEW, MANY = 140_000, 280_000  # both more than a row group, whose block is the same for any number
MOST_BYTES_A_ROW = 1000
"""Twenty million rows in 4 GB are 200; two short runs differ by more than what they need at the same time."""


def measured(count: int, out: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmark.scale", "one-rows", str(count), "--out", str(out)]
    done = subprocess.run(
        [*command, "--triplets-per-photo", "1"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks of memory are read from /proc")
def test_a_row_takes_few_bytes(tmp_path: Path) -> None:
    few, many = measured(FEW, tmp_path / "few"), measured(MANY, tmp_path / "many")
    assert few["files_gb"]["photos"] * 1e9 / FEW > 150  # the rows are as wide as real ones
    growth = (many["peak_gb"] - few["peak_gb"]) * 1e9 / (MANY - FEW)
    assert growth < MOST_BYTES_A_ROW, (few, many)
