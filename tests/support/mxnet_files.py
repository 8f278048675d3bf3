"""The files that real MXNet and Python 2 wrote, and what MXNet reads from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

MXNET_FILES = Path(__file__).parents[1] / "integration/facedata/mxnet_fixtures"
SETS = ("insightface", "im2rec", "split")


class MxnetRecord(NamedTuple):
    """A record as MXNet reads it."""

    key: int
    flag: int
    labels: list[float]
    length: int
    sha256: str


def mxnet_records(name: str) -> list[MxnetRecord]:
    """Return the records of one of the sets, in the order of its ``.idx``, which is that of its bytes."""
    return [MxnetRecord(*row) for row in json.loads((MXNET_FILES / "expected.json").read_text())[name]]
