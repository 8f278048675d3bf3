"""From a set to an export's finished folder, which appears when it is whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..config import EXPORTS, ExportConfig
from ..errors import SourceError, StoreError, UsageError, writing
from ..files.remote import Location, Remote, parse_location
from ..interchange.export_note import ExportNote, read_export_note, write_export_note
from ..options import look_up, nearest
from ..pages.page_folder import new_page_folder
from ..sets.log import RunLog
from ..sets.prepared import PreparedSet
from .base import Export, ExportFormat, OnProgress
from .cards.croissant import write_croissant
from .cards.dataset_card import write_dataset_card
from .cards.set_facts import SetFacts

logger = logging.getLogger(__name__)


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
    splits = choose_splits(prepared, config.split)
    export = Export(prepared, folder, splits, config, on_progress, shown=str(folder))
    on_step("looking at the set")
    form.refuse(export)
    with new_page_folder(folder) as made:
        _log(prepared, "export_start", folder, config)
        on_step(f"writing {config.to}")
        export = replace(export, folder=made)
        written = form.write(export)
        settings = prepared.info["settings"]
        note = ExportNote(
            config.to, prepared.fingerprint, version("facedata"), str(settings["template"]), prepared.size_px,
            export.counts, dict(written.people), list(written.left_out), prepared.info.get("licence"),
            dict(written.split_names), float(settings["margin"]),
        )  # fmt: skip
        write_export_note(made, note)
        on_step("describing it")
        facts = SetFacts.of(export, note)
        lines = (*written.lines, *write_dataset_card(made, facts, written.card, folder))
        write_croissant(made, facts, written.sha256)
    _log(prepared, "export", folder, config)
    return Exported(folder, note, lines)


def _log(prepared: PreparedSet, event: str, folder: Path, config: ExportConfig) -> None:
    """Note in the set's log where its crops go: by that `facedata forget` finds them again."""
    if not isinstance(prepared.path, Path):
        return
    try:
        RunLog(prepared.path).write(event, format=config.to, path=str(folder.absolute()))
    except StoreError as error:
        logger.warning(
            "`facedata forget` will not find this export, since the set's log cannot be written: %s", error
        )


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
        StoreError: it cannot be looked at, such as a name that is too long.
    """
    folder: Location = parse_location(out)
    if isinstance(folder, Remote):
        raise UsageError(f"--out {folder} is a URL: export to a folder on this machine, and copy that")
    if "\0" in out:
        raise UsageError(f"--out {out!r} is no name that a folder can have: choose another one")
    with writing(folder):
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
            try:
                note = read_export_note(folder)
            except SourceError as error:
                raise UsageError(
                    f"{folder} is not empty, and is no export that can be replaced: {error}"
                ) from error
            if note is None:
                raise UsageError(f"{folder} is not empty, and is no export: choose another --out")
            if not overwrite:
                raise UsageError(
                    f"{folder} holds an export already: add --overwrite, or choose another --out"
                )
        working = Path.cwd().resolve()
        if folder.is_dir() and place in (working, *working.parents):
            raise UsageError(
                f"the working folder is {folder} or lies in it, and would be replaced: run this elsewhere"
            )
    return folder
