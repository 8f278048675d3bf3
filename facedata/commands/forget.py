"""``facedata forget``: take a person, or photos, out of a set, so that no later run brings them back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..closing.copies import count_table_copies
from ..config import ForgetConfig
from ..errors import NotASetError, UsageError
from ..files.locks import locked
from ..files.remote import Location, Remote, parse_location
from ..forgetting import journal
from ..forgetting.made_files import MadeWith
from ..forgetting.made_with import find_made_with
from ..forgetting.needles import collect_needles, recall_needles
from ..forgetting.other_files import list_earlier_fingerprints
from ..forgetting.outcome import Forgotten, find_later_notes, find_notes
from ..forgetting.resolve import Chosen, choose_rows, read_photo_list
from ..forgetting.search import search_folders
from ..forgetting.stage import Removal, write_new_files
from ..options import resolve_options
from ..sets.prepared import PreparedSet, open_set
from ..sets.working_folder import reading, working_folder
from ..tables.schema import DATASET
from ..tables.tombstones import read_tombstones
from ..work.run import OnStep

_NOBODY = "nobody is named: name people as the ledger has them, or photos with --photos"


def forget_set(
    set: str | os.PathLike[str],  # noqa: A002  it is what the commands call it
    people: str | Sequence[str] = (),
    config: ForgetConfig | None = None,
    *,
    on_step: OnStep = lambda _: None,
    **changes: Any,
) -> Forgotten:
    """Take people, or photos, out of a set: crops, details, rows of all tables, findings, pages.

    The ids and splits of all others stay. ``prepare``, ``fix`` and ``crop`` never bring anybody back: the set
    keeps salted hashes of names, records and bytes (``forgotten.json``). The set is as it was until all new
    files are written; from then on it cannot be opened until the work is finished, which calling this again
    does, with or without names. The photos in the source are not touched.

    Args:
        set: the set's folder or URL.
        people: names as the ledger has them, in ``identity`` or ``source_identity``.
        config: the options; ``changes`` override it.
        on_step: called with what is done now.
        **changes: single options by name, as in ``forget_set("faces", ["anna"], dry_run=True)``.

    Returns:
        What was forgotten, every file that was touched, and what is left to do.

    Raises:
        UsageError: nobody is named, or somebody or a photo is not there: nothing is changed.
        SetError: no finished set at ``set``, or it is damaged, or another run is working on it.
        StoreError: something cannot be written. Nothing was changed yet, or calling it again finishes it.
    """
    config = resolve_options(ForgetConfig, config, changes)
    names = [people] if isinstance(people, str) else list(people)
    location = parse_location(set)
    photos = [] if config.photos is None else read_photo_list(config.photos)
    _refuse_prove(config)
    if config.dry_run:
        return _look(location, names, photos, config)
    with _changing(location, config.cache) as folder:
        outcome = Forgotten()
        if journal.is_half_done(folder):
            done = journal.finish(folder)
            outcome = Forgotten(written=done.written, removed=done.removed, finished=True)
        journal.remove_stale(folder)
        if not (names or photos):
            is_here = (folder / DATASET).is_file()  # perhaps an upload was interrupted
            if not outcome.finished and not (is_here and not (location / DATASET).is_file()):
                raise UsageError(_NOBODY)
            return replace(outcome, finished=True)
        on_step("looking for their photos")
        prepared, before = open_set(folder), read_tombstones(folder)
        chosen = choose_rows(prepared, names, photos, before)
        outcome = replace(outcome, people=chosen.people, before=chosen.before)
        needles = []
        if config.prove and chosen.records:
            needles.append(collect_needles(prepared, chosen.names, chosen.records))
        if config.prove and chosen.before:
            needles.append(recall_needles(prepared, chosen.before, before))
        outcome = replace(outcome, made_with=_find_made_with(prepared, chosen, config))
        if chosen.records:
            removal = Removal.of(prepared, chosen, before, location)
            notes = find_notes(removal, removal.changes(), location)
            on_step("writing the set without them")
            changes_made = _remove(removal, location)
            notes += find_later_notes(prepared, open_set(folder), changes_made, location)
            outcome = _tell(outcome, removal, changes_made, notes)
    if config.prove:
        on_step("searching for what is left of them")
        outcome = replace(outcome, searched=tuple(search_folders(one, config.prove) for one in needles))
    return outcome


def _refuse_prove(config: ForgetConfig) -> None:
    """Refuse a place to search that is not there: after the removal it is too late to name another one."""
    if config.prove and config.dry_run:
        raise UsageError("--prove searches when they are removed: drop --dry-run")
    for place in map(parse_location, config.prove):
        if not (place.is_dir() or place.is_file()):
            raise UsageError(f"--prove {place}: there is no such file or folder")


def _find_made_with(prepared: PreparedSet, chosen: Chosen, config: ForgetConfig) -> tuple[MadeWith, ...]:
    earlier = list_earlier_fingerprints(Path(str(prepared.path)))
    made = find_made_with(
        prepared, (*chosen.names, *chosen.before), fingerprints=earlier, runs=config.runs,
        galleries=config.galleries, exports=config.exports,
    )  # fmt: skip
    return tuple(made)


def _look(location: Location, names: Sequence[str], photos: Sequence[str], config: ForgetConfig) -> Forgotten:
    """Return what would be forgotten."""
    prepared = open_set(location)
    if not isinstance(prepared.path, Path):
        raise UsageError(f"--dry-run is for a set on this machine; {location} is at a URL")
    if not (names or photos):
        raise UsageError(_NOBODY)
    with reading(prepared):
        before = read_tombstones(prepared.path)
        chosen = choose_rows(prepared, names, photos, before)
        made = _find_made_with(prepared, chosen, config)
        outcome = Forgotten(chosen.people, before=chosen.before, dry_run=True, made_with=made)
        if not chosen.records:
            return outcome
        removal = Removal.of(prepared, chosen, before, prepared.path)
        changes = removal.changes()
        return _tell(outcome, removal, changes, find_notes(removal, changes, location))


def _tell(outcome: Forgotten, removal: Removal, changes: journal.Changes, notes: Sequence[str]) -> Forgotten:
    """Add to an outcome what a removal does."""
    return replace(
        outcome,
        photos=len(removal.chosen.records),
        crops=removal.remaining.gone.num_rows,
        copies=removal.chosen.copies,
        shared=removal.chosen.shared,
        written=changes.written,
        removed=changes.removed,
        notes=tuple(notes),
    )


@contextlib.contextmanager
def _changing(location: Location, cache: str | None) -> Iterator[Path]:
    """Yield the set's folder, or the local copy of a URL, locked; it may be half forgotten."""
    if isinstance(location, Path) and not location.is_dir():
        raise NotASetError(f"there is no folder {location}")
    if isinstance(location, Remote) and not location.is_dir():
        raise NotASetError(f"there is nothing at {location}")
    with working_folder(location, cache) as folder, locked(folder):
        yield folder
        if isinstance(location, Remote):
            for name in [name for name in location.files() if name.startswith("check/")]:
                (location / name).remove()


def _remove(removal: Removal, location: Location) -> journal.Changes:
    """Write the new files, then put them in their places."""
    folder = removal.folder
    new = journal.begin(folder)
    try:
        changes = write_new_files(removal, new, count_table_copies)
        journal.commit(folder, changes.removed, changes.emptied)
    except BaseException:
        if not journal.is_half_done(folder):
            journal.give_up(folder)
        raise
    journal.finish(folder)
    return changes
