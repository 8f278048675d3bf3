"""Another set from a finished one's ledger: other crops of the same faces, nothing is detected again."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..config import CropConfig, PrepareConfig
from ..crops.align import DEFAULT_SIZES
from ..crops.cut import CropShape
from ..errors import PhotosLostError, SetError, SourceError, UsageError, writing
from ..files.locks import locked
from ..files.remote import Place, Remote, place_of
from ..options import fingerprint_of, resolved
from ..progress.folder import SEEN, Work, library_versions, refuse_other_settings
from ..progress.output import claim_output, clear_output, refuse_own_photos
from ..sets.log import RunLog
from ..sets.prepared import (
    CROPPED_FROM,
    PreparedSet,
    open_set,
    read_dataset,
    set_fingerprint,
    stage_tables,
    with_meta,
    write_dataset,
)
from ..sets.upload import working_folder
from ..sources import SourceLike, source_paths
from ..sources.base import PhotoReader, Source
from ..sources.reopen import reopen_source
from ..store.base import Store
from ..store.open import open_store
from ..tables.blocks import regrouped
from ..tables.parquet import StagedTable, read_blocks, read_schema, stage_table
from ..tables.schema import CLASSES, DATASET, KINDS, WORK
from ..work.cluster import open_engine
from ..work.counting import Counter, Progress
from ..work.cut_again import (
    FOUND_COLUMNS,
    Recut,
    RecutTasks,
    drop_stale_parts,
    gather,
    recut_stage,
    replaced_matrices,
)
from ..work.engine import run_all

logger = logging.getLogger(__name__)


def crop_set(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: CropConfig | None = None,
    *,
    source: SourceLike | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    **changes: Any,
) -> PreparedSet:
    """Make another set from a finished one's ledger: same ids, splits, pairs and triplets, other crops.

    What comes out is what ``prepare`` with that template, size and margin makes of the same photos, byte for
    byte, without detecting again. Photos that came to the source since are not taken in.

    Args:
        path: the finished set's folder.
        out: the new set's folder; made when missing.
        config: the options; ``changes`` win over it.
        source: where the photos are now, when they have moved; as for :func:`facedata.prepare`.
        on_progress: called in this process after each shard.
        **changes: single options by name, as in ``crop_set("faces", "faces112", template="arcface112")``.

    Returns:
        The new set.

    Raises:
        UsageError: impossible options, or a folder that lies in the other.
        SourceError: the source is missing.
        PhotosLostError: photos are gone or changed since; nothing is written, and ``photos`` lists them.
        SetError: no set at ``path``; or ``out`` holds something else, or is being worked on.
        StoreError: ``out`` cannot be written.
        EngineError: workers keep dying, or a cluster cannot be reached or used.
    """
    config = resolved(CropConfig, config, changes)
    before, place = open_set(path), place_of(out)
    if isinstance(place, Remote) and before.info["settings"]["store"] != "tar":
        raise UsageError(
            f"--out {place}: at a URL crops lie in tars, and those of {before.path} lie in folders: name a "
            "folder, or prepare the photos anew with --store tar"
        )
    opened = reopen_source(before.info, source, config.cache)
    _refuse_overlap(before.path, place, source)
    reader = _reader(opened)
    with working_folder(place, config.cache, config.overwrite) as found, _removed_if_lost(found):
        run = _Run(before, claim_output(found, config.overwrite), place, config, opened)
        with locked(run.out):
            clear_output(run.out) if config.overwrite else None
            if (run.out / DATASET).is_file():
                _refuse_another(run)
                _sweep(run.out)
                logger.info("nothing to do: %s is up to date", place)
            else:
                _crop(run, reader, on_progress)
    return open_set(place)


@contextmanager
def _removed_if_lost(out: Path) -> Iterator[None]:
    """Leave no new folder behind when there is to be no set in it."""
    fresh = not out.exists()
    try:
        yield
    except PhotosLostError:
        if fresh:
            with writing(out):
                out.rmdir()
        raise


@dataclass(frozen=True)
class _Run:
    before: PreparedSet
    out: Path
    place: Place
    config: CropConfig
    source: Source

    @property
    def shape(self) -> CropShape:
        """What the new crops look like."""
        size_px = self.config.size or DEFAULT_SIZES[self.config.template]
        return CropShape(self.config.template, size_px, self.config.margin)

    @property
    def settings(self) -> dict[str, Any]:
        """The new set's: the old one's, with another template, size and margin."""
        shape = self.shape
        own = {"template": shape.template, "size": shape.size_px, "margin": shape.margin}
        return {**self.before.info["settings"], **own}

    def info(self) -> dict[str, Any]:
        """Return the new set's dataset.json, but for its fingerprint and tables."""
        versions = library_versions()
        return {
            **self.before.info,
            "facedata": versions["facedata"],
            "versions": versions,
            "source": {"kind": self.source.kind, "root": self.source.root},
            "settings": self.settings,
        }

    def store(self) -> Store:
        """Return where the crops go."""
        return open_store(self.settings["store"], self.out, self.place)


def _refuse_overlap(before: Place, out: Place, source: SourceLike | None) -> None:
    """Refuse an output in which the old set or its photos lie, or that lies in the old set."""
    refuse_own_photos([before, *source_paths(source)], out)
    if isinstance(before, Path) and isinstance(out, Path) and before.resolve() in out.resolve().parents:
        raise UsageError(f"--out {out} lies in the set {before}: choose another --out")


def _reader(source: Source) -> PhotoReader:
    try:
        return source.scan().reader
    except SourceError as error:
        raise SourceError(f"{error}; say where the set's photos are now with --source") from error


