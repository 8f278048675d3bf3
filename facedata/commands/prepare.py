"""The conductor: from a source to a prepared set, on one page."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ..closing.close import Closing, close_set, is_closed
from ..closing.ledger import Ledger
from ..config import PrepareConfig
from ..crops.align import DEFAULT_SIZES
from ..crops.cut import CropShape
from ..detect import DETECTOR_FACTORIES, with_weights
from ..detect.base import DetectorFactory
from ..errors import NothingKeptError, UsageError, writing
from ..files.locks import locked
from ..files.memory import release, tight
from ..files.remote import Place, place_of
from ..options import resolved
from ..plan.plan import Plan, make_plan, refuse_missing
from ..progress.folder import Work, library_versions
from ..progress.output import claim_output, clear_output, refuse_own_photos
from ..progress.resume import add_parts, known_rows
from ..progress.row_index import KnownRows
from ..sets.log import RunLog
from ..sets.prepared import PreparedSet, open_set
from ..sets.upload import refuse_folders_at_url, working_folder
from ..sources import SourceLike, open_source, source_paths
from ..sources.base import Scan, Source
from ..store.base import Store
from ..store.open import open_store
from ..tables.blocks import ordered
from ..types import Int64Array
from ..work.cluster import open_engine
from ..work.counting import Counter, Progress
from ..work.engine import run_all
from ..work.processes import cores
from ..work.shards import cut_shards
from ..work.stage import CropRules, Stage

logger = logging.getLogger(__name__)


@tight()
def prepare(
    source: SourceLike | None,
    out: str | os.PathLike[str],
    config: PrepareConfig | None = None,
    *,
    detector: DetectorFactory | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    **changes: Any,
) -> PreparedSet:
    """Turn photographs into a prepared set; what an earlier run did is not done again.

    Args:
        source: a folder, table or archive, several of them as ``name=path``, a source object, or None for
            kinds that need none (demo; lfw, which then downloads).
        out: the set's folder, made when missing; or a URL that fsspec knows, for ``store="tar"``.
        config: the options; ``changes`` win over it.
        detector: makes the detector in each worker, instead of the one that ``config.detector`` names.
        on_progress: called in this process after each shard.
        **changes: single options by name, as in ``prepare(src, out, size=160)``.

    Returns:
        The prepared set.

    Raises:
        UsageError: impossible options.
        SourceError: the source is missing, empty or malformed.
        SetError: ``out`` holds something else, was prepared with other settings, or is being worked on.
        StoreError: ``out`` cannot be written.
        EngineError: workers keep dying, or a cluster cannot be reached or used.
        MissingExtraError: the engine needs a package that is not installed.
        NothingKeptError: no photo was kept; the set is written all the same, and its ledger says why.
    """
    config = resolved(PrepareConfig, config, changes)
    place = place_of(out)
    refuse_folders_at_url(place, config.store)
    opened = open_source(source, config)
    scan = opened.scan()
    if config.strict:
        refuse_missing(scan)
    config = resolve(config, opened, scan)
    detector = detector or _named_detector(config)
    scan = replace(scan, photos=ordered(scan.photos))  # before the plan is made: one copy of the table less
    plan = make_plan(scan, config)
    scan = replace(scan, photos=scan.photos.schema.empty_table())  # the plan has it
    release()
    refuse_own_photos(source_paths(source), place)
    with working_folder(place, config.cache, config.overwrite) as found:
        folder = claim_output(found, config.overwrite)
        with locked(folder):
            clear_output(folder) if config.overwrite else None
            _prepare(_Run(config, opened, scan, plan, folder, place, detector, on_progress))
    return open_set(place)


def resolve(config: PrepareConfig, source: Source, scan: Scan) -> PrepareConfig:
    """Fill in the options that stand for themselves: face rule, size, device, what is divided."""
    official = scan.photos.column("official_split").null_count < scan.photos.num_rows or config.split_from
    by_default = "official" if config.split_from or (official and source.kind == "lfw") else "identity"
    if config.split_by == "official" and not official:
        raise UsageError(
            "--split-by official: this source gives no photo a split; use --split-by identity or photo, or "
            "name the splits with --split-from"
        )
    return replace(
        config,
        kind=source.kind,
        face=config.face or source.face,
        size=config.size or DEFAULT_SIZES[config.template],
        split_by=config.split_by or by_default,
        device=_device(config.device),
    )


def _named_detector(config: PrepareConfig) -> DetectorFactory:
    """Return the detector that the options name; its weights are downloaded here, once, before any worker."""
    factory = DETECTOR_FACTORIES[config.detector](config.min_face, config.device)
    return with_weights(factory, config.weights, config.cache)


def _device(asked: str) -> str:
    if asked != "auto":
        return asked
    if not Path("/dev/nvidiactl").exists():  # torch takes seconds to import, only to say the same
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@dataclass(frozen=True)
class _Run:
    config: PrepareConfig
    source: Source
    scan: Scan
    plan: Plan
    out: Path
    place: Place
    detector: DetectorFactory
    on_progress: Callable[[Progress], None] | None

    def store(self) -> Store:
        """Return where the crops are."""
        return open_store(self.config.store, self.out, self.place)

    def stage(self) -> Stage:
        """Return what the shards of this run share."""
        config = self.config
        shape = CropShape(config.template, int(config.size or 0), config.margin)
        rules = CropRules(
            str(config.face), config.min_score, config.min_face, config.max_pixels, shape, self.source.search
        )
        return Stage(rules, self.scan.reader, self.detector)


def _prepare(run: _Run) -> PreparedSet:
    work, log = Work(run.out, run.store()), RunLog(run.out)
    closing = Closing(run.out, run.config, run.source, run.scan, run.plan, library_versions())
    work.begin(run.config.settings(), library_versions())
    known = known_rows(work, run.plan, run.scan.reader)
    release()
    pending = len(_pending(run.plan, known))
    if not pending and is_closed(closing, _ledger(run, known)):
        work.finish()
        logger.info("nothing to do: %s is up to date", run.place)
        return _kept_some(open_set(run.out))
    config = run.config
    log.write(
        "start", records=run.plan.records.num_rows, pending=pending, engine=config.engine,
        workers=config.workers or (cores() if config.engine == "local" else None),
    )  # fmt: skip
    with log.warnings():
        work.set_aside()
        known.moved(work.previous)
        close_set(closing, _complete(run, work, log, known), work)
    prepared = open_set(run.out)
    log.write("end", status=prepared.info["counts"]["status"])
    return _kept_some(prepared)


def _ledger(run: _Run, known: KnownRows) -> Ledger:
    return Ledger(run.plan.records, known, run.config.min_photos)


def _complete(run: _Run, work: Work, log: RunLog, known: KnownRows) -> Ledger:
    """Run what is pending and return the settled ledger."""
    while True:
        pending = _pending(run.plan, known)
        if len(pending):
            _run_pending(run, work, log, known, pending)
        del pending
        ledger = _ledger(run, known)
        lost = ledger.lost()
        if not len(lost):
            known.let_go_of_digests()
            release()
            return ledger
        known.drop(lost)


def _pending(plan: Plan, known: KnownRows) -> Int64Array:
    """Return the places of the records that are to be detected and have no row yet; they ascend."""
    planned = pc.is_null(plan.records.column("status")).to_numpy()
    return np.flatnonzero(planned & (known.file < 0))


def _run_pending(run: _Run, work: Work, log: RunLog, known: KnownRows, pending: Int64Array) -> None:
    """Run the pending records' shards and add their rows."""
    tasks = cut_shards(work, run.plan, pending, run.stage())
    for task in tasks:  # an old part of the same photos is one whose rows no longer hold
        with writing(task.part):
            task.part.unlink(missing_ok=True)
    counter = Counter(len(pending), run.on_progress)
    with open_engine(run.config, library_versions()) as engine:
        if run.config.engine != "local":
            log.write("cluster", address=run.config.address, workers=engine.workers)
        run_all(tasks, engine, counter.add)
    add_parts(known, [task.part for task in tasks], pending)


def _kept_some(prepared: PreparedSet) -> PreparedSet:
    if not prepared.info["tables"]["classes"]["rows"]:
        counts = ", ".join(f"{name} {count}" for name, count in prepared.info["counts"]["status"].items())
        raise NothingKeptError(
            f"no photo was kept ({counts}); {prepared.path / 'photos.parquet'} says why for each"
        )
    return prepared
