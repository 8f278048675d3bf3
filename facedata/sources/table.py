"""A table that lists photos: CSV or Parquet, one row per face, with path and identity."""

from __future__ import annotations

import math
import posixpath
import re
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from ..config import PrepareConfig
from ..errors import SourceError
from ..files.remote import Location
from ..photos.formats import VIDEO_ENDINGS, ending
from ..photos.paths import photo_path, photo_text
from .base import PlanBuilder, Scan, early_status
from .folder import FolderReader, require_folder, size_and_time
from .open import SourceKind, SourceLike, local_paths, source_paths
from .table_file import OTHER_NAMES, Cells, check_names, read_cells

Box = tuple[float, float, float, float]
"""x0 y0 x1 y1 in pixels of the full-size, upright photo."""


class TableSource:
    r"""Photos listed in a CSV or Parquet file.

    The columns ``path`` and ``identity`` are required; ``box`` (x0 y0 x1 y1), ``split`` and ``role``
    (``reference`` or empty) are optional, and :data:`OTHER_NAMES` work too. Every other column
    is passed on as ``meta_<name>``; columns without a name are dropped. CSV is UTF-8 with ``,`` ``;`` or
    tab between its fields, and all its values stay text: ``007`` and ``NA`` are people.

    Paths are written as in the ledger: ``/`` between the parts, ``\xNN`` for a byte that is not UTF-8. A
    photo of several rows makes the records ``photo#1``, ``photo#2`` … in the table's order.

    Attributes:
        table: the file.
        folder: the folder that paths are relative to and may not leave; by default the table's.
        root: the source as dataset.json names it: the table, or ``table=…,root=…`` if both were given.
    """

    kind = "table"
    face = "largest"

    def __init__(self, table: Path, root: Path | None = None) -> None:
        self.table = table
        self.folder = table.parent if root is None else root
        self.root = photo_text(str(table) if root is None else f"table={table},root={root}")

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> TableSource:
        """Make the source from the user's paths: the table, and perhaps the photos' folder."""
        return cls(*local_paths(roots, "table", 2, "a CSV or Parquet file"))

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
        return "given_box" if any(self._rows.boxes) else "photo"

    def scan(self) -> Scan:
        """List every row whose photo exists; the others' photos are ``missing``.

        Raises:
            SourceError: the table or the root is missing, the table or a row (with its line) is malformed, a
                path leaves the root, or none of the photos exists.
        """
        require_folder(self.folder)
        rows = self._rows
        photos = rows.photos(self.folder)
        on_disk = {photo: size_and_time(self.folder / photo_path(photo)) for photo in dict.fromkeys(photos)}
        plan = PlanBuilder()
        for index, (photo, record) in enumerate(zip(photos, rows.records(photos), strict=True)):
            if (info := on_disk[photo]) is not None:
                kind = "video" if ending(photo) in VIDEO_ENDINGS else "photo"
                identity = rows.identities[index]
                plan.add(
                    photo, record=record, size=info[0], mtime_ns=info[1], identity=identity,
                    role=rows.roles[index], official_split=rows.splits[index], given_box=rows.boxes[index],
                    **early_status(kind, identity, "the table gives no identity"),
                )  # fmt: skip
        missing = sorted(photo for photo, info in on_disk.items() if info is None)
        if not len(plan):
            raise SourceError(
                f"none of the {len(missing)} photos that {photo_text(str(self.table))} lists is below "
                f"{photo_text(str(self.folder))} (the first is {missing[0]}); name their folder as the root"
            )
        kept = rows.meta.filter(pa.array([on_disk[photo] is not None for photo in photos]))
        table = plan.table(dict(zip(kept.column_names, kept.columns, strict=True)))
        return Scan(table, FolderReader({"": self.folder}), missing=missing)

    @cached_property
    def _rows(self) -> _Rows:
        return _Rows.check(read_cells(self.table))


