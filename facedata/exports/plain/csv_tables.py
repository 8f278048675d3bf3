"""Every table of a set as CSV, and its crops as files: for pandas, R, databases and spreadsheets.

Names are written as they are: a cell that a spreadsheet would run as a formula is counted and told, not
changed, since a mark in front of it would be part of the name for every other program.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from ...errors import writing
from ...store.base import CROPS
from ..base import Export, Written
from .crop_files import CropFiles
from .csv_cells import count_formulas, spread_lists
from .csv_rows import crop_rows, drawn_rows, photo_rows

_SHEET_ROWS = 1_048_576
"""The rows of a sheet, the header's among them, in Excel and LibreOffice."""

_BOM = b"\xef\xbb\xbf"
"""By which spreadsheets know UTF-8."""


class CsvTables:
    """``crops.csv``, ``photos.csv``, ``pairs.csv`` and ``triplets.csv``, and the crops below ``crops/``."""

    def refuse(self, export: Export) -> None:
        """Refuse nothing: CSV holds any text and number."""

    def write(self, export: Export) -> Written:
        """Write the tables and link or write every crop.

        Raises:
            OtherSetError: the set's tables do not fit each other.
            StoreError: a file cannot be written, or a crop is missing or damaged.
        """
        with CropFiles(export) as files:
            for read in export.crops(every=True):
                files.put(read, [f"{CROPS}/{path}" for path in read.rows.column("path").to_pylist()])
        tables = {"crops": crop_rows(export), "photos": photo_rows(export)}
        tables |= {
            kind: drawn_rows(export, kind) for kind in ("pairs", "triplets") if export.prepared.has(kind)
        }
        rows, formulas = dict[str, int](), 0
        for name, blocks in tables.items():
            rows[name], found = self._write(export.folder / f"{name}.csv", blocks)
            formulas += found
        options = 'dtype={"identity": str, "split": str}, keep_default_na=False, na_values=[""]'
        lines = [f'pandas.read_csv("{export.shown}/crops.csv", {options})', files.line()]
        if formulas:
            lines.append(
                f"{formulas:,} cells begin with = + - @ or a tab, and are written as they are: a spreadsheet "
                "would run them, so import their columns there as text"
            )
        lines += [
            f"{name}.csv has {count:,} rows, and a sheet takes {_SHEET_ROWS - 1:,}: read it by a program"
            for name, count in rows.items()
            if count >= _SHEET_ROWS
        ]
        if export.config.split is None:
            return Written(lines=tuple(lines))
        return Written(left_out=("the ledger of photos without a crop in the split",), lines=tuple(lines))

    def _write(self, file: Path, blocks: Iterable[pa.Table]) -> tuple[int, int]:
        """Write a file; return its rows, and how many of its cells a spreadsheet would run."""
        count = formulas = 0
        writer: pa_csv.CSVWriter | None = None
        with writing(file.name), file.open("wb") as stream:
            stream.write(_BOM)
            for block in blocks:
                rows = spread_lists(block)
                writer = writer or pa_csv.CSVWriter(stream, rows.schema)
                writer.write_table(rows)
                count += rows.num_rows
                formulas += count_formulas(rows)
            if writer is not None:
                writer.close()
        return count, formulas


CSV = CsvTables()
