"""``facedata crop``: make another set from a finished one's ledger, without detecting again."""

from __future__ import annotations

import logging
import os
from typing import Any

from ..closing.close_crops import CropRun, close_crops, refuse_other_set
from ..config import CropConfig, complete_settings
from ..crops.cut import make_shape
from ..errors import PhotosLostError, UsageError
from ..files.remote import Remote, parse_location
from ..options import resolve_options
from ..progress.folder import ProgressFolder, library_versions
from ..progress.output import clear_output, open_output, refuse_own_photos
from ..sets.log import RunLog
from ..sets.prepared import (
    CROPPED_FROM,
    PreparedSet,
    open_set,
)
from ..sources.base import PhotoReader
from ..sources.open import SourceLike, reopen_source, source_paths
from ..tables.schema import DATASET
from ..work.cut_again import (
    FACE_COLUMNS,
    CutAgain,
    make_face_shards,
    open_reader,
    read_parts,
    refuse_turned_twice,
    remove_stale_parts,
)
from ..work.run import OnProgress, OnStep, run_shards
from .long_run import long_run

logger = logging.getLogger(__name__)


@long_run("photos")
def crop_set(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: CropConfig | None = None,
    *,
    source: SourceLike | None = None,
    on_progress: OnProgress | None = None,
    on_step: OnStep = lambda _: None,
    **changes: Any,
) -> PreparedSet:
    """Make another set from a finished one's ledger: same ids, splits, pairs and triplets, other crops.

    The new set is byte for byte what ``prepare`` makes from the same photos with that template, size and
    margin, but nothing is detected again. Photos added to the source since then are ignored.

    Args:
        path: the finished set's folder.
        out: the new set's folder; created if missing.
        config: the options; ``changes`` override it.
        source: where the photos are now, if they have moved; as for :func:`facedata.prepare`.
        on_progress: called in this process after each shard.
        on_step: called with what is done before and after that, such as ``listing photos``.
        **changes: single options by name, as in ``crop_set("faces", "faces112", template="arcface112")``.

    Returns:
        The new set.

    Raises:
        UsageError: impossible options, or one of the two folders lies in the other.
        SourceError: the source is missing.
        PhotosLostError: photos are gone or have changed; nothing is written, and ``photos`` lists them.
        SetError: no set at ``path``; or ``out`` holds something else, or another run is working on it.
        StoreError: ``out`` cannot be written.
        EngineError: workers keep dying, or a cluster cannot be reached or used.
    """
    config = resolve_options(CropConfig, config, changes)
    before, location = open_set(path), parse_location(out)
    if isinstance(location, Remote) and before.info["settings"]["store"] != "tar":
        raise UsageError(
            f"--out {location}: a set at a URL keeps its crops in tars, but {before} is in folders: "
            "choose a folder, or prepare the photos again with --store tar"
        )
    if complete_settings(before.info["settings"])["as_crops"]:
        raise UsageError(
            f"{before} was prepared with --as-crops: its photos are its crops, and where their faces are is "
            "not known; for other crops prepare the photos without --as-crops"
        )
    refuse_turned_twice(before)
    opened = reopen_source(before.info, source, config.cache)
    refuse_own_photos([before.path, *source_paths(source)], location)
    parents = () if isinstance(location, Remote) else location.resolve().parents
    if not isinstance(before.path, Remote) and before.path.resolve() in parents:
        raise UsageError(f"--out {location} lies in the set {before}: choose another --out")
    on_step("listing photos")
    reader = open_reader(opened)
    shape = make_shape(config.template, config.size, config.margin)
    with open_output(location, config.cache, config.overwrite, before=before) as folder:
        run = CropRun(before, folder, location, config, shape, opened)
        if (folder / DATASET).is_file():
            refuse_other_set(run)
            ProgressFolder(folder, run.store()).remove()  # left by a run that was killed in its last step
            logger.info("nothing to do: %s is up to date", location)
        else:
            _crop(run, reader, on_progress, on_step)
    return open_set(location)


def _crop(run: CropRun, reader: PhotoReader, on_progress: OnProgress | None, on_step: OnStep) -> None:
    before, versions = run.before, library_versions()
    if before.info["versions"] != versions:
        logger.warning(
            "%s was prepared with other library versions: `prepare` might now find some faces elsewhere",
            before,
        )
    progress, log = ProgressFolder(run.out, run.store()), RunLog(run.out)
    progress.begin({**run.settings, CROPPED_FROM: before.fingerprint}, versions)
    classes = before.table("classes")
    turn_exif = complete_settings(run.settings)["turn"] != "never"
    stage = CutAgain(run.shape, reader, int(run.settings["max_pixels"]), turn_exif)
    tasks = make_face_shards(classes, before.table("photos", FACE_COLUMNS), stage, progress)
    pending = len(classes) - remove_stale_parts(tasks)
    log.write("start", records=before.info["counts"]["records"], pending=pending)
    with log.warnings():
        on_step("starting workers")
        run_shards(tasks, pending, run.config, log, on_progress)
        crops = read_parts(tasks)
        if crops.lost:
            clear_output(run.out)
            progress.remove()
            photo, reason = crops.lost[0]
            raise PhotosLostError(
                f"{len(crops.lost):,} of the set's photos are gone or changed, such as {photo!r} ({reason}): "
                "name their folder with --source, or run `facedata prepare` on "
                f"{before} again; no set was written",
                crops.lost,
            )
        on_step("writing the tables")
        close_crops(run, classes, crops, progress)
    log.write("end", status=before.info["counts"]["status"])
