"""``facedata prepare``: make a prepared set from a source, with every stage in order on one page."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Any

from ..closing.close import Closing, close_set
from ..closing.compare import is_up_to_date
from ..closing.crop_sizes import refuse_nothing_kept
from ..closing.given_boxes import check_given_boxes
from ..closing.ledger import Ledger
from ..config import PrepareConfig
from ..detect.base import DetectorFactory
from ..files.remote import Location
from ..options import resolve_options
from ..plan.finished_crops import refuse_other_crops
from ..plan.plan import Plan, plan_run
from ..processes import cores
from ..progress.folder import ProgressFolder, library_versions
from ..progress.output import choose_output, open_output
from ..progress.resume import add_parts, find_rows
from ..progress.row_index import RowIndex
from ..sets.log import RunLog
from ..sets.prepared import PreparedSet, open_set
from ..sources.open import SourceLike, open_source, source_paths
from ..work.make_stage import choose_detector, make_stage
from ..work.run import OnProgress, OnStep, run_shards
from ..work.shards import make_shards
from .long_run import long_run
from .report import add_report

logger = logging.getLogger(__name__)


@long_run("photos")
def prepare(
    source: SourceLike | None,
    out: str | os.PathLike[str],
    config: PrepareConfig | None = None,
    *,
    detector: DetectorFactory | str | None = None,
    on_progress: OnProgress | None = None,
    on_step: OnStep = lambda _: None,
    **changes: Any,
) -> PreparedSet:
    """Turn photographs into a prepared set; photos done by an earlier run are not done again.

    Args:
        source: a folder, table or archive, several of them as ``name=path``, a source object, or None for
            kinds that need none (demo; lfw, which then downloads).
        out: the set's folder, created if missing; or a URL that fsspec knows, for ``store="tar"``.
        config: the options; ``changes`` override it.
        detector: makes the detector in each worker, instead of the one that ``config.detector`` names; or
            that name.
        on_progress: called in this process after each shard.
        on_step: called with what is done before and after that, such as ``listing photos``.
        **changes: single options by name, as in ``prepare(src, out, size=160)``.

    Returns:
        The prepared set.

    Raises:
        UsageError: impossible options.
        SourceError: the source is missing, empty or malformed.
        WrongBoxesError: the source's boxes do not fit the faces found; no set is written.
        SetError: ``out`` holds something else, was made with other settings, or another run is working on it.
        StoreError: ``out`` cannot be written.
        EngineError: workers keep dying, or a cluster cannot be reached or used.
        MissingExtraError: the engine needs a package that is not installed.
        NothingKeptError: no photo was kept; the set is written anyway, and its ledger has the reasons.
    """
    if isinstance(detector, str):
        changes, detector = {**changes, "detector": detector}, None
    config = resolve_options(PrepareConfig, config, changes)
    location = choose_output(out, config.store)
    on_step("listing photos")
    opened = open_source(source, config)
    if config.as_crops:
        refuse_other_crops(config, source_paths(source))
    plan, config = plan_run(opened, config, location)
    factory = choose_detector(config, detector, on_step)
    with open_output(location, config.cache, config.overwrite, source_paths(source)) as folder:
        if plan.is_older_than(folder):  # somebody was forgotten: in a set at a URL, or just now
            plan, config = plan_run(opened, config, folder)
        progress = ProgressFolder.of_set(folder, config.store, location)
        _prepare(_Run(config, opened.search, plan, progress, location, factory, on_progress, on_step))
    return open_set(location)


@dataclass(frozen=True)
class _Run:
    config: PrepareConfig
    search: str
    plan: Plan
    progress: ProgressFolder
    location: Location
    detector: DetectorFactory | None
    on_progress: OnProgress | None
    on_step: OnStep


def _prepare(run: _Run) -> None:
    """Find the rows that are done, process the other photos, and close the set."""
    config, versions, progress = run.config, library_versions(), run.progress
    out, log = progress.out, RunLog(progress.out)
    closing = Closing(out, config, run.plan, versions, run.on_step)
    progress.begin(config.settings(), versions)
    run.on_step("looking for photos that are done")
    rows = find_rows(progress, run.plan, run.plan.scan.reader)
    pending = len(rows.missing())
    up_to_date = not pending and is_up_to_date(closing, Ledger(run.plan, rows, config.min_photos))
    if up_to_date:
        progress.remove()
        logger.info("nothing to do: %s is up to date", run.location)
    else:
        log.write(
            "start", records=run.plan.records.num_rows, pending=pending, engine=config.engine,
            workers=config.workers or (cores() if config.engine == "local" else None),
        )  # fmt: skip
        with log.warnings():
            progress.set_aside()
            rows.follow_ledger(progress.previous)
            ledger = _complete(run, progress, log, rows)
            whole_photos = make_stage(config, "photo", run.plan.scan.reader, run.detector)
            check_given_boxes(run.plan, ledger.rows, config.box_format, whole_photos)
            close_set(closing, ledger, progress)
    info = open_set(out).info
    if not up_to_date:
        log.write("end", status=info["counts"]["status"])
    if config.report:
        with log.warnings():
            add_report(run.location, run.plan.scan.reader, config.workers, run.on_step, is_new=not up_to_date)
    refuse_nothing_kept(out, info, config)


def _complete(run: _Run, progress: ProgressFolder, log: RunLog, rows: RowIndex) -> Ledger:
    """Process the records that have no row, until every kept one has its crop; return the ledger."""
    stage = make_stage(run.config, run.search, run.plan.scan.reader, run.detector)
    while True:
        if len(pending := rows.missing()):
            tasks = make_shards(run.plan, pending, stage, progress)
            run.on_step("starting workers" + " and loading the detector" * (run.detector is not None))
            run_shards(tasks, len(pending), run.config, log, run.on_progress)
            add_parts(rows, [task.part_name for task in tasks], pending)
            del tasks
            rows.bury_found(run.plan, run.config.names == "merge")
        del pending
        ledger = Ledger(run.plan, rows, run.config.min_photos)
        if not len(without_crop := ledger.without_crop()):
            if not run.config.as_crops:  # how many are unchanged is still to be counted
                rows.free_digests()
            return ledger
        rows.drop(without_crop)
