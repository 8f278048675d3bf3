"""Files of corrections as spreadsheets write them, and what is said of those that cannot be read."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from facedata.errors import CorrectionsError, UsageError
from facedata.plan.corrections import Action, CorrectionLine
from facedata.plan.corrections_file import read_corrections

ROWS = [
    ["drop", "Jörg Weiß/1.jpg", "", "", "blurred, dark"],
    ["move", "Jörg Weiß/2.jpg", "Jörg Weiß", "Anna \u201eÄnne\u201c Öz", ""],
    ["merge", "", "Anna Berg", "Anna Öz", 'called "Anna"'],
]
MEANT = [
    CorrectionLine(1, 2, Action.DROP, "Jörg Weiß/1.jpg", note="blurred, dark"),
    CorrectionLine(1, 3, Action.MOVE, "Jörg Weiß/2.jpg", "Jörg Weiß", "Anna \u201eÄnne\u201c Öz"),
    CorrectionLine(1, 4, Action.MERGE, None, "Anna Berg", "Anna Öz", 'called "Anna"'),
]
HEADER = ["action", "photo", "identity", "to_identity", "note"]


def as_csv(rows: list[list[str]], mark: str = ",", end: str = "\r\n") -> str:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & {mark, '"'} else text

    return "".join(mark.join(map(cell, row)) + end for row in rows)


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "c.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def problems(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(CorrectionsError) as caught:
        read_corrections(written(folder, text))
    return [line.partition("c.csv, ")[2] for line in caught.value.lines]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_as_spreadsheets_write_them(tmp_path: Path, encoding: str, mark: str, end: str) -> None:
    text = as_csv([HEADER, *ROWS], mark, end)
    assert read_corrections(written(tmp_path, text.encode(encoding))) == MEANT


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_excels_own_first_line(tmp_path: Path, encoding: str) -> None:
    text = "sep=;\r\n" + as_csv([HEADER, *ROWS], ";")
    lines = read_corrections(written(tmp_path, text.encode(encoding)))
    assert [line.line for line in lines] == [3, 4, 5]
    assert [line.photo for line in lines] == [line.photo for line in MEANT]


def test_columns_in_any_order_and_case_and_others_beside_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [["who", " To Identity ", "NOTE", "Photo", "ACTION", "identity"]]
    rows += [["me", to, note, photo, f" {action.upper()} ", one] for action, photo, one, to, note in ROWS]
    with caplog.at_level(logging.INFO, "facedata"):
        assert read_corrections(written(tmp_path, as_csv(rows))) == MEANT
    assert "not read: 'who'" in caplog.text


def test_empty_columns_and_lines_and_short_rows(tmp_path: Path) -> None:
    text = "action,photo,identity,to_identity,note,,\n\n,,,,,,\ndrop,a/1.jpg\nkeep,a/2.jpg,,,,,\n,,,\n"
    lines = read_corrections(written(tmp_path, text))
    assert [(line.line, line.action, line.photo) for line in lines] == [
        (4, Action.DROP, "a/1.jpg"),
        (5, Action.KEEP, "a/2.jpg"),
    ]


def test_only_the_columns_that_are_needed(tmp_path: Path) -> None:
    (line,) = read_corrections(written(tmp_path, "photo,action\na/1.jpg,drop\n"), number=3)
    assert line == CorrectionLine(3, 2, Action.DROP, "a/1.jpg")


def test_a_header_alone_corrects_nothing(tmp_path: Path) -> None:
    assert read_corrections(written(tmp_path, "action,photo,identity,to_identity,note\n")) == []


def test_a_line_break_in_a_note_counts_as_a_line(tmp_path: Path) -> None:
    text = 'action,photo,note\ndrop,a/1.jpg,"one\ntwo"\ndrop,a/2.jpg,\n'
    assert [line.line for line in read_corrections(written(tmp_path, text))] == [2, 4]


def test_cells_marked_as_text_lose_their_mark(tmp_path: Path) -> None:
    text = "action,photo,identity,to_identity\nmerge,,'007,'=Anna\nmerge,,'t Hooft,''-x\n"
    lines = read_corrections(written(tmp_path, text))
    assert [(line.identity, line.to_identity) for line in lines] == [("007", "=Anna"), ("'t Hooft", "'-x")]


def test_names_keep_their_blanks(tmp_path: Path) -> None:
    (line,) = read_corrections(written(tmp_path, 'action,identity,to_identity\nmerge,"Anna ",Anna\n'))
    assert line.identity == "Anna "


def test_a_workbook(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in ([], [*HEADER, "mine"], *ROWS, ["drop", "b/1.jpg"]):
        book.active.append(row)
    book.save(tmp_path / "c.xlsx")
    lines = read_corrections(tmp_path / "c.xlsx")
    assert [(line.line, line.photo) for line in lines][-1] == (6, "b/1.jpg")
    assert [line.to_identity for line in lines][:3] == [line.to_identity for line in MEANT]


def test_json(tmp_path: Path) -> None:
    rows = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    assert [
        line.photo for line in read_corrections(written(tmp_path, json.dumps(rows, ensure_ascii=False)))
    ] == [line.photo for line in MEANT]


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    text = (
        "action,photo,identity,to_identity,note\n"
        "dorp,a/1.jpg,,,\n"
        ",a/1.jpg,,,\n"
        "drop,,,,\n"
        "move,a/1.jpg,,,\n"
        "merge,,,,\n"
        "drop,a/2.jpg,,Ben,\n"
        "distinct,a/1.jpg,Anna,Ben,\n"
        "keep,a/1.jpg,,,a, b\n"
        "drop,a/3.jpg,,,fine\n"
    )
    assert problems(tmp_path, text) == [
        "line 2: 'dorp' is no action: write one of drop, move, merge, distinct, keep; did you mean drop?",
        "line 3: has no action: write one of drop, move, merge, distinct, keep",
        "line 4: drop needs photo",
        "line 5: move needs to_identity",
        "line 6: merge needs identity",
        "line 6: merge needs to_identity",
        "line 7: drop takes no to_identity, here 'Ben'",
        "line 8: distinct takes no photo, here 'a/1.jpg'",
        "line 9: has more fields than the header, 'b': a field that holds the separator needs quotes",
    ]


def test_a_missing_column_is_said(tmp_path: Path) -> None:
    assert problems(tmp_path, "action,photo\nmove,a/1.jpg\n") == [
        "line 2: move needs to_identity, and the file has no such column"
    ]


@pytest.mark.parametrize("text", ["", "\n", "drop,a/1.jpg\nkeep,a/2.jpg\n", "photo,identity\na.jpg,Anna\n"])
def test_a_file_without_the_column_action(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert "no column action: the first line names the columns, action,photo," in problem


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "action,photo,Photo\ndrop,a,b\n")
    assert problem == "line 1: the columns 'photo' and 'Photo' are both photo"


def test_of_many_problems_the_message_shows_twenty(tmp_path: Path) -> None:
    with pytest.raises(CorrectionsError) as caught:
        read_corrections(written(tmp_path, "action,photo\n" + "x,1.jpg\n" * 30))
    assert len(caught.value.lines) == 30
    assert str(caught.value).count("line ") == 20
    assert "and 10 more" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel file"),
        (b'action,photo\ndrop,"a/1.jpg\n', "line 2"),
        (b"\xef\xbb\xbfaction,photo\ndrop,\xe9.jpg\n", "line 2: not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "c.csv" if content is None else written(tmp_path, content)
    with pytest.raises(UsageError, match=said) as caught:
        read_corrections(file)
    assert str(caught.value).startswith("corrections: ")