@dataclass(frozen=True)
class _Rows:
    """A table's rows, after all checks that need no access to the photos."""

    cells: Cells
    paths: list[str]
    identities: list[str | None]
    roles: list[str | None]
    splits: list[str | None]
    boxes: list[Box | None]
    meta: pa.Table

    @classmethod
    def check(cls, cells: Cells) -> _Rows:
        """Check every row.

        Raises:
            SourceError: a required column is missing, or a row is wrong; it names the first one.
        """
        for column in ("path", "identity"):
            if cells.name_of(column) is None:
                raise SourceError(
                    f"{photo_text(str(cells.path))} has no column {column} (or {OTHER_NAMES[column]}); "
                    f"it has {', '.join(cells.columns.column_names) or 'none'}"
                )
        if not cells.lines:
            raise SourceError(f"{photo_text(str(cells.path))} lists no photos: it has no rows")
        identities, roles, splits = (cells.texts(column) for column in ("identity", "role", "split"))
        box = cells.name_of("box")
        values = [None] * len(cells.lines) if box is None else cells.columns.column(box).to_pylist()
        paths, boxes = [], []
        for index, (path, role, value) in enumerate(zip(cells.texts("path"), roles, values, strict=True)):
            if path is None:
                cells.fail(index, "the path is empty")
            if role not in (None, "reference"):
                cells.fail(index, f"the role is {role!r}; it takes reference, or nothing")
            try:
                boxes.append(parse_box(value))
            except ValueError as error:
                cells.fail(index, f"the box {value!r} {error}")
            paths.append(path)
        ours = {cells.name_of(name) for name in ("path", "identity", "role", "split", "box")}
        others = [name for name in cells.columns.column_names if name not in ours]
        meta = [name if name.startswith("meta_") else f"meta_{name}" for name in others]
        check_names(cells.path, meta)
        table = cells.columns.select(others).rename_columns(meta)
        return cls(cells, paths, identities, roles, splits, boxes, table)

    def photos(self, folder: Path) -> list[str]:
        """Return every row's photo, a path below ``folder``.

        Raises:
            SourceError: a path leaves the folder.
        """
        # an absolute path may name the folder through symbolic links or without them
        tops = [
            posixpath.normpath(str(top)).rstrip("/") + "/" for top in (folder.absolute(), folder.resolve())
        ]
        photos = []
        for index, text in enumerate(self.paths):
            path = posixpath.normpath(photo_path(text))
            below = next((path[len(top) :] for top in tops if path.startswith(top)), path)
            if below == ".." or below.startswith(("/", "../")):
                root = photo_text(str(folder))
                self.cells.fail(index, f"the path {text!r} leaves the root {root}; name a root above it")
            photos.append(photo_text(below))
        return photos

    def records(self, photos: Sequence[str]) -> list[str]:
        """Return the rows' keys: the photo, or ``photo#n`` where it has several rows.

        Raises:
            SourceError: another photo already has such a name.
        """
        rows = Counter(photos)
        seen: Counter[str] = Counter()
        records = []
        for index, photo in enumerate(photos):
            seen[photo] += 1
            record = photo if rows[photo] == 1 else f"{photo}#{seen[photo]}"
            if record != photo and record in rows:
                self.cells.fail(
                    index, f"face {seen[photo]} of {photo!r} would be called {record!r}, like another photo"
                )
            records.append(record)
        return records


def parse_box(value: object) -> Box | None:
    """Return the box in a cell: a list of numbers, or text such as ``[1,2,3,4]`` or ``1 2 3 4``.

    Args:
        value: x0 y0 x1 y1; None, blank text and an empty list mean no box.

    Raises:
        ValueError: not four finite numbers, or no width or height; its text continues "the box …".

    >>> parse_box("[10,20,110.5,140]"), parse_box(" ")
    ((10.0, 20.0, 110.5, 140.0), None)
    """
    parts: Sequence[object]
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        bare = text[1:-1] if re.fullmatch(r"\[.*\]|\(.*\)", text, re.DOTALL) else text
        parts = re.split(r"\s*,\s*|\s+", bare.strip()) if bare.strip() else []
    else:
        parts = list(value) if isinstance(value, (list, tuple)) else [value]
    if not parts:
        return None
    try:
        # rounded to float32 before the checks, since the ledger holds float32
        x0, y0, x1, y1 = array("f", (float(part) for part in parts))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError("is not four numbers x0 y0 x1 y1") from None
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise ValueError("is not four finite numbers x0 y0 x1 y1")
    if x1 <= x0 or y1 <= y0:
        raise ValueError("has no width or no height; it takes x0 y0 x1 y1, not x y width height")
    return x0, y0, x1, y1


TABLE = SourceKind(TableSource.open, TableSource.typed)
