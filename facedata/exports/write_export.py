"""From a set to an export's finished folder, which appears when it is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..config import EXPORTS, ExportConfig
from ..errors import UsageError
from ..files.remote import Location, Remote, parse_location
from ..interchange.export_note import EXPORT_NOTE, ExportNote, write_export_note
from ..options import look_up, nearest
from ..pages.page_folder import new_page_folder
from ..sets.log import RunLog
from ..sets.prepared import PreparedSet
from .base import Export, ExportFormat, OnProgress


@dataclass(frozen=True)
class Exported:
    """A set in another format.

    Attributes:
        folder: where it is.
        note: what the export says of itself.
        lines: what the user should know.
    """

    folder: Path
    note: ExportNote
    lines: tuple[str, ...] = ()


def write_export(
    prepared: PreparedSet,
    folder: Path,
    config: ExportConfig,
    on_progress: OnProgress | None,
    on_step: Callable[[str], None],
) -> Exported:
    """Write a set in the format that the options name; the folder gets its name when everything is in it.

    Args:
        prepared: the set.
        folder: as :func:`choose_export_folder` returns it.
        config: the options.
        on_progress: called with the number of crops that are written, and the total.
        on_step: called with what is done.

    Raises:
        UsageError: the set has no such split, or the format cannot hold it.
        StoreError: the export cannot be written, or a crop is missing or damaged.
    """
    form: ExportFormat = look_up(EXPORTS, config.to)
    export = Export(prepared, folder, choose_splits(prepared, config.split), config, on_progress)
    on_step("looking at the set")
    form.refuse(export)
    with new_page_folder(folder) as made:
        on_step(f"writing {config.to}")
        export = replace(export, folder=made)
        written = form.write(export)
        settings = prepared.info["settings"]
        note = ExportNote(
            config.to, prepared.fingerprint, version("facedata"), str(settings["template"]), prepared.size_px,
            export.counts, dict(written.people), list(written.left_out), prepared.info.get("licence"),
        )  # fmt: skip
        write_export_note(made, note)
    if isinstance(prepared.path, Path):
        RunLog(prepared.path).write("export", format=config.to, path=str(folder.absolute()))
    return Exported(folder, note, written.lines)


def choose_splits(prepared: PreparedSet, split: str | None) -> tuple[str | None, ...]:
    """Return the splits to export, ``train`` first; None among them stands for crops in no split.

    Raises:
        UsageError: the set has no such split, or no crop at all.
    """
    found: pa.Array = pa.array([], pa.string())
    for block in prepared.blocks("classes"):
        found = pa.concat_arrays([found, pc.unique(block.column("split"))]).unique()
    names = sorted(filter(None, found.to_pylist()), key=lambda name: (name != "train", name))
    if split is not None:
        if split not in names:
            hint = nearest(split, names) or f"; it has {', '.join(names) or 'none'}"
            raise UsageError(f"{prepared} has no split {split!r}{hint}")
        return (split,)
    if not len(found):
        raise UsageError(f"{prepared} has no crops to export")
    return (*names, None) if found.null_count else tuple(names)


def choose_export_folder(prepared: PreparedSet, out: str, *, overwrite: bool) -> Path:
    """Return where an export goes: a folder that is new or empty or, to overwrite it, an earlier export.

    Raises:
        UsageError: it is a URL or a file, lies in the set or holds it, or there is something in it.
    """
    folder: Location = parse_location(out)
    if isinstance(folder, Remote):
        raise UsageError(f"--out {folder} is a URL: export to a folder on this machine, and copy that")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: choose another --out")
    place = folder.resolve()
    if isinstance(prepared.path, Path):
        mine = prepared.path.resolve()
        if mine in (place, *place.parents) or place in mine.parents:
            raise UsageError(
                f"--out {folder} lies in the set {prepared}, or holds it: choose a folder elsewhere"
            )
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / EXPORT_NOTE).is_file():
            raise UsageError(f"{folder} is not empty, and is no export: choose another --out")
        if not overwrite:
            raise UsageError(f"{folder} holds an export already: add --overwrite, or choose another --out")
    if folder.is_dir() and folder.samefile("."):
        raise UsageError(f"{folder} is the working folder, and would be replaced: run this in another one")
    return folder
