"""A small set and a short run on it, which the tests of a module share and leave as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata.sets.prepared import PreparedSet
from facemodel import fit
from tests.support.people_set import people_set
from tests.support.tiny_fit import FEW


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return people_set(tmp_path_factory.mktemp("set"), people=12)


@pytest.fixture(scope="module")
def run(faces: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    fit(faces.path, out := tmp_path_factory.mktemp("runs") / "run", **FEW)
    return out
