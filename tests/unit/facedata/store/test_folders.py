"""The store of one file per crop: what it removes, and from which columns it knows."""

from __future__ import annotations

from pathlib import Path

from facedata.store.folders import FolderStore
from tests.support.small_set import class_table


def test_other_crops_go_by_the_columns_that_it_asks_for(tmp_path: Path) -> None:
    classes = class_table({"anna": 2, "bert": 1})
    store = FolderStore(tmp_path)
    store.put("", [(path, b"crop") for path in ["anna/0.jpg", "anna/1.jpg", "bert/0.jpg", "carl/0.jpg"]])
    (tmp_path / "crops" / "anna" / "note.txt").write_text("mine")
    kept = classes.slice(1).select(list(store.kept_columns))
    assert kept.column_names == ["path"]
    store.keep_only([kept])
    left = [file.relative_to(tmp_path / "crops").as_posix() for file in tmp_path.rglob("*") if file.is_file()]
    assert sorted(left) == ["anna/1.jpg", "anna/note.txt", "bert/0.jpg"]
    assert not (tmp_path / "crops" / "carl").exists()
