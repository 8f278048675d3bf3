"""Crops and tables that are gone, noticed without reading any crop; and sets opened by a relative path."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from facedata import PairManifest, open_set
from facedata.errors import NotASetError, OtherSetError, StoreError
from facedata.sets.missing_crops import refuse_missing
from facedata.testing import marked_folder
from tests.support.marked_photos import prepare_marked
from tests.support.small_set import make_set


def test_a_whole_set_passes_and_missing_crops_are_counted(tmp_path: Path) -> None:
    made = make_set(tmp_path / "set", {"anna": 3, "ben": 2})
    refuse_missing(made)
    (tmp_path / "set/crops/ben/1.jpg").unlink()
    (tmp_path / "set/crops/anna/0.jpg").write_bytes(b"short")
    with pytest.raises(
        StoreError, match=r"2 of the 5 crops of .* such as crops/anna/0\.jpg.*facedata prepare"
    ):
        refuse_missing(made)
    shutil.rmtree(tmp_path / "set/crops")
    with pytest.raises(StoreError, match="5 of the 5 crops"):
        refuse_missing(made)


def test_tars_that_are_gone_or_cut_short(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=3, photos=3)
    made = prepare_marked(tmp_path / "photos", tmp_path / "set", size=32, store="tar")
    refuse_missing(made)
    tar = tmp_path / "set/crops/00000.tar"
    data = tar.read_bytes()
    tar.write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreError, match=r"\d of the 9 crops"):
        refuse_missing(made)
    tar.unlink()
    with pytest.raises(StoreError, match=r"9 of the 9 crops .* such as crops/00000\.tar"):
        refuse_missing(made)


def test_tables_that_are_gone_are_said(tmp_path: Path) -> None:
    made = make_set(tmp_path / "set", {"anna": 3, "ben": 2})
    (tmp_path / "set/triplets.parquet").unlink()
    with pytest.raises(NotASetError, match=r"triplets\.parquet"):
        refuse_missing(made)


def test_a_set_opened_by_a_relative_path_outlives_a_change_of_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_set(tmp_path / "set", {"anna": 3, "ben": 3, "cara": 2, "dora": 2})
    monkeypatch.chdir(tmp_path)
    opened, pairs = open_set("set"), PairManifest.open("set", split="train")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert pairs[0].left.image().shape == (24, 24, 3)
    assert opened.table("triplets").num_rows
    refuse_missing(opened)
    assert len(PairManifest.open(opened)) == len(opened.table("pairs"))
    assert opened.path == tmp_path / "set"
    assert str(opened) == "set"
    shutil.copy(tmp_path / "set/triplets.parquet", tmp_path / "set/pairs.parquet")
    with pytest.raises(OtherSetError, match=r"^set/pairs\.parquet has"):  # as it was typed
        opened.table("pairs")
