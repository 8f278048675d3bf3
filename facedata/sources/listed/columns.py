"""Which column of a table is the photo, the person, the box; and what a list without a header means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from ...errors import SourceError
from ...photos.formats import IMAGE_ENDINGS, VIDEO_ENDINGS, ending
from ...tables.blocks import iter_texts
from ..table_file import OTHER_NAMES, Cells
from .boxes import BoxColumns, find_box_columns, plain_name

_PATHS = (
    "path imagepath filepath photopath imgpath imagefilepath picturepath",
    (
        "filename file image img photo picture imagefile imagefilename imgfile imagename imgname photofile "
        "photoname imageid imgid photoid nameid crop"
    ),
    "name id key item url sample",
)
"""Usual names of the column with the paths, in small letters without other signs; the best first.

Those of the last line hold paths only if they end like photos.
"""

_PEOPLE = (
    "identity personname",
    (
        "person personid subject subjectid subjectname identityid identityname celebrity celebrityname celeb "
        "celebid individual individualid peopleid personidentity"
    ),
    (
        "name label labelname labelid class classname classid target category fullname username user userid "
        "player actor"
    ),
    "id",
)
"""The same for the column with the people."""

_USUAL = {
    "path": "photos can be in a column path, image, file, filename, photo or image_id",
    "identity": "people can be in a column identity, person, subject, name, label or class",
}
_PASSIVE = frozenset(("width", "height", "split", "splittype", "role", "index"))
"""Columns beside which a lone path may name its person by its folder."""
_SPLITS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing"))
_JUDGED_ROWS = 200
_SHOWN = 3


@dataclass(frozen=True)
class Columns:
    """What a table's columns are.

    Attributes:
        path: the column with the photos' paths.
        identity: the column with the people; None where a photo's folder is the person.
        box: the columns with boxes.
        notes: what was understood, where the names are not our own.
    """

    path: str
    identity: str | None
    box: BoxColumns
    notes: tuple[str, ...] = ()


def find_columns(cells: Cells) -> Columns:
    """Find the columns of a table or list.

    Raises:
        SourceError: none or several can be the path or the identity, or a list without a header has other
            columns than these; it names them.
    """
    if not cells.columns.column_names:
        _refuse(cells, "path")
    if not cells.has_header:
        return _find_in_list(cells)
    path = _find_column(cells, "path")
    if path is None:
        _refuse(cells, "path")
    identity = _find_column(cells, "identity", path)
    box = find_box_columns(cells, (path, identity))
    if identity is None:
        others = set(cells.columns.column_names) - {path, *box.names}
        if {plain_name(name) for name in others} - _PASSIVE or not _all_in_folders(cells, path):
            _refuse(cells, "identity")
    notes = []
    ours = (("path", path), ("identity", identity))
    if any(name not in (column, OTHER_NAMES[column]) for column, name in ours):
        person = "the folder it lies in" if identity is None else f"column {identity}"
        notes.append(f"columns: photos in {path}, people: {person}")
    return Columns(path, identity, box, tuple(notes))


def _find_column(cells: Cells, column: str, taken: str | None = None) -> str | None:
    """Return this table's name for our column; None if no name of it is known.

    Raises:
        SourceError: several columns could be it.
    """
    if (own := cells.name_of(column)) is not None:
        return own
    for rank, names in enumerate(_PATHS if column == "path" else _PEOPLE):
        found = [name for name in cells.columns.column_names if plain_name(name) in names.split()]
        found = [name for name in found if name != taken]
        if column == "identity":
            found = [name for name in found if not _holds_photos(cells, name)]
        elif rank == 2 or len(found) > 1:
            found = [name for name in found if _holds_photos(cells, name)] or (found if rank < 2 else [])
        if len(found) > 1:
            raise SourceError(
                f"{cells.name}: the columns {' and '.join(found)} could both be the {column}; rename the "
                f"right one to {column}"
            )
        if found:
            return str(found[0])
    return None


def _refuse(cells: Cells, column: str) -> NoReturn:
    raise SourceError(
        f"{_USUAL[column]}, but {cells.name} has no column {column} (or {OTHER_NAMES[column]}); it has "
        f"{', '.join(cells.columns.column_names) or 'none'}"
    )


def _find_in_list(cells: Cells) -> Columns:
    """Find the columns of a list without a header: a photo, perhaps its person, perhaps a number before."""
    names = cells.columns.column_names
    photos = [name for name in names if _holds_photos(cells, name)]
    if len(photos) != 1:
        _refuse_list(cells, "has photos in more than one column" if photos else "has rows without a photo")
    path = photos[0]
    at = names.index(path)
    before, after = names[:at], names[at + 1 :]
    if before and (len(before) == 2 or after) and _holds_numbers(cells, before[0]):
        before = before[1:]  # MXNet's index, or InsightFace's mark that a photo is aligned
    people = [*before, *after]
    if len(people) > 1:
        _refuse_list(cells, f"has {len(names)} columns, and which one is the person is not clear")
    if people:
        values = {value.strip().lower() for value in _first_values(cells, people[0])}
        if values <= _SPLITS:
            _refuse_list(cells, "has splits beside the photos, and no people")
        note = f"the list has no header: column {at + 1} is read as the photo, {people[0]} as the person"
        return Columns(path, people[0], BoxColumns(), (note,))
    if not _all_in_folders(cells, path):
        _refuse_list(cells, "names nobody, and not every photo is in a person's folder")
    note = "the list has no header: each line is read as a photo, and the folder it lies in as the person"
    return Columns(path, None, BoxColumns(), (note,))


def _refuse_list(cells: Cells, what: str) -> NoReturn:
    rows = cells.columns.slice(0, _SHOWN).to_pylist()
    shown = "; ".join(
        f"{cells.unit} {line}: {', '.join(map(str, row.values()))}"
        for line, row in zip(cells.lines, rows, strict=False)
    )
    raise SourceError(
        f"{cells.name} has no header and {what} ({shown}); put a line with the columns' names first, such as "
        "path,identity"
    )


def _first_values(cells: Cells, name: str) -> list[str]:
    values = cells.columns.column(name).slice(0, _JUDGED_ROWS).to_pylist()
    return [value for value in values if isinstance(value, str) and value.strip()]


def _holds_photos(cells: Cells, name: str) -> bool:
    """Return whether nearly all of a column's first values end like photos."""
    values = _first_values(cells, name)
    photos = sum(ending(value.strip()) in IMAGE_ENDINGS | VIDEO_ENDINGS for value in values)
    return photos > 0.9 * len(values) if values else False


def _holds_numbers(cells: Cells, name: str) -> bool:
    return all(re.fullmatch(r"\d+(\.0+)?", value.strip()) for value in _first_values(cells, name))


def _all_in_folders(cells: Cells, name: str) -> bool:
    values: Iterator[str | None] = iter_texts(cells.columns.column(name))
    return all("/" in value.strip("/\\").replace("\\", "/") for value in values if value)


def person_folder(path: str) -> str | None:
    """Return the name of the folder that a path's photo lies in; None at the top."""
    return path.rpartition("/")[0].rpartition("/")[2] or None
