"""Settings every test shares, and which unit tests are quick."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings

# examples depend on the test alone, so a failure comes back; first calls import things, so no deadline
settings.register_profile("project", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("project")

_UNIT = Path(__file__).parent / "unit"
# Pages and folders of unit tests that start processes, train, paint, or run a real network.
_NOT_QUICK = [
    _UNIT / name
    for name in (
        "test_docs.py", "facedata/detect/mtcnn", "facedata/detect/one_shot", "facedata/painted",
        "facedata/photos/test_image.py", "facedata/sources/test_archive.py", "facedata/sources/test_demo.py",
        "facedata/test_cli.py", "facedata/test_testing.py", "facedata/work/test_engine.py",
        "facemodel/batches/test_reader.py", "facemodel/commands/test_export.py", "facemodel/machine",
        "facemodel/models", "facemodel/network", "facemodel/test_cli.py", "facemodel/training",
    )
]  # fmt: skip


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Mark what `make quick` runs."""
    for item in items:
        places = {item.path, *item.path.parents}
        if _UNIT in places and places.isdisjoint(_NOT_QUICK):
            item.add_marker("quick")
