"""Files of pairs to verify as other programs pickle them, with Python's own module."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def pickle_pairs(path: Path, images: Sequence[bytes], same: Sequence[bool], protocol: int = 4) -> Path:
    """Write a ``.bin`` as InsightFace's tools do."""
    return pickle_any(path, (list(images), list(same)), protocol)


def pickle_any(path: Path, value: Any, protocol: int = 4) -> Path:
    """Write any value."""
    path.write_bytes(pickle.dumps(value, protocol))
    return path
