"""A table or list of photos, one row per face, with path and identity, perhaps a box."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..config import PrepareConfig
from ..errors import SourceError
from ..files.remote import Location
from ..photos.formats import VIDEO_ENDINGS, ending
from ..photos.paths import photo_path, photo_text
from ..tables.blocks import iter_texts
from .base import PlanBuilder, Scan, early_status
from .folder import FolderReader
from .listed.box_formats import find_format, parse_box, read_size
from .listed.boxes import Box, BoxRows, Numbers, read_numbers, show_box
from .listed.columns import person_folder
from .listed.photo_files import FoundPhotos, PhotoFiles
from .listed.rows import TableRows
from .open import SourceKind, SourceLike, local_paths, source_paths
from .table_file import read_cells
from .walk import require_folder


class TableSource:
    r"""Photos listed in a table or list: CSV, Parquet, or whatever :func:`.table_file.read_cells` reads.

    The columns ``path`` and ``identity`` are required; ``box`` (x0 y0 x1 y1, or four columns), ``split`` and
    ``role`` (``reference`` or empty) are optional. Other usual names are understood, and said in the notes;
    so are lists without a header. Every other column is passed on as ``meta_<name>``; columns without a name
    are dropped. In text, all values stay text: ``007`` and ``NA`` are people.

    Paths are written as in the ledger: ``/`` between the parts, ``\xNN`` for a byte that is not UTF-8. Where
    there is no such file, other spellings are tried (:func:`facedata.photos.listed_paths.listed_spellings`).
    A photo of several rows makes the records ``photo#1``, ``photo#2`` … in the table's order.

    Attributes:
        table: the file.
        folder: the folder that paths are relative to and may not leave; by default the table's.
        root: the source as dataset.json names it: the table, or ``table=…,root=…`` if both were given.
        config: its ``box_format``, ``names`` and ``turn`` are used.
    """

    kind = "table"
    face = "largest"

    def __init__(self, table: Path, root: Path | None = None, config: PrepareConfig | None = None) -> None:
        self.table = table
        self.folder = table.parent if root is None else root
        self.root = photo_text(str(table) if root is None else f"table={table},root={root}")
        self.config = config or PrepareConfig(kind="table")

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> TableSource:
        """Make the source from the user's paths: the table, and perhaps the photos' folder."""
        table, *root = local_paths(roots, "table", 2, "a CSV or Parquet file")
        return cls(table, root[0] if root else None, config)

    @staticmethod
    def typed(root: str, moved: SourceLike | None) -> SourceLike:
        """Return the paths of the table and of its folder, if any; the new folder if only the photos moved.

        >>> TableSource.typed("table=t.csv,root=photos", None), TableSource.typed("t.csv", None)
        (['t.csv', 'photos'], 't.csv')
        """
        both = re.fullmatch(r"table=(.+?),root=(.+)", root, re.DOTALL)
        if moved is None:
            return [both[1], both[2]] if both else root
        paths = source_paths(moved)
        is_folder = len(paths) == 1 and paths[0].is_dir()
        return [both[1] if both else root, str(paths[0])] if is_folder else moved

    @property
    def search(self) -> str:
        """``given_box`` if any row has a box, else ``photo``; reads the table the first time.

        Raises:
            SourceError: as :meth:`scan`.
        """
        return "given_box" if any(self._numbers) else "photo"

    def scan(self) -> Scan:
        """List every row whose photo exists; the others' photos are ``missing``.

        Raises:
            SourceError: the table or the root is missing, the table or a row (with its line) is malformed, a
                path leaves the root, what its columns or boxes mean is not clear, or none of the photos
                exists.
        """
        rows, boxes_as_written = self._rows, self._numbers
        reader, files, found = self._find_photos()
        boxes, box_format = self._boxes(boxes_as_written, found)
        self._refuse_absent(found)
        records = rows.records(found.photos)
        plan = PlanBuilder()
        columns = (found.photos, records, rows.identities, rows.roles, rows.splits)
        for index, (photo, record, person, role, split) in enumerate(
            zip(*map(iter_texts, columns), strict=True)
        ):
            if found.size[index] < 0:
                continue
            kind = "video" if ending(photo) in VIDEO_ENDINGS else "photo"
            identity = person if rows.columns.identity else person_folder(photo)
            plan.add(
                photo, record=record, size=int(found.size[index]), mtime_ns=int(found.mtime_ns[index]),
                identity=identity, role=role, official_split=split, given_box=boxes[index],
                **early_status(kind, identity, "the table gives no identity"),
            )  # fmt: skip
        is_there = pa.array(found.is_there)
        missing = sorted(pc.unique(found.photos.filter(pc.invert(is_there))).to_pylist())
        kept = rows.meta.filter(is_there)
        table = plan.table(dict(zip(kept.column_names, kept.columns, strict=True)))
        notes = [*rows.columns.notes, *rows.box_notes(box_format), *files.notes()]
        return Scan(table, reader, missing=missing, notes=notes, box_format=box_format)

    def open_reader(self) -> FolderReader:
        """Return what reads the photos; what the table says of them is not looked at.

        Raises:
            SourceError: the table or the root is missing, a path leaves the root, or no photo exists.
        """
        reader, _, found = self._find_photos()
        self._refuse_absent(found)
        return reader

    def _find_photos(self) -> tuple[FolderReader, PhotoFiles, FoundPhotos]:
        require_folder(self.folder)
        files = PhotoFiles(self.folder, self._rows)
        return FolderReader({"": self.folder}), files, files.find()

    def _refuse_absent(self, found: FoundPhotos) -> None:
        if not found.is_there.any():
            photos = pc.unique(found.photos).to_pylist()
            raise SourceError(
                f"none of the {len(photos)} photos that {photo_text(str(self.table))} lists is below "
                f"{photo_text(str(self.folder))} (the first is {min(photos)}); name their folder as the root"
            )

    def _boxes(
        self, written: Sequence[Numbers | None], found: FoundPhotos
    ) -> tuple[Sequence[Box | None], str | None]:
        """Return each row's box in pixels, and how the table writes them; None if it has none."""
        rows, box_format = self._rows, self.config.box_format
        if not any(written):
            return written, None

        @lru_cache
        def size_of(row: int) -> tuple[int, int] | None:
            photo = self.folder / photo_path(found.photos[row].as_py())
            return read_size(photo, self.config.turn != "never") if found.size[row] >= 0 else None

        if box_format and len(rows.columns.box.names) == 1 and rows.columns.box.form:
            box_format = box_format.replace("-xywh", "").replace(
                "xywh", "xyxy"
            )  # objects are read as corners
        if box_format is None:
            box_format = find_format(rows.cells, rows.columns.box, written, size_of)
        boxes = BoxRows(len(written))
        for index, numbers in enumerate(written):
            is_relative = numbers is not None and box_format.startswith("relative")
            try:
                boxes[index] = parse_box(numbers, box_format, size_of(index) if is_relative else None)
            except ValueError as error:
                what = f"the box {show_box(rows.cells, rows.columns.box, index)} {error}"
                other = {"xyxy": "xywh", "relative": "relative-xywh"}.get(box_format)
                if other and self.config.box_format is None:
                    what += f"; if that is how all boxes are written, add --box-format {other}"
                rows.cells.fail(index, what)
        return boxes, box_format

    @cached_property
    def _numbers(self) -> Sequence[Numbers | None]:
        return read_numbers(self._rows.cells, self._rows.columns.box)

    @cached_property
    def _rows(self) -> TableRows:
        return TableRows.check(read_cells(self.table), keep_names=self.config.names == "exact")


TABLE = SourceKind(TableSource.open, TableSource.typed)
