"""The journal: each of its steps may be the last before it is killed, and any may be repeated."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facedata.forgetting import journal
from tests.support.set_bytes import snapshot

REMOVED = ("crops/anna/1.jpg", "crops/anna/2.jpg", "report", "gone already.txt")
EMPTIED = ("crops/anna", "crops/ben")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like a set's, with all prepared."""
    files = {
        "dataset.json": "old", "photos.parquet": "old", "crops/anna/1.jpg": "1", "crops/anna/2.jpg": "2",
        "crops/ben/1.jpg": "3", "report/index.html": "4", ".work/forget/new/dataset.json": "new",
        ".work/forget/new/photos.parquet": "new", ".work/forget/new/check/corrections.csv": "5",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_text(text)
    return tmp_path / "set"


def is_done(folder: Path) -> bool:
    files = {name: data for name, data in snapshot(folder).items() if data is not None}
    new = {"dataset.json": b"new", "photos.parquet": b"new", "check/corrections.csv": b"5"}
    return files == {**new, "crops/ben/1.jpg": b"3"}


def test_all_is_done(folder: Path) -> None:
    assert not journal.is_half_done(folder)
    journal.commit(folder, REMOVED, EMPTIED)
    assert journal.is_half_done(folder)
    changes = journal.finish(folder)
    assert changes.written == ("check/corrections.csv", "dataset.json", "photos.parquet")
    assert is_done(folder)
    assert not (folder / "crops/anna").exists()
    assert not journal.is_half_done(folder)


@pytest.mark.parametrize("step", range(14))
def test_it_may_be_killed_at_every_step(folder: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    journal.commit(folder, REMOVED, EMPTIED)
    left = [step]

    def killing(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **more: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return function(*arguments, **more)

        return run

    with monkeypatch.context() as patched:
        for owner, names in ((Path, ("unlink", "replace", "rmdir")), (shutil, ("rmtree",))):
            for name in names:
                patched.setattr(owner, name, killing(getattr(owner, name)))
        try:
            journal.finish(folder)
        except KeyboardInterrupt:
            # as long as anything is left to do, and names are left, it is no set
            assert journal.is_half_done(folder) or is_done_but_for_nothing(folder)
    if journal.is_half_done(folder):
        journal.finish(folder)
    journal.remove_stale(folder)
    assert is_done(folder)


def is_done_but_for_nothing(folder: Path) -> bool:
    rest = snapshot(folder / ".work") if (folder / ".work").is_dir() else {}
    return not any(data for name, data in rest.items() if not name.endswith("journal.json"))


def test_what_was_never_begun_is_removed(folder: Path) -> None:
    journal.remove_stale(folder)
    assert not (folder / ".work").exists()
    assert (folder / "dataset.json").read_text() == "old"
