"""corrections.csv survives spreadsheets: what is written is what is read again."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from facedata.checks.corrections_csv import render_lines
from facedata.checks.proposals import ProposedLine, as_proposed
from facedata.plan.corrections_file import read_corrections

NAMES = [
    '=HYPERLINK("http://x";"Anna")', "+Anna", "-Anna", "@Anna", "\tAnna", "'=1", "'t Hooft", "007", "1e5",
    "2020-01", "1.10", "12345678901234567890", "TRUE", "Berg, Anna", 'Anna "Ann" Berg', "Anna\nBerg",
    "Müller;x", "李小龙", " two  blanks ", "#1",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    lines = [
        ProposedLine("merge", "", name, "Bo", "why not"),
        ProposedLine("move", f"{name}/1.jpg", "Bo", name, "=2+3"),
    ]
    file = tmp_path / "corrections.csv"
    file.write_bytes(render_lines(lines))
    assert [as_proposed(line) for line in read_corrections(file)] == lines


@pytest.mark.parametrize("name", [name for name in NAMES if name[0] in "=+-@\t"])
def test_no_cell_begins_like_a_formula(name: str) -> None:
    text = render_lines([ProposedLine("merge", "", name, name, name)]).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]


def test_a_spreadsheet_sees_the_encoding_and_pandas_the_columns(tmp_path: Path) -> None:
    file = tmp_path / "corrections.csv"
    file.write_bytes(render_lines([ProposedLine("drop", "Zoë/1.jpg", "Zoë", "", "twice")]))
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    frame = pd.read_csv(file, keep_default_na=False)
    assert frame.to_dict("records") == [
        {"action": "drop", "photo": "Zoë/1.jpg", "identity": "Zoë", "to_identity": "", "note": "twice"}
    ]


def test_without_lines_there_is_a_header_to_write_below(tmp_path: Path) -> None:
    assert render_lines([]) == b"\xef\xbb\xbfaction,photo,identity,to_identity,note\n"
