"""Give a corrected set its crops: those of the set before where it has them, else cut from the photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..config import PrepareConfig
from ..crops.cut import make_shape
from ..errors import PhotosLostError
from ..processes import cores
from ..progress.corrected import CorrectedFolder
from ..progress.corrected_plan import CorrectedPlan
from ..progress.ledger_rows import read_at
from ..sets.log import RunLog
from ..sources.open import SourceLike, reopen_source
from ..tables.blocks import take_rows
from ..tables.digests import digest_bytes
from ..types import Int64Array
from .bring_crops import CropsToBring, bring_crops, find_same_faces
from .cut_again import (
    FACE_COLUMNS,
    CutAgain,
    divide_faces,
    open_reader,
    read_parts,
    refuse_turned_twice,
    remove_stale_parts,
)
from .run import OnProgress, OnStep, Progress, run_shards


@dataclass(frozen=True, eq=False)
class CropsRun:
    """What giving a corrected set its crops needs.

    Attributes:
        corrected: its plan and rows.
        progress: its progress folder, with the set before.
        config: the set's settings, and how to work.
        source: where the photos are now, if they have moved; opened only if a crop must be cut again.
        log: the run's log.
        on_progress: called in this process after each few crops.
        on_step: called with what is done.
    """

    corrected: CorrectedPlan
    progress: CorrectedFolder
    config: PrepareConfig
    source: SourceLike | None
    log: RunLog
    on_progress: OnProgress | None
    on_step: OnStep


def take_twins(run: CropsRun, without: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Give records the crops of the same face of the same bytes that the set before has.

    A record that was rejected as a duplicate, or because its person had too few photos, lost its crop. Its
    twin may have kept one, even if that twin is dropped now.

    Args:
        run: the run; its rows get the crops.
        without: ``(m,)`` int64, records without a crop, ascending.

    Returns:
        ``(n,)`` int64, the record whose crop each record takes, -1 for none; and those that have to be cut.
    """
    rows, before = run.corrected.rows, run.corrected.length_before
    takes = np.where(before >= 0, np.arange(len(before)), -1)
    takes[without] = find_same_faces(run.progress.previous, rows.digest, before >= 0, without)
    found = without[takes[without] >= 0]
    rows.crop[found], rows.length[found] = rows.crop[takes[found]], before[takes[found]]
    return takes, without[takes[without] < 0]


def give_crops(run: CropsRun, kept: Int64Array, takes: Int64Array, to_cut: Int64Array) -> None:
    """Cut crops again, then bring the others over; those that turn out to be damaged are cut as well.

    Args:
        run: the run.
        kept: ``(k,)`` int64, the records that the set keeps.
        takes: ``(n,)`` int64, as :func:`take_twins` returns it.
        to_cut: records to cut, ascending.

    Raises:
        PhotosLostError: photos that have to be cut are gone or changed.
        StoreError: a crop cannot be written.
    """
    if len(to_cut):
        _cut(run, to_cut)
    run.on_step("bringing the crops over")
    to_bring = np.setdiff1d(kept, to_cut, assume_unique=True)
    had_crop = run.corrected.length_before >= 0
    row = np.cumsum(had_crop) - 1  # crops are in the records' order
    crops = CropsToBring(
        run.progress.before.path,
        run.progress.previous / "classes.parquet",
        row[takes[to_bring]],
        to_bring,
        run.corrected.plan.records.column("crop_path"),
    )
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        if run.on_progress is not None:
            run.on_progress(Progress(len(to_bring), done, 0))

    damaged = bring_crops(crops, run.progress.store, run.config.workers or cores(), count)
    if len(damaged):
        run.on_step(f"cutting {len(damaged):,} crops that are missing or damaged in {run.progress.before}")
        _cut(run, damaged)


def _cut(run: CropsRun, at: Int64Array) -> None:
    """Cut the faces of some records, which the ledger has, from their photos."""
    run.on_step("opening the photos of crops that are not in the set")
    faces = read_at(run.progress.previous / "photos.parquet", FACE_COLUMNS, at)
    paths = take_rows(run.corrected.plan.records.select(["crop_path"]), at).column(0)
    faces = faces.set_column(faces.schema.get_field_index("path"), "path", paths)
    config, before = run.config, run.progress.before
    refuse_turned_twice(before, "fix")
    reader = open_reader(reopen_source(before.info, run.source, config.cache))
    shape = make_shape(config.template, config.size, config.margin)
    cut = CutAgain(shape, reader, config.max_pixels, config.turn != "never", config.as_crops)
    tasks = divide_faces(faces, cut, run.progress)
    pending = len(at) - remove_stale_parts(tasks)
    run.on_step("starting workers")
    run_shards(tasks, pending, run.config, run.log, run.on_progress)
    crops = read_parts(tasks)
    if crops.lost:
        photo, reason = crops.lost[0]
        raise PhotosLostError(
            f"{len(crops.lost):,} photos are needed, since {run.progress.before} has no crop of them, and "
            f"are gone or changed, such as {photo!r} ({reason}): name their folder with --source; no set was "
            "written",
            crops.lost,
        )
    rows = run.corrected.rows
    rows.crop[at], rows.length[at] = digest_bytes(crops.digests), crops.lengths.to_numpy()
