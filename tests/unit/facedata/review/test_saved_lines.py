"""Writing corrections.csv for the page: whole, in the check's own form, and never over somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facedata.checks.corrections_csv import render_lines
from facedata.checks.proposals import ProposedLine
from facedata.errors import ChangedMeanwhileError, LockedError, UsageError
from facedata.files.locks import locked
from facedata.review.saved_lines import NO_FILE, check_lines, read_saved, save_lines

LINE = ProposedLine("drop", "ana/1.jpg", "ana", "", "blurred: why, then")


def test_lines_are_written_as_a_check_writes_them(tmp_path: Path) -> None:
    assert read_saved(tmp_path) == ([], NO_FILE)
    known = save_lines(tmp_path, [LINE], NO_FILE)
    file = tmp_path / "corrections.csv"
    assert file.read_bytes() == render_lines([LINE])
    again = LINE._replace(photo="=ana/2.jpg")
    assert save_lines(tmp_path, [again], known) != known
    assert file.read_bytes() == render_lines([again])
    assert [path.name for path in tmp_path.iterdir()] == ["corrections.csv"], "nothing else is left"


def test_a_file_in_another_form_is_kept_beside(tmp_path: Path) -> None:
    content = "action;photo;remark\ndrop;ana/1.jpg;hers\n"
    (tmp_path / "corrections.csv").write_text(content)
    lines, known = read_saved(tmp_path)
    assert len(lines) == 1
    save_lines(tmp_path, [LINE], known)
    (kept,) = tmp_path.glob("corrections-*.csv")
    assert kept.read_text() == content


def test_a_file_that_somebody_else_wrote_is_left_alone(tmp_path: Path) -> None:
    known = save_lines(tmp_path, [LINE], NO_FILE)
    file = tmp_path / "corrections.csv"
    file.write_text("action,photo\nkeep,ana/1.jpg\n")
    with pytest.raises(ChangedMeanwhileError, match="has changed since this page was opened"):
        save_lines(tmp_path, [], known)
    assert file.read_text() == "action,photo\nkeep,ana/1.jpg\n"
    file.unlink()
    with pytest.raises(ChangedMeanwhileError):
        save_lines(tmp_path, [], known)
    assert not file.exists()


def test_nothing_is_written_while_a_check_works_there(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(LockedError):
        save_lines(tmp_path, [LINE], NO_FILE)
    assert not (tmp_path / "corrections.csv").exists()


def test_lines_of_the_page_are_five_texts(tmp_path: Path) -> None:
    assert check_lines([list(LINE)]) == [LINE]
    assert check_lines([]) == []


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        "drop",
        ["drop"],
        [["drop", "ana/1.jpg"]],
        [["drop", "ana/1.jpg", "", "", 7]],
        [["drop", "ana/1.jpg", "", "", None]],
        [["erase", "ana/1.jpg", "", "", ""]],
        [["", "", "", "", ""]],
        [["drop", "x" * 10_001, "", "", ""]],
        [["drop", "\ud800", "", "", ""]],
        [["drop", "a", "", "", "", ""]],
    ],
)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="a line is five texts"):
        check_lines(value)
