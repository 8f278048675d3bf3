"""Qualities by name: what is missing is said of what the user wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facedata import ClassManifest
from facedata.errors import UsageError
from facemodel.scoring.discard.columns import read_qualities
from tests.support.ledger_columns import add_ledger_column
from tests.support.small_set import make_set


def test_a_column_of_numbers_is_taken_once(tmp_path: Path) -> None:
    faces = add_ledger_column(make_set(tmp_path / "faces", {"a": 2, "b": 2}), "meta_light", lambda *_: 3.5)
    (light,) = read_qualities(ClassManifest.open(faces), ["meta_light", "meta_light"])
    assert light.column == "meta_light"
    np.testing.assert_array_equal(light.values, [3.5] * 4)


def test_without_a_check_the_option_is_named_as_it_was_written(tmp_path: Path) -> None:
    classes = ClassManifest.open(make_set(tmp_path / "faces", {"a": 2, "b": 2}))
    with pytest.raises(UsageError, match=r"^--discard quality: .*quality.parquet is not there"):
        read_qualities(classes, ["quality"])
    with pytest.raises(UsageError, match=r"^--discard sharpness: .*quality.parquet is not there"):
        read_qualities(classes, ["sharpness"])
    with pytest.raises(UsageError, match=r"^--discard meta_age: there is no such column"):
        read_qualities(classes, ["meta_age"])
    with pytest.raises(UsageError, match=r"^--discard split: it has to be a column of numbers"):
        read_qualities(classes, ["split"])
