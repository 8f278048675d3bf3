"""The conductor: from a source to a prepared set, on one page."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import schema
from .align import DEFAULT_SIZES
from .closing import Closing, close_set, is_closed
from .config import PrepareConfig, make
from .detect import DETECTOR_FACTORIES
from .detect.base import DetectorFactory
from .engine import LocalEngine, run_all
from .errors import NothingKeptError, SetError, UsageError, writing
from .ledger import lost_crops, merge, settle
from .plan import Plan, make_plan, refuse_missing
from .prepared import PreparedSet, locked, open_set
from .runlog import LOG, RunLog
from .schema import DATASET, WORK
from .shard import CropRules, Stage
from .sources import SourceLike, open_source, source_paths
from .sources.base import Scan, Source
from .store import FolderStore
from .types import Status
from .work import SEEN, Work, is_work

logger = logging.getLogger(__name__)

_FILES = {DATASET, SEEN, LOG, *(f"{kind}.parquet" for kind in schema.KINDS)}
_FOLDERS = {"crops", "report", WORK}
"""What a prepared set's folder may hold."""


@dataclass(frozen=True)
class Progress:
    """How far a run is, in records: those of earlier runs do not count."""

    total: int
    kept: int
    rejected: int


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
        out: the set's folder; made when missing.
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
        EngineError: workers keep dying.
        NothingKeptError: no photo was kept; the set is written all the same, and its ledger says why.
    """
    config = make(PrepareConfig, {**(asdict(config) if config else {}), **changes})
    opened = open_source(source, config)
    scan = opened.scan()
    if config.strict:
        refuse_missing(scan)
    config = resolve(config, opened, scan)
    plan = make_plan(scan, config)
    _refuse_own_photos(source, Path(out))
    folder = _output(Path(out), config.overwrite)
    with locked(folder):
        _clear(folder) if config.overwrite else None
        return _prepare(_Run(config, opened, scan, plan, folder, detector, on_progress))


def _refuse_own_photos(source: SourceLike | None, out: Path) -> None:
    """Refuse an output that holds its own source: the run would clear it away."""
    for path in source_paths(source):
        if path.exists() and out.resolve() in (path.resolve(), *path.resolve().parents):
            raise UsageError(f"the source {path} lies in the output {out}: choose another --out")


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
    detector: DetectorFactory | None
    on_progress: Callable[[Progress], None] | None

    def stage(self) -> Stage:
        """Return what the shards of this run share."""
        config = self.config
        rules = CropRules(
            face=str(config.face), min_score=config.min_score, min_face=config.min_face,
            max_pixels=config.max_pixels, template=config.template, size_px=int(config.size or 0),
            margin=config.margin, search=self.source.search,
        )  # fmt: skip
        detector = self.detector or DETECTOR_FACTORIES[config.detector](config.min_face, config.device)
        return Stage(rules, self.scan.reader, detector)


def _prepare(run: _Run) -> PreparedSet:
    work, log = Work(run.out), RunLog(run.out)
    closing = Closing(run.out, run.config, run.source, run.scan, run.plan, library_versions())
    work.begin(run.config.settings(), library_versions())
    rows = work.known_rows(run.plan, run.scan.reader)
    pending = _pending(run.plan, rows)
    if not pending and is_closed(closing, settle(merge(run.plan.records, rows), run.config.min_photos)):
        work.finish()
        logger.info("nothing to do: %s is up to date", run.out)
        return _kept_some(open_set(run.out))
    log.write("start", records=run.plan.records.num_rows, pending=len(pending), workers=_workers(run.config))
    with log.warnings():
        work.set_aside()
        close_set(closing, _complete(run, work, rows, pending), work)
    prepared = open_set(run.out)
    log.write("end", status=prepared.info["counts"]["status"])
    return _kept_some(prepared)


def _complete(run: _Run, work: Work, rows: pa.Table, pending: list[int]) -> pa.Table:
    """Run what is pending and return the settled ledger."""
    while True:
        rows = _run_pending(run, work, rows, pending) if pending else rows
        ledger = settle(merge(run.plan.records, rows), run.config.min_photos)
        lost = lost_crops(ledger).column("record").combine_chunks()
        if not len(lost):
            return ledger
        rows = rows.filter(pc.invert(pc.is_in(rows.column("record"), value_set=lost)))
        pending = _pending(run.plan, rows)


def _pending(plan: Plan, rows: pa.Table) -> list[int]:
    """Return the indices of the records that are to be detected and have no row yet."""
    known = pc.is_in(plan.records.column("record"), value_set=rows.column("record").combine_chunks())
    waiting = pc.and_(pc.is_null(plan.records.column("status")), pc.invert(known))
    return [int(index) for index in np.flatnonzero(waiting.to_numpy())]


def _run_pending(run: _Run, work: Work, rows: pa.Table, pending: list[int]) -> pa.Table:
    """Run the pending records' shards; return the rows with theirs."""
    tasks = work.tasks(run.plan, pending, run.stage(), FolderStore(run.out / "crops"))
    for task in tasks:  # an old part of the same photos is one whose rows no longer hold
        with writing(task.part):
            task.part.unlink(missing_ok=True)
    counter = _Counter(len(pending), run.on_progress)
    run_all(tasks, LocalEngine(_workers(run.config)), counter.add)
    parts = [schema.read_table(task.part, "part") for task in tasks]
    return pa.concat_tables([rows, *(part.replace_schema_metadata() for part in parts)])


