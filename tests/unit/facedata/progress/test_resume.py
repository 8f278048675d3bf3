"""Rows of earlier runs: found by number, read in pieces, over several row groups."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.closing import ledger
from facedata.errors import NotASetError
from facedata.plan import crop_names
from facedata.progress import ledger_rows
from facedata.progress.parts import read_rows
from facedata.progress.resume import _RecordFinder
from facedata.tables import blocks, schema
from facedata.testing import marked_folder
from facedata.work import shards
from tests.support.marked_photos import CannotRun, prepare_marked
from tests.support.set_bytes import set_bytes

names = st.text(st.characters(codec="utf-8"), max_size=5)


@given(st.lists(names, unique=True, max_size=30), st.lists(names, max_size=30))
def test_records_are_found_by_their_texts(planned: list[str], others: list[str]) -> None:
    asked = [*others, *planned[::2]]
    finder = _RecordFinder(pa.chunked_array([planned[:4], planned[4:]], pa.string()))
    wanted = [planned.index(name) if name in planned else -1 for name in asked]
    assert finder.find(pa.chunked_array([asked[:3], asked[3:]], pa.string())).tolist() == wanted


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of seven rows, so that a few photos are many of them."""
    monkeypatch.setattr(schema, "ROW_GROUP_ROWS", 7)
    for module in (blocks, crop_names, ledger, shards, ledger_rows):
        monkeypatch.setattr(module, "BLOCK_ROWS", 7)


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("remembered", [True, False])
def test_a_set_of_many_row_groups_grows_as_one_of_one_does(tmp_path: Path, remembered: bool) -> None:
    marked_folder(tmp_path / "photos", people=5, photos=5)
    photos = sorted((tmp_path / "photos").rglob("*.png"))
    shutil.copy(photos[0], photos[0].with_name("zz.png"))
    shutil.copy(photos[8], photos[8].with_name("0.png"))
    options: dict[str, Any] = {"min_photos": 2}
    prepare_marked(tmp_path / "photos", tmp_path / "grown", **options)
    photos[0].unlink()  # its duplicate is the one to keep now
    photos[9].unlink()
    marked_folder(tmp_path / "photos", people=7, photos=2, seed=9)
    if not remembered:
        (tmp_path / "grown" / ".seen.arrow").unlink()
    prepare_marked(tmp_path / "photos", tmp_path / "grown", splits="train=0.75,test=0.25", **options)
    grown = pd.read_parquet(tmp_path / "grown" / "photos.parquet")
    assert grown["record"].tolist() == sorted(grown["record"], key=str.encode)
    assert set(grown["status"]) == {"kept", "duplicate"}
    before = set_bytes(tmp_path / "grown")
    prepare_marked(tmp_path / "photos", tmp_path / "grown", CannotRun(), min_photos=2)
    assert set_bytes(tmp_path / "grown") == before
    prepare_marked(tmp_path / "photos", tmp_path / "fresh", **options)
    # people keep their splits in a grown set; all the rest is that of a fresh one
    fresh = pd.read_parquet(tmp_path / "fresh" / "photos.parquet")
    pd.testing.assert_frame_equal(grown, fresh)
    crops = [pd.read_parquet(tmp_path / name / "classes.parquet") for name in ("grown", "fresh")]
    unbound = [frame.drop(columns=["split", "label"]) for frame in crops]
    pd.testing.assert_frame_equal(*unbound)


def test_a_damaged_part_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.arrow").write_bytes(b"no Arrow")
    with pytest.raises(NotASetError, match=r"a\.arrow"):
        read_rows(tmp_path / "a.arrow")
    with pa.ipc.new_file(str(tmp_path / "b.arrow"), pa.schema([("n", pa.int64())])) as writer:
        writer.write_table(pa.table({"n": [1]}))
    with pytest.raises(NotASetError, match="another version"):
        read_rows(tmp_path / "b.arrow")