def _refuse_another(run: _Run) -> None:
    """Raise unless the finished set that is there is the one that would be made.

    Raises:
        SetError: it is another one.
    """
    there = open_set(run.out)
    refuse_other_settings(run.out, there.info["settings"], run.settings)
    own = {"fingerprint", "tables", "versions", "facedata"}
    same = all(there.info.get(key) == value for key, value in run.info().items() if key not in own)
    if not (same and there.is_whole() and _same_rows(run, there)):
        raise SetError(
            f"{run.place} holds the crops of another state of {run.before.path}, or is damaged: make them "
            "anew with --overwrite, or choose another --out"
        )


def _sweep(out: Path) -> None:
    """Remove what a run that was killed in its very last step left of its progress."""
    with writing(out):
        if (out / WORK).is_dir():
            shutil.rmtree(out / WORK)


def _same_rows(run: _Run, there: PreparedSet) -> bool:
    ledger = replaced_matrices(run.before.table("photos"), run.shape)
    names = ["id", "path", "identity", "label", "role", "split", "photo"]
    found = there.table("classes", ["path", "length", "crop_sha256"]).rename_columns(
        ["path", "crop_length", "crop_sha256"]
    )
    return bool(
        ledger.equals(there.table("photos"))
        and run.before.table("classes", names).equals(there.table("classes", names))
        and run.store().found(found, np.ones(len(found), bool)).all()
    )


def _crop(run: _Run, reader: PhotoReader, on_progress: Callable[[Progress], None] | None) -> None:
    versions, before = library_versions(), run.before
    if before.info["versions"] != versions:
        logger.warning(
            "%s was prepared under other library versions: `prepare` might find some faces elsewhere now",
            before.path,
        )
    work, log = Work(run.out, run.store()), RunLog(run.out)
    work.begin({**run.settings, CROPPED_FROM: before.fingerprint}, versions)
    classes = before.table("classes")
    stage = recut_stage(reader, run.shape, int(run.settings["max_pixels"]))
    tasks = RecutTasks(classes, before.table("photos", FOUND_COLUMNS), stage, work.store, work.folder)
    pending = len(classes) - drop_stale_parts(tasks)
    log.write("start", records=before.info["counts"]["records"], pending=pending)
    with log.warnings():
        _run_tasks(run, tasks, Counter(pending, on_progress), log)
        recut = gather(tasks)
        _refuse_lost(run, recut)
        _close(run, classes, recut, work)
    log.write("end", status=before.info["counts"]["status"])


def _run_tasks(run: _Run, tasks: RecutTasks, counter: Counter, log: RunLog) -> None:
    asked = PrepareConfig(
        engine=run.config.engine, address=run.config.address, workers=run.config.workers, device="cpu"
    )
    with open_engine(asked, library_versions()) as engine:
        log.write("engine", engine=asked.engine, address=asked.address, workers=engine.workers)
        run_all(tasks, engine, counter.add)


def _refuse_lost(run: _Run, recut: Recut) -> None:
    """Raise when a photo is gone or changed; of the new set nothing is left then."""
    if not recut.lost:
        return
    clear_output(run.out)
    with writing(run.out):
        shutil.rmtree(run.out / WORK)
    raise PhotosLostError(
        f"{len(recut.lost):,} of the set's photos are gone or changed, such as {recut.lost[0][0]!r} "
        f"({recut.lost[0][1]}): say where they are with --source, or run `facedata prepare` on "
        f"{run.before.path} again; no set was written",
        recut.lost,
    )


def _close(run: _Run, classes: pa.Table, recut: Recut, work: Work) -> None:
    """Write the tables and dataset.json."""
    for name, values in (("crop_sha256", recut.digests), ("length", recut.lengths)):
        classes = classes.set_column(classes.schema.get_field_index(name), CLASSES.field(name), values)
    fingerprint = set_fingerprint(fingerprint_of(run.settings), classes)
    staged = _stage(run, work.store.placed([classes]), fingerprint)
    work.store.settle(read_blocks(staged["classes"].temporary))
    if read_dataset(run.before.path) != run.before.info:
        raise SetError(f"{run.before.path} was changed meanwhile: crop it again, with --overwrite")
    for table in staged.values():
        table.settle()
    with writing(run.out / SEEN):
        if (run.before.path / SEEN).is_file():
            (run.out / SEEN).write_bytes((run.before.path / SEEN).read_bytes())
    info = {**run.info(), "fingerprint": fingerprint}
    info["tables"] = {kind: {"rows": table.rows, "sha256": table.sha256} for kind, table in staged.items()}
    write_dataset(run.out, info)
    work.finish()


def _stage(run: _Run, classes: Iterable[pa.Table], fingerprint: str) -> dict[str, StagedTable]:
    """Write all tables under temporary names; what does not hang on the crops is carried over."""
    kinds = run.before.info["tables"]
    tables: dict[str, Iterable[pa.Table]] = {kind: _blocks(run.before, kind) for kind in kinds}
    photos = (replaced_matrices(rows, run.shape) for rows in tables.pop("photos"))
    tables["classes"] = regrouped(classes)
    staged = stage_tables(run.out, tables, fingerprint)
    wanted = with_meta(KINDS["photos"], read_schema(run.before.path / "photos.parquet"))
    staged["photos"] = stage_table(
        run.out / "photos.parquet", photos, kind="photos", schema=wanted, fingerprint=fingerprint
    )
    return staged


def _blocks(prepared: PreparedSet, kind: str) -> Iterator[pa.Table]:
    """Yield a table of the set row group by row group, so that it is written again as it was."""
    prepared.table(kind, [])  # refuses a file of another set
    return (block.combine_chunks() for block in read_blocks(prepared.path / f"{kind}.parquet"))
