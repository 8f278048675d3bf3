"""What a check has kept: embeddings at length one, and its limit as a cosine; or nothing, and a line."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facedata import ClassManifest, PreparedSet
from facemodel.checks.official_pairs import OfficialPairs
from facemodel.checks.who.find import find_people_findings
from facemodel.config import CheckConfig
from facemodel.models.embedding_file import PART_ROWS
from facemodel.training.doubt.likeness import read_likeness
from tests.support.kept_check import write_kept
from tests.support.small_set import make_set
from tests.support.synthetic_people import crops_of, many_people

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def faces(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", {f"p{number}": 3 for number in range(4)})


def numbers(faces: PreparedSet) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(0).normal(size=(len(ClassManifest.open(faces)), 5)).astype(np.float32)


def folder(faces: PreparedSet) -> Path:
    return Path(str(faces.path)) / "check"


def test_some_crops_are_read_at_length_one_with_the_limit_as_a_cosine(faces: PreparedSet) -> None:
    values = numbers(faces)
    values[4], values[5] = np.nan, 0
    write_kept(faces, values, value=0.5, usual=0.2)
    ids = ClassManifest.open(faces).ids
    kept = read_likeness(folder(faces), faces, ids[[2, 4, 5, 9]])
    assert kept is not None
    assert kept.ids.tolist() == ids[[2, 9]].tolist(), "those without usable numbers are left out"
    expected = values[[2, 9]] / np.linalg.norm(values[[2, 9]].astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(kept.directions, expected, rtol=1e-6)
    assert kept.limit == pytest.approx(0.2 + 0.5 * 0.8)


def test_crops_of_all_blocks_are_read(tmp_path: Path) -> None:
    faces = make_set(tmp_path / "many", {f"p{number}": 30 for number in range(PART_ROWS // 20)})
    values = numbers(faces)
    write_kept(faces, values)
    ids = ClassManifest.open(faces).ids
    some = np.array([0, PART_ROWS - 1, PART_ROWS, len(ids) - 1])
    kept = read_likeness(folder(faces), faces, ids[some])
    assert kept is not None
    assert kept.ids.tolist() == ids[some].tolist()
    lengths = np.linalg.norm(values[some], axis=1)
    np.testing.assert_allclose(kept.directions * lengths[:, None], values[some], rtol=1e-5)


def test_the_first_threshold_is_that_of_two_names_with_a_photo_each() -> None:
    vectors, person = many_people(60, [2, 3], 64, 0.7)
    none = np.empty(0, np.int64)
    pairs = OfficialPairs(none, none, np.empty(0, np.bool_))
    crops = crops_of([f"P{name}" for name in person])
    _, about = find_people_findings(vectors, crops, replace(CheckConfig(), odds=20.0), pairs=pairs)
    assert about["thresholds"][0]["text"].startswith(
        "similarity from which two names with 1 photo each are reported as one person"
    )
    assert "usual" in about["likelihood"]


@pytest.mark.parametrize(
    "change",
    [
        lambda summary: summary.pop("who_is_who"),
        lambda summary: summary["who_is_who"].pop("thresholds"),
        lambda summary: summary["who_is_who"].update(thresholds=[]),
        lambda summary: summary["who_is_who"].update(embeddings=None),
        lambda summary: summary["who_is_who"].update(embeddings="embeddings-none.parquet"),
        lambda summary: summary["who_is_who"].update(embeddings="findings.parquet"),
        lambda summary: summary["who_is_who"].update(model="cd" * 32),
        lambda summary: summary["who_is_who"]["likelihood"].update(usual=3.0),
        lambda summary: summary.update(fingerprint="cd" * 32),
        lambda summary: summary.update(who_is_who=[]),
    ],
    ids=range(10),
)  # fmt: skip
def test_where_it_is_not_all_there_a_line_says_so(
    faces: PreparedSet, change: Change, caplog: pytest.LogCaptureFixture
) -> None:
    write_kept(faces, numbers(faces))
    file = folder(faces) / "summary.json"
    summary = json.loads(file.read_text("utf-8"))
    change(summary)
    file.write_text(json.dumps(summary), "utf-8")
    with caplog.at_level(logging.INFO):
        assert read_likeness(folder(faces), faces, ClassManifest.open(faces).ids) is None
    assert "photos that are left out are not compared with each other" in caplog.text


def test_numbers_that_changed_and_those_of_another_state_are_not_used(faces: PreparedSet) -> None:
    ids = ClassManifest.open(faces).ids
    file = write_kept(faces, numbers(faces), fingerprint="cd" * 32)
    assert read_likeness(folder(faces), faces, ids) is None
    write_kept(faces, numbers(faces))
    assert read_likeness(folder(faces), faces, ids) is not None
    file.write_bytes(file.read_bytes()[:-20])
    assert read_likeness(folder(faces), faces, ids) is None
    (folder(faces) / "summary.json").write_text("{", "utf-8")
    assert read_likeness(folder(faces), faces, ids) is None