class _Counter:
    """Adds up shards for the progress bar."""

    def __init__(self, total: int, on_progress: Callable[[Progress], None] | None) -> None:
        self.total, self.kept, self.rejected, self.report = total, 0, 0, on_progress
        self.add([])

    def add(self, statuses: list[str]) -> None:
        """Count one shard's rows."""
        kept = statuses.count(Status.KEPT.value)
        self.kept, self.rejected = self.kept + kept, self.rejected + len(statuses) - kept
        if self.report is not None:
            self.report(Progress(self.total, self.kept, self.rejected))


def _kept_some(prepared: PreparedSet) -> PreparedSet:
    if not prepared.info["tables"]["classes"]["rows"]:
        counts = ", ".join(f"{name} {count}" for name, count in prepared.info["counts"]["status"].items())
        raise NothingKeptError(
            f"no photo was kept ({counts}); {prepared.path / 'photos.parquet'} says why for each"
        )
    return prepared


def _workers(config: PrepareConfig) -> int:
    if config.workers is not None:
        return config.workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _output(out: Path, overwrite: bool) -> Path:
    """Make the output folder, or refuse one that holds what is not ours."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        inside = {entry.name for entry in out.iterdir()}
    begun = WORK in inside and is_work(out / WORK) and inside <= _FILES | _FOLDERS
    if inside - {LOG} and not (begun or schema.is_set(out) or _is_damaged(out)):
        raise SetError(f"{out} is not empty and holds no prepared set: choose another --out")
    if DATASET in inside and not overwrite:
        open_set(out)  # refuses damaged ones and another schema version
    return out


def _is_damaged(out: Path) -> bool:
    """Tell whether this is a set of ours whose dataset.json can no longer say so."""
    try:
        return (out / DATASET).is_file() and schema.read_footer(out / "photos.parquet").kind == "photos"
    except SetError:
        return False


def _clear(out: Path) -> None:
    """Remove a set but for an empty ``.work``, by which a torn removal is known as ours."""
    work = out / WORK
    with writing(out):
        work.mkdir(exist_ok=True)
        for entry in work.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        (out / DATASET).unlink(missing_ok=True)  # first, so that what is left never looks like a set
        for name in _FILES - {DATASET}:
            (out / name).unlink(missing_ok=True)
        for name in _FOLDERS - {WORK}:
            if (out / name).is_dir():
                shutil.rmtree(out / name)


def library_versions() -> dict[str, str]:
    """Return the versions of what the set's bytes depend on, without importing any of it."""
    names = ("numpy", "opencv-python", "pillow", "pyarrow", "torch", "torchvision", "facenet-pytorch")
    return {"facedata": version("facedata"), **{name: version(name) for name in names}}
