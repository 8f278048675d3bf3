"""Sets and manifests as a notebook shows them: one line, and some crops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from facedata.config import SplitConfig
from facedata.sets import notebook
from facedata.sets.notebook import read_crops
from facedata.sets.pairs_triplets import ClassManifest, PairManifest, TripletManifest
from facedata.sets.prepared import PreparedSet, open_set
from facedata.tables.parquet import read_blocks
from tests.support.notebook_html import Piece
from tests.support.small_set import crop_image, make_set

PEOPLE = {f"p{i}": 5 for i in range(6)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return make_set(tmp_path_factory.mktemp("set") / "faces", PEOPLE, skip_ids=2)


def show(thing: Any) -> Piece:
    piece = Piece(thing._repr_html_())
    assert piece.texts[0] == repr(thing)
    assert piece.runs == []
    return piece


def test_one_line_says_what_each_is(prepared: PreparedSet) -> None:
    name = str(prepared)
    assert repr(prepared) == f"PreparedSet({name!r}: 30 crops of 6 people, train 15, test 15)"
    assert repr(ClassManifest.open(prepared)) == f"ClassManifest({name!r}: 30 crops)"
    assert repr(ClassManifest.open(prepared, "test")[:1]) == f"ClassManifest({name!r}, test: 1 crop)"
    pairs = PairManifest.open(prepared, "train")
    assert repr(pairs) == f"PairManifest({name!r}, train: {len(pairs)} pairs)"
    triplets = TripletManifest.open(prepared)
    assert len(triplets) == 300
    assert repr(triplets) == f"TripletManifest({name!r}: 300 triplets)"


def test_numbers_are_as_in_the_commands_and_one_is_no_plural(tmp_path: Path) -> None:
    folder = tmp_path / "line\nend"
    alone = make_set(folder, {"anna": 1}, split=SplitConfig(splits="train=1.0"))
    assert repr(alone).startswith(f"PreparedSet({str(folder)!r}: ")
    assert repr(alone).endswith(": 1 crop of 1 person, train 1)")
    assert "\n" not in repr(alone)
    alone.info["tables"]["classes"]["rows"] = 4992
    alone.info["counts"]["people"] = 3095
    assert repr(alone).endswith(": 4,992 crops of 3,095 people, train 1)")


def test_a_set_shows_its_splits_and_a_dozen_crops_from_first_to_last(prepared: PreparedSet) -> None:
    piece = show(prepared)
    assert piece.texts[1:6] == ["split", "people", "photos", "pairs", "triplets"]
    assert piece.texts[6:16] == [
        "train", "3", "15", "30", "150",
        "test", "3", "15", "30", "150",
    ]  # fmt: skip
    assert piece.texts[-1] == "31 photos found, 30 kept, 1 no_face"
    rows = list(ClassManifest.open(prepared))
    colours = np.array([crop_image(number)[0, 0] for number in range(len(rows))], int)
    means = [picture.mean((0, 1)) for picture in piece.pictures]
    numbers = [int(np.abs(colours - mean).sum(1).argmin()) for mean in means]
    assert (len(numbers), numbers[0], numbers[-1]) == (12, 0, 29)
    assert set(np.diff(numbers)) == {2, 3}
    assert piece.alts == [f"{rows[n].identity}, {rows[n].photo}, {rows[n].split}" for n in numbers]


def test_crops_show_their_first_rows(prepared: PreparedSet) -> None:
    crops = ClassManifest.open(prepared, "test")
    piece = show(crops)
    assert piece.alts == [f"{row.identity}, {row.photo}, test" for row in crops[:12]]
    assert len(show(crops[:2]).alts) == 2
    assert show(crops[:0]).alts == []


def test_pairs_show_the_first_of_one_person_and_of_two(prepared: PreparedSet) -> None:
    pairs = PairManifest.open(prepared)
    rows = [*np.flatnonzero(pairs.same)[:3], *np.flatnonzero(~pairs.same)[:3]]
    piece = show(pairs)
    said = {True: "the same person", False: "two people"}
    assert [text for text in piece.texts if text.startswith("[")] == [
        f"[{row}] {said[pairs[int(row)].same]}" for row in rows
    ]
    sides = [crop for row in rows for crop in (pairs[int(row)].left, pairs[int(row)].right)]
    assert piece.alts == [f"{crop.identity}, {crop.photo}, {crop.split}" for crop in sides]
    assert piece.texts[-1] == "30 of one person, 30 of two people"


def test_triplets_show_their_first_rows(prepared: PreparedSet) -> None:
    triplets = TripletManifest.open(prepared, "train")
    piece = show(triplets)
    crops = [crop for row in triplets[:4] for crop in (row.anchor, row.positive, row.negative)]
    assert piece.alts == [f"{crop.identity}, {crop.photo}, train" for crop in crops]
    assert [text for text in piece.texts if text.startswith("[")][3] == "[3] anchor, positive, negative"


def test_a_crop_that_is_gone_is_grey_and_the_others_are_shown(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"anna": 2, "ben": 2})
    (tmp_path / "faces/crops/anna/1.jpg").unlink()
    (tmp_path / "faces/crops/ben/0.jpg").write_bytes(b"")
    for thing in (prepared, ClassManifest.open(prepared)):
        piece = show(thing)
        assert [": the crop is missing" in alt for alt in piece.alts] == [False, True, True, False]
        is_grey = [bool(np.all(np.abs(picture.astype(int) - 128) <= 1)) for picture in piece.pictures]
        assert is_grey == [False, True, True, False]


@pytest.mark.parametrize("how", ["gone", "torn", "of another set"])
def test_a_damaged_table_is_said_and_nothing_is_raised(how: str, tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"anna": 2, "ben": 2})
    file = tmp_path / "faces/classes.parquet"
    if how == "gone":
        file.unlink()
    elif how == "torn":
        file.write_bytes(file.read_bytes()[:200])
    else:
        make_set(tmp_path / "other", {"cara": 2, "ben": 2})
        file.write_bytes((tmp_path / "other/classes.parquet").read_bytes())
    piece = show(prepared)
    assert piece.texts[-1].startswith("nothing more can be shown: ")
    assert "classes.parquet" in piece.texts[-1]
    assert piece.alts == []


def test_only_the_row_groups_that_are_shown_are_read(
    prepared: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = make_set(tmp_path / "faces", PEOPLE, skip_ids=2)
    file = tmp_path / "faces/classes.parquet"
    pq.write_table(pq.read_table(file), file, row_group_size=4)
    read: list[int] = []

    def note(path: Any, columns: Any, groups: list[int]) -> Any:
        read.extend(groups)
        return read_blocks(path, columns, groups)

    monkeypatch.setattr(notebook, "read_blocks", note)
    assert [crop.id for crop in read_crops(big, [87, 0, 3])] == [0, 3, 87]
    assert read == [0, 7]
    assert [crop.id for crop in read_crops(big, [4, 5, 6, 1000])] == [6]  # the next one; none after the last
    ids = [crop.id for crop in read_crops(big)]
    assert (ids[0], ids[-1], len(ids)) == (0, 87, 12)
    assert read_crops(big, []) == []


def test_a_set_without_crops_shows_none(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"anna": 2, "ben": 2})
    table = pq.read_table(tmp_path / "faces/classes.parquet")
    pq.write_table(table.slice(0, 0), tmp_path / "faces/classes.parquet")
    prepared.info["tables"]["classes"]["rows"] = 0
    piece = show(prepared)
    assert piece.alts == []


def test_opening_a_set_loads_neither_templates_nor_notebooks(prepared: PreparedSet) -> None:
    program = (
        f"import sys, facedata; faces = facedata.open_set({str(prepared)!r}); repr(faces); "
        "repr(facedata.PairManifest.open(faces)); facedata.Findings; "
        "print(sorted({'jinja2', 'IPython', 'ipywidgets', 'tqdm'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"
    assert repr(open_set(prepared.path)) == repr(prepared)
