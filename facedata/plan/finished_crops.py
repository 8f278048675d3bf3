"""Photos that are finished crops (``--as-crops``): what an export says of them; boxes, which mean nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from ..config import PrepareConfig
from ..crops.cut import make_shape
from ..errors import UsageError
from ..files.remote import Location
from ..interchange.export_note import read_export_note


def refuse_other_crops(config: PrepareConfig, paths: Iterable[Location]) -> None:
    """Refuse exports of facedata's whose crops are of another template, size or margin than the options say.

    Args:
        config: the options.
        paths: the sources: an export's folder, or a file or folder in it; URLs are not looked at.

    Raises:
        UsageError: a note says something else.
        SourceError: a note is damaged.
    """
    wanted = (config.template, make_shape(config.template, config.size).size_px, config.margin)
    for path in paths:
        notes = map(read_export_note, (path, path.absolute().parent)) if isinstance(path, Path) else ()
        note = next((one for one in notes if one is not None), None)
        if note is not None and (found := (note.template, note.size_px, note.margin)) != wanted:
            raise UsageError(
                f"the crops in {path} are {_describe(*found)}, not {_describe(*wanted)}: use --template "
                f"{note.template} --size {note.size_px}" + f" --margin {note.margin:g}" * bool(note.margin)
            )


def _describe(template: str, size_px: int, margin: float) -> str:
    return f"{template} of {size_px} px" + f" with a margin of {margin:g}" * bool(margin)


def drop_boxes(records: pa.Table) -> tuple[pa.Table, list[str]]:
    """Return the records of finished crops without given boxes, and a note if there were some."""
    boxes = records.column("given_box")
    given = len(boxes) - boxes.null_count
    if not given:
        return records, []
    none = pa.chunked_array([pa.nulls(len(boxes), boxes.type)])
    at = records.schema.get_field_index("given_box")
    records = records.set_column(at, records.schema.field(at), none)
    return records, [f"the boxes of {given:,} photos play no part, since the photos are finished crops"]
