from __future__ import annotations

from pathlib import Path

import pytest

from facedata.errors import LockedError, StoreError, UsageError
from facedata.files.locks import locked
from facedata.files.remote import Remote
from facedata.pages.page_folder import PageKind, choose_page_folder, new_page_folder

KIND = PageKind("look", frozenset({"sheets"}))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "faces").mkdir()
    return tmp_path / "faces"


def choose(home: Path | Remote, out: Path | str | None) -> Path:
    return choose_page_folder(KIND, home, str(home), out)


def _write(folder: Path, text: str, stop: bool = False) -> None:
    with new_page_folder(folder) as made:
        (made / "index.html").write_text(text)
        if stop:
            raise KeyboardInterrupt


def test_a_page_is_in_the_set_unless_told_otherwise(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose(home, None) == home / "look"
    assert choose(home, home / "look") == home / "look"
    assert choose(home, tmp_path / "else/where") == tmp_path / "else/where"
    monkeypatch.chdir(tmp_path)
    assert choose_page_folder(KIND, home, "faces", None) == Path("faces/look")  # as it was typed
    monkeypatch.chdir(home)
    assert choose_page_folder(KIND, home, "faces", None) == home / "look"


@pytest.mark.parametrize("name", ["", "crops", "look/below", "check", ".."])
def test_a_page_is_not_written_over_the_set(home: Path, name: str) -> None:
    with pytest.raises(UsageError, match="choose a folder elsewhere"):
        choose(home, home / name)


def test_a_set_at_a_url_needs_a_folder_here(tmp_path: Path) -> None:
    url = Remote("memory://bucket/faces")
    with pytest.raises(UsageError, match="no look is written: name a folder here with --out"):
        choose(url, None)
    with pytest.raises(UsageError, match="is a URL"):
        choose(url, "memory://bucket/look")
    assert choose(url, tmp_path / "look") == tmp_path / "look"


def test_the_working_folder_is_not_replaced(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UsageError, match="working folder"):
        choose(home, ".")


def test_a_folder_with_something_else_is_refused(home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    assert choose(home, mine) == mine  # empty
    (mine / "sheets").mkdir()
    with pytest.raises(UsageError, match=r"something other than a look \('sheets'\)"):
        choose(home, mine)
    for page in ("<h1>my site</h1>", '<meta name="generator" content="facedata review">'):
        (mine / "index.html").write_text(page)
        with pytest.raises(UsageError, match=r"something other than a look \('index.html'\)"):
            choose(home, mine)
    (mine / "index.html").write_text('<meta name="generator" content="facedata look">')
    assert choose(home, mine) == mine
    (mine / "diary.txt").touch()
    with pytest.raises(UsageError, match=r"something other than a look \('diary.txt'\)"):
        choose(home, mine)
    with pytest.raises(UsageError, match="is a file"):
        choose(home, mine / "diary.txt")


def test_the_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "look"
    with new_page_folder(folder) as made:
        (made / "index.html").write_text("one")
        assert not folder.exists()
    assert (folder / "index.html").read_text() == "one"
    with new_page_folder(folder) as made:
        assert list(made.iterdir()) == []
        (made / "index.html").write_text("two")
        (made / "sheets").mkdir()
        assert (folder / "index.html").read_text() == "one"
    assert (folder / "index.html").read_text() == "two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["look"]


def test_a_failure_leaves_the_page_that_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "look"
    _write(folder, "one")
    with pytest.raises(KeyboardInterrupt):
        _write(folder, "half", stop=True)
    assert (folder / "index.html").read_text() == "one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["look"]


def test_what_killed_runs_left_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "look"
    for name in (".look.new", ".look.old"):
        (tmp_path / name / "sheets").mkdir(parents=True)
        (tmp_path / name / "index.html").write_text("half")
    (tmp_path / ".look.new/link").symlink_to(tmp_path)
    _write(folder, "whole")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["look"]
    assert [entry.name for entry in folder.iterdir()] == ["index.html"]


def test_two_runs_do_not_write_one_page(tmp_path: Path) -> None:
    folder = tmp_path / "look"
    with new_page_folder(folder) as made:
        with pytest.raises(LockedError), new_page_folder(folder):
            pass
        (made / "index.html").write_text("first")
    assert (folder / "index.html").read_text() == "first"
    with locked(folder):  # of a finished page nobody holds the lock
        pass


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"), new_page_folder(tmp_path / "file/look"):
        pass
