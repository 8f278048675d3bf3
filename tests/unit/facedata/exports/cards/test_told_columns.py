"""What the source says of consent and licences is counted as a plain loop counts it, and names nobody."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from facedata import PreparedSet
from facedata.exports.cards import told_columns
from facedata.exports.cards.told_columns import ToldColumn, count_told, list_meta
from tests.support.carded_sets import carded_set
from tests.support.small_set import make_set


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return carded_set(tmp_path_factory.mktemp("carded"))


def test_counts_are_those_of_the_kept_photos(faces: PreparedSet) -> None:
    consent, licence = count_told(faces)
    kept = [row for row in faces.table("photos").to_pylist() if row["status"] == "kept"]
    plain = Counter(row["meta_consent"] or None for row in kept)
    assert dict(consent.texts) == {text: plain[text] for text in ("yes", "Form 7b")}
    assert consent.missing == plain[None] == 1
    assert sum(count for _, count in consent.texts) + consent.others + consent.missing == len(kept) == 18
    assert dict(licence.texts)["CC BY 4.0"] == 6
    assert list_meta(faces) == ["meta_consent", "meta_licence", "meta_photographer"]


def test_texts_about_few_people_or_that_name_one_are_only_counted(faces: PreparedSet) -> None:
    consent = count_told(faces)[0]
    shown = " ".join(text for text, _ in consent.texts)
    assert "Quux" not in shown
    assert consent.others == 5  # one signature, four that ask Xenia first


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("ask anna QUUX-Li first", False), ("(Anna Quux-Li)", False), ("Anna Quux-Li", False),
        ("Anna Quux-Lin", True), ("Joanna Quux-Li", True), ("Anna\u00a0 Quux-Li", False), ("by Zo*", False),
        ("x" * 101, False), ("by Zo*e", True), ("form A", True),
    ],
)  # fmt: skip
def test_a_name_is_found_as_whole_words_only(text: str, is_shown: bool) -> None:
    column = told_columns._Column("consent", "")
    column.add(pa.chunked_array([[text] * 3]), pa.chunked_array([["a", "b", "c"]]))
    told = column.tell({"anna quux-li", "zo*", "nobody"})
    assert told == ToldColumn("consent", ((text, 3),) if is_shown else (), 0 if is_shown else 3)


def test_more_texts_than_are_held_are_counted_together(
    faces: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_columns, "_MOST_HELD", 1)
    consent = count_told(faces)[0]
    assert sum(count for _, count in consent.texts) + consent.others + consent.missing == 18
    assert len(consent.texts) <= 1


def test_a_set_without_such_columns_has_only_its_licences(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, {"Anna": 2, "Ben": 2})
    assert count_told(prepared) == [ToldColumn("licence", (), 0, 4)]


def test_a_column_says_more_than_one_text() -> None:
    assert not ToldColumn("licence", (("CC0", 3),)).says_more_than("CC0")
    assert not ToldColumn("licence", (), 0, 3).says_more_than(None)
    assert ToldColumn("licence", (("CC0", 3),)).says_more_than(None)
    assert ToldColumn("licence", (("CC0", 3),), missing=1).says_more_than("CC0")
    assert ToldColumn("licence", (("CC0", 3),), others=1).says_more_than("CC0")
    column = ToldColumn("licence", (("CC0", 3000), ("MIT", 1)), 2, 1)
    assert column.sentence == "CC0 (3,000 photos); MIT (1 photo); others (2 photos); not known (1 photo)."
