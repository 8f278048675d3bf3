"""``facedata report``: a page to look at a set."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import ReportConfig
from ..errors import FacedataError
from ..files.remote import Location, Remote, is_url
from ..options import resolve_options
from ..pages.page_folder import choose_page_folder
from ..processes import cores
from ..report.report_folder import REPORT, is_report_of
from ..report.thumbnails import OnProgress
from ..report.write_report import OnStep, write_report
from ..sets.prepared import PreparedSet, open_set
from ..sets.working_folder import reading
from ..sources.base import PhotoReader
from ..sources.folder import FolderReader, FolderSource
from ..sources.open import SourceLike, reopen_source
from ..work.cut_again import open_reader
from .long_run import long_run

logger = logging.getLogger(__name__)


@long_run("crops")
def report_set(
    set: str | os.PathLike[str] | Remote | PreparedSet,  # noqa: A002  it is what the commands call it
    out: str | os.PathLike[str] | None = None,
    config: ReportConfig | None = None,
    *,
    source: SourceLike | None = None,
    on_progress: OnProgress | None = None,
    on_step: OnStep = lambda _: None,
    **changes: Any,
) -> Path:
    """Write a page that shows a set: its photos, people, distributions, pairs and findings.

    The page is ``report/index.html`` in the set's folder; it opens from disk, in any browser. The same set
    gives the same page. What the last check found is in it, unless the set has changed since.

    Args:
        set: the set's folder, its URL, or an open set.
        out: another folder for the report; needed for a set at a URL.
        config: the options; ``changes`` override it.
        source: where the photos are now, if they have moved; as for :func:`facedata.prepare`. Without photos
            the page has the copies that an earlier report made of them, or none.
        on_progress: called with the number of thumbnails made, and the total.
        on_step: called with what is done now, such as ``making the thumbnails``.
        **changes: single options by name, as in ``report_set("faces", workers=4)``.

    Returns:
        The page's path.

    Raises:
        UsageError: impossible options, or a folder that cannot be used.
        SourceError: the photos are not in ``source``.
        SetError: no set at ``set``, or it is damaged; the folder holds something else; or another run is
            working on the set or its report.
        StoreError: the report cannot be written, or a remote store does not answer.
    """
    config = resolve_options(ReportConfig, config, changes)
    prepared = open_set(set)
    folder = choose_page_folder(REPORT, prepared.path, str(prepared), out)
    with reading(prepared):
        on_step("looking for the photos")
        reader, note = _open_photos(prepared.info, source, config.cache)
        return write_report(
            prepared, folder, reader, photos_note=note, threads=config.workers or cores(),
            on_progress=on_progress, on_step=on_step,
        )  # fmt: skip


def add_report(
    location: Location, reader: PhotoReader, workers: int | None, on_step: OnStep, *, is_new: bool
) -> None:
    """Write the report of a set that is just finished, and locked; whatever comes of it, the set is finished.

    Args:
        location: the set's folder. A set at a URL gets none.
        reader: reads its photos.
        workers: pictures made at a time; None for one per core.
        on_step: as for :func:`report_set`.
        is_new: whether the set has changed; if not, a report of its present state stays as it is.
    """
    if isinstance(location, Remote):
        logger.info("a set at a URL gets no report: `facedata report %s --out DIR` writes one here", location)
        return
    try:
        prepared = open_set(location)
        folder = choose_page_folder(REPORT, location, str(prepared), None)
        if is_new or not is_report_of(folder, prepared.fingerprint):
            on_step("writing the report")
            write_report(prepared, folder, reader, threads=workers or cores())
    except Exception as error:  # noqa: BLE001  days of work are done, and a page can be written again
        logger.warning(
            "the set is finished, but not its report: %s; `facedata report %s` tries again",
            str(error) or type(error).__name__, location,
        )  # fmt: skip


def _open_photos(
    info: Mapping[str, Any], source: SourceLike | None, cache: str | None
) -> tuple[PhotoReader | None, str]:
    """Return what reads a set's photos, and a note; None where they are not at hand, unless told where."""
    if source is None and info["source"]["kind"] == "lfw" and is_url(info["source"]["root"]):
        return None, ""  # a download, which a page is not worth
    try:
        opened = reopen_source(info, source, cache)
        roots = opened.roots if isinstance(opened, FolderSource) else {}
        if roots and all(isinstance(root, Remote) or root.is_dir() for root in roots.values()):
            return FolderReader(roots), ""  # only a few of the photos are read: none is listed
        return open_reader(opened), ""
    except FacedataError:
        if source is not None:
            raise
        return None, (
            "The photos are not at hand; those that an earlier report had copied are shown. Run `facedata "
            "report` with --source SOURCE to name where they are now."
        )
