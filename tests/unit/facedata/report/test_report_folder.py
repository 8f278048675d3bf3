from __future__ import annotations

from pathlib import Path

import pytest

from facedata.errors import LockedError, SetError, StoreError, UsageError
from facedata.files.locks import locked
from facedata.files.remote import Remote
from facedata.report.report_folder import choose_report_folder, is_report_of, new_report_folder
from facedata.sets.prepared import PreparedSet, open_set
from tests.support.small_set import make_set


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", {"anna": 2})


def _write(folder: Path, text: str, stop: bool = False) -> None:
    with new_report_folder(folder) as made:
        (made / "index.html").write_text(text)
        if stop:
            raise KeyboardInterrupt


def test_a_report_is_in_the_set_unless_told_otherwise(
    prepared: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_report_folder(prepared, None) == tmp_path / "faces/report"
    assert choose_report_folder(prepared, tmp_path / "faces/report") == tmp_path / "faces/report"
    assert choose_report_folder(prepared, tmp_path / "else/where") == tmp_path / "else/where"
    monkeypatch.chdir(tmp_path)
    relative = open_set("faces")
    assert choose_report_folder(relative, None) == Path("faces/report")  # as it was typed
    monkeypatch.chdir(tmp_path / "faces")
    assert choose_report_folder(relative, None) == tmp_path / "faces/report"


@pytest.mark.parametrize("name", ["", "crops", "report/below", "check"])
def test_another_place_in_the_set_is_refused(prepared: PreparedSet, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="lies in the set"):
        choose_report_folder(prepared, tmp_path / "faces" / name)


def test_a_set_at_a_url_needs_a_folder_here(prepared: PreparedSet, tmp_path: Path) -> None:
    prepared.path = Remote("memory://bucket/faces")
    with pytest.raises(UsageError, match="name a folder here with --out"):
        choose_report_folder(prepared, None)
    with pytest.raises(UsageError, match="is a URL"):
        choose_report_folder(prepared, "memory://bucket/report")
    assert choose_report_folder(prepared, tmp_path / "report") == tmp_path / "report"


def test_a_folder_with_something_else_is_refused(prepared: PreparedSet, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    assert choose_report_folder(prepared, mine) == mine  # empty
    (mine / "sheets").mkdir()
    with pytest.raises(SetError, match=r"something other than a report \('sheets'\)"):
        choose_report_folder(prepared, mine)
    (mine / "index.html").write_text("<h1>my site</h1>")
    with pytest.raises(SetError, match=r"something other than a report \('index.html'\)"):
        choose_report_folder(prepared, mine)
    (mine / "index.html").write_text('<meta name="generator" content="facedata report">')
    assert choose_report_folder(prepared, mine) == mine
    (mine / "diary.txt").touch()
    with pytest.raises(SetError, match=r"something other than a report \('diary.txt'\)"):
        choose_report_folder(prepared, mine)
    with pytest.raises(SetError, match="is a file"):
        choose_report_folder(prepared, mine / "diary.txt")


def test_the_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    with new_report_folder(folder) as made:
        (made / "index.html").write_text("one")
        assert not folder.exists()
    assert (folder / "index.html").read_text() == "one"
    with new_report_folder(folder) as made:
        assert list(made.iterdir()) == []
        (made / "index.html").write_text("two")
        (made / "sheets").mkdir()
        assert (folder / "index.html").read_text() == "one"
    assert (folder / "index.html").read_text() == "two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report"]


def test_a_failure_leaves_the_report_that_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    _write(folder, "one")
    with pytest.raises(KeyboardInterrupt):
        _write(folder, "half", stop=True)
    assert (folder / "index.html").read_text() == "one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report"]


def test_what_killed_runs_left_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    for name in (".report.new", ".report.old"):
        (tmp_path / name / "sheets").mkdir(parents=True)
        (tmp_path / name / "index.html").write_text("half")
    (tmp_path / ".report.new/link").symlink_to(tmp_path)
    _write(folder, "whole")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["report"]
    assert [entry.name for entry in folder.iterdir()] == ["index.html"]


def test_two_runs_do_not_write_one_report(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    with new_report_folder(folder) as made:
        with pytest.raises(LockedError), new_report_folder(folder):
            pass
        (made / "index.html").write_text("first")
    assert (folder / "index.html").read_text() == "first"
    with locked(folder):  # of a finished report nobody holds the lock
        pass


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"), new_report_folder(tmp_path / "file/report"):
        pass


def test_a_report_is_that_of_the_set_whose_fingerprint_it_shows(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    assert not is_report_of(folder, "abc")
    _write(folder, "… abc …")
    (tmp_path / ".report.new").mkdir()
    assert is_report_of(folder, "abc")
    assert not is_report_of(folder, "abd")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report"]
