"""``facedata fix``: make the corrected set from a finished one, without detecting again."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..closing.close import Closing, close_set
from ..closing.compare import is_same_set
from ..closing.divide_set import keep_splits
from ..closing.ledger import Ledger
from ..config import FixConfig, PrepareConfig
from ..errors import FacedataError, NothingKeptError, SetError, SourceError, UsageError
from ..files.remote import Remote, parse_location
from ..options import make, resolve_options
from ..progress.corrected import CorrectedFolder
from ..progress.corrected_plan import plan_corrected
from ..progress.folder import library_versions
from ..progress.output import open_output, refuse_own_set
from ..sets.log import RunLog
from ..sets.prepared import PreparedSet, open_set
from ..sets.working_folder import reading
from ..sources.open import SourceLike, source_paths
from ..work.corrected_crops import CropsRun, give_crops, take_twins
from ..work.run import OnProgress, OnStep
from .long_run import long_run

logger = logging.getLogger(__name__)

FileLike = str | os.PathLike[str]


@long_run("photos")
def fix_set(
    set: FileLike | PreparedSet,  # noqa: A002  the command's own word for it
    corrections: FileLike | Sequence[FileLike],
    out: FileLike,
    config: FixConfig | None = None,
    *,
    source: SourceLike | None = None,
    on_progress: OnProgress | None = None,
    on_step: OnStep | None = None,
    **changes: Any,
) -> PreparedSet:
    """Make the corrected set from a finished one, which stays as it is; no face is detected again.

    The new set is byte for byte what ``prepare`` makes from the same photos with the same options and these
    corrections. Photos are opened only for crops that the set does not have: of photos that it rejected as
    duplicates, or because their person had too few, and that are kept now. Photos added to the source since
    then are ignored.

    Splits are divided anew over the corrected people, as ``prepare`` does, by the options last used
    (``facedata split``). If the set's people kept splits from when there were fewer of them, they keep them
    here too.

    Args:
        set: the finished set's folder or URL.
        corrections: the file of corrections, or several, which are applied in turn.
        out: the new set's folder; created if missing.
        config: the options; ``changes`` override it.
        source: where the photos are now, if they have moved; as for :func:`facedata.prepare`.
        on_progress: called in this process after each few crops.
        on_step: called with what is done before and after that.
        **changes: single options by name.

    Returns:
        The corrected set; its table ``corrections`` lists each moved and dropped photo.

    Raises:
        UsageError: impossible options, or one of the two folders lies in the other.
        CorrectionsError: lines of corrections cannot be applied; it has all of them, and nothing is written.
        SourceError: a photo is needed, and the source is missing.
        PhotosLostError: photos that are needed are gone, have changed, or were never searched for faces;
            nothing is written, and ``photos`` lists them.
        SetError: no set at ``set``, or it is damaged or changes meanwhile; or ``out`` holds something else,
            or another run is working on it.
        StoreError: ``out`` cannot be written.
        EngineError: workers keep dying.
        NothingKeptError: no photo is left; the set is written anyway.
    """
    config = resolve_options(FixConfig, config, changes)
    before, location = open_set(set), parse_location(out)
    settings = before.info["settings"]
    if isinstance(location, Remote) and settings["store"] != "tar":
        raise UsageError(
            f"--out {location}: a set at a URL keeps its crops in tars, but {before} is in folders: "
            "choose a folder, or prepare the photos again with --store tar"
        )
    refuse_own_set(before, location, source_paths(source))
    several = [corrections] if isinstance(corrections, (str, os.PathLike)) else corrections
    files = [Path(file) for file in several]
    if missing := [file for file in files if not file.is_file()]:
        raise UsageError(f"there is no file of corrections {os.fspath(missing[0])!r}")
    if not files:
        raise UsageError("no file of corrections is given")
    own = {"workers": config.workers, "cache": config.cache}
    applied = (*settings["corrections"], *map(str, files))
    prepare_config = make(PrepareConfig, {**settings, "corrections": applied, **own})
    with reading(before), open_output(location, config.cache, config.overwrite, before=before) as folder:
        progress = CorrectedFolder(folder, location, before)
        _fix(_Run(prepare_config, progress, files, source, on_progress, on_step or (lambda _: None)))
    return open_set(location)


@dataclass(frozen=True)
class _Run:
    config: PrepareConfig
    progress: CorrectedFolder
    files: Sequence[Path]
    source: SourceLike | None
    on_progress: OnProgress | None
    on_step: OnStep


def _fix(run: _Run) -> None:
    """Plan the corrected set and, unless it is there already, make it."""
    progress, versions = run.progress, library_versions()
    progress.begin(run.config.settings(), versions)
    run.on_step("applying the corrections")
    try:
        progress.bring_tables()
        corrected = plan_corrected(progress, run.files, run.source, run.config.cache)
    except FacedataError:
        progress.give_up()
        raise
    progress.keeps_splits = keep_splits(progress)
    closing = Closing(
        progress.out, run.config, corrected.plan, versions, run.on_step, progress.refuse_changed
    )
    ledger = Ledger(corrected.plan, corrected.rows, run.config.min_photos)
    log = RunLog(progress.out)
    crops = CropsRun(corrected, progress, run.config, run.source, log, run.on_progress, run.on_step)
    if not progress.is_finished:
        _make(crops, closing, ledger)
        return
    take_twins(crops, ledger.without_crop())
    is_same = is_same_set(closing, ledger, progress)
    progress.remove()
    if not is_same:
        raise SetError(
            f"{progress.out} was made from another state of {progress.before}, or is damaged: make it again "
            "with --overwrite, or choose another --out"
        )
    logger.info("nothing to do: %s is up to date", progress.out)


def _make(run: CropsRun, closing: Closing, ledger: Ledger) -> None:
    """Give the set its crops and close it."""
    progress, log, before = run.progress, run.log, run.progress.before
    if before.info["versions"] != closing.versions:
        logger.warning(
            "%s was prepared with other library versions: `prepare` might now find some faces elsewhere",
            before,
        )
    takes, to_cut = take_twins(run, ledger.without_crop())
    log.write("start", records=closing.plan.records.num_rows, crops=len(ledger.kept), to_cut=len(to_cut))
    with log.warnings():
        try:
            give_crops(run, ledger.kept, takes, to_cut)
        except SourceError:  # photos are lost, or all of them
            progress.give_up()
            raise
        if not closing.config.as_crops:  # how many are unchanged is still to be counted
            run.corrected.rows.free_digests()
        close_set(closing, ledger, progress)
    info = open_set(progress.out).info
    log.write("end", status=info["counts"]["status"])
    if not info["tables"]["classes"]["rows"]:
        raise NothingKeptError(f"no photo is left; {progress.out / 'photos.parquet'} has the reason for each")
