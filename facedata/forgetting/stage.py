"""Write all files that a set will have, beside those that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..checks.check_folder import CHECK
from ..checks.corrections_csv import CORRECTIONS_CSV
from ..config import settings_fingerprint
from ..files.atomic import atomic_file
from ..files.remote import Location
from ..files.staged import StagedFiles
from ..progress.folder import PHOTO_STATS
from ..sets.log import LOG, RunLog
from ..sets.prepared import PreparedSet, set_fingerprint, stage_tables, write_dataset
from ..store.rewrite import rewrite_tars
from ..tables.schema import DATASET, SCHEMA_VERSION
from ..tables.tombstones import FORGOTTEN_FILE, Tombstones
from .journal import Changes
from .other_files import (
    Mentions,
    corrections_without,
    list_check_files,
    list_leftovers,
    list_pages,
    log_without,
)
from .recount import Recount
from .remaining import Remaining
from .resolve import Chosen

CountCopies = Callable[[Path], dict[str, Any] | None]
"""From a folder with a set's new tables to the section ``copies``; None where that is not known."""


@dataclass(frozen=True, eq=False)
class Removal:
    """What is to be forgotten of a set, and what stays.

    Attributes:
        prepared: the set, in a folder.
        chosen: what is to be forgotten.
        remaining: the tables without it.
        tombstones: with its hashes.
        tars: where the tars are: the set's folder, or the URL of which that is a copy.
    """

    prepared: PreparedSet
    chosen: Chosen
    remaining: Remaining
    tombstones: Tombstones
    tars: Location

    @classmethod
    def of(cls, prepared: PreparedSet, chosen: Chosen, before: Tombstones, tars: Location) -> Removal:
        """Work out the removal; nothing is written.

        Raises:
            SetError: the set's tables do not match.
        """
        remaining = Remaining(prepared, chosen)
        tombstones = before.bury(
            people=chosen.names,
            records=(*chosen.records, *chosen.keys),
            photos=chosen.photos,
            crops={*remaining.gone.column("crop_sha256").to_pylist()} - {*remaining.twins.values()},
            ids=remaining.gone_ids.tolist(),
        )
        return cls(prepared, chosen, remaining, tombstones, tars)

    @property
    def folder(self) -> Path:
        """The set's folder."""
        return Path(str(self.prepared.path))

    def tars_to_write(self) -> list[str]:
        """Return the tars that lose crops; some may not be there any more afterwards."""
        if self.prepared.info["settings"].get("store") != "tar":
            return []
        return sorted(pc.unique(self.remaining.gone.column("file")).to_pylist())

    def changes(self) -> Changes:
        """Return what will be written and removed, without writing anything."""
        info, folder, in_tars = self.prepared.info, self.folder, self.tars_to_write()
        tables = [f"{kind}.parquet" for kind in info["tables"]]
        written = [*tables, DATASET, FORGOTTEN_FILE, LOG]
        written += [PHOTO_STATS] if (folder / PHOTO_STATS).is_file() else []
        removed = [*list_leftovers(folder), *list_pages(folder), *list_check_files(folder)]
        emptied: list[str] = []
        if in_tars:
            written += in_tars
        else:
            crops = self.remaining.gone.column("file").to_pylist()
            removed += crops
            emptied += sorted({name.rpartition("/")[0] for name in crops})
        if (folder / CHECK).is_dir():
            own = f"{CHECK}/{CORRECTIONS_CSV}"
            if (folder / own).is_file():
                is_kept = corrections_without(folder, self.mentions()) is not None
                (written if is_kept else removed).append(own)
            below = (path.relative_to(folder).as_posix() for path in (folder / CHECK).rglob("*"))
            emptied += [*sorted((name for name in below if (folder / name).is_dir()), reverse=True), CHECK]
        return Changes(tuple(written), tuple(removed), tuple(emptied))

    def mentions(self) -> Mentions:
        """Return what tells whether a text is about those who are forgotten."""
        return Mentions(self.chosen, self.remaining.gone.column("path").to_pylist(), self.tombstones)


def write_new_files(removal: Removal, new: Path, count_copies: CountCopies) -> Changes:
    """Write all files that the set will have.

    Args:
        removal: what is to be forgotten.
        new: an empty folder for them.
        count_copies: counts what closing a set counts.

    Returns:
        What was written, and what is to be removed.

    Raises:
        UsageError: check/corrections.csv, in which the user writes, cannot be read.
        StoreError: something cannot be read or written.
    """
    remaining, tombstones, prepared = removal.remaining, removal.tombstones, removal.prepared
    changes, mentions = removal.changes(), removal.mentions()
    settings = settings_fingerprint(prepared.info["settings"])
    fingerprint = set_fingerprint(settings, remaining.classes())
    tables: dict[str, pa.Table | Iterable[pa.Table]] = {
        "photos": remaining.photos(tombstones),
        "classes": remaining.classes(),
        "pairs": remaining.rows_of_crops("pairs"),
        "triplets": remaining.rows_of_crops("triplets"),
        **remaining.small_tables(tombstones),
    }
    with StagedFiles() as staged:
        written = stage_tables(staged, new, tables, fingerprint)
        staged.commit()
    _write_stats(removal, new / PHOTO_STATS)
    _write(new / FORGOTTEN_FILE, tombstones.to_bytes())
    rewrite_tars(removal.tars, removal.folder, new, removal.tars_to_write())
    log = log_without(removal.folder, mentions)
    if log is None and (removal.folder / LOG).is_file():
        log = (removal.folder / LOG).read_bytes()
    _write(new / LOG, log or b"")
    count = {"photos": len(removal.chosen.records), "crops": remaining.gone.num_rows}
    RunLog(new).write("forget", **count, was=prepared.fingerprint)
    own = f"{CHECK}/{CORRECTIONS_CSV}"
    if own in changes.written:
        _write(new / own, corrections_without(removal.folder, mentions) or b"")
    recount = Recount(new, prepared.info, tombstones)
    counts = recount.counts()
    if "copies" in counts and (copies := count_copies(new)) is not None:
        counts["copies"] = copies
    info = {**prepared.info, "schema_version": SCHEMA_VERSION, "fingerprint": fingerprint}
    write_dataset(new, {**info, "counts": counts, "notes": recount.notes(), "tables": written})
    made = {path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file()}
    gone = [name for name in changes.written if name not in made]  # tars and tables in which nothing is left
    return Changes(tuple(sorted(made)), (*changes.removed, *gone), changes.emptied)


def _write_stats(removal: Removal, file: Path) -> None:
    blocks = removal.remaining.photo_stats(removal.tombstones)
    first = next(blocks, None)
    if first is not None:
        with atomic_file(file) as stream, pa.ipc.new_file(stream, first.schema) as writer:
            writer.write_table(first)
            for block in blocks:
                writer.write_table(block)


def _write(file: Path, content: bytes) -> None:
    with atomic_file(file) as stream:
        stream.write(content)
