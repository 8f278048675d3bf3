"""The folder of real photos and networks, when it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("FACEDATA_SHARED", Path(__file__).parents[3] / "shared"))

needs_shared = pytest.mark.skipif(
    not (SHARED / "data").is_dir(),
    reason=f"no real photos at {SHARED} (set FACEDATA_SHARED to the folder that has data/ and weights/)",
)
