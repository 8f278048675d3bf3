"""What a card says of a set is what its tables say, and what its check said of it as it is now."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facedata import PreparedSet, open_set
from facedata.checks.check_folder import CHECK, SUMMARY_FILE
from facedata.checks.findings import Finding, Kind, Severity
from facedata.exports.cards.set_facts import STATUS_WORDS, SetFacts, read_check
from facedata.interchange.export_note import ExportNote
from facedata.types import Status
from tests.support.carded_sets import carded_set
from tests.support.report_sets import write_check


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return carded_set(tmp_path_factory.mktemp("carded"))


def facts_of(prepared: PreparedSet, **note: Any) -> SetFacts:
    counts = {"train": {"crops": 9, "people": 3}, "test": {"crops": 9, "people": 3}}
    told = ExportNote("hf", prepared.fingerprint, "0.1", "square", 48, counts)
    return SetFacts(
        "faces", replace(told, **note), prepared.info, 18, 6, (), ("meta_consent",), read_check(prepared)
    )


def test_every_status_has_its_words() -> None:
    assert set(STATUS_WORDS) == set(Status)


def test_statuses_are_those_of_the_ledger_in_order(faces: PreparedSet) -> None:
    plain = Counter(faces.table("photos").column("status").to_pylist())
    found = facts_of(faces).statuses
    assert found == dict(plain) == {"kept": 18, "no_face": 1}
    assert list(found) == ["kept", "no_face"]


def test_the_steps_say_the_settings(faces: PreparedSet) -> None:
    steps = " ".join(facts_of(faces).list_steps())
    assert "by mtcnn: those with a score of at least 0.9 and a box of at least 20 pixels" in steps
    assert "nobody is in two splits. Ratios train=0.5,test=0.5, seed 0." in steps
    assert "Quux" not in steps
    assert str(faces.path) not in steps


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("photo", "Split by photo: the same people are in all splits. Ratios train=0.5,test=0.5, seed 0."),
        ("official", "Split as the source says."),
    ],
)
def test_other_rules_of_splitting(faces: PreparedSet, rule: str, words: str) -> None:
    split = {**faces.info["drawing"]["split"], "split_by": rule}
    info = {**faces.info, "drawing": {**faces.info["drawing"], "split": split}}
    assert replace(facts_of(faces), info=info).list_steps()[-1] == words


def test_pairs_and_triplets_are_counted_where_the_format_holds_them(faces: PreparedSet) -> None:
    counts = faces.info["counts"]["splits"]
    pairs = f"With pairs of crops: train {counts['train']['pairs']}, test {counts['test']['pairs']}."
    assert facts_of(faces, format="rec").list_drawn() == [pairs]
    assert facts_of(faces).list_drawn()[0] == pairs
    assert len(facts_of(faces).list_drawn()) == 2
    assert facts_of(faces, format="imagefolder").list_drawn() == []


def test_finished_crops_and_exports_without_pictures_are_not_called_cut(faces: PreparedSet) -> None:
    facts = facts_of(faces)
    assert facts.summary.startswith("18 crops of faces of 6 people, 48 × 48 pixels, each cut from a photo")
    info = {**faces.info, "settings": {**faces.info["settings"], "as_crops": True}}
    finished = replace(facts, info=info, crops=1, people=1)
    assert finished.summary.startswith("1 crop of a face of 1 person, 48 × 48 pixels, taken as they were")
    assert "no face was looked for" in " ".join(finished.list_steps())
    assert "Faces were found" not in " ".join(finished.list_steps())
    bare = facts_of(faces, format="coco").summary
    assert bare == "Boxes and landmarks of 18 faces of 6 people, without the photos they are in."


def test_a_check_counts_only_for_the_set_as_it_is(tmp_path: Path) -> None:
    prepared = carded_set(tmp_path)
    assert read_check(prepared).state == "none"
    assert "was not checked as it is now" in " ".join(facts_of(prepared).list_limits())
    ids = prepared.table("classes").column("id").to_pylist()
    found = [Finding(Kind.DARK, Severity.NOTE, 0.5, "it is dark", left=one) for one in ids[:2]]
    write_check(prepared, found, [[0.5] * 9] * len(ids))
    facts = read_check(prepared)
    assert (facts.state, facts.counts, facts.compared_faces) == ("current", (("note", "dark", 2),), False)
    assert "not checked" not in " ".join(facts_of(prepared).list_limits())
    file = prepared.path / CHECK / SUMMARY_FILE
    good = json.loads(file.read_text(encoding="utf-8"))
    bad = [{**good, name: value} for name, value in (("fingerprint", "0"), ("kind", "x"), ("settled", None))]
    for values in (*bad, {"findings": 3}, []):
        Path(str(file)).write_text(json.dumps(values), encoding="utf-8")
        assert read_check(prepared).state == "stale"
    Path(str(file)).write_bytes(b"\xff{")
    assert read_check(open_set(prepared.path)).state == "stale"
