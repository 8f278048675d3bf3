"""The history: the same numbers in the CSV, the spreadsheet and the events."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facemodel.training.history import COLUMNS, EpochRow, Events, rows_of, write_csv, write_xlsx
from tests.support.history import read_csv

ROWS = [
    EpochRow(epoch=0, val_loss=1.0, val_auc=0.5),
    EpochRow(
        epoch=1, steps=7, lr=1e-3, negatives="hard", loss=0.1 + 0.2, active=1.0, never_used=3, images=600,
        seconds=2.0,
    ),
]  # fmt: skip


def test_a_csv_comes_back_as_it_was(tmp_path: Path) -> None:
    write_csv(tmp_path / "history.csv", ROWS)
    assert read_csv(tmp_path / "history.csv") == ROWS
    assert (tmp_path / "history.csv").read_text().splitlines()[0].split(",") == list(COLUMNS)


def test_the_spreadsheet_holds_numbers(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "history.xlsx", ROWS)
    sheet = openpyxl.load_workbook(tmp_path / "history.xlsx").active
    table = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert table[0] == list(COLUMNS)
    assert table[2][COLUMNS.index("loss")] == pytest.approx(0.3)
    assert table[1][COLUMNS.index("loss")] is None
    assert table[2][COLUMNS.index("negatives")] == "hard"
    assert [file.name for file in tmp_path.iterdir()] == ["history.xlsx"]


def test_tensorboard_reads_the_events(tmp_path: Path) -> None:
    events = Events(tmp_path)
    for row in ROWS:
        events.add(row)
    events.close()
    found = EventAccumulator(str(tmp_path))
    found.Reload()
    assert {"epoch/loss", "epoch/lr", "val/auc", "val/loss", "epoch/active"} <= set(found.Tags()["scalars"])
    (loss,) = found.Scalars("epoch/loss")
    assert (loss.step, loss.value) == (7, pytest.approx(0.3))


def test_what_a_broken_off_try_wrote_beyond_is_hidden(tmp_path: Path) -> None:
    first = Events(tmp_path)
    for steps in (1, 2, 3):
        first.add(EpochRow(epoch=steps, steps=steps, loss=9.0))
    first.close()
    second = Events(tmp_path, steps=1)
    second.add(EpochRow(epoch=2, steps=2, loss=5.0))
    second.close()
    found = EventAccumulator(str(tmp_path))
    found.Reload()
    assert [(point.step, point.value) for point in found.Scalars("epoch/loss")] == [(1, 9.0), (2, 5.0)]


def test_a_line_says_what_a_row_has_and_no_more() -> None:
    assert ROWS[0].line(3) == "before epoch 1: val_loss 1, val_auc 0.5"
    line = "epoch 1/3: loss 0.3, active 1, negatives hard, lr 0.001, 300 images/s"
    assert ROWS[1].line(3) == line


def test_rows_of_other_versions_lose_what_is_not_known() -> None:
    assert rows_of([{"epoch": 2, "loss": 1.5, "new": 3}]) == [EpochRow(epoch=2, loss=1.5)]
